/*
 * itimer: the process's one alarm clock: alarm, ualarm, setitimer. Timers of CPU time are refused:
 * the scheduler's accounts are kept at switches, and nothing fires when one passes a limit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <platform/clock.h>

#include "process/clock.h"
#include "interval_timer.h"
#include "process/result.h"
#include "signal_core.h"

#define US_PER_S 1000000u

static struct interval_timer itimer;

static void itimer_expired(struct interval_timer *timer, uint64_t times)
{
    siginfo_t info = { .si_signo = SIGALRM, .si_code = SI_KERNEL };

    (void)timer;
    (void)times;
    signal_post(NULL, &info, NULL);
}

static int itimer_check(int which)
{
    if (which == ITIMER_VIRTUAL || which == ITIMER_PROF)
        return -ENOTSUP;
    if (which != ITIMER_REAL)
        return -EINVAL;
    if (itimer.expired == NULL)
        interval_timer_init(&itimer, itimer_expired);
    return 0;
}

static int itimer_ns(const struct timeval *time, uint64_t *ns)
{
    struct timespec spec = { .tv_sec = time->tv_sec, .tv_nsec = time->tv_usec * (long)NS_PER_US };

    if (time->tv_usec < 0 || time->tv_usec >= (suseconds_t)US_PER_S)
        return -EINVAL;
    return clock_from_timespec(&spec, ns);
}

static struct timeval itimer_timeval(uint64_t ns)
{
    uint64_t us = (ns + NS_PER_US - 1) / NS_PER_US;

    return (struct timeval){ .tv_sec = (time_t)(us / US_PER_S),
                             .tv_usec = (suseconds_t)(us % US_PER_S) };
}

static void itimer_read(struct itimerval *out)
{
    uint64_t left_ns, interval_ns;

    interval_timer_get(&itimer, &left_ns, &interval_ns);
    out->it_value = itimer_timeval(left_ns);
    out->it_interval = itimer_timeval(interval_ns);
}

int getitimer(int which, struct itimerval *out)
{
    int error = itimer_check(which);

    if (error == 0)
        itimer_read(out);
    return (int)result(error);
}

int setitimer(int which, const struct itimerval *restrict wanted, struct itimerval *restrict old)
{
    uint64_t value_ns, interval_ns, now_ns = clock_monotonic_ns();
    int error = itimer_check(which);

    if (error == 0)
        error = itimer_ns(&wanted->it_value, &value_ns);
    if (error == 0)
        error = itimer_ns(&wanted->it_interval, &interval_ns);
    if (error != 0)
        return (int)result(error);
    if (old != NULL)
        itimer_read(old);
    if (value_ns > CLOCK_NEVER - 1 - now_ns)
        value_ns = CLOCK_NEVER - 1 - now_ns;
    interval_timer_set(&itimer, value_ns != 0 ? now_ns + value_ns : 0, interval_ns, 0);
    return 0;
}

/* Rounded up, so that 0 means none was set. */
unsigned alarm(unsigned seconds)
{
    struct itimerval wanted = { .it_value.tv_sec = seconds }, old;

    setitimer(ITIMER_REAL, &wanted, &old);
    return (unsigned)old.it_value.tv_sec + (old.it_value.tv_usec != 0);
}

useconds_t ualarm(useconds_t first, useconds_t interval)
{
    struct itimerval wanted = {
        .it_value = { .tv_sec = (time_t)(first / US_PER_S), .tv_usec = first % US_PER_S },
        .it_interval = { .tv_sec = (time_t)(interval / US_PER_S), .tv_usec = interval % US_PER_S },
    };
    struct itimerval old;

    setitimer(ITIMER_REAL, &wanted, &old);
    return (useconds_t)(old.it_value.tv_sec * US_PER_S + old.it_value.tv_usec);
}
