/*
 * poll_many: waiting on several files at once: what poll() and select() are made of.
 */
#ifndef LIBC_GLUE_POLL_MANY_H
#define LIBC_GLUE_POLL_MANY_H

#include <poll.h>
#include <stdint.h>

/*
 * As poll(), until deadline_ns of the monotonic clock (0: do not wait at all). Returns how many have
 * revents, or -EINTR (no handler has run yet), -ENOMEM, -EINVAL.
 */
int poll_many(struct pollfd *fds, nfds_t n, uint64_t deadline_ns);

#endif
