/* fsync and its kin, sizes of open files, advice. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fd.h"
#include "signals/interrupt.h"
#include "process/result.h"

static int sys_fsync(int fd, bool data_only)
{
    struct file *file;
    int error;

    interrupt_cancel_point();
    file = fd_get(fd);
    if (file == NULL)
        return (int)result(-EBADF);
    error = file->ops->sync != NULL ? file->ops->sync(file, data_only) : -EINVAL;
    file_put(file);
    return (int)result(error);
}

int fsync(int fd)
{
    return sys_fsync(fd, false);
}

int fdatasync(int fd)
{
    return sys_fsync(fd, true);
}

int sync_file_range(int fd, off_t offset, off_t len, unsigned int flags)
{
    (void)offset;
    (void)len;
    (void)flags;
    return sys_fsync(fd, true);
}

int ftruncate(int fd, off_t size)
{
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL)
        return (int)result(-EBADF);
    if ((file_flags(file) & O_ACCMODE) == O_RDONLY || file->ops->truncate == NULL)
        error = -EINVAL;
    else
        error = file->ops->truncate(file, size);
    file_put(file);
    return (int)result(error);
}

/* As a negative errno. */
static int sys_allocate(int fd, off_t offset, off_t len)
{
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL)
        return -EBADF;
    if (offset < 0 || len <= 0)
        error = -EINVAL;
    else if ((file_flags(file) & O_ACCMODE) == O_RDONLY)
        error = -EBADF;
    else if (file->ops->allocate == NULL)
        error = file->ops->seek == NULL ? -ESPIPE : -ENODEV;
    else
        error = file->ops->allocate(file, offset, len);
    file_put(file);
    return error;
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    return -sys_allocate(fd, offset, len); /* tells its error by value */
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    return (int)result(mode == 0 ? sys_allocate(fd, offset, len) : -EOPNOTSUPP);
}

int posix_fadvise(int fd, off_t offset, off_t len, int advice)
{
    struct file *file = fd_get(fd);
    bool stream;

    (void)offset;
    if (file == NULL)
        return EBADF;
    stream = file->ops->seek == NULL;
    file_put(file);
    if (stream)
        return ESPIPE;
    return len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE ? EINVAL : 0;
}

ssize_t readahead(int fd, off_t offset, size_t len)
{
    int error = posix_fadvise(fd, offset, 0, POSIX_FADV_WILLNEED);

    (void)len;
    return result(-error);
}
