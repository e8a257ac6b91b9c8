/*
 * timer_posix: timer_create() and its family. A timer's signal carries a node of its own, so it
 * never lacks one, and expiries while that is still queued are counted as overruns.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <platform/clock.h>

#include "process/clock.h"
#include "interval_timer.h"
#include "process/result.h"
#include "signal_core.h"
#include "timer_notify.h"

struct posix_timer {
    struct interval_timer interval;
    struct list link; /* among all timers */
    timer_t id;
    clockid_t clock;
    int notify; /* SIGEV_* */
    struct timer_notice notice;
    /* Protected by the lock "signals". */
    struct signal_node node;
    uint64_t expirations; /* since the last notice was taken */
    uint64_t overrun;     /* of that notice */
};

/* Protected by the lock "signals", as it is short of everything else to do. */
static struct list posix_timers = LIST_INIT(posix_timers);
static timer_t posix_timer_last;

/* ---- expiry; in an event handler ---- */

/* Lock held. */
static void posix_timer_noticed(struct posix_timer *timer)
{
    timer->overrun = timer->expirations != 0 ? timer->expirations - 1 : 0;
    timer->expirations = 0;
}

/* Lock held: the signal is about to be delivered. */
static void posix_timer_taken(struct signal_node *node)
{
    struct posix_timer *timer = list_entry(node, struct posix_timer, node);

    posix_timer_noticed(timer);
    node->info.si_overrun = timer->overrun < INT_MAX ? (int)timer->overrun : INT_MAX;
}

static void posix_timer_expired(struct interval_timer *interval, uint64_t times)
{
    struct posix_timer *timer = list_entry(interval, struct posix_timer, interval);
    bool was_masked;

    if (timer->notify == SIGEV_NONE)
        return;
    was_masked = spin_lock(&signals.lock);
    timer->expirations += times;
    if (timer->notify == SIGEV_THREAD) {
        if (timer_notify(&timer->notice))
            posix_timer_noticed(timer);
    } else if (list_empty(&timer->node.link)) {
        signal_post_locked(NULL, &timer->node.info, &timer->node);
        if (list_empty(&timer->node.link)) /* ignored, or such a signal is pending already */
            timer->expirations = 0;
    }
    spin_unlock(&signals.lock, was_masked);
}

/* ---- the family ---- */

static int posix_timer_set_event(struct posix_timer *timer, const struct sigevent *event)
{
    siginfo_t info = { .si_signo = SIGALRM, .si_code = SI_TIMER };

    info.si_timerid = (int)timer->id;
    info.si_value.sival_int = (int)timer->id;
    timer->notify = SIGEV_SIGNAL;
    if (event != NULL) {
        timer->notify = event->sigev_notify;
        info.si_signo = event->sigev_signo;
        info.si_value = event->sigev_value;
    }
    timer->node.info = info;
    switch (timer->notify) {
    case SIGEV_NONE:
        return 0;
    case SIGEV_SIGNAL:
        return signal_number_ok(info.si_signo) ? 0 : -EINVAL;
    case SIGEV_THREAD:
        if (event->sigev_notify_function == NULL)
            return -EINVAL;
        timer->notice.function = event->sigev_notify_function;
        timer->notice.value = event->sigev_value;
        timer->notice.has_attributes = event->sigev_notify_attributes != NULL;
        if (timer->notice.has_attributes)
            timer->notice.attributes = *event->sigev_notify_attributes;
        return timer_notify_start();
    default:
        return -EINVAL;
    }
}

int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict id)
{
    struct posix_timer *timer;
    uint64_t now_ns;
    int error;

    if (!clock_can_sleep(clock))
        return (int)result(clock_read(clock, &now_ns) == 0 ? -ENOTSUP : -EINVAL);
    timer = calloc(1, sizeof(*timer));
    if (timer == NULL)
        return (int)result(-EAGAIN);
    interval_timer_init(&timer->interval, posix_timer_expired);
    list_init(&timer->node.link);
    list_init(&timer->notice.link);
    timer->node.taken = posix_timer_taken;
    timer->clock = clock;
    timer->id = __atomic_add_fetch(&posix_timer_last, 1, __ATOMIC_RELAXED);
    error = posix_timer_set_event(timer, event);
    if (error != 0) {
        free(timer);
        return (int)result(error);
    }
    *id = timer->id;
    bool was_masked = spin_lock(&signals.lock);
    list_append(&posix_timers, &timer->link);
    spin_unlock(&signals.lock, was_masked);
    return 0;
}

static struct posix_timer *posix_timer_of(timer_t id)
{
    struct posix_timer *found = NULL;
    bool was_masked = spin_lock(&signals.lock);

    list_for_each(link, &posix_timers)
    {
        struct posix_timer *timer = list_entry(link, struct posix_timer, link);
        if (timer->id == id)
            found = timer;
    }
    spin_unlock(&signals.lock, was_masked);
    return found;
}

int timer_delete(timer_t id)
{
    struct posix_timer *timer = posix_timer_of(id);

    if (timer == NULL)
        return (int)result(-EINVAL);
    interval_timer_set(&timer->interval, 0, 0, 0);
    timer_notify_forget(&timer->notice);
    signal_forget(&timer->node);
    bool was_masked = spin_lock(&signals.lock);
    list_remove(&timer->link);
    spin_unlock(&signals.lock, was_masked);
    free(timer);
    return 0;
}

static void posix_timer_read(struct posix_timer *timer, struct itimerspec *out)
{
    uint64_t left_ns, interval_ns;

    interval_timer_get(&timer->interval, &left_ns, &interval_ns);
    out->it_value = clock_to_timespec(left_ns);
    out->it_interval = clock_to_timespec(interval_ns);
}

int timer_gettime(timer_t id, struct itimerspec *out)
{
    struct posix_timer *timer = posix_timer_of(id);

    if (timer == NULL)
        return (int)result(-EINVAL);
    posix_timer_read(timer, out);
    return 0;
}

int timer_settime(timer_t id, int flags, const struct itimerspec *restrict wanted,
                  struct itimerspec *restrict old)
{
    struct posix_timer *timer = posix_timer_of(id);
    uint64_t now_ns = clock_monotonic_ns(), value_ns, interval_ns, deadline_ns = 0, wall_ns = 0;

    if (timer == NULL || clock_from_timespec(&wanted->it_value, &value_ns) != 0 ||
        clock_from_timespec(&wanted->it_interval, &interval_ns) != 0)
        return (int)result(-EINVAL);
    if (old != NULL)
        posix_timer_read(timer, old);
    if (value_ns != 0 && (flags & TIMER_ABSTIME) != 0) {
        clock_deadline(timer->clock, &wanted->it_value, &deadline_ns);
        if (deadline_ns == 0)
            deadline_ns = now_ns; /* past already: at once */
        if (timer->clock == CLOCK_REALTIME)
            wall_ns = value_ns;
    } else if (value_ns != 0) {
        deadline_ns = value_ns < CLOCK_NEVER - 1 - now_ns ? now_ns + value_ns : CLOCK_NEVER - 1;
    }
    interval_timer_set(&timer->interval, deadline_ns, interval_ns, wall_ns);
    return 0;
}

int timer_getoverrun(timer_t id)
{
    struct posix_timer *timer = posix_timer_of(id);

    if (timer == NULL)
        return (int)result(-EINVAL);
    return timer->overrun < DELAYTIMER_MAX ? (int)timer->overrun : DELAYTIMER_MAX;
}
