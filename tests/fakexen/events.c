/* Event channels, the timer and time itself: what Xen does behind EVTCHNOP_*, VCPUOP_* and blocking. */
#include <errno.h>
#include <string.h>

#include "fakexen_priv.h"
#include "hypercall.h"

#define EVENTS_PORTS 1023u /* the last one xl allows */
#define EVENTS_WORD (8 * sizeof(xen_ulong_t))
#define EVENTS_OFFERS 64u
#define EVENTS_ROUNDS 100000u /* peers that never come to rest are a mistake of the test */

enum events_state { EVENTS_FREE, EVENTS_GIVEN, EVENTS_UNBOUND, EVENTS_INTERDOMAIN, EVENTS_VIRQ };

struct shared_info shared_info_page;

static struct events_port {
    enum events_state state;
    unsigned virq;
    bool notified; /* its peer has yet to run */
    unsigned notifications;
    void (*peer)(void *arg);
    void *arg;
} events_port[EVENTS_PORTS + 1];

static struct {
    domid_t dom;
    evtchn_port_t port;
} events_offer[EVENTS_OFFERS];

static struct {
    size_t offers;
    uint64_t now_ns, timer_ns;
    unsigned timer_sets;
} events = { .timer_ns = UINT64_MAX };

/* ---- time ---- */

/* Xen's clock with a scale of 0: system time is what it says, whatever the time-stamp counter. */
static void events_set_time(uint64_t ns)
{
    struct vcpu_time_info *info = &shared_info_page.vcpu_info[0].time;

    events.now_ns = ns;
    info->version += 2;
    info->system_time = ns;
    info->tsc_to_system_mul = 0;
}

uint64_t fakexen_now(void)
{
    return events.now_ns;
}

uint64_t fakexen_timer(void)
{
    return events.timer_ns;
}

unsigned fakexen_timer_sets(void)
{
    return events.timer_sets;
}

static evtchn_port_t events_virq_port(unsigned virq)
{
    for (evtchn_port_t port = 1; port <= EVENTS_PORTS; port++) {
        if (events_port[port].state == EVENTS_VIRQ && events_port[port].virq == virq)
            return port;
    }
    return 0;
}

static void events_fire_timer(void)
{
    events.timer_ns = UINT64_MAX;
    fakexen_raise_virq(VIRQ_TIMER);
}

void fakexen_advance(uint64_t ns)
{
    uint64_t end = events.now_ns + ns;

    while (events.timer_ns <= end) {
        if (events.timer_ns > events.now_ns)
            events_set_time(events.timer_ns);
        events_fire_timer();
        fakexen_upcall();
    }
    if (end > events.now_ns)
        events_set_time(end);
}

bool fakexen_sleep_to_timer(void)
{
    if (events.timer_ns == UINT64_MAX || events_virq_port(VIRQ_TIMER) == 0)
        return false;
    if (events.timer_ns > events.now_ns)
        events_set_time(events.timer_ns);
    events_fire_timer();
    return true;
}

long hypercall_vcpu_op(unsigned command, unsigned vcpu, void *arg)
{
    const struct vcpu_set_singleshot_timer *timer = arg;

    if (vcpu != 0)
        return -ENOENT;
    switch (command) {
    case VCPUOP_stop_periodic_timer:
        return 0;
    case VCPUOP_stop_singleshot_timer:
        events.timer_ns = UINT64_MAX;
        return 0;
    case VCPUOP_set_singleshot_timer:
        events.timer_ns = timer->timeout_abs_ns;
        events.timer_sets++;
        if ((int64_t)events.timer_ns <= (int64_t)events.now_ns) /* s_time_t is signed */
            events_fire_timer();
        return 0;
    case VCPUOP_is_up:
        return 1;
    default:
        return -ENOSYS;
    }
}

/* ---- ports ---- */

/* As Xen does it: pending, then the selector, then the vCPU's flag; each only if it changes. */
void fakexen_raise(evtchn_port_t port)
{
    struct shared_info *shared = &shared_info_page;
    struct vcpu_info *info = &shared->vcpu_info[0];
    xen_ulong_t bit = (xen_ulong_t)1 << port % EVENTS_WORD;
    unsigned word = port / EVENTS_WORD;

    FAKEXEN_CHECK(port <= EVENTS_PORTS && events_port[port].state != EVENTS_FREE);
    if ((shared->evtchn_pending[word] & bit) == 0) {
        shared->evtchn_pending[word] |= bit;
        if ((shared->evtchn_mask[word] & bit) == 0) {
            info->evtchn_pending_sel |= (xen_ulong_t)1 << word;
            info->evtchn_upcall_pending = 1;
        }
    }
    fakexen_upcall();
}

void fakexen_raise_virq(unsigned virq)
{
    evtchn_port_t port = events_virq_port(virq);

    if (port != 0)
        fakexen_raise(port);
}

bool fakexen_event_pending(void)
{
    return shared_info_page.vcpu_info[0].evtchn_upcall_pending != 0;
}

static evtchn_port_t events_free_port(void)
{
    for (evtchn_port_t port = 1; port <= EVENTS_PORTS; port++) {
        if (events_port[port].state == EVENTS_FREE)
            return port;
    }
    return 0;
}

static evtchn_port_t events_open(enum events_state state, unsigned virq)
{
    evtchn_port_t port = events_free_port();

    if (port != 0)
        events_port[port] = (struct events_port){ .state = state, .virq = virq };
    return port;
}

static long events_alloc_unbound(struct evtchn_alloc_unbound *op)
{
    if (op->dom != DOMID_SELF)
        return -EPERM;
    op->port = events_open(EVENTS_UNBOUND, 0);
    return op->port != 0 ? 0 : -ENOSPC;
}

static long events_bind_interdomain(struct evtchn_bind_interdomain *op)
{
    for (size_t i = 0; i < events.offers; i++) {
        if (events_offer[i].dom != op->remote_dom || events_offer[i].port != op->remote_port)
            continue;
        events_offer[i] = events_offer[--events.offers];
        op->local_port = events_open(EVENTS_INTERDOMAIN, 0);
        return op->local_port != 0 ? 0 : -ENOSPC;
    }
    return -EINVAL;
}

static long events_bind_virq(struct evtchn_bind_virq *op)
{
    if (op->vcpu != 0)
        return -ENOENT;
    if (events_virq_port(op->virq) != 0)
        return -EEXIST;
    op->port = events_open(EVENTS_VIRQ, op->virq);
    return op->port != 0 ? 0 : -ENOSPC;
}

static long events_close(evtchn_port_t port)
{
    if (!fakexen_port_open(port))
        return -EINVAL;
    events_port[port].state = EVENTS_FREE;
    return 0;
}

static long events_send(evtchn_port_t port)
{
    if (!fakexen_port_open(port))
        return -EINVAL;
    events_port[port].notified = true;
    events_port[port].notifications++;
    return 0;
}

long hypercall_event_channel_op(unsigned command, void *arg)
{
    switch (command) {
    case EVTCHNOP_alloc_unbound:
        return events_alloc_unbound(arg);
    case EVTCHNOP_bind_interdomain:
        return events_bind_interdomain(arg);
    case EVTCHNOP_bind_virq:
        return events_bind_virq(arg);
    case EVTCHNOP_close:
        return events_close(((struct evtchn_close *)arg)->port);
    case EVTCHNOP_send:
        return events_send(((struct evtchn_send *)arg)->port);
    default:
        return -ENOSYS;
    }
}

void fakexen_offer_port(domid_t dom, evtchn_port_t port)
{
    FAKEXEN_CHECK(events.offers < EVENTS_OFFERS);
    events_offer[events.offers].dom = dom;
    events_offer[events.offers++].port = port;
}

bool fakexen_port_open(evtchn_port_t port)
{
    return port >= 1 && port <= EVENTS_PORTS && events_port[port].state != EVENTS_FREE;
}

unsigned fakexen_notified(evtchn_port_t port)
{
    return events_port[port].notifications;
}

unsigned fakexen_ports_in_use(void)
{
    unsigned n = 0;

    for (evtchn_port_t port = 1; port <= EVENTS_PORTS; port++)
        n += events_port[port].state != EVENTS_FREE;
    return n;
}

void fakexen_set_peer(evtchn_port_t port, void (*peer)(void *arg), void *arg)
{
    events_port[port].peer = peer;
    events_port[port].arg = arg;
}

bool fakexen_run_once(void)
{
    bool ran = false;

    for (evtchn_port_t port = 1; port <= EVENTS_PORTS; port++) {
        struct events_port *p = &events_port[port];

        if (p->state == EVENTS_FREE || !p->notified)
            continue;
        p->notified = false;
        if (p->peer != NULL) {
            p->peer(p->arg);
            ran = true;
        }
    }
    return ran;
}

void fakexen_run(void)
{
    for (unsigned round = 0; fakexen_run_once(); round++)
        FAKEXEN_CHECK(round < EVENTS_ROUNDS);
}

void fakexen_peer_again(evtchn_port_t port)
{
    events_port[port].notified = true;
}

void fakexen_events_start(void)
{
    memset(&shared_info_page, 0, sizeof(shared_info_page));
    shared_info_page.wc_version = 2;
    shared_info_page.wc_sec = 1700000000;
    events_set_time(5000000000u);
    events_port[FAKEXEN_STORE_PORT].state = EVENTS_GIVEN;
    events_port[FAKEXEN_CONSOLE_PORT].state = EVENTS_GIVEN;
}
