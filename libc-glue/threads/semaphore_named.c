/*
 * semaphore_named: semaphores by name. One exists once, is counted for each sem_open(), and is
 * freed when its name is unlinked and all have closed it.
 */
#include <semaphore.h>

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <runtime/list.h>
#include <runtime/sync.h>

#include "process/result.h"

struct named_semaphore {
    sem_t semaphore;
    struct list link;
    unsigned opened;
    bool unlinked;
    char name[]; /* without the slash */
};

static struct {
    struct mutex mutex;
    struct list all;
} named = { .all = LIST_INIT(named.all) };

/* 0 and the name without its slash, or the errno that POSIX gives for such a name. */
static int named_check(const char **name)
{
    if ((*name)[0] == '/')
        (*name)++;
    if ((*name)[0] == '\0' || strchr(*name, '/') != NULL)
        return -EINVAL;
    return strlen(*name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

static struct named_semaphore *named_find(const char *name)
{
    list_for_each(link, &named.all)
    {
        struct named_semaphore *at = list_entry(link, struct named_semaphore, link);

        if (!at->unlinked && strcmp(at->name, name) == 0)
            return at;
    }
    return NULL;
}

static struct named_semaphore *named_of(const sem_t *sem)
{
    list_for_each(link, &named.all)
    {
        struct named_semaphore *at = list_entry(link, struct named_semaphore, link);

        if (&at->semaphore == sem)
            return at;
    }
    return NULL;
}

static void named_release(struct named_semaphore *at)
{
    if (at->opened != 0 || !at->unlinked)
        return;
    list_remove(&at->link);
    free(at);
}

static int named_create(const char *name, unsigned value, struct named_semaphore **out)
{
    struct named_semaphore *fresh;

    if (value > SEM_VALUE_MAX)
        return -EINVAL;
    fresh = calloc(1, sizeof(*fresh) + strlen(name) + 1);
    if (fresh == NULL)
        return -ENOMEM;
    sem_init(&fresh->semaphore, 0, value);
    strcpy(fresh->name, name);
    list_append(&named.all, &fresh->link);
    *out = fresh;
    return 0;
}

sem_t *sem_open(const char *name, int flags, ...)
{
    struct named_semaphore *at;
    int error = named_check(&name);
    va_list args;

    if (error != 0)
        return result_null(error);
    va_start(args, flags);
    mutex_lock(&named.mutex);
    at = named_find(name);
    if (at == NULL && (flags & O_CREAT) == 0) {
        error = -ENOENT;
    } else if (at != NULL && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
        error = -EEXIST;
    } else if (at == NULL) {
        (void)va_arg(args, int); /* the mode: there is one user */
        error = named_create(name, va_arg(args, unsigned), &at);
    }
    if (error == 0)
        at->opened++;
    mutex_unlock(&named.mutex);
    va_end(args);
    return error == 0 ? &at->semaphore : result_null(error);
}

int sem_close(sem_t *sem)
{
    struct named_semaphore *at;
    int error = 0;

    mutex_lock(&named.mutex);
    at = named_of(sem);
    if (at == NULL || at->opened == 0) {
        error = -EINVAL;
    } else {
        at->opened--;
        named_release(at);
    }
    mutex_unlock(&named.mutex);
    return (int)result(error);
}

int sem_unlink(const char *name)
{
    struct named_semaphore *at = NULL;
    int error = named_check(&name);

    if (error == -EINVAL)
        error = -ENOENT; /* no such name was ever opened */
    if (error != 0)
        return (int)result(error);
    mutex_lock(&named.mutex);
    at = named_find(name);
    if (at != NULL) {
        at->unlinked = true;
        named_release(at);
    }
    mutex_unlock(&named.mutex);
    return (int)result(at != NULL ? 0 : -ENOENT);
}
