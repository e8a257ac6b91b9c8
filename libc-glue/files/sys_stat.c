/* stat by path. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fd.h"
#include "process/result.h"
#include "sys.h"
#include "sys_at.h"
#include "vfs.h"

static int sys_stat(int dir, const char *path, struct stat *out, int flags)
{
    struct inode *at, *inode;
    int error = sys_at(dir, path, &at);

    if (error == 0)
        error = vfs_lookup(at, path, flags, &inode);
    inode_put(at);
    if (error == 0) {
        memset(out, 0, sizeof(*out));
        error = inode_stat(inode, out);
        inode_put(inode);
    }
    return (int)result(error);
}

int _stat(const char *path, struct stat *out)
{
    return sys_stat(AT_FDCWD, path, out, 0);
}
SYS_POSIX(stat);

int lstat(const char *path, struct stat *out)
{
    return sys_stat(AT_FDCWD, path, out, VFS_NOFOLLOW);
}

int fstatat(int dir, const char *path, struct stat *out, int flags)
{
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return (int)result(-EINVAL);
    if ((flags & AT_EMPTY_PATH) && path != NULL && path[0] == '\0')
        return dir == AT_FDCWD ? sys_stat(dir, ".", out, 0) : fstat(dir, out);
    return sys_stat(dir, path, out, flags & AT_SYMLINK_NOFOLLOW ? VFS_NOFOLLOW : 0);
}
