/*
 * hostname: the guest's name: `name=` of the command line, or what the program set.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <runtime/launch.h>
#include <runtime/sync.h>

#include "result.h"

static struct {
    struct mutex mutex; /* protects set, text */
    int set;
    char text[HOST_NAME_MAX + 1];
} hostname;

int gethostname(char *name, size_t size)
{
    const char *text = launch_setting("name", 0);
    int error = 0;

    mutex_lock(&hostname.mutex);
    if (hostname.set)
        text = hostname.text;
    else if (text == NULL)
        text = "xenolith";
    if (strlen(text) < size)
        strcpy(name, text);
    else
        error = -ENAMETOOLONG;
    mutex_unlock(&hostname.mutex);
    return (int)result(error);
}

int sethostname(const char *name, size_t len)
{
    if (len > HOST_NAME_MAX)
        return (int)result(-EINVAL);
    mutex_lock(&hostname.mutex);
    memcpy(hostname.text, name, len);
    hostname.text[len] = '\0';
    hostname.set = 1;
    mutex_unlock(&hostname.mutex);
    return 0;
}

int getdomainname(char *name, size_t size)
{
    if (size == 0)
        return (int)result(-EINVAL);
    name[0] = '\0'; /* there is no NIS here */
    return 0;
}

int setdomainname(const char *name, size_t len)
{
    (void)name;
    return (int)result(len == 0 ? 0 : -EPERM);
}

/* No two guests can be told apart by it: POSIX asks for a number only. */
long gethostid(void)
{
    return 0;
}
