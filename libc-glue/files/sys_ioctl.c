#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "fd.h"
#include "inode.h"
#include "signals/interrupt.h"
#include "process/result.h"

/* What any file knows. */
static int sys_ioctl_any(int fd, struct file *file, unsigned long request, void *arg)
{
    int flags = file_flags(file);

    switch (request) {
    case FIONBIO:
        file_set_flags(file, *(const int *)arg ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
        return 0;
    case FIOASYNC:
        return *(const int *)arg ? -EOPNOTSUPP : 0;
    case FIOCLEX:
    case FIONCLEX:
        return fd_set_cloexec(fd, request == FIOCLEX);
    case FIONREAD:
        if (file->inode != NULL && S_ISREG(file->inode->kind)) {
            off_t left = file->inode->size - file->offset;

            *(int *)arg = left > 0x7fffffff ? 0x7fffffff : left > 0 ? (int)left : 0;
            return 0;
        }
        break;
    default:
        break;
    }
    return file_ioctl(file, request, arg);
}

int ioctl(int fd, unsigned long request, ...)
{
    struct file *file = fd_get(fd);
    va_list args;
    void *arg;
    int done;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    if (file == NULL)
        return (int)result(-EBADF);
    done = sys_ioctl_any(fd, file, (unsigned int)request, arg);
    file_put(file);
    if (signal_release != NULL)
        signal_release(); /* TIOCSWINSZ raises SIGWINCH: here and now */
    return (int)result(done);
}
