/*
 * aio.h: asynchronous input and output.
 *
 * On a block device opened by its node (/dev/xvda) a request goes to the disk at once and occupies
 * no thread, however many there are, provided that offset and length are multiples of the sector
 * size. On anything else, and with SIGEV_THREAD, each request has a thread of its own that waits
 * for it.
 */
#ifndef _AIO_H
#define _AIO_H

#include <sys/cdefs.h>
#include <sys/types.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#define AIO_CANCELED    0
#define AIO_NOTCANCELED 1
#define AIO_ALLDONE     2

#define LIO_READ  0
#define LIO_WRITE 1
#define LIO_NOP   2

#define LIO_WAIT   0
#define LIO_NOWAIT 1

struct aiocb {
    int aio_fildes;
    int aio_lio_opcode;
    int aio_reqprio;
    volatile void *aio_buf;
    size_t aio_nbytes;
    off_t aio_offset;
    struct sigevent aio_sigevent;

    void *__aio_private[32];
};

__BEGIN_DECLS
int aio_read(struct aiocb *__request);
int aio_write(struct aiocb *__request);
int aio_fsync(int __operation, struct aiocb *__request);
int aio_error(const struct aiocb *__request);
ssize_t aio_return(struct aiocb *__request);
int aio_suspend(const struct aiocb *const __list[], int __n, const struct timespec *__timeout);
int aio_cancel(int __fd, struct aiocb *__request);
int lio_listio(int __mode, struct aiocb *const __list[__restrict], int __n,
               struct sigevent *__restrict __event);
__END_DECLS

#endif
