/*
 * eventfd: a counter as a file: writing adds to it, reading waits until it is not 0 and takes it.
 */
#ifndef LIBC_GLUE_EVENTFD_H
#define LIBC_GLUE_EVENTFD_H

#include "file.h"

/* semaphore: a read takes 1 instead of all. flags may have O_NONBLOCK. */
int eventfd_make(uint64_t initial, bool semaphore, int flags, struct file **out);

#endif
