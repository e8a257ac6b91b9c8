/* Nodes: devices and named pipes. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fifo.h"
#include "process/result.h"
#include "sys_at.h"
#include "vfs.h"

/* Whoever makes named pipes can open them. */
static const char *const sys_needs_fifo __attribute__((used)) = &fifo_is_linked;

int mknodat(int dir, const char *path, mode_t mode, dev_t number)
{
    struct inode_new what = { .mode = mode, .rdev = number };
    struct inode *at;
    int error = sys_at(dir, path, &at);

    if ((mode & S_IFMT) == 0)
        what.mode |= S_IFREG;
    if (error == 0 && (S_ISDIR(what.mode) || S_ISLNK(what.mode)))
        error = -EPERM;
    if (error == 0)
        error = vfs_create(at, path, &what, NULL);
    inode_put(at);
    return (int)result(error);
}

int mknod(const char *path, mode_t mode, dev_t number)
{
    return mknodat(AT_FDCWD, path, mode, number);
}

int mkfifoat(int dir, const char *path, mode_t mode)
{
    return mknodat(dir, path, S_IFIFO | (mode & 0777), 0);
}

int mkfifo(const char *path, mode_t mode)
{
    return mkfifoat(AT_FDCWD, path, mode);
}
