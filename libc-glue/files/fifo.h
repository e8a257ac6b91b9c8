/*
 * fifo: named pipes: an inode of kind S_IFIFO and the pipe behind it while it is open.
 */
#ifndef LIBC_GLUE_FIFO_H
#define LIBC_GLUE_FIFO_H

#include "inode.h"

/*
 * open() of a named pipe: waits for the other side as POSIX says, unless O_NONBLOCK (-ENXIO for a
 * writer without reader). Weak: only programs with mkfifo() carry it.
 */
int fifo_open(struct inode *inode, int flags, struct file **out) __attribute__((weak));
extern const char fifo_is_linked; /* who refers to it carries it */

#endif
