/* rusage: what the program has used so far. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#include <platform/memory.h>
#include <runtime/pages.h>

#include "clock.h"
#include "result.h"

int getrusage(int who, struct rusage *out)
{
    struct pages_stats pages;
    uint64_t ns = 0;

    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
        return (int)result(-EINVAL);
    *out = (struct rusage){ 0 };
    if (who == RUSAGE_CHILDREN)
        return 0;
    clock_read(who == RUSAGE_SELF ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID, &ns);
    out->ru_utime.tv_sec = (time_t)(ns / NS_PER_S);
    out->ru_utime.tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US);
    pages_get_stats(&pages);
    out->ru_maxrss = (long)((pages.boot + pages.used) * (PAGE_SIZE / 1024));
    return 0;
}
