/* inet_interface: if_nametoindex() and its family. */
#include "inet_interface.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwip/net.h"
#include "process/result.h"

_Static_assert(NET_IF_NAME == IF_NAMESIZE, "one length of names");

bool inet_interface_is_loopback(const struct netif *netif)
{
    return ip4_addr_isloopback(netif_ip4_addr(netif));
}

unsigned inet_interface_flags(const struct netif *netif)
{
    unsigned flags = 0;

    if (netif_is_up(netif))
        flags |= IFF_UP;
    if (netif_is_link_up(netif))
        flags |= IFF_RUNNING;
    if (netif->flags & NETIF_FLAG_BROADCAST)
        flags |= IFF_BROADCAST;
    if (netif->flags & (NETIF_FLAG_IGMP | NETIF_FLAG_MLD6))
        flags |= IFF_MULTICAST;
    if (inet_interface_is_loopback(netif))
        flags |= IFF_LOOPBACK | IFF_RUNNING;
    return flags;
}

int inet_interface_mtu(const struct netif *netif)
{
    return netif->mtu != 0 ? netif->mtu : 65536; /* the loopback has none */
}

unsigned int if_nametoindex(const char *name)
{
    struct netif *netif;
    unsigned index = 0;

    net_use(NET_ANY);
    net_lock();
    netif = net_if_find(name);
    if (netif != NULL)
        index = netif_get_index(netif);
    net_unlock();
    if (index == 0)
        result(-ENODEV);
    return index;
}

char *if_indextoname(unsigned int index, char *name)
{
    struct netif *netif;

    net_lock();
    netif = index <= UINT8_MAX ? netif_get_by_index((uint8_t)index) : NULL;
    if (netif != NULL)
        net_if_name(netif, name);
    net_unlock();
    return netif != NULL ? name : result_null(-ENXIO);
}

/* One allocation: the list, and behind it the names. */
struct if_nameindex *if_nameindex(void)
{
    struct if_nameindex *list = NULL;
    struct netif *netif;
    size_t n = 0;

    net_use(NET_ANY);
    net_lock();
    NETIF_FOREACH (netif)
        n++;
    list = malloc((n + 1) * sizeof(*list) + n * IF_NAMESIZE);
    if (list != NULL) {
        char *names = (char *)(list + n + 1);
        size_t i = 0;

        NETIF_FOREACH (netif) {
            list[i].if_index = netif_get_index(netif);
            list[i].if_name = names + i * IF_NAMESIZE;
            net_if_name(netif, list[i].if_name);
            i++;
        }
        list[i].if_index = 0;
        list[i].if_name = NULL;
    }
    net_unlock();
    return list != NULL ? list : result_null(-ENOBUFS);
}

void if_freenameindex(struct if_nameindex *list)
{
    free(list);
}
