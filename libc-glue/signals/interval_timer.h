/*
 * interval_timer: a deadline that may repeat, as alarm() and timer_settime() know it.
 *
 * Pure of signals: what an expiry means is the owner's function, called in an event handler. Times
 * are nanoseconds; deadlines are of the monotonic clock.
 */
#ifndef LIBC_GLUE_INTERVAL_TIMER_H
#define LIBC_GLUE_INTERVAL_TIMER_H

#include <stdint.h>

#include <runtime/timer.h>

struct interval_timer {
    /* It expired, so many times since the last call. */
    void (*expired)(struct interval_timer *timer, uint64_t times);
    struct timer timer;
    /* Protected by the lock "interval timers". */
    uint64_t next_ns;     /* the coming expiry; 0: not armed */
    uint64_t interval_ns; /* 0: once */
    uint64_t
        wall_ns; /* the coming expiry by CLOCK_REALTIME, if that is what was asked for; else 0 */
};

void interval_timer_init(struct interval_timer *timer,
                         void (*expired)(struct interval_timer *, uint64_t));

/* Time left (0: not armed), and the interval. */
void interval_timer_get(struct interval_timer *timer, uint64_t *left_ns, uint64_t *interval_ns);

/*
 * Expire at deadline_ns (0: never), then every interval_ns. With wall_ns, not before CLOCK_REALTIME
 * shows that time.
 */
void interval_timer_set(struct interval_timer *timer, uint64_t deadline_ns, uint64_t interval_ns,
                        uint64_t wall_ns);

#endif
