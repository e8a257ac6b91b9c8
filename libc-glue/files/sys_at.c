#include "sys_at.h"

#include <errno.h>
#include <fcntl.h>

#include "fd.h"

int sys_at(int fd, const char *path, struct inode **at)
{
    struct file *file;
    int error = 0;

    *at = NULL;
    if (path == NULL)
        return -EFAULT;
    if (fd == AT_FDCWD || path[0] == '/')
        return 0;
    file = fd_get(fd);
    if (file == NULL)
        return -EBADF;
    if (file->inode == NULL || !S_ISDIR(file->inode->kind))
        error = -ENOTDIR;
    else
        *at = inode_ref(file->inode);
    file_put(file);
    return error;
}
