/* auxv: what a kernel would have put on the stack. */
#define _GNU_SOURCE
#include <sys/auxv.h>

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <platform/memory.h>

#include "result.h"
#include "start.h"

unsigned long getauxval(unsigned long type)
{
    switch (type) {
    case AT_PAGESZ:
        return PAGE_SIZE;
    case AT_CLKTCK:
        return CLOCKS_PER_SEC;
    case AT_UID:
        return getuid();
    case AT_EUID:
        return geteuid();
    case AT_GID:
        return getgid();
    case AT_EGID:
        return getegid();
    case AT_EXECFN:
        return (unsigned long)program_invocation_name;
    case AT_SECURE:
        return 0;
    }
    result(-ENOENT);
    return 0;
}
