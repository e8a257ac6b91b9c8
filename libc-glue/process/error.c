/* error: GNU's messages on stderr. */
#define _GNU_SOURCE
#include <error.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "start.h"

unsigned int error_message_count;
int error_one_per_line;
void (*error_print_progname)(void);

static void error_begin(void)
{
    fflush(stdout);
    flockfile(stderr);
    if (error_print_progname != NULL)
        error_print_progname();
    else
        fprintf(stderr, "%s:", program_invocation_name);
}

static void error_end(int status, int code, const char *format, va_list args)
{
    vfprintf(stderr, format, args);
    if (code != 0)
        fprintf(stderr, ": %s", strerror(code));
    putc('\n', stderr);
    fflush(stderr);
    error_message_count++;
    funlockfile(stderr);
    if (status != 0)
        exit(status);
}

void error(int status, int code, const char *format, ...)
{
    va_list args;

    error_begin();
    putc(' ', stderr);
    va_start(args, format);
    error_end(status, code, format, args);
    va_end(args);
}

void error_at_line(int status, int code, const char *file, unsigned int line, const char *format,
                   ...)
{
    static struct {
        const char *file;
        unsigned int line;
    } last; /* written under the lock of stderr */
    va_list args;

    if (error_one_per_line != 0 && file != NULL && last.file != NULL && last.line == line &&
        strcmp(last.file, file) == 0)
        return;
    error_begin();
    last.file = file;
    last.line = line;
    if (file != NULL)
        fprintf(stderr, "%s:%u: ", file, line);
    else
        putc(' ', stderr);
    va_start(args, format);
    error_end(status, code, format, args);
    va_end(args);
}
