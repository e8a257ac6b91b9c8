/*
 * fcntl, and the record locks it gives.
 *
 * Record locks belong to a process and keep others out. There is one process, so every lock is
 * granted and none is ever in the way (POSIX, fcntl: "A process can always change its own locks").
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include "fd.h"
#include "inode.h"
#include "process/result.h"
#include "sys.h"

#define SYS_PIPE_SIZE 65536 /* F_GETPIPE_SZ: what pipe.c has */

/* The file can be locked that way, and the range makes sense. */
static int sys_record_lock(struct file *file, const struct flock *lock, bool set)
{
    int access = file_flags(file) & O_ACCMODE;
    off_t start = lock->l_start;

    if (lock->l_type != F_RDLCK && lock->l_type != F_WRLCK && lock->l_type != F_UNLCK)
        return -EINVAL;
    if (set && ((lock->l_type == F_RDLCK && access == O_WRONLY) ||
                (lock->l_type == F_WRLCK && access == O_RDONLY)))
        return -EBADF;
    if (lock->l_whence == SEEK_CUR)
        start += file->offset;
    else if (lock->l_whence == SEEK_END && file->inode != NULL)
        start += file->inode->size;
    else if (lock->l_whence != SEEK_SET && lock->l_whence != SEEK_END)
        return -EINVAL;
    if (lock->l_len < 0)
        start += lock->l_len;
    return start < 0 ? -EINVAL : 0;
}

static long sys_fcntl_file(int fd, struct file *file, int command, intptr_t arg)
{
    struct flock *lock = (struct flock *)arg;
    int error;

    switch (command) {
    case F_DUPFD:
        return fd_dup(fd, (int)arg, false);
    case F_DUPFD_CLOEXEC:
        return fd_dup(fd, (int)arg, true);
    case F_GETFD:
        error = fd_get_cloexec(fd);
        return error < 0 ? error : error ? FD_CLOEXEC : 0;
    case F_SETFD:
        return fd_set_cloexec(fd, (arg & FD_CLOEXEC) != 0);
    case F_GETFL:
        return file_flags(file);
    case F_SETFL:
        file_set_flags(file, (int)arg);
        return 0;
    case F_GETLK:
    case F_OFD_GETLK:
        error = sys_record_lock(file, lock, false);
        if (error == 0)
            lock->l_type = F_UNLCK;
        return error;
    case F_SETLK:
    case F_SETLKW:
        return sys_record_lock(file, lock, true);
    case F_GETOWN:
        return getpid();
    case F_SETOWN:
        return 0;
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ:
        if (file->inode != NULL || file->source == NULL)
            return -EBADF;
        return command == F_GETPIPE_SZ || arg <= SYS_PIPE_SIZE ? SYS_PIPE_SIZE : -EPERM;
    default:
        return -EINVAL;
    }
}

int _fcntl(int fd, int command, ...)
{
    struct file *file = fd_get(fd);
    va_list args;
    intptr_t arg;
    long done;

    /* What is passed is an int or a pointer; both travel in the same register. */
    va_start(args, command);
    arg = va_arg(args, intptr_t);
    va_end(args);
    if (file == NULL)
        return (int)result(-EBADF);
    done = sys_fcntl_file(fd, file, command, arg);
    file_put(file);
    return (int)result(done);
}
SYS_POSIX(fcntl);

int lockf(int fd, int command, off_t len)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len };

    switch (command) {
    case F_ULOCK:
        lock.l_type = F_UNLCK;
        return fcntl(fd, F_SETLK, &lock);
    case F_LOCK:
    case F_TLOCK:
        return fcntl(fd, F_SETLK, &lock);
    case F_TEST:
        return fcntl(fd, F_GETLK, &lock);
    default:
        return (int)result(-EINVAL);
    }
}
