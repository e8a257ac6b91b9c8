#include <errno.h>
#include <sys/file.h>

#include "fd.h"
#include "file_lock.h"
#include "signals/interrupt.h"
#include "process/result.h"

int flock(int fd, int operation)
{
    struct file *file;
    int error;

    do {
        interrupt_hold();
        file = fd_get(fd);
        error = -EBADF;
        if (file != NULL) {
            error = file_lock(file, operation);
            file_put(file);
        }
    } while (interrupt_again(error));
    return (int)result(error);
}
