/*
 * file_lock: advisory locks of whole files, between open files: flock().
 *
 * Record locks of fcntl() are between processes; there is one, so that they never conflict (see
 * sys_fcntl.c).
 */
#ifndef LIBC_GLUE_FILE_LOCK_H
#define LIBC_GLUE_FILE_LOCK_H

#include "file.h"

/* operation is LOCK_SH, LOCK_EX or LOCK_UN, with LOCK_NB perhaps. -EWOULDBLOCK, -EINTR. */
int file_lock(struct file *file, int operation);

/* The file is being closed: give its lock back. Weak: without flock() in the program, not there. */
void file_lock_closed(struct file *file) __attribute__((weak));

#endif
