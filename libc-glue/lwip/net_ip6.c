/*
 * net_ip6: lwIP's IPv6, which does not fragment what the interface will cut: large TCP segments;
 * what it does fragment gets its checksum before.
 *
 * lwIP's ip6.c is included here.
 */
#include <lwip/ip6_frag.h>
#include <lwip/netif.h>

#include "net_csum.h"

#define ip6_frag(p, netif, dest)                                                                   \
    ((p)->gso_size != 0 ? (netif)->output_ip6(netif, p, dest)                                      \
                        : (net_csum_complete(p), (ip6_frag)(p, netif, dest)))

#include <core/ipv6/ip6.c>
