#include "wait_limit.h"

#include <errno.h>
#include <stddef.h>

#include <platform/clock.h>
#include <runtime/sync.h>

#include "process/clock.h"
#include "signals/interrupt.h"

/*
 * Whoever calls this calls it again until the word is as wanted, so an end at the deadline needs no
 * answer of its own: the next call finds the limit past, or the clock set back meanwhile.
 */
int wait_limit_sleep(const uint32_t *word, uint32_t expected, const struct wait_limit *limit,
                     const char *reason)
{
    uint64_t deadline_ns = CLOCK_NEVER;

    if (limit != NULL) {
        if (clock_deadline(limit->clock, limit->time, &deadline_ns) != 0)
            return -EINVAL;
        if (deadline_ns == 0)
            return -ETIMEDOUT;
    }
    /* Not interruptible without handlers: so that a program that locks itself up is recognised. */
    if (futex_wait(word, expected, deadline_ns, signal_restart != NULL, reason) == -EINTR)
        signal_restart();
    return 0;
}
