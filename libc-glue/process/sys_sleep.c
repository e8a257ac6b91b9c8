/*
 * sys_sleep: nanosleep and clock_nanosleep.
 */
#include <errno.h>
#include <time.h>

#include <platform/clock.h>
#include <runtime/thread.h>

#include "clock.h"
#include "signals/interrupt.h"
#include "result.h"

/* Sleep until clock id shows then_ns. It may be set meanwhile, so it is asked again on waking. */
static int sleep_until(clockid_t id, uint64_t then_ns)
{
    uint64_t deadline_ns;
    int error = 0;

    interrupt_hold();
    do {
        struct timespec then = clock_to_timespec(then_ns);

        clock_deadline(id, &then, &deadline_ns);
        if (deadline_ns != 0)
            error = thread_sleep_until(deadline_ns);
    } while (deadline_ns != 0 && error == 0);
    interrupt_again(error); /* a sleep is never done again, whatever the handlers say */
    return error;
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *request,
                    struct timespec *remaining)
{
    uint64_t length_ns, now_ns, then_ns;
    int error;

    interrupt_cancel_point();
    if (id == CLOCK_THREAD_CPUTIME_ID || clock_from_timespec(request, &length_ns) != 0)
        return EINVAL;
    if (!clock_can_sleep(id))
        return clock_read(id, &now_ns) == 0 ? ENOTSUP : EINVAL;
    if ((flags & TIMER_ABSTIME) != 0)
        return -sleep_until(id, length_ns);

    /* A length is not changed by setting a clock. */
    now_ns = clock_monotonic_ns();
    then_ns = length_ns < CLOCK_NEVER - 1 - now_ns ? now_ns + length_ns : CLOCK_NEVER - 1;
    error = sleep_until(CLOCK_MONOTONIC, then_ns);
    if (error != 0 && remaining != NULL) {
        now_ns = clock_monotonic_ns();
        *remaining = clock_to_timespec(then_ns > now_ns ? then_ns - now_ns : 0);
    }
    return -error;
}

int nanosleep(const struct timespec *request, struct timespec *remaining)
{
    return (int)result(-clock_nanosleep(CLOCK_REALTIME, 0, request, remaining));
}
