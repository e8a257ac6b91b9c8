#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fd.h"
#include "pipe.h"
#include "process/result.h"

int pipe2(int fds[2], int flags)
{
    bool cloexec = (flags & O_CLOEXEC) != 0;
    struct file *ends[2];
    int in, out, error;

    if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) != 0 || (flags & O_DIRECT))
        return (int)result(-EINVAL); /* packets (O_DIRECT) are not offered */
    error = pipe_make(flags & O_NONBLOCK, ends);
    if (error < 0)
        return (int)result(error);
    in = fd_install(ends[0], cloexec);
    out = in < 0 ? in : fd_install(ends[1], cloexec);
    if (out >= 0) {
        fds[0] = in;
        fds[1] = out;
        return 0;
    }
    if (in >= 0)
        fd_close(in);
    else
        file_put(ends[0]);
    file_put(ends[1]);
    return (int)result(out);
}

int pipe(int fds[2])
{
    return pipe2(fds, 0);
}
