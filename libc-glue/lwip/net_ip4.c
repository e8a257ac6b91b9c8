/*
 * net_ip4: lwIP's IPv4, which does not fragment what the interface will cut: large TCP segments.
 *
 * lwIP's ip4.c is included here.
 */
#include <lwip/ip4_frag.h>
#include <lwip/netif.h>

#define ip4_frag(p, netif, dest)                                                                   \
    ((p)->gso_size != 0 ? (netif)->output(netif, p, dest) : (ip4_frag)(p, netif, dest))

#include <core/ipv4/ip4.c>
