/* sys/uio.h: scatter and gather (POSIX). */
#ifndef _SYS_UIO_H
#define _SYS_UIO_H

#include <sys/cdefs.h>
#include <sys/types.h>

#define UIO_MAXIOV 1024

struct iovec {
    void *iov_base;
    size_t iov_len;
};

__BEGIN_DECLS
ssize_t readv(int __fd, const struct iovec *__iov, int __n);
ssize_t writev(int __fd, const struct iovec *__iov, int __n);
ssize_t preadv(int __fd, const struct iovec *__iov, int __n, off_t __offset);
ssize_t pwritev(int __fd, const struct iovec *__iov, int __n, off_t __offset);
__END_DECLS

#endif
