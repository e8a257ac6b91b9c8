#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>

void fakexen_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: ", file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    abort(); /* libFuzzer saves the input */
}
