/*
 * sys_at: the directory that a path of an ...at() function begins in.
 */
#ifndef LIBC_GLUE_SYS_AT_H
#define LIBC_GLUE_SYS_AT_H

#include "inode.h"

/*
 * *at gets the directory behind fd with a reference, or NULL for AT_FDCWD and for absolute paths.
 * Returns 0, -EBADF, -ENOTDIR, or -EFAULT for a NULL path.
 */
int sys_at(int fd, const char *path, struct inode **at);

#endif
