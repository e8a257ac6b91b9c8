/* What file systems have and may do. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fd.h"
#include "process/result.h"
#include "vfs.h"

/* Linux's numbers of file systems, which programs compare with. */
static const struct {
    const char *type;
    long magic;
} sys_magics[] = { { "ramfs", 0x858458f6 }, { "tmpfs", 0x01021994 }, { "ext2", 0xef53 },
                   { "ext3", 0xef53 },      { "ext4", 0xef53 } };

static int sys_statvfs_fs(struct fs *fs, struct statvfs *out)
{
    memset(out, 0, sizeof(*out));
    if (fs->read_only)
        out->f_flag |= ST_RDONLY;
    return fs->ops->statvfs(fs, out);
}

/* One of path and fd; the magic number as well. */
static int sys_statvfs(const char *path, int fd, struct statvfs *out, long *magic)
{
    struct inode *inode = NULL;
    struct file *file;
    int error;

    if (path != NULL) {
        error = vfs_lookup(NULL, path, 0, &inode);
        if (error < 0)
            return error;
    } else {
        file = fd_get(fd);
        if (file == NULL)
            return -EBADF;
        if (file->inode != NULL)
            inode = inode_ref(file->inode);
        file_put(file);
        if (inode == NULL)
            return -ENOSYS; /* a pipe or socket: in no file system */
    }
    error = sys_statvfs_fs(inode->fs, out);
    *magic = 0;
    for (size_t i = 0; i < sizeof(sys_magics) / sizeof(sys_magics[0]); i++)
        if (strcmp(inode->fs->ops->type, sys_magics[i].type) == 0)
            *magic = sys_magics[i].magic;
    inode_put(inode);
    return error;
}

int statvfs(const char *path, struct statvfs *out)
{
    long magic;

    return (int)result(path != NULL ? sys_statvfs(path, -1, out, &magic) : -EFAULT);
}

int fstatvfs(int fd, struct statvfs *out)
{
    long magic;

    return (int)result(sys_statvfs(NULL, fd, out, &magic));
}

static int sys_statfs(const char *path, int fd, struct statfs *out)
{
    struct statvfs from;
    long magic;
    int error = sys_statvfs(path, fd, &from, &magic);

    if (error < 0)
        return error;
    *out = (struct statfs){
        .f_type = magic,
        .f_bsize = (long)from.f_bsize,
        .f_blocks = from.f_blocks,
        .f_bfree = from.f_bfree,
        .f_bavail = from.f_bavail,
        .f_files = from.f_files,
        .f_ffree = from.f_ffree,
        .f_fsid = { { (int)from.f_fsid, (int)(from.f_fsid >> 32) } },
        .f_namelen = (long)from.f_namemax,
        .f_frsize = (long)from.f_frsize,
        .f_flags = (long)from.f_flag,
    };
    return 0;
}

int statfs(const char *path, struct statfs *out)
{
    return (int)result(path != NULL ? sys_statfs(path, -1, out) : -EFAULT);
}

int fstatfs(int fd, struct statfs *out)
{
    return (int)result(sys_statfs(NULL, fd, out));
}
