/*
 * fd: the descriptor table.
 *
 * Owns the numbers: which descriptor stands for which open file, and FD_CLOEXEC. Look-up, and finding
 * the lowest free number, take constant time; the table grows and shrinks in chunks that never move.
 * 0, 1 and 2 are the terminal from boot on.
 *
 * Protected by the spinlock "fd": slots, bitmaps and the limit. A reference to the file is taken
 * inside the lock, so a found file stays valid whatever other threads close.
 */
#ifndef LIBC_GLUE_FD_H
#define LIBC_GLUE_FD_H

#include <stdbool.h>

#include "file.h"

#define FD_MAX 65536 /* the hard limit; a free descriptor costs nothing, a used one 16 bytes */

/* The file behind fd with a reference for the caller, or NULL (EBADF). */
struct file *fd_get(int fd);

/* The lowest free number not below lowest, kept for fd_fill() or fd_release(). -EMFILE, -ENOMEM. */
int fd_reserve(int lowest);
/* Takes over the caller's reference. */
void fd_fill(int fd, struct file *file, bool cloexec);
void fd_release(int fd);

/* fd_reserve() and fd_fill() in one. On error the reference stays the caller's. */
int fd_install(struct file *file, bool cloexec);

int fd_close(int fd);
int fd_dup(int fd, int lowest, bool cloexec);
int fd_dup_onto(int from, int to, bool cloexec);

int fd_get_cloexec(int fd);
int fd_set_cloexec(int fd, bool cloexec);

/* RLIMIT_NOFILE: numbers from *soft on are refused; at most FD_MAX. */
int fd_limit(void);
int fd_set_limit(int soft);

/* The highest number in use, -1 when there is none; for closefrom(). */
int fd_highest(void);

#endif
