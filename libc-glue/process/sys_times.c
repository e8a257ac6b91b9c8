/*
 * sys_times: times(). A tick is a microsecond, CLOCKS_PER_SEC and sysconf(_SC_CLK_TCK) say so; there is
 * no kernel whose time were not the program's.
 */
#define _GNU_SOURCE
#include <sys/times.h>

#include <platform/clock.h>

#include "clock.h"

clock_t _times(struct tms *out);

clock_t _times(struct tms *out)
{
    uint64_t ns;

    clock_read(CLOCK_PROCESS_CPUTIME_ID, &ns);
    if (out != NULL)
        *out = (struct tms){ .tms_utime = (clock_t)(ns / NS_PER_US) };
    clock_read(CLOCK_BOOTTIME, &ns);
    return (clock_t)(ns / NS_PER_US);
}

extern __typeof__(times) times __attribute__((weak, alias("_times")));
