/*
 * net_ip4: lwIP's IPv4, which does not fragment what the interface will cut: large TCP segments;
 * what it does fragment gets its checksum before.
 *
 * lwIP's ip4.c is included here.
 */
#include <lwip/ip4_frag.h>
#include <lwip/netif.h>

#include "net_csum.h"

#define ip4_frag(p, netif, dest)                                                                   \
    ((p)->gso_size != 0 ? (netif)->output(netif, p, dest)                                          \
                        : (net_csum_complete(p), (ip4_frag)(p, netif, dest)))

#include <core/ipv4/ip4.c>
