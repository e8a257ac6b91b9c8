#include "poll_many.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"

#define POLL_MANY_ON_STACK 16 /* files that need no allocation */

struct poll_many {
    struct file *file; /* a reference, or NULL */
    struct poll_wait wait;
    bool waiting;
};

/* Look at one. True when it has something to report. */
static bool poll_many_look(struct pollfd *fd, struct poll_many *at)
{
    unsigned events;

    fd->revents = 0;
    if (fd->fd < 0)
        return false;
    if (at->file == NULL) {
        fd->revents = POLLNVAL;
        return true;
    }
    events = file_ready(at->file) & ((unsigned short)fd->events | POLL_ALWAYS);
    fd->revents = (short)events;
    return events != 0;
}

static int poll_many_look_at_all(struct pollfd *fds, nfds_t n, struct poll_many *all)
{
    int ready = 0;

    for (nfds_t i = 0; i < n; i++)
        ready += poll_many_look(&fds[i], &all[i]);
    return ready;
}

static int poll_many_wait(struct pollfd *fds, nfds_t n, struct poll_many *all, uint64_t deadline_ns)
{
    struct poll_waiter waiter;
    int ready = poll_many_look_at_all(fds, n, all), error = 0;

    if (ready > 0 || deadline_ns == 0)
        return ready;
    poll_waiter_init(&waiter);
    for (nfds_t i = 0; i < n; i++) {
        if (all[i].file == NULL)
            continue;
        poll_wait_add(&all[i].wait, &waiter, all[i].file, (unsigned short)fds[i].events);
        all[i].waiting = true;
    }
    while ((ready = poll_many_look_at_all(fds, n, all)) == 0 && error == 0)
        error = poll_waiter_sleep(&waiter, deadline_ns, "poll");
    for (nfds_t i = 0; i < n; i++)
        if (all[i].waiting)
            poll_wait_remove(&all[i].wait);
    if (ready > 0 || error == -ETIMEDOUT)
        return ready;
    return error;
}

int poll_many(struct pollfd *fds, nfds_t n, uint64_t deadline_ns)
{
    struct poll_many few[POLL_MANY_ON_STACK], *all = few;
    int ready;

    if (n > (nfds_t)FD_MAX)
        return -EINVAL;
    if (n > POLL_MANY_ON_STACK)
        all = malloc(n * sizeof(*all));
    if (all == NULL)
        return -ENOMEM;
    for (nfds_t i = 0; i < n; i++) {
        all[i].file = fds[i].fd >= 0 ? fd_get(fds[i].fd) : NULL;
        all[i].waiting = false;
    }
    ready = poll_many_wait(fds, n, all, deadline_ns);
    for (nfds_t i = 0; i < n; i++)
        if (all[i].file != NULL)
            file_put(all[i].file);
    if (all != few)
        free(all);
    return ready;
}
