/* Descriptors as such: dup, cloexec, closing many. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fd.h"
#include "process/result.h"

int getdtablesize(void);
int setdtablesize(int size);

int dup(int fd)
{
    return (int)result(fd_dup(fd, 0, false));
}

int dup2(int from, int to)
{
    if (from == to && fd_get_cloexec(from) >= 0)
        return to;
    return (int)result(fd_dup_onto(from, to, false));
}

int dup3(int from, int to, int flags)
{
    if (from == to || (flags & ~O_CLOEXEC) != 0)
        return (int)result(-EINVAL);
    return (int)result(fd_dup_onto(from, to, (flags & O_CLOEXEC) != 0));
}

int close_range(unsigned int first, unsigned int last, int flags)
{
    int highest = fd_highest();

    if (first > last || (flags & ~CLOSE_RANGE_CLOEXEC) != 0)
        return (int)result(-EINVAL);
    for (unsigned int fd = first; highest >= 0 && fd <= (unsigned int)highest && fd <= last; fd++) {
        if (flags & CLOSE_RANGE_CLOEXEC)
            fd_set_cloexec((int)fd, true);
        else
            fd_close((int)fd);
    }
    return 0;
}

void closefrom(int lowest)
{
    close_range(lowest > 0 ? (unsigned int)lowest : 0, (unsigned int)FD_MAX, 0);
}

int getdtablesize(void)
{
    return fd_limit();
}

int setdtablesize(int size)
{
    return (int)result(fd_set_limit(size));
}
