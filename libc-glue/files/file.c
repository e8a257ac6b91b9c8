#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "file_lock.h"
#include "inode.h"
#include "memory/mapping_pages.h"

#define FILE_IOV_MAX 1024 /* pieces in one call, as sysconf(_SC_IOV_MAX) says */

/* What F_SETFL may change. */
#define FILE_SETTABLE (O_APPEND | O_NONBLOCK)

void file_init(struct file *file, const struct file_ops *ops, int flags)
{
    memset(file, 0, sizeof(*file));
    file->ops = ops;
    file->refs = 1;
    file->flags = flags;
}

struct file *file_ref(struct file *file)
{
    __atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
    return file;
}

void file_put(struct file *file)
{
    if (__atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    poll_file_gone(file);
    if (file->flock != 0 && file_lock_closed != NULL)
        file_lock_closed(file);
    inode_drop(file->inode);
    if (file->ops->close != NULL)
        file->ops->close(file);
}

ssize_t iov_length(const struct iovec *iov, int n)
{
    size_t len = 0;

    if (n < 0 || n > FILE_IOV_MAX)
        return -EINVAL;
    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len > (size_t)SSIZE_MAX - len)
            return -EINVAL;
        len += iov[i].iov_len;
    }
    return (ssize_t)len;
}

enum iov_copy { IOV_PUT, IOV_TAKE, IOV_ZERO };

static size_t iov_copy(const struct iovec *iov, int n, size_t skip, void *buffer, size_t len,
                       enum iov_copy what)
{
    size_t done = 0;

    for (int i = 0; i < n && done < len; i++) {
        size_t part = iov[i].iov_len;
        char *at = iov[i].iov_base;

        if (skip >= part) {
            skip -= part;
            continue;
        }
        at += skip;
        part -= skip;
        skip = 0;
        if (part > len - done)
            part = len - done;
        if (what == IOV_PUT)
            memcpy(at, (char *)buffer + done, part);
        else if (what == IOV_TAKE)
            memcpy((char *)buffer + done, at, part);
        else
            memset(at, 0, part);
        done += part;
    }
    return done;
}

size_t iov_put(const struct iovec *iov, int n, size_t skip, const void *buffer, size_t len)
{
    return iov_copy(iov, n, skip, (void *)(uintptr_t)buffer, len, IOV_PUT);
}

size_t iov_take(const struct iovec *iov, int n, size_t skip, void *buffer, size_t len)
{
    return iov_copy(iov, n, skip, buffer, len, IOV_TAKE);
}

size_t iov_zero(const struct iovec *iov, int n, size_t skip, size_t len)
{
    return iov_copy(iov, n, skip, NULL, len, IOV_ZERO);
}

ssize_t file_transfer(struct file *file, file_transfer_t transfer, const struct iovec *iov, int n,
                      const off_t *offset)
{
    ssize_t len = iov_length(iov, n);
    off_t at;
    ssize_t done;

    if (len < 0)
        return len;
    if (transfer == NULL)
        return -EINVAL;
    if (offset != NULL) {
        if (file->ops->seek == NULL)
            return -ESPIPE;
        if (*offset < 0)
            return -EINVAL;
        at = *offset;
        return transfer(file, iov, n, &at);
    }
    if (file->ops->seek == NULL)
        return transfer(file, iov, n, NULL);
    mutex_lock(&file->offset_mutex);
    done = transfer(file, iov, n, &file->offset);
    mutex_unlock(&file->offset_mutex);
    return done;
}

ssize_t file_read(struct file *file, const struct iovec *iov, int n, const off_t *offset)
{
    if ((file_flags(file) & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    if (mapping_pin_needed != NULL && mapping_pin_needed(iov, n))
        return mapping_transfer(file, true, iov, n, offset);
    return file_transfer(file, file->ops->read, iov, n, offset);
}

ssize_t file_write(struct file *file, const struct iovec *iov, int n, const off_t *offset)
{
    if ((file_flags(file) & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (mapping_pin_needed != NULL && mapping_pin_needed(iov, n))
        return mapping_transfer(file, false, iov, n, offset);
    return file_transfer(file, file->ops->write, iov, n, offset);
}

off_t file_position(const struct file *file, off_t end, off_t offset, int whence)
{
    off_t base = 0;

    if (whence == SEEK_CUR)
        base = file->offset;
    else if (whence == SEEK_END)
        base = end;
    else if (whence != SEEK_SET)
        return -EINVAL;
    if (offset > 0 && base > (off_t)(LONG_MAX - offset))
        return -EOVERFLOW;
    return base + offset < 0 ? -EINVAL : base + offset;
}

off_t file_seek(struct file *file, off_t offset, int whence)
{
    off_t at;

    if (file->ops->seek == NULL)
        return -ESPIPE;
    mutex_lock(&file->offset_mutex);
    at = file->ops->seek(file, offset, whence);
    if (at >= 0)
        file->offset = at;
    mutex_unlock(&file->offset_mutex);
    return at;
}

int file_stat(struct file *file, struct stat *out)
{
    memset(out, 0, sizeof(*out));
    if (file->ops->stat != NULL)
        return file->ops->stat(file, out);
    if (file->inode == NULL)
        return -EBADF;
    return inode_stat(file->inode, out);
}

int file_ioctl(struct file *file, unsigned long request, void *arg)
{
    return file->ops->ioctl != NULL ? file->ops->ioctl(file, request, arg) : -ENOTTY;
}

void file_set_flags(struct file *file, int flags)
{
    int old = file_flags(file);

    while (!__atomic_compare_exchange_n(&file->flags, &old,
                                        (old & ~FILE_SETTABLE) | (flags & FILE_SETTABLE), false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    if (file->ops->flags_changed != NULL)
        file->ops->flags_changed(file);
}
