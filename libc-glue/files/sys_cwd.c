/* The working directory, and paths made absolute. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "process/result.h"
#include "vfs.h"

int chdir(const char *path)
{
    struct inode *dir;
    int error = path != NULL ? vfs_lookup(NULL, path, 0, &dir) : -EFAULT;

    if (error == 0) {
        error = vfs_chdir(dir);
        inode_put(dir);
    }
    return (int)result(error);
}

int fchdir(int fd)
{
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL)
        return (int)result(-EBADF);
    error = file->inode != NULL ? vfs_chdir(file->inode) : -ENOTDIR;
    file_put(file);
    return (int)result(error);
}

int chroot(const char *path)
{
    struct inode *dir;
    int error = path != NULL ? vfs_lookup(NULL, path, 0, &dir) : -EFAULT;

    if (error == 0) {
        error = !S_ISDIR(dir->kind) ? -ENOTDIR : dir->fs->root == dir && dir->fs->covered == NULL
                                                     ? 0
                                                     : -ENOSYS;
        inode_put(dir);
    }
    return (int)result(error);
}

/* A buffer of our own when the caller has none, cut to the length needed. */
static char *sys_getcwd_new(size_t size)
{
    char *path = malloc(size);
    char *found = path != NULL ? getcwd(path, size) : NULL;

    if (found == NULL) {
        free(path);
        return NULL;
    }
    found = realloc(path, strlen(path) + 1);
    return found != NULL ? found : path;
}

char *getcwd(char *path, size_t size)
{
    struct inode *dir;
    ssize_t len;

    if (path == NULL)
        return sys_getcwd_new(size != 0 ? size : PATH_MAX);
    if (size == 0)
        return result_null(-EINVAL);
    dir = vfs_cwd();
    if (dir == NULL)
        return result_null(-ENOENT);
    len = vfs_path_of(dir, path, size);
    inode_put(dir);
    return len < 0 ? result_null((int)len) : path;
}

char *get_current_dir_name(void)
{
    return getcwd(NULL, 0);
}

char *getwd(char *path)
{
    return getcwd(path, PATH_MAX);
}

char *realpath(const char *path, char *resolved)
{
    char *buffer = resolved;
    ssize_t len;

    if (path == NULL)
        return result_null(-EINVAL);
    if (buffer == NULL)
        buffer = malloc(PATH_MAX);
    if (buffer == NULL)
        return result_null(-ENOMEM);
    len = vfs_realpath(path, buffer, PATH_MAX);
    if (len >= 0)
        return buffer;
    if (resolved == NULL)
        free(buffer);
    return result_null((int)len);
}

char *canonicalize_file_name(const char *path)
{
    return realpath(path, NULL);
}
