/* progname: BSD's names for the program's own. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "start.h"

const char *getprogname(void)
{
    return program_invocation_short_name;
}

void setprogname(const char *name)
{
    const char *slash = strrchr(name, '/');

    program_invocation_short_name = (char *)(slash != NULL ? slash + 1 : name);
}
