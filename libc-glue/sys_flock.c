#include <errno.h>
#include <sys/file.h>

#include "fd.h"
#include "file_lock.h"
#include "interrupt.h"
#include "result.h"

int flock(int fd, int operation)
{
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL)
        return (int)result(-EBADF);
    error = file_lock(file, operation);
    file_put(file);
    if (error == -EINTR)
        interrupt_cancel_point();
    return (int)result(error);
}
