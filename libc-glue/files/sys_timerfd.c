/* The timerfd family. TFD_TIMER_CANCEL_ON_SET has nothing to do: a guest cannot set its wall clock. */
#include <errno.h>
#include <sys/timerfd.h>

#include <platform/clock.h>

#include "process/clock.h"
#include "fd.h"
#include "process/result.h"
#include "timerfd.h"

int timerfd_create(int clock, int flags)
{
    struct file *file;
    int fd, error;

    if ((flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) != 0 || !clock_can_sleep(clock))
        return (int)result(-EINVAL);
    error = timerfd_make(clock, flags & TFD_NONBLOCK, &file);
    if (error < 0)
        return (int)result(error);
    fd = fd_install(file, (flags & TFD_CLOEXEC) != 0);
    if (fd < 0)
        file_put(file);
    return (int)result(fd);
}

/* The first expiry on the monotonic clock; 0 disarms. */
static int sys_timerfd_deadline(struct file *file, int flags, const struct timespec *value,
                                uint64_t *deadline_ns)
{
    uint64_t ns, now;
    int error = clock_from_timespec(value, &ns);

    *deadline_ns = 0;
    if (error < 0 || ns == 0)
        return error;
    if (flags & TFD_TIMER_ABSTIME) {
        error = clock_deadline(timerfd_clock(file), value, deadline_ns);
        if (error == 0 && *deadline_ns == 0)
            *deadline_ns = 1;
        return error;
    }
    now = clock_monotonic_ns();
    *deadline_ns = ns < CLOCK_NEVER - 1 - now ? now + ns : CLOCK_NEVER - 1;
    return 0;
}

static int sys_timerfd_give(struct file *file, struct itimerspec *out)
{
    uint64_t left, interval;
    int error = timerfd_get(file, &left, &interval);

    if (error == 0) {
        out->it_value = clock_to_timespec(left);
        out->it_interval = clock_to_timespec(interval);
    }
    return error;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *fresh, struct itimerspec *old)
{
    struct file *file = fd_get(fd);
    uint64_t deadline_ns, interval_ns;
    int error;

    if (file == NULL)
        return (int)result(-EBADF);
    error = timerfd_clock(file);
    if (error >= 0 && (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) != 0)
        error = -EINVAL;
    if (error >= 0)
        error = sys_timerfd_deadline(file, flags, &fresh->it_value, &deadline_ns);
    if (error >= 0)
        error = clock_from_timespec(&fresh->it_interval, &interval_ns);
    if (error >= 0 && old != NULL)
        error = sys_timerfd_give(file, old);
    if (error >= 0)
        error = timerfd_set(file, deadline_ns, interval_ns);
    file_put(file);
    return (int)result(error);
}

int timerfd_gettime(int fd, struct itimerspec *now)
{
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL)
        return (int)result(-EBADF);
    error = sys_timerfd_give(file, now);
    file_put(file);
    return (int)result(error);
}
