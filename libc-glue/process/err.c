/* err: messages on stderr that begin with the program's name. */
#define _GNU_SOURCE
#include <err.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "start.h"

/* code < 0: no reason at the end. */
static void err_print(int code, const char *format, va_list args)
{
    flockfile(stderr);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    if (format != NULL)
        vfprintf(stderr, format, args);
    if (code >= 0)
        fprintf(stderr, "%s%s", format != NULL ? ": " : "", strerror(code));
    putc('\n', stderr);
    funlockfile(stderr);
}

void vwarn(const char *format, va_list args)
{
    err_print(errno, format, args);
}

void vwarnx(const char *format, va_list args)
{
    err_print(-1, format, args);
}

void verr(int status, const char *format, va_list args)
{
    err_print(errno, format, args);
    exit(status);
}

void verrx(int status, const char *format, va_list args)
{
    err_print(-1, format, args);
    exit(status);
}

void warn(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vwarn(format, args);
    va_end(args);
}

void warnx(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vwarnx(format, args);
    va_end(args);
}

void err(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    verr(status, format, args);
}

void errx(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    verrx(status, format, args);
}
