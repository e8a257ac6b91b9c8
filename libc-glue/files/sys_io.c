/*
 * sys_io: the calls that every program with stdio reaches: read, write, close, lseek, fstat, isatty.
 *
 * Nothing here may lead to paths, directories or the RAM file system: hello carries this file.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "fd.h"
#include "signals/interrupt.h"
#include "process/result.h"
#include "sys.h"

ssize_t _read(int fd, void *buffer, size_t len)
{
    struct iovec iov = { .iov_base = buffer, .iov_len = len };

    return sys_readv(fd, &iov, 1, NULL);
}

ssize_t _write(int fd, const void *buffer, size_t len)
{
    struct iovec iov = { .iov_base = (void *)(uintptr_t)buffer, .iov_len = len };

    return sys_writev(fd, &iov, 1, NULL);
}

typedef ssize_t (*sys_transfer_t)(struct file *file, const struct iovec *iov, int n,
                                  const off_t *offset);

static ssize_t sys_transfer(int fd, sys_transfer_t transfer, const struct iovec *iov, int n,
                            const off_t *offset)
{
    struct file *file;
    ssize_t done;

    interrupt_cancel_point();
    do {
        interrupt_hold();
        file = fd_get(fd);
        done = -EBADF;
        if (file != NULL) {
            done = transfer(file, iov, n, offset);
            file_put(file);
        }
    } while (interrupt_again(done));
    return result(done);
}

ssize_t sys_readv(int fd, const struct iovec *iov, int n, const off_t *offset)
{
    return sys_transfer(fd, file_read, iov, n, offset);
}

ssize_t sys_writev(int fd, const struct iovec *iov, int n, const off_t *offset)
{
    return sys_transfer(fd, file_write, iov, n, offset);
}

int _close(int fd)
{
    return (int)result(fd_close(fd));
}

off_t _lseek(int fd, off_t offset, int whence)
{
    struct file *file = fd_get(fd);
    off_t at;

    if (file == NULL)
        return result(-EBADF);
    at = file_seek(file, offset, whence);
    file_put(file);
    return result(at);
}

int _fstat(int fd, struct stat *out)
{
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL)
        return (int)result(-EBADF);
    error = file_stat(file, out);
    file_put(file);
    return (int)result(error);
}

int _isatty(int fd)
{
    struct termios settings;
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL) {
        result(-EBADF);
        return 0;
    }
    error = file_ioctl(file, TCGETS, &settings);
    file_put(file);
    if (error < 0)
        result(-ENOTTY);
    return error == 0;
}

SYS_POSIX(read);
SYS_POSIX(write);
SYS_POSIX(close);
SYS_POSIX(lseek);
SYS_POSIX(fstat);
SYS_POSIX(isatty);
