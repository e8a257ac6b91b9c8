/* The epoll family. */
#include <errno.h>
#include <sys/epoll.h>

#include "epoll.h"
#include "fd.h"
#include "signals/interrupt.h"
#include "process/result.h"
#include "sys_deadline.h"

int epoll_create1(int flags)
{
    struct file *file;
    int fd, error;

    if ((flags & ~EPOLL_CLOEXEC) != 0)
        return (int)result(-EINVAL);
    error = epoll_make(&file);
    if (error < 0)
        return (int)result(error);
    fd = fd_install(file, (flags & EPOLL_CLOEXEC) != 0);
    if (fd < 0)
        file_put(file);
    return (int)result(fd);
}

int epoll_create(int size)
{
    return size > 0 ? epoll_create1(0) : (int)result(-EINVAL);
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    struct file *file = fd_get(epoll), *target = fd_get(fd);
    int error;

    if (file == NULL || target == NULL)
        error = -EBADF;
    else if (event == NULL && op != EPOLL_CTL_DEL)
        error = -EFAULT;
    else
        error = epoll_change(file, op, fd, target, event);
    if (file != NULL)
        file_put(file);
    if (target != NULL)
        file_put(target);
    return (int)result(error);
}

static int sys_epoll_wait(int epoll, struct epoll_event *events, int max, uint64_t deadline_ns,
                          const sigset_t *mask)
{
    struct file *file;
    sigset_t saved;
    bool due;
    int n = -EBADF;

    interrupt_cancel_point();
    due = interrupt_wait_begin(mask, &saved);
    file = fd_get(epoll);
    if (file != NULL) {
        n = epoll_collect(file, events, max, due ? 0 : deadline_ns);
        file_put(file);
    }
    if (due && n == 0)
        n = -EINTR;
    interrupt_wait_end(n, mask, &saved);
    return (int)result(n);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    return sys_epoll_wait(epoll, events, max, sys_deadline_ms(timeout_ms), NULL);
}

int epoll_pwait(int epoll, struct epoll_event *events, int max, int timeout_ms,
                const sigset_t *mask)
{
    return sys_epoll_wait(epoll, events, max, sys_deadline_ms(timeout_ms), mask);
}

int epoll_pwait2(int epoll, struct epoll_event *events, int max, const struct timespec *timeout,
                 const sigset_t *mask)
{
    uint64_t deadline_ns;
    int error = sys_deadline_timespec(timeout, &deadline_ns);

    return error < 0 ? (int)result(error)
                     : sys_epoll_wait(epoll, events, max, deadline_ns, mask);
}
