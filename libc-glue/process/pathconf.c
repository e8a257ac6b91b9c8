/*
 * pathconf: limits of files by number, the same for every file.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#include <platform/memory.h>

#include "files/fd.h"
#include "result.h"

long pathconf(const char *path, int name)
{
    (void)path;
    switch (name) {
    case _PC_LINK_MAX:
        return LINK_MAX;
    case _PC_MAX_CANON:
        return MAX_CANON;
    case _PC_MAX_INPUT:
        return MAX_INPUT;
    case _PC_NAME_MAX:
        return NAME_MAX;
    case _PC_PATH_MAX:
        return PATH_MAX;
    case _PC_PIPE_BUF:
        return PIPE_BUF;
    case _PC_CHOWN_RESTRICTED:
        return _POSIX_CHOWN_RESTRICTED;
    case _PC_NO_TRUNC:
        return _POSIX_NO_TRUNC;
    case _PC_VDISABLE:
        return _POSIX_VDISABLE;
    case _PC_SYNC_IO:
        return _POSIX_SYNCHRONIZED_IO;
    case _PC_FILESIZEBITS:
        return 64;
    case _PC_2_SYMLINKS:
        return 1;
    case _PC_SYMLINK_MAX:
        return PATH_MAX;
    case _PC_ALLOC_SIZE_MIN:
    case _PC_REC_MIN_XFER_SIZE:
    case _PC_REC_XFER_ALIGN:
        return PAGE_SIZE;
    case _PC_TIMESTAMP_RESOLUTION:
        return 1; /* nanosecond */
    case _PC_ASYNC_IO:
    case _PC_PRIO_IO:
    case _PC_REC_INCR_XFER_SIZE:
    case _PC_REC_MAX_XFER_SIZE:
        return -1;
    }
    return result(-EINVAL);
}

long fpathconf(int fd, int name)
{
    struct file *file = fd_get(fd);

    if (file == NULL)
        return result(-EBADF);
    file_put(file);
    return pathconf("", name);
}
