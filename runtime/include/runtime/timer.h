/*
 * timer: callbacks at a deadline.
 *
 * Owns the vCPU's one-shot timer and multiplexes it: sleeping threads, time slices and these.
 * A callback runs in an event handler: it never waits.
 */
#ifndef RUNTIME_TIMER_H
#define RUNTIME_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timer {
    void (*fired)(struct timer *timer);
    void *arg;
    /* Protected by the lock "timers". */
    uint64_t deadline_ns;        /* monotonic clock */
    bool armed;
    struct timer *child, *next;  /* pairing heap: first child, next sibling, */
    struct timer *prev;          /* previous sibling, or the parent of a first child */
};

void timer_init(struct timer *timer, void (*fired)(struct timer *), void *arg);
/* Arm, or move when armed already. A deadline in the past fires as soon as upcalls are unmasked. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
/* fired does not run after this returns (unless it armed itself anew). True when it was armed. */
bool timer_disarm(struct timer *timer);

/* The earliest deadline of all, CLOCK_NEVER without one. */
uint64_t timer_next_deadline(void);

/*
 * For the scheduler: have the timer fire at deadline_ns at the latest, and call its slice function
 * then; CLOCK_NEVER: not needed any more. Cheap when the hardware is armed early enough already.
 */
void timer_set_slice(uint64_t deadline_ns);

/* slice runs in the event handler when the slice deadline has passed. */
void timer_start(void (*slice)(void));

#endif
