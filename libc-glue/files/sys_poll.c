/* poll and ppoll. */
#include <errno.h>
#include <poll.h>

#include "signals/interrupt.h"
#include "poll_many.h"
#include "process/result.h"
#include "sys_deadline.h"

static int sys_poll(struct pollfd *fds, nfds_t n, uint64_t deadline_ns, const sigset_t *mask)
{
    sigset_t saved;
    bool due;
    int ready;

    interrupt_cancel_point();
    due = interrupt_wait_begin(mask, &saved);
    ready = poll_many(fds, n, due ? 0 : deadline_ns);
    if (due && ready == 0)
        ready = -EINTR;
    interrupt_wait_end(ready, mask, &saved);
    return (int)result(ready);
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    return sys_poll(fds, n, sys_deadline_ms(timeout_ms), NULL);
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    uint64_t deadline_ns;
    int error = sys_deadline_timespec(timeout, &deadline_ns);

    return error < 0 ? (int)result(error) : sys_poll(fds, n, deadline_ns, mask);
}
