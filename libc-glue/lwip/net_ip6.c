/*
 * net_ip6: lwIP's IPv6, which does not fragment what the interface will cut: large TCP segments;
 * what it does fragment gets its checksum before. And where the loopback is the only interface, it is
 * not the way to everybody, as lwIP takes any single one to be.
 *
 * lwIP's ip6.c is included here.
 */
#include <lwip/ip6_frag.h>
#include <lwip/netif.h>

#include "net_csum.h"

#define ip6_frag(p, netif, dest)                                                                   \
    ((p)->gso_size != 0 ? (netif)->output_ip6(netif, p, dest)                                      \
                        : (net_csum_complete(p), (ip6_frag)(p, netif, dest)))

static struct netif *net_inner_route6(const ip6_addr_t *src, const ip6_addr_t *dest);

#define ip6_route net_inner_route6
#include <core/ipv6/ip6.c>
#undef ip6_route

struct netif *ip6_route(const ip6_addr_t *src, const ip6_addr_t *dest)
{
    struct netif *netif = net_inner_route6(src, dest);

    if (netif != NULL && ip6_addr_isloopback(netif_ip6_addr(netif, 0)) &&
        !ip6_addr_ismulticast(dest) && netif_get_ip6_addr_match(netif, dest) < 0)
        return NULL;
    return netif;
}
