/* select and pselect, in terms of poll. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>

#include "fd.h"
#include "signals/interrupt.h"
#include "poll_many.h"
#include "process/result.h"
#include "sys_deadline.h"

#define SELECT_READ   (POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR)
#define SELECT_WRITE  (POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR)
#define SELECT_EXCEPT POLLPRI

static bool sys_select_has(int fd, const fd_set *set)
{
    return set != NULL && FD_ISSET(fd, set);
}

/* The descriptors of all three sets as pollfds. Returns how many there are. */
static nfds_t sys_select_collect(int n, const fd_set *in, const fd_set *out, const fd_set *except,
                                 struct pollfd *fds)
{
    nfds_t count = 0;

    for (int fd = 0; fd < n; fd++) {
        int events = (sys_select_has(fd, in) ? POLLIN : 0) |
                     (sys_select_has(fd, out) ? POLLOUT : 0) |
                     (sys_select_has(fd, except) ? POLLPRI : 0);

        if (events != 0)
            fds[count++] = (struct pollfd){ .fd = fd, .events = (short)events };
    }
    return count;
}

static int sys_select_keep(int fd, fd_set *set, int revents)
{
    if (!sys_select_has(fd, set))
        return 0;
    if (revents == 0)
        FD_CLR(fd, set);
    return revents != 0;
}

/* Leave in the sets what is ready. Returns the number of bits left, or -EBADF. */
static int sys_select_spread(const struct pollfd *fds, nfds_t n, fd_set *in, fd_set *out,
                             fd_set *except)
{
    int ready = 0;

    for (nfds_t i = 0; i < n; i++)
        if (fds[i].revents & POLLNVAL)
            return -EBADF;
    for (nfds_t i = 0; i < n; i++) {
        ready += sys_select_keep(fds[i].fd, in, fds[i].revents & SELECT_READ);
        ready += sys_select_keep(fds[i].fd, out, fds[i].revents & SELECT_WRITE);
        ready += sys_select_keep(fds[i].fd, except, fds[i].revents & SELECT_EXCEPT);
    }
    return ready;
}

static int sys_select(int n, fd_set *in, fd_set *out, fd_set *except, uint64_t deadline_ns,
                      const sigset_t *mask)
{
    struct pollfd *fds;
    sigset_t saved;
    nfds_t count;
    bool due;
    int ready;

    interrupt_cancel_point();
    if (n < 0 || n > FD_MAX)
        return (int)result(-EINVAL);
    due = interrupt_wait_begin(mask, &saved);
    fds = malloc((size_t)(n + 1) * sizeof(*fds));
    if (fds == NULL) {
        interrupt_wait_end(-ENOMEM, mask, &saved);
        return (int)result(-ENOMEM);
    }
    count = sys_select_collect(n, in, out, except, fds);
    ready = poll_many(fds, count, due ? 0 : deadline_ns);
    if (due && ready == 0)
        ready = -EINTR;
    if (ready >= 0)
        ready = sys_select_spread(fds, count, in, out, except);
    free(fds);
    interrupt_wait_end(ready, mask, &saved);
    return (int)result(ready);
}

int select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
    struct timespec time;
    uint64_t deadline_ns;
    int error;

    if (timeout != NULL) {
        time.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000;
        time.tv_nsec = timeout->tv_usec < 0 ? -1 : timeout->tv_usec % 1000000 * 1000;
    }
    error = sys_deadline_timespec(timeout != NULL ? &time : NULL, &deadline_ns);
    return error < 0 ? (int)result(error) : sys_select(n, in, out, except, deadline_ns, NULL);
}

int pselect(int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
            const sigset_t *mask)
{
    uint64_t deadline_ns;
    int error = sys_deadline_timespec(timeout, &deadline_ns);

    return error < 0 ? (int)result(error) : sys_select(n, in, out, except, deadline_ns, mask);
}
