/*
 * net_nd6: lwIP's neighbour discovery, which takes htonl() from a header that lwIP's others leave
 * to us.
 *
 * lwIP's nd6.c is included here.
 */
#include <lwip/def.h>

#define htonl(x) lwip_htonl(x)

#include <core/ipv6/nd6.c>
