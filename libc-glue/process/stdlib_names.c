/* stdlib_names: names of other C libraries that newlib lacks. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <unistd.h>

char *ctermid(char *buffer);
char *cuserid(char *buffer);

/* A guest's program never has more rights than whoever started it. */
char *secure_getenv(const char *name)
{
    return getenv(name);
}

int clearenv(void)
{
    static char *none[1];

    environ = none;
    return 0;
}

int posix_memalign(void **out, size_t align, size_t size)
{
    void *memory;

    if (align < sizeof(void *) || (align & (align - 1)) != 0)
        return EINVAL;
    memory = memalign(align, size);
    if (memory == NULL)
        return ENOMEM;
    *out = memory;
    return 0;
}

int ftime(struct timeb *out)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    *out = (struct timeb){ .time = now.tv_sec, .millitm = (unsigned short)(now.tv_usec / 1000) };
    return 0;
}

char *ctermid(char *buffer)
{
    static char name[] = "/dev/tty";

    return buffer != NULL ? strcpy(buffer, name) : name;
}

char *cuserid(char *buffer)
{
    static char name[] = "root";

    return buffer != NULL ? strcpy(buffer, name) : name;
}

/* newlib has these under reserved names only. */
ssize_t getdelim(char **line, size_t *size, int end, FILE *stream)
{
    return __getdelim(line, size, end, stream);
}

ssize_t getline(char **line, size_t *size, FILE *stream)
{
    return __getdelim(line, size, '\n', stream);
}
