#include "interval_timer.h"

#include <platform/clock.h>
#include <platform/spinlock.h>

/* Between two expiries that are told apart; those in between only count. So that threads get to
 * run. */
#define INTERVAL_TIMER_LEAST_NS 20000u

static struct spinlock interval_timer_lock = SPINLOCK_INIT("interval timers");

/* Lock held. How often it has expired by now; moves next_ns on. */
static uint64_t interval_timer_advance(struct interval_timer *timer)
{
    uint64_t now_ns = clock_monotonic_ns(), times = 1;

    if (timer->wall_ns != 0) {
        uint64_t wall_ns = clock_realtime_ns();
        if (wall_ns < timer->wall_ns) { /* the clock was set back meanwhile */
            timer->next_ns = now_ns + (timer->wall_ns - wall_ns);
            return 0;
        }
        timer->wall_ns = 0;
    }
    if (now_ns < timer->next_ns)
        return 0;
    if (timer->interval_ns == 0) {
        timer->next_ns = 0;
    } else {
        times += (now_ns - timer->next_ns) / timer->interval_ns;
        timer->next_ns += times * timer->interval_ns;
    }
    return times;
}

/* In an event handler. */
static void interval_timer_fired(struct timer *base)
{
    struct interval_timer *timer = base->arg;
    uint64_t times = 0, next_ns;
    bool was_masked = spin_lock(&interval_timer_lock);

    if (timer->next_ns != 0)
        times = interval_timer_advance(timer);
    next_ns = timer->next_ns;
    spin_unlock(&interval_timer_lock, was_masked);
    if (next_ns != 0) {
        uint64_t soon_ns = clock_monotonic_ns() + INTERVAL_TIMER_LEAST_NS;
        timer_arm(base, next_ns > soon_ns ? next_ns : soon_ns);
    }
    if (times != 0)
        timer->expired(timer, times);
}

void interval_timer_init(struct interval_timer *timer,
                         void (*expired)(struct interval_timer *, uint64_t))
{
    *timer = (struct interval_timer){ .expired = expired };
    timer_init(&timer->timer, interval_timer_fired, timer);
}

void interval_timer_get(struct interval_timer *timer, uint64_t *left_ns, uint64_t *interval_ns)
{
    bool was_masked = spin_lock(&interval_timer_lock);
    uint64_t now_ns = clock_monotonic_ns();

    *left_ns = 0;
    if (timer->next_ns != 0) /* one that is due and has not fired yet is armed still */
        *left_ns = timer->next_ns > now_ns ? timer->next_ns - now_ns : 1;
    *interval_ns = timer->interval_ns;
    spin_unlock(&interval_timer_lock, was_masked);
}

void interval_timer_set(struct interval_timer *timer, uint64_t deadline_ns, uint64_t interval_ns,
                        uint64_t wall_ns)
{
    bool was_masked = spin_lock(&interval_timer_lock);

    timer->next_ns = deadline_ns;
    timer->interval_ns = interval_ns;
    timer->wall_ns = wall_ns;
    spin_unlock(&interval_timer_lock, was_masked);
    /* A handler that armed it by the old settings finds the new ones and does nothing. */
    if (deadline_ns == 0)
        timer_disarm(&timer->timer);
    else
        timer_arm(&timer->timer, deadline_ns);
}
