/* poll and ppoll. */
#include <errno.h>
#include <poll.h>

#include "interrupt.h"
#include "poll_many.h"
#include "result.h"
#include "sys_deadline.h"

static int sys_poll(struct pollfd *fds, nfds_t n, uint64_t deadline_ns, const sigset_t *mask)
{
    int ready;

    interrupt_cancel_point();
    ready = poll_many(fds, n, deadline_ns, mask);
    if (ready == -EINTR)
        interrupt_cancel_point();
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
