/*
 * net_timers: lwIP's timers, without those that have nothing to do.
 *
 * lwIP runs each of its periodic functions all the time, two of them ten times a second, so that a
 * guest with a network would never sleep. Here a function with something of its own to wait for
 * runs only while it has; the others come once a second, together.
 *
 * lwIP's timeouts.c is included here, its start under another name.
 */
#include <lwip/memp.h>
#include <lwip/timeouts.h>

void net_inner_timeouts_init(void);

/*
 * Those below, TCP's, and one that runs while it starts itself anew: they have memory of their own, for
 * lwIP has no way on without a timer.
 */
#define NET_TIMEOUTS 12
static union net_timeout {
    struct sys_timeo timeo;
    union net_timeout *next;
} net_timeouts[NET_TIMEOUTS], *net_timeouts_free;
static unsigned net_timeouts_used; /* of the array, so far */

static struct sys_timeo *net_timeout_get(void)
{
    union net_timeout *timeout = net_timeouts_free;

    if (timeout != NULL)
        net_timeouts_free = timeout->next;
    else if (net_timeouts_used < NET_TIMEOUTS)
        timeout = &net_timeouts[net_timeouts_used++];
    return timeout != NULL ? &timeout->timeo : NULL;
}

static void net_timeout_put(void *timeo)
{
    union net_timeout *timeout = timeo;

    timeout->next = net_timeouts_free;
    net_timeouts_free = timeout;
}

#define sys_timeouts_init net_inner_timeouts_init
#define memp_malloc(pool) net_timeout_get()
#define memp_free(pool, timeo) net_timeout_put(timeo)
#include <core/timeouts.c>
#undef sys_timeouts_init
#undef memp_malloc
#undef memp_free

#include "net_priv.h"

static bool net_groups4_report(void)
{
    struct netif *netif;

    NETIF_FOREACH(netif) {
        for (struct igmp_group *group = netif_igmp_data(netif); group; group = group->next) {
            if (group->timer > 0)
                return true;
        }
    }
    return false;
}

static bool net_groups6_report(void)
{
    struct netif *netif;

    NETIF_FOREACH(netif) {
        for (struct mld_group *group = netif_mld6_data(netif); group; group = group->next) {
            if (group->timer > 0)
                return true;
        }
    }
    return false;
}

static bool net_dhcp_waits(void)
{
    struct netif *netif;

    NETIF_FOREACH(netif) {
        const struct dhcp *dhcp = netif_dhcp_data(netif);

        if (dhcp != NULL && dhcp->request_timeout > 0)
            return true;
    }
    return false;
}

static struct net_cyclic {
    uint32_t interval_ms;
    void (*run)(void);
    bool (*needed)(void); /* NULL: always */
    bool running;
} net_cyclic[] = {
    { .interval_ms = IGMP_TMR_INTERVAL, .run = igmp_tmr, .needed = net_groups4_report },
    { .interval_ms = MLD6_TMR_INTERVAL, .run = mld6_tmr, .needed = net_groups6_report },
    { .interval_ms = DHCP_FINE_TIMER_MSECS, .run = dhcp_fine_tmr, .needed = net_dhcp_waits },
    { .interval_ms = DHCP_COARSE_TIMER_MSECS, .run = dhcp_coarse_tmr },
    { .interval_ms = IP_TMR_INTERVAL, .run = ip_reass_tmr },
    { .interval_ms = ARP_TMR_INTERVAL, .run = etharp_tmr },
    { .interval_ms = DNS_TMR_INTERVAL, .run = dns_tmr },
    { .interval_ms = ND6_TMR_INTERVAL, .run = nd6_tmr },
    { .interval_ms = IP6_REASS_TMR_INTERVAL, .run = ip6_reass_tmr },
};
#define NET_CYCLIC (sizeof(net_cyclic) / sizeof(net_cyclic[0]))

static void net_cyclic_due(void *arg)
{
    struct net_cyclic *cyclic = arg;

    cyclic->run();
    cyclic->running = cyclic->needed == NULL || cyclic->needed();
    if (cyclic->running)
        sys_timeout_abs(current_timeout_due_time + cyclic->interval_ms, net_cyclic_due, cyclic);
}

void net_timers_look(void)
{
    for (size_t i = 0; i < NET_CYCLIC; i++) {
        struct net_cyclic *cyclic = &net_cyclic[i];

        if (!cyclic->running && (cyclic->needed == NULL || cyclic->needed())) {
            cyclic->running = true;
            sys_timeout(cyclic->interval_ms, net_cyclic_due, cyclic);
        }
    }
}

/* ---- when the first one is due: the network thread sleeps until then */

static bool net_timers_noted; /* there was one */
static u32_t net_timers_noted_ms;

void net_timers_note(void)
{
    net_timers_noted = next_timeout != NULL;
    if (net_timers_noted)
        net_timers_noted_ms = next_timeout->time;
}

bool net_timers_sooner(void)
{
    return next_timeout != NULL &&
           (!net_timers_noted || (s32_t)(next_timeout->time - net_timers_noted_ms) < 0);
}

/* lwip_init() calls it. */
void sys_timeouts_init(void)
{
    net_timers_look();
}
