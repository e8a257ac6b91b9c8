/* Positional and gathered input and output. */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fd.h"
#include "process/result.h"
#include "sys.h"

ssize_t pread(int fd, void *buffer, size_t len, off_t offset)
{
    struct iovec iov = { .iov_base = buffer, .iov_len = len };

    return sys_readv(fd, &iov, 1, &offset);
}

ssize_t pwrite(int fd, const void *buffer, size_t len, off_t offset)
{
    struct iovec iov = { .iov_base = (void *)(uintptr_t)buffer, .iov_len = len };

    return sys_writev(fd, &iov, 1, &offset);
}

ssize_t readv(int fd, const struct iovec *iov, int n)
{
    return sys_readv(fd, iov, n, NULL);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    return sys_writev(fd, iov, n, NULL);
}

ssize_t preadv(int fd, const struct iovec *iov, int n, off_t offset)
{
    return sys_readv(fd, iov, n, &offset);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
    return sys_writev(fd, iov, n, &offset);
}
