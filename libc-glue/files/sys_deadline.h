/* sys_deadline: the ways in which waiting calls say how long, as deadlines of the monotonic clock. */
#ifndef LIBC_GLUE_SYS_DEADLINE_H
#define LIBC_GLUE_SYS_DEADLINE_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include <platform/clock.h>

/* Negative: for ever. 0: do not wait, which the deadline 0 stands for. */
static inline uint64_t sys_deadline_ms(int timeout_ms)
{
    if (timeout_ms < 0)
        return CLOCK_NEVER;
    return timeout_ms == 0 ? 0 : clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
}

/* NULL: for ever. Returns 0 or -EINVAL. */
static inline int sys_deadline_timespec(const struct timespec *timeout, uint64_t *deadline_ns)
{
    uint64_t ns;

    *deadline_ns = CLOCK_NEVER;
    if (timeout == NULL)
        return 0;
    if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000)
        return -EINVAL;
    if ((uint64_t)timeout->tv_sec > UINT32_MAX)
        return 0; /* more than a hundred years */
    ns = (uint64_t)timeout->tv_sec * 1000000000u + (uint64_t)timeout->tv_nsec;
    *deadline_ns = ns == 0 ? 0 : clock_monotonic_ns() + ns;
    return 0;
}

#endif
