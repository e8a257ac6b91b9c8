/* Directory streams. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "process/result.h"

struct __dirstream {
    struct mutex mutex; /* "directory stream": protects entry */
    int fd;
    struct file *file; /* a reference */
    struct dirent entry;
};

/* The next entry into *out: 1, 0 at the end, or a negative errno. */
static int dirent_next(struct file *file, struct dirent *out)
{
    struct file_entry entry;
    int found;

    mutex_lock(&file->offset_mutex);
    found = file->ops->next_entry(file, &entry);
    mutex_unlock(&file->offset_mutex);
    if (found <= 0)
        return found;
    out->d_ino = entry.ino;
    out->d_off = entry.next;
    out->d_type = entry.type;
    strcpy(out->d_name, entry.name);
    out->d_reclen = (unsigned short)((offsetof(struct dirent, d_name) + strlen(entry.name) + 8) &
                                     ~(size_t)7);
    return 1;
}

DIR *fdopendir(int fd)
{
    struct file *file = fd_get(fd);
    DIR *dir;

    if (file == NULL)
        return result_null(-EBADF);
    dir = file->ops->next_entry != NULL ? calloc(1, sizeof(*dir)) : NULL;
    if (dir == NULL) {
        int error = file->ops->next_entry != NULL ? -ENOMEM : -ENOTDIR;

        file_put(file);
        return result_null(error);
    }
    dir->fd = fd;
    dir->file = file;
    fd_set_cloexec(fd, true);
    return dir;
}

DIR *opendir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir;

    if (fd < 0)
        return NULL;
    dir = fdopendir(fd);
    if (dir == NULL)
        fd_close(fd);
    return dir;
}

int closedir(DIR *dir)
{
    int fd = dir->fd;

    file_put(dir->file);
    free(dir);
    return (int)result(fd_close(fd));
}

int fdclosedir(DIR *dir)
{
    int fd = dir->fd;

    file_put(dir->file);
    free(dir);
    return fd;
}

int dirfd(DIR *dir)
{
    return dir->fd;
}

struct dirent *readdir(DIR *dir)
{
    int found;

    mutex_lock(&dir->mutex);
    found = dirent_next(dir->file, &dir->entry);
    mutex_unlock(&dir->mutex);
    if (found < 0)
        return result_null(found);
    return found > 0 ? &dir->entry : NULL;
}

int readdir_r(DIR *dir, struct dirent *entry, struct dirent **out)
{
    int found = dirent_next(dir->file, entry);

    *out = found > 0 ? entry : NULL;
    return found < 0 ? -found : 0;
}

void seekdir(DIR *dir, long position)
{
    file_seek(dir->file, position, SEEK_SET);
}

void rewinddir(DIR *dir)
{
    seekdir(dir, 0);
}

long telldir(DIR *dir)
{
    return result(file_seek(dir->file, 0, SEEK_CUR));
}

ssize_t posix_getdents(int fd, void *buffer, size_t size, int flags)
{
    struct file *file = fd_get(fd);
    ssize_t done = 0;
    int found = 0;

    if (file == NULL)
        return result(-EBADF);
    if (file->ops->next_entry == NULL || flags != 0)
        found = flags != 0 ? -EINVAL : -ENOTDIR;
    while (found >= 0) {
        off_t before = file->offset;
        struct dirent entry;

        found = dirent_next(file, &entry);
        if (found <= 0)
            break;
        if (entry.d_reclen > size - (size_t)done) {
            file_seek(file, before, SEEK_SET);
            found = done > 0 ? 0 : -EINVAL;
            break;
        }
        memcpy((char *)buffer + done, &entry,
               offsetof(struct dirent, d_name) + strlen(entry.d_name) + 1);
        done += entry.d_reclen;
    }
    file_put(file);
    return result(found < 0 && done == 0 ? found : done);
}
