/*
 * epoll: an interest list as a file, in Linux's terms: level and edge triggered, one-shot, nested.
 */
#ifndef LIBC_GLUE_EPOLL_H
#define LIBC_GLUE_EPOLL_H

#include <sys/epoll.h>

#include "file.h"

int epoll_make(struct file **out);

/* op is EPOLL_CTL_*; target is the file behind fd. As epoll_ctl(). */
int epoll_change(struct file *epoll, int op, int fd, struct file *target,
                 const struct epoll_event *event);

/* Until deadline_ns of the monotonic clock (0: do not wait). Returns the number of events. */
int epoll_collect(struct file *epoll, struct epoll_event *events, int max, uint64_t deadline_ns);

bool file_is_epoll(const struct file *file);

#endif
