/* inet_group: memberships of sockets in multicast groups. */
#include <errno.h>
#include <stdlib.h>

#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/netif.h>

#include "inet.h"

struct inet_group {
    struct inet_group *next;
    ip_addr_t group;
    uint8_t index; /* the interface */
};

#define INET_GROUPS_MAX 256 /* in one socket */

/* The interface of a membership: by its index, by its address, or the first that can. */
static struct netif *inet_group_netif(const ip_addr_t *group, unsigned index,
                                      const struct in_addr *interface)
{
    struct netif *netif;

    if (index != 0)
        return index > UINT8_MAX ? NULL : netif_get_by_index((uint8_t)index);
    if (interface != NULL && interface->s_addr != INADDR_ANY) {
        NETIF_FOREACH (netif) {
            if (netif_ip4_addr(netif)->addr == interface->s_addr)
                return netif;
        }
        return NULL;
    }
    if (netif_default != NULL)
        return netif_default;
    NETIF_FOREACH (netif) {
        if (netif->flags & (IP_IS_V6(group) ? NETIF_FLAG_MLD6 : NETIF_FLAG_IGMP))
            return netif;
    }
    return netif_list; /* the loopback */
}

static err_t inet_group_report(struct netif *netif, const ip_addr_t *group, bool join)
{
    if (IP_IS_V6(group)) {
        if (!(netif->flags & NETIF_FLAG_MLD6))
            return ERR_OK;
        return join ? mld6_joingroup_netif(netif, ip_2_ip6(group))
                    : mld6_leavegroup_netif(netif, ip_2_ip6(group));
    }
    if (!(netif->flags & NETIF_FLAG_IGMP))
        return ERR_OK;
    return join ? igmp_joingroup_netif(netif, ip_2_ip4(group))
                : igmp_leavegroup_netif(netif, ip_2_ip4(group));
}

static struct inet_group **inet_group_find(struct inet_socket *inet, const ip_addr_t *group,
                                           uint8_t index)
{
    struct inet_group **at = &inet->groups;

    while (*at != NULL && !((*at)->index == index && ip_addr_eq(&(*at)->group, group)))
        at = &(*at)->next;
    return at;
}

int inet_group_join(struct inet_socket *inet, const ip_addr_t *group, unsigned index,
                    const struct in_addr *interface)
{
    struct netif *netif = inet_group_netif(group, index, interface);
    struct inet_group *made;
    unsigned n = 0;
    err_t error;

    if (netif == NULL)
        return -ENODEV;
    if (*inet_group_find(inet, group, netif_get_index(netif)) != NULL)
        return -EADDRINUSE;
    for (made = inet->groups; made != NULL; made = made->next)
        n++;
    made = n < INET_GROUPS_MAX ? malloc(sizeof(*made)) : NULL;
    if (made == NULL)
        return -ENOBUFS;
    made->group = *group;
    if (IP_IS_V6(group))
        ip6_addr_assign_zone(ip_2_ip6(&made->group), IP6_MULTICAST, netif);
    made->index = netif_get_index(netif);
    error = inet_group_report(netif, &made->group, true);
    if (error != ERR_OK) {
        free(made);
        return inet_error(error);
    }
    made->next = inet->groups;
    inet->groups = made;
    return 0;
}

static void inet_group_drop(struct inet_group **at)
{
    struct inet_group *gone = *at;
    struct netif *netif = netif_get_by_index(gone->index);

    if (netif != NULL)
        inet_group_report(netif, &gone->group, false);
    *at = gone->next;
    free(gone);
}

int inet_group_leave(struct inet_socket *inet, const ip_addr_t *group, unsigned index,
                     const struct in_addr *interface)
{
    struct netif *netif = inet_group_netif(group, index, interface);
    ip_addr_t zoned = *group;
    struct inet_group **at;

    if (netif == NULL)
        return -ENODEV;
    if (IP_IS_V6(group))
        ip6_addr_assign_zone(ip_2_ip6(&zoned), IP6_MULTICAST, netif);
    at = inet_group_find(inet, &zoned, netif_get_index(netif));
    if (*at == NULL)
        return -EADDRNOTAVAIL;
    inet_group_drop(at);
    return 0;
}

void inet_group_leave_all(struct inet_socket *inet)
{
    while (inet->groups != NULL)
        inet_group_drop(&inet->groups);
}

bool inet_group_joined(const struct inet_socket *inet, const ip_addr_t *group)
{
    for (const struct inet_group *at = inet->groups; at != NULL; at = at->next)
        if (ip_addr_eq(&at->group, group))
            return true;
    return false;
}
