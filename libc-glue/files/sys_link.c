/* Names: link, unlink, rename, symlink, readlink, mkdir, rmdir. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "process/result.h"
#include "sys.h"
#include "sys_at.h"
#include "vfs.h"

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    struct inode *from_at, *to_at = NULL;
    int error = sys_at(from_dir, from, &from_at);

    if (error == 0)
        error = sys_at(to_dir, to, &to_at);
    if (error == 0 && (flags & ~AT_SYMLINK_FOLLOW) != 0)
        error = -EINVAL;
    if (error == 0)
        error = vfs_link(from_at, from, to_at, to, flags & AT_SYMLINK_FOLLOW ? 0 : VFS_NOFOLLOW);
    inode_put(from_at);
    inode_put(to_at);
    return (int)result(error);
}

int _link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}
SYS_POSIX(link);

int unlinkat(int dir, const char *path, int flags)
{
    struct inode *at;
    int error = sys_at(dir, path, &at);

    if (error == 0 && (flags & ~AT_REMOVEDIR) != 0)
        error = -EINVAL;
    if (error == 0)
        error = flags & AT_REMOVEDIR ? vfs_rmdir(at, path) : vfs_unlink(at, path);
    inode_put(at);
    return (int)result(error);
}

int _unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}
SYS_POSIX(unlink);

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* Weak: newlib's, which knows no directories, may come along with one of its other functions. */
__attribute__((weak)) int remove(const char *path)
{
    int error = vfs_unlink(NULL, path);

    return (int)result(error == -EISDIR ? vfs_rmdir(NULL, path) : error);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    struct inode *from_at, *to_at = NULL;
    int error = sys_at(from_dir, from, &from_at);

    if (error == 0)
        error = sys_at(to_dir, to, &to_at);
    if (error == 0 && (flags & ~(unsigned)RENAME_NOREPLACE) != 0)
        error = -EINVAL; /* Linux has more */
    if (error == 0)
        error = vfs_rename(from_at, from, to_at, to, flags ? VFS_NOREPLACE : 0);
    inode_put(from_at);
    inode_put(to_at);
    return (int)result(error);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renameat2(from_dir, from, to_dir, to, 0);
}

int _rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}
SYS_POSIX(rename);

static int sys_create_at(int dir, const char *path, const struct inode_new *what)
{
    struct inode *at;
    int error = sys_at(dir, path, &at);

    if (error == 0)
        error = vfs_create(at, path, what, NULL);
    inode_put(at);
    return (int)result(error);
}

int symlinkat(const char *target, int dir, const char *path)
{
    struct inode_new what = { .mode = S_IFLNK, .target = target, .target_len = strlen(target) };

    return sys_create_at(dir, path, &what);
}

int symlink(const char *target, const char *path)
{
    return symlinkat(target, AT_FDCWD, path);
}

ssize_t readlinkat(int dir, const char *path, char *target, size_t size)
{
    struct inode *at;
    ssize_t len = sys_at(dir, path, &at);

    if (len == 0 && size == 0)
        len = -EINVAL;
    if (len == 0)
        len = vfs_readlink(at, path, target, size);
    inode_put(at);
    return result(len);
}

ssize_t readlink(const char *path, char *target, size_t size)
{
    return readlinkat(AT_FDCWD, path, target, size);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    struct inode_new what = { .mode = S_IFDIR | (mode & 01777) };

    return sys_create_at(dir, path, &what);
}

int _mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}
SYS_POSIX(mkdir);
