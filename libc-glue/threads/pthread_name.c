/* pthread_name: names of threads, as crash reports and debuggers show them. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "posix_thread.h"

int pthread_setname_np(pthread_t id, const char *name)
{
    struct posix_thread *posix = posix_thread_of(id);
    size_t len = strlen(name);

    if (posix == NULL || posix->thread == NULL)
        return ESRCH;
    if (len >= THREAD_NAME_SIZE)
        return ERANGE;
    memcpy(posix->thread->name, name, len + 1);
    return 0;
}

int pthread_getname_np(pthread_t id, char *buffer, size_t size)
{
    const struct posix_thread *posix = posix_thread_of(id);

    if (posix == NULL || posix->thread == NULL)
        return ESRCH;
    if (size <= strlen(posix->thread->name))
        return ERANGE;
    strcpy(buffer, posix->thread->name);
    return 0;
}
