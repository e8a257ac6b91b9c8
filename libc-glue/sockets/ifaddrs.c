/* ifaddrs: getifaddrs(): a row for each interface's hardware address and each of its IP ones. */
#include <ifaddrs.h>

#include <errno.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>

#include "inet.h"
#include "inet_interface.h"
#include "process/result.h"

struct ifaddrs_row {
    struct ifaddrs row;
    struct sockaddr_storage address, netmask, other;
    char name[IF_NAMESIZE];
};

static struct ifaddrs_row *ifaddrs_add(struct ifaddrs ***end, const struct netif *netif)
{
    struct ifaddrs_row *made = calloc(1, sizeof(*made));

    if (made == NULL)
        return NULL;
    net_if_name(netif, made->name);
    made->row.ifa_name = made->name;
    made->row.ifa_flags = inet_interface_flags(netif);
    made->row.ifa_addr = (struct sockaddr *)&made->address;
    **end = &made->row;
    *end = &made->row.ifa_next;
    return made;
}

static void ifaddrs_set4(struct sockaddr_storage *out, uint32_t address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)out;

    in->sin_family = AF_INET;
    in->sin_addr.s_addr = address;
}

static bool ifaddrs_hardware(struct ifaddrs ***end, const struct netif *netif)
{
    struct ifaddrs_row *made = ifaddrs_add(end, netif);
    struct sockaddr_ll *link;

    if (made == NULL)
        return false;
    link = (struct sockaddr_ll *)&made->address;
    link->sll_family = AF_PACKET;
    link->sll_ifindex = netif_get_index(netif);
    link->sll_hatype = inet_interface_is_loopback(netif) ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
    link->sll_halen = netif->hwaddr_len < 8 ? netif->hwaddr_len : 8;
    if (inet_interface_is_loopback(netif))
        link->sll_halen = 6;
    memcpy(link->sll_addr, netif->hwaddr, netif->hwaddr_len < 6 ? netif->hwaddr_len : 6);
    return true;
}

static bool ifaddrs_ip4(struct ifaddrs ***end, const struct netif *netif)
{
    uint32_t address = netif_ip4_addr(netif)->addr, mask = netif_ip4_netmask(netif)->addr;
    struct ifaddrs_row *made;

    if (address == INADDR_ANY)
        return true;
    made = ifaddrs_add(end, netif);
    if (made == NULL)
        return false;
    ifaddrs_set4(&made->address, address);
    ifaddrs_set4(&made->netmask, mask);
    made->row.ifa_netmask = (struct sockaddr *)&made->netmask;
    if (made->row.ifa_flags & IFF_BROADCAST) {
        ifaddrs_set4(&made->other, address | ~mask);
        made->row.ifa_broadaddr = (struct sockaddr *)&made->other;
    }
    return true;
}

static bool ifaddrs_ip6(struct ifaddrs ***end, const struct netif *netif, int i)
{
    const ip6_addr_t *ip = netif_ip6_addr(netif, i);
    bool whole = ip6_addr_isloopback(ip);
    struct ifaddrs_row *made;
    struct sockaddr_in6 *in6;

    if (!ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
        return true;
    made = ifaddrs_add(end, netif);
    if (made == NULL)
        return false;
    in6 = (struct sockaddr_in6 *)&made->address;
    in6->sin6_family = AF_INET6;
    in6->sin6_scope_id = ip6_addr_zone(ip);
    memcpy(&in6->sin6_addr, ip->addr, sizeof(in6->sin6_addr));
    in6 = (struct sockaddr_in6 *)&made->netmask;
    in6->sin6_family = AF_INET6;
    memset(&in6->sin6_addr, 0xff, whole ? 16 : 8);
    made->row.ifa_netmask = (struct sockaddr *)&made->netmask;
    return true;
}

int getifaddrs(struct ifaddrs **list)
{
    struct ifaddrs **end = list;
    struct netif *netif;
    bool good = true;

    *list = NULL;
    net_use(NET_ANY);
    net_lock();
    NETIF_FOREACH (netif) {
        good = good && ifaddrs_hardware(&end, netif) && ifaddrs_ip4(&end, netif);
        for (int i = 0; good && i < LWIP_IPV6_NUM_ADDRESSES; i++)
            good = ifaddrs_ip6(&end, netif, i);
    }
    net_unlock();
    if (good)
        return 0;
    freeifaddrs(*list);
    *list = NULL;
    return (int)result(-ENOMEM);
}

void freeifaddrs(struct ifaddrs *list)
{
    while (list != NULL) {
        struct ifaddrs *next = list->ifa_next;

        free(list); /* the row begins with it */
        list = next;
    }
}
