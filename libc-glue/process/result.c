#include "result.h"

#include <errno.h>
#include <stddef.h>

long result(long value)
{
    if (value >= 0)
        return value;
    errno = (int)-value;
    return -1;
}

void *result_null(int error)
{
    errno = -error;
    return NULL;
}
