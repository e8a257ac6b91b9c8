#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "eventfd.h"
#include "fd.h"
#include "process/result.h"

int eventfd(unsigned int initial, int flags)
{
    struct file *file;
    int fd, error;

    if ((flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)) != 0)
        return (int)result(-EINVAL);
    error = eventfd_make(initial, (flags & EFD_SEMAPHORE) != 0, flags & EFD_NONBLOCK, &file);
    if (error < 0)
        return (int)result(error);
    fd = fd_install(file, (flags & EFD_CLOEXEC) != 0);
    if (fd < 0)
        file_put(file);
    return (int)result(fd);
}

int eventfd_read(int fd, eventfd_t *value)
{
    return read(fd, value, sizeof(*value)) == (ssize_t)sizeof(*value) ? 0 : -1;
}

int eventfd_write(int fd, eventfd_t value)
{
    return write(fd, &value, sizeof(value)) == (ssize_t)sizeof(value) ? 0 : -1;
}
