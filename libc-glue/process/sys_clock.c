/*
 * sys_clock: clock_gettime and what belongs to it, and gettimeofday. Xen's clock is the host's to set.
 */
#include <errno.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <runtime/thread.h>

#include "clock.h"
#include "result.h"

int clock_gettime(clockid_t id, struct timespec *time)
{
    uint64_t ns;
    int error = clock_read(id, &ns);

    if (error == 0)
        *time = clock_to_timespec(ns);
    return (int)result(error);
}

int clock_getres(clockid_t id, struct timespec *resolution)
{
    uint64_t ns;
    int error = clock_read(id, &ns);

    if (error == 0 && resolution != NULL)
        *resolution = clock_to_timespec(1);
    return (int)result(error);
}

int clock_settime(clockid_t id, const struct timespec *time)
{
    uint64_t ns;
    int error = clock_read(id, &ns);

    if (error == 0)
        error = clock_from_timespec(time, &ns);
    return (int)result(error != 0 ? error : id == CLOCK_REALTIME ? -EPERM : -EINVAL);
}

int clock_getcpuclockid(pid_t pid, clockid_t *id)
{
    if (pid != 0 && pid != getpid())
        return ESRCH;
    *id = CLOCK_PROCESS_CPUTIME_ID;
    return 0;
}

int _gettimeofday(struct timeval *now, void *zone);

int _gettimeofday(struct timeval *now, void *zone)
{
    uint64_t ns;

    if (now != NULL) {
        clock_read(CLOCK_REALTIME, &ns);
        now->tv_sec = (time_t)(ns / NS_PER_S);
        now->tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US);
    }
    if (zone != NULL)
        *(struct timezone *)zone = (struct timezone){ 0 };
    return 0;
}

extern __typeof__(gettimeofday) gettimeofday __attribute__((weak, alias("_gettimeofday")));

int settimeofday(const struct timeval *now, const struct timezone *zone)
{
    (void)zone;
    return (int)result(now != NULL ? -EPERM : 0);
}

int adjtime(const struct timeval *delta, struct timeval *old)
{
    if (delta != NULL)
        return (int)result(-EPERM);
    if (old != NULL)
        *old = (struct timeval){ 0 };
    return 0;
}
