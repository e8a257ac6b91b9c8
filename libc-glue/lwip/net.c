#include "net.h"

#include <errno.h>
#include <string.h>

#include <drivers/netfront.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <platform/clock.h>
#include <runtime/boot.h>
#include <runtime/log.h>
#include <runtime/shutdown.h>
#include <runtime/sync.h>
#include <runtime/thread.h>

#include "net_heap.h"
#include "net_priv.h"

#define NET_NS_PER_MS  1000000u
#define NET_STACK      (32u << 10)
#define NET_LOOP_MTU   65535u
#define NET_END_NS     2000000000u /* what is still to be sent has so long when the program ends */

static struct {
    struct mutex mutex;
    /* Protected by it. */
    struct list waiters[NET_NEEDS]; /* of net_when_ready() */
    bool asleep; /* the network thread, until lwIP's first timer of then or earlier */

    /* Any context. */
    uint32_t work;   /* futex word: 1 when there is something to do for the thread */
    uint32_t ready[NET_NEEDS]; /* futex words: 1 once net_use() waits no more */
    uint32_t drained; /* futex word: counts rounds of the thread while the end waits */
    bool ending;
} net = {
    .waiters[NET_ANY] = LIST_INIT(net.waiters[NET_ANY]),
    .waiters[NET_IP6] = LIST_INIT(net.waiters[NET_IP6]),
};

/* lwIP's clock. */
u32_t sys_now(void)
{
    return (u32_t)(clock_monotonic_ns() / NET_NS_PER_MS);
}

void net_kick(void)
{
    if (__atomic_exchange_n(&net.work, 1, __ATOMIC_ACQ_REL) == 0)
        futex_wake(&net.work, 1);
}

/* When lwIP's next timer is due, on the monotonic clock. */
static uint64_t net_next_timer(void)
{
    u32_t ms = sys_timeouts_sleeptime();

    return ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE
               ? CLOCK_NEVER
               : clock_monotonic_ns() + (uint64_t)ms * NET_NS_PER_MS;
}

/* What loops back is delivered, until nothing more comes of it; what was sent is pushed out. */
static void net_finish(void)
{
    struct netif *netif;
    bool again = true;

    while (again) {
        again = false;
        NETIF_FOREACH(netif) {
            if (netif->loop_first != NULL) {
                netif_poll(netif);
                again = true;
            }
        }
    }
    net_if_flush();
}

void net_lock(void)
{
    mutex_lock(&net.mutex);
}

void net_unlock(void)
{
    net_finish();
    if (tcp_tw_pcbs != NULL && net_heap_is_low())
        net_tcp_limit_waiting(); /* who closed them may want the memory at once */
    if (net.asleep && net_timers_sooner())
        net_kick();
    mutex_unlock(&net.mutex);
}

bool net_ready(enum net_need need)
{
    return __atomic_load_n(&net.ready[need], __ATOMIC_ACQUIRE) != 0;
}

int net_use(enum net_need need)
{
    while (!net_ready(need)) {
        if (futex_wait(&net.ready[need], 0, CLOCK_NEVER, true, "network") == -EINTR)
            return -EINTR;
    }
    return 0;
}

void net_when_ready(struct net_waiter *waiter, enum net_need need)
{
    list_append(&net.waiters[need], &waiter->link);
}

static void net_set_ready(enum net_need need)
{
    struct list *waiters = &net.waiters[need];

    __atomic_store_n(&net.ready[need], 1, __ATOMIC_RELEASE);
    futex_wake(&net.ready[need], WAKE_ALL);
    while (!list_empty(waiters)) {
        struct net_waiter *waiter = list_entry(waiters->next, struct net_waiter, link);

        list_remove(&waiter->link);
        waiter->ready(waiter);
    }
    net_finish();
}

/* Looks after addresses, and returns when to do so again at the latest. */
static uint64_t net_look_at_config(void)
{
    uint64_t elapsed_ms = boot_elapsed_us() / 1000, next_ms = UINT64_MAX;
    uint64_t bound_ms = (uint64_t)net_config_wait() * 1000;

    net_config_look(elapsed_ms);
    for (enum net_need need = NET_ANY; need < NET_NEEDS; need++) {
        uint64_t again_ms = bound_ms;

        if (net_ready(need))
            continue;
        if (elapsed_ms >= bound_ms && need == NET_ANY)
            log_line(LOG_WARNING, "network: no address within %u s: going on without",
                     net_config_wait());
        if (elapsed_ms >= bound_ms ||
            (net_config_done(need, elapsed_ms, &again_ms) && !netfront_discovering()))
            net_set_ready(need);
        else if (again_ms < next_ms)
            next_ms = again_ms;
    }
    return next_ms == UINT64_MAX ? CLOCK_NEVER
                                 : clock_monotonic_ns() + (next_ms - elapsed_ms) * NET_NS_PER_MS;
}

static void net_thread(void *arg)
{
    (void)arg;
    for (;;) {
        net_lock();
        net.asleep = false;
        __atomic_store_n(&net.work, 0, __ATOMIC_SEQ_CST); /* before the look */
        bool more = net_if_run();
        sys_check_timeouts();
        net_finish();
        net_timers_look();
        if (tcp_tw_pcbs != NULL)
            net_tcp_limit_waiting();
        net_tcp_limit_half_open();
        uint64_t config_ns = net_look_at_config();
        uint64_t timer_ns = net_next_timer();
        uint64_t until_ns = timer_ns < config_ns ? timer_ns : config_ns;
        net_timers_note();
        net.asleep = true;
        if (net.ending) {
            __atomic_add_fetch(&net.drained, 1, __ATOMIC_RELEASE);
            futex_wake(&net.drained, WAKE_ALL);
        }
        mutex_unlock(&net.mutex);
        if (more)
            thread_yield();
        else
            futex_wait(&net.work, 0, until_ns, false, "network");
    }
}

/* ---- names */

void net_if_name(const struct netif *netif, char *name)
{
    const struct net_if *nif = net_if_of(netif);

    if (nif == NULL)
        strcpy(name, "lo");
    else
        log_format(name, NET_IF_NAME, "eth%u", nif->index);
}

struct netif *net_if_find(const char *name)
{
    struct netif *netif;

    NETIF_FOREACH(netif) {
        char own[NET_IF_NAME];

        net_if_name(netif, own);
        if (strcmp(own, name) == 0)
            return netif;
    }
    return NULL;
}

/* ---- start and end */

/* Something that was written is not acknowledged yet. */
static bool net_undelivered(void)
{
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->state >= ESTABLISHED && (pcb->unsent != NULL || pcb->unacked != NULL))
            return true;
    }
    return false;
}

/*
 * The program has ended: its connections end too, with all that it wrote delivered. Their pcbs stay
 * as they are, for the threads that still run.
 */
static void net_end(void)
{
    uint64_t deadline_ns = clock_monotonic_ns() + NET_END_NS;
    uint32_t round;

    while (!mutex_try_lock(&net.mutex)) { /* its holder may be the very thread that ends */
        if (clock_monotonic_ns() >= deadline_ns)
            return;
        thread_yield();
    }
    net.ending = true;
    for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb != NULL; pcb = next) {
        next = pcb->next;
        if (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT)
            tcp_shutdown(pcb, 0, 1);
    }
    for (;;) {
        bool busy = net_undelivered();

        round = __atomic_load_n(&net.drained, __ATOMIC_ACQUIRE);
        net_unlock();
        if (!busy || clock_monotonic_ns() >= deadline_ns)
            return;
        futex_wait(&net.drained, round, deadline_ns, false, "network");
        net_lock();
    }
}

static int net_start(void)
{
    static struct shutdown_hook hook = { .name = "network", .fn = net_end };
    static const struct thread_attr attr = { .name = "network", .stack_size = NET_STACK };
    struct thread *thread;

    net_tcp_start();
    lwip_init();
    struct netif *lo = netif_find("lo0");
    lo->mtu = NET_LOOP_MTU;
    lo->mtu6 = NET_LOOP_MTU;
    NETIF_SET_CHECKSUM_CTRL(lo, NETIF_CHECKSUM_DISABLE_ALL);
    net_config_start();
    int error = thread_create(&attr, net_thread, NULL, &thread);
    if (error != 0)
        return error;
    shutdown_add_hook(&hook);
    return net_if_start();
}
BOOT_PART(70, net_start);
