/* open, openat, creat. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include "fd.h"
#include "signals/interrupt.h"
#include "process/result.h"
#include "sys.h"
#include "sys_at.h"
#include "vfs.h"

static int sys_open_once(int dir, const char *path, int flags, mode_t mode)
{
    struct inode *at;
    struct file *file;
    int fd, error;

    error = sys_at(dir, path, &at);
    if (error < 0)
        return error;
    /* The number first, so that nothing is created or cut when there is none. */
    fd = fd_reserve(0);
    error = fd < 0 ? fd : vfs_open(at, path, flags, mode, &file);
    inode_put(at);
    if (error < 0) {
        if (fd >= 0)
            fd_release(fd);
        return error;
    }
    fd_fill(fd, file, (flags & O_CLOEXEC) != 0);
    return fd;
}

/* Named pipes wait for the other side. */
static int sys_open_at(int dir, const char *path, int flags, mode_t mode)
{
    int fd;

    interrupt_cancel_point();
    do {
        interrupt_hold();
        fd = sys_open_once(dir, path, flags, mode);
    } while (interrupt_again(fd));
    return (int)result(fd);
}

int _open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    if (flags & O_CREAT) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return sys_open_at(AT_FDCWD, path, flags, mode);
}
SYS_POSIX(open);

int openat(int dir, const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    if (flags & O_CREAT) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return sys_open_at(dir, path, flags, mode);
}

int creat(const char *path, mode_t mode)
{
    return sys_open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
