/* scandir and the orders it knows. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int strverscmp(const char *one, const char *two);

typedef int (*scandir_filter_t)(const struct dirent *);
typedef int (*scandir_order_t)(const struct dirent **, const struct dirent **);

struct scandir_list {
    struct dirent **entry;
    size_t n, room;
};

static int scandir_keep(struct scandir_list *list, const struct dirent *entry)
{
    struct dirent *copy;

    if (list->n == list->room) {
        size_t room = list->room != 0 ? list->room * 2 : 16;
        struct dirent **fresh = realloc(list->entry, room * sizeof(*fresh));

        if (fresh == NULL)
            return -1;
        list->entry = fresh;
        list->room = room;
    }
    copy = malloc(offsetof(struct dirent, d_name) + strlen(entry->d_name) + 1);
    if (copy == NULL)
        return -1;
    memcpy(copy, entry, offsetof(struct dirent, d_name) + strlen(entry->d_name) + 1);
    list->entry[list->n++] = copy;
    return 0;
}

static int scandir_read(DIR *dir, struct scandir_list *list, scandir_filter_t filter)
{
    struct dirent *entry;

    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (filter != NULL && !filter(entry))
            continue;
        errno = 0;
        if (scandir_keep(list, entry) < 0)
            return -1;
    }
    return errno != 0 ? -1 : 0;
}

static int scandir_dir(DIR *dir, struct dirent ***out, scandir_filter_t filter,
                       scandir_order_t order)
{
    struct scandir_list list = { 0 };
    int error = scandir_read(dir, &list, filter), saved = errno;

    closedir(dir);
    if (error < 0) {
        for (size_t i = 0; i < list.n; i++)
            free(list.entry[i]);
        free(list.entry);
        errno = saved != 0 ? saved : ENOMEM;
        return -1;
    }
    if (order != NULL && list.n > 1)
        qsort(list.entry, list.n, sizeof(*list.entry), (int (*)(const void *, const void *))order);
    *out = list.entry != NULL ? list.entry : calloc(1, sizeof(struct dirent *));
    return (int)list.n;
}

int scandirat(int at, const char *path, struct dirent ***out, scandir_filter_t filter,
              scandir_order_t order)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir;

    if (fd < 0)
        return -1;
    dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return -1;
    }
    return scandir_dir(dir, out, filter, order);
}

int scandir(const char *path, struct dirent ***out, scandir_filter_t filter, scandir_order_t order)
{
    return scandirat(AT_FDCWD, path, out, filter, order);
}

int alphasort(const struct dirent **one, const struct dirent **two)
{
    return strcoll((*one)->d_name, (*two)->d_name);
}

int versionsort(const struct dirent **one, const struct dirent **two)
{
    return strverscmp((*one)->d_name, (*two)->d_name);
}
