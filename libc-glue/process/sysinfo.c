/* sysinfo: the guest's processor and memory in numbers. */
#include <stdlib.h>
#include <sys/sysinfo.h>

#include <unistd.h>

#include <platform/clock.h>
#include <platform/memory.h>
#include <platform/vcpu.h>
#include <runtime/pages.h>
#include <runtime/thread.h>

#include "clock.h"

int get_nprocs(void)
{
    return VCPU_MAX;
}

int get_nprocs_conf(void)
{
    return VCPU_MAX;
}

long get_phys_pages(void)
{
    struct pages_stats stats;

    pages_get_stats(&stats);
    return (long)stats.total;
}

long get_avphys_pages(void)
{
    struct pages_stats stats;

    pages_get_stats(&stats);
    return (long)stats.free;
}

int sysinfo(struct sysinfo *out)
{
    *out = (struct sysinfo){
        .uptime = (long)((clock_monotonic_ns() - clock_boot_ns()) / NS_PER_S),
        .totalram = (unsigned long)get_phys_pages(),
        .freeram = (unsigned long)get_avphys_pages(),
        .procs = (unsigned short)thread_count(),
        .mem_unit = PAGE_SIZE,
    };
    return 0;
}

int getpagesize(void)
{
    return PAGE_SIZE;
}

/* No averages are kept. */
int getloadavg(double average[], int n)
{
    (void)average;
    (void)n;
    return -1;
}
