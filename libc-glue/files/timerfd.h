/*
 * timerfd: a timer as a file: reading gives how often it expired since the last read.
 */
#ifndef LIBC_GLUE_TIMERFD_H
#define LIBC_GLUE_TIMERFD_H

#include "file.h"

/* clock is the POSIX clock that absolute times mean; kept for timerfd_clock(). */
int timerfd_make(int clock, int flags, struct file **out);
/* -EINVAL for other files. */
int timerfd_clock(const struct file *file);

/* First expiry at deadline_ns of the monotonic clock (0: never), then every interval_ns (0: once). */
int timerfd_set(struct file *file, uint64_t deadline_ns, uint64_t interval_ns);
/* Until the next expiry (0: none is coming), and the interval. */
int timerfd_get(struct file *file, uint64_t *left_ns, uint64_t *interval_ns);

#endif
