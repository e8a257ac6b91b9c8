/*
 * wait_limit: until when a call of POSIX threads waits, and its sleep on a futex word.
 */
#ifndef LIBC_GLUE_WAIT_LIMIT_H
#define LIBC_GLUE_WAIT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "signals/interrupt.h"

/* A time on a clock, as the caller gave it. A pointer to none of these: for ever. */
struct wait_limit {
    clockid_t clock;
    const struct timespec *time;
};

/* The clocks that threads may wait by. */
static inline bool wait_limit_clock(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

/*
 * Whether somebody could end a wait early. In other programs no wait is interruptible, so that the
 * runtime recognises threads that have locked each other up.
 */
static inline bool wait_interruptible(void)
{
    return signal_restart != NULL || cancel_point != NULL;
}

/*
 * Sleep while *word == expected. Returns 0 to look again (woken, the word differs, or a signal's
 * handler ran), -ETIMEDOUT when the limit is past, -EINVAL when it is no time.
 */
int wait_limit_sleep(const uint32_t *word, uint32_t expected, const struct wait_limit *limit,
                     const char *reason);

#endif
