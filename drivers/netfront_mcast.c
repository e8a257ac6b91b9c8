/*
 * Multicast groups. A back end that can filter holds a list of addresses, which we change by
 * requests without data: each carries one extra info, "add" or "delete", and is answered like any
 * other.
 */
#include "netfront_priv.h"

#include <errno.h>
#include <string.h>

void netfront_mcast_connect(struct netfront *nf)
{
    for (unsigned i = 0; i < NETFRONT_GROUPS; i++)
        nf->group[i].told = false;
    nf->mcast_dirty = true;
    netfront_mcast_tell(nf);
}

void netfront_mcast_tell(struct netfront *nf)
{
    if (!nf->mcast_dirty || !nf->up)
        return;
    nf->mcast_dirty = false;
    for (unsigned i = 0; i < NETFRONT_GROUPS && nf->mcast_control; i++) {
        struct netfront_group *group = &nf->group[i];
        bool wanted = group->joins > 0;
        struct netif_extra_info extra = {
            .type = wanted ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD : XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
        };

        if (wanted == group->told)
            continue;
        memcpy(extra.u.mcast.addr, group->mac, sizeof(group->mac));
        if (!netfront_tx_control(&nf->queue[0], &extra)) {
            nf->mcast_dirty = true; /* the ring is full: at the next poll */
            break;
        }
        group->told = wanted;
    }
    netfront_tx_push(&nf->queue[0]);
}

/* The group's entry; or with make an unused one, which the back end does not hold either. */
static struct netfront_group *netfront_mcast_find(struct netfront *nf, const uint8_t mac[6],
                                                  bool make)
{
    struct netfront_group *unused = NULL;

    for (unsigned i = 0; i < NETFRONT_GROUPS; i++) {
        struct netfront_group *group = &nf->group[i];

        if ((group->joins > 0 || group->told) && memcmp(group->mac, mac, sizeof(group->mac)) == 0)
            return group;
        if (group->joins == 0 && !group->told && unused == NULL)
            unused = group;
    }
    return make ? unused : NULL;
}

int netfront_join(struct netfront *nf, const uint8_t mac[6])
{
    bool was_masked = netfront_lock(nf);
    struct netfront_group *group = netfront_mcast_find(nf, mac, true);

    if (group != NULL && group->joins < UINT16_MAX) {
        memcpy(group->mac, mac, sizeof(group->mac));
        group->joins++;
        nf->mcast_dirty = true;
        netfront_mcast_tell(nf);
    }
    netfront_unlock(nf, was_masked);
    return group != NULL ? 0 : -ENOSPC;
}

void netfront_leave(struct netfront *nf, const uint8_t mac[6])
{
    bool was_masked = netfront_lock(nf);
    struct netfront_group *group = netfront_mcast_find(nf, mac, false);

    if (group != NULL && group->joins > 0) {
        group->joins--;
        nf->mcast_dirty = true;
        netfront_mcast_tell(nf);
    }
    netfront_unlock(nf, was_masked);
}
