/*
 * pseudo_terminal: there are none, so no descriptor is the master of one. A new one is refused as by a Linux
 * without /dev/ptmx.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

int posix_openpt(int flags)
{
    (void)flags;
    errno = ENOENT;
    return -1;
}

/* EBADF for what is not open either, else error. */
static int pseudo_terminal_refuse(int fd, int error)
{
    return fcntl(fd, F_GETFD) < 0 ? EBADF : error;
}

int grantpt(int fd)
{
    errno = pseudo_terminal_refuse(fd, EINVAL);
    return -1;
}

int unlockpt(int fd)
{
    errno = pseudo_terminal_refuse(fd, EINVAL);
    return -1;
}

int ptsname_r(int fd, char *name, size_t size)
{
    (void)name;
    (void)size;
    return errno = pseudo_terminal_refuse(fd, ENOTTY);
}

char *ptsname(int fd)
{
    ptsname_r(fd, NULL, 0);
    return NULL;
}
