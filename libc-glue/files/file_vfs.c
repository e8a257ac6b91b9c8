/* Open files of the VFS: regular files and directories; and open() itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/device.h"
#include "fifo.h"
#include "memory/mapping_pages.h"
#include "vfs.h"
#include "vfs_walk.h"

static bool file_vfs_writes(int flags)
{
    return (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
}

/* ---- regular files ---- */

static ssize_t file_vfs_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    struct inode *inode = file->inode;
    ssize_t done;

    mutex_lock(&inode->data);
    if (inode->ops->read_together != NULL && inode->mapped == NULL) {
        done = inode->ops->read_together(inode, iov, n, *offset);
    } else {
        done = inode->ops->read(inode, iov, n, *offset);
        if (done > 0 && inode->mapped != NULL)
            mapping_pages_read(inode, iov, n, *offset, (size_t)done);
        mutex_unlock(&inode->data);
    }
    if (done > 0)
        *offset += done;
    return done;
}

static ssize_t file_vfs_write(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    struct inode *inode = file->inode;
    int flags = file_flags(file);
    ssize_t done;

    mutex_lock(&inode->data);
    if (flags & O_APPEND)
        *offset = inode->size;
    done = inode->ops->write(inode, iov, n, *offset);
    if (done > 0 && inode->mapped != NULL)
        mapping_pages_wrote(inode, iov, n, *offset, (size_t)done);
    mutex_unlock(&inode->data);
    if (done <= 0)
        return done;
    *offset += done;
    if ((flags & O_SYNC) && inode->ops->sync != NULL) {
        int error = inode->ops->sync(inode, false);

        if (error < 0)
            return error;
    }
    return done;
}

static off_t file_vfs_seek_data(struct inode *inode, off_t offset, bool hole)
{
    off_t at;

    if (offset < 0 || offset >= inode->size)
        return -ENXIO;
    mutex_lock(&inode->data);
    if (inode->mapped != NULL)
        mapping_pages_flush(inode); /* what is written in memory is no hole */
    if (inode->ops->seek_data != NULL)
        at = inode->ops->seek_data(inode, offset, hole);
    else
        at = hole ? inode->size : offset;
    mutex_unlock(&inode->data);
    return at;
}

static off_t file_vfs_seek(struct file *file, off_t offset, int whence)
{
    off_t end = 0;

    if (whence == SEEK_DATA || whence == SEEK_HOLE)
        return file_vfs_seek_data(file->inode, offset, whence == SEEK_HOLE);
    if (whence == SEEK_END) {
        mutex_lock(&file->inode->data);
        end = file->inode->size;
        mutex_unlock(&file->inode->data);
    }
    return file_position(file, end, offset, whence);
}

static int file_vfs_truncate(struct file *file, off_t size)
{
    return vfs_truncate_inode(file->inode, size);
}

static int file_vfs_sync(struct file *file, bool data_only)
{
    struct inode *inode = file->inode;
    int error = inode->mapped != NULL ? mapping_pages_sync(inode) : 0;
    int synced = inode->ops->sync != NULL ? inode->ops->sync(inode, data_only) : 0;

    return error < 0 ? error : synced;
}

static int file_vfs_allocate(struct file *file, off_t offset, off_t len)
{
    struct inode *inode = file->inode;
    int error;

    if (inode->ops->allocate == NULL)
        return -EOPNOTSUPP;
    mutex_lock(&inode->data);
    error = inode->ops->allocate(inode, offset, len);
    mutex_unlock(&inode->data);
    return error;
}

static void file_vfs_close(struct file *file)
{
    free(file);
}

static const struct file_ops file_vfs_ops = {
    .kind = "file",
    .read = file_vfs_read,
    .write = file_vfs_write,
    .seek = file_vfs_seek,
    .truncate = file_vfs_truncate,
    .sync = file_vfs_sync,
    .allocate = file_vfs_allocate,
    .close = file_vfs_close,
};

/* ---- directories ---- */

static ssize_t file_vfs_read_dir(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    (void)file;
    (void)iov;
    (void)n;
    (void)offset;
    return -EISDIR;
}

static int file_vfs_next_entry(struct file *file, struct file_entry *entry)
{
    struct inode *dir = file->inode;
    int found;

    mutex_lock(&dir->fs->tree);
    found = dir->ops->next_entry(dir, file->offset, entry);
    mutex_unlock(&dir->fs->tree);
    if (found > 0)
        file->offset = entry->next;
    return found;
}

/* Positions of a directory are what file_entry.next said; there is no end to count from. */
static off_t file_vfs_seek_dir(struct file *file, off_t offset, int whence)
{
    if (whence == SEEK_CUR && offset == 0)
        return file->offset;
    return whence == SEEK_SET && offset >= 0 ? offset : -EINVAL;
}

static const struct file_ops file_vfs_dir_ops = {
    .kind = "directory",
    .read = file_vfs_read_dir,
    .seek = file_vfs_seek_dir,
    .sync = file_vfs_sync,
    .next_entry = file_vfs_next_entry,
    .close = file_vfs_close,
};

/* ---- open ---- */

static int file_vfs_new(struct inode *inode, const struct file_ops *ops, int flags,
                        struct file **out)
{
    struct file *file = malloc(sizeof(*file));

    if (file == NULL)
        return -ENOMEM;
    file_init(file, ops, flags);
    file->inode = inode_hold(inode);
    *out = file;
    return 0;
}

static int file_vfs_open_regular(struct inode *inode, int flags, struct file **out)
{
    int error = 0;

    if (file_vfs_writes(flags) && inode->fs->read_only)
        return -EROFS;
    if (inode->ops->open != NULL)
        error = inode->ops->open(inode, flags);
    if (error == 0 && (flags & O_TRUNC) && file_vfs_writes(flags))
        error = vfs_truncate_inode(inode, 0);
    return error < 0 ? error : file_vfs_new(inode, &file_vfs_ops, flags, out);
}

static int file_vfs_open_device(struct inode *inode, int flags, struct file **out)
{
    int error = device_open(inode->kind, inode->rdev, flags, out);

    if (error == 0 && (*out)->inode == NULL)
        (*out)->inode = inode_hold(inode);
    return error;
}

int vfs_open_inode(struct inode *inode, int flags, struct file **out)
{
    /* What only counts while opening is not kept. */
    int kept = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);

    if (S_ISDIR(inode->kind)) {
        if (file_vfs_writes(flags) || (flags & O_CREAT))
            return -EISDIR;
        device_look(inode);
        return file_vfs_new(inode, &file_vfs_dir_ops, kept, out);
    }
    if (flags & O_DIRECTORY)
        return -ENOTDIR;
    switch (inode->kind) {
    case S_IFREG:
        return file_vfs_open_regular(inode, kept | (flags & O_TRUNC), out);
    case S_IFCHR:
    case S_IFBLK:
        return file_vfs_open_device(inode, kept, out);
    case S_IFIFO:
        return fifo_open != NULL ? fifo_open(inode, kept, out) : -ENXIO;
    case S_IFLNK:
        return -ELOOP;
    default:
        return -ENXIO; /* a socket */
    }
}

/* Create the last name of the walk as a regular file. */
static int file_vfs_create(struct vfs_walk *walk, mode_t mode, struct inode **out)
{
    struct inode_new what = { .mode = S_IFREG | (mode & 07777 & ~vfs_get_umask()) };
    struct inode *dir = walk->dir;
    int error;

    if (vfs_name_is_special(walk->last))
        return -ENOENT; /* ".." of a directory that is gone */
    if (walk->must_be_dir)
        return -EISDIR;
    if (dir->fs->read_only)
        return -EROFS;
    mutex_lock(&dir->fs->tree);
    error = dir->ops->create(dir, walk->last, &what, out);
    mutex_unlock(&dir->fs->tree);
    return error;
}

/* The inode to open: found or, with O_CREAT, made. */
static int file_vfs_find(struct vfs_walk *walk, int flags, mode_t mode, bool *created,
                         struct inode **out)
{
    int exclusive = (flags & O_CREAT) && (flags & O_EXCL);
    int nofollow = exclusive || (flags & O_NOFOLLOW) ? VFS_NOFOLLOW : 0;
    int error;

    do {
        error = vfs_walk_to_last(walk);
        if (error < 0)
            return error;
        do {
            error = vfs_walk_last(walk, nofollow, out);
            if (error == 0 && exclusive) {
                inode_put(*out);
                return -EEXIST;
            }
            if (error == -ENOENT && (flags & O_CREAT)) {
                error = file_vfs_create(walk, mode, out);
                *created = error == 0;
            }
        } while (error == -EEXIST && !exclusive); /* another thread was faster: open that */
    } while (error == VFS_WALK_ON);
    return error;
}

int vfs_open(struct inode *at, const char *path, int flags, mode_t mode, struct file **out)
{
    struct vfs_walk walk;
    struct inode *inode;
    bool created = false;
    int error;

    if ((flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    if ((flags & O_CREAT) && (flags & O_DIRECTORY))
        return -EINVAL;
    error = vfs_walk_begin(&walk, at, path);
    if (error == 0)
        error = file_vfs_find(&walk, flags, mode, &created, &inode);
    vfs_walk_end(&walk);
    if (error < 0)
        return error;
    error = vfs_open_inode(inode, created ? flags & ~O_TRUNC : flags, out);
    inode_put(inode);
    return error;
}
