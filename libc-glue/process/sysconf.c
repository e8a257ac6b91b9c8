/*
 * sysconf: limits and options by number. What is fixed comes from <limits.h> and <unistd.h>, so that
 * both always say the same; -1 without an error: no limit, or no such option.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include <platform/memory.h>
#include <platform/vcpu.h>
#include <runtime/pages.h>

#include "files/fd.h"
#include "result.h"

#define SYSCONF_NAMES    (_SC_POSIX_26_VERSION + 1)
#define SYSCONF_UNKNOWN  0 /* not in the table: no limit, or not offered */
#define SYSCONF_GETPW_R  1024
#define SYSCONF_LINESIZE 64

/* Kept as one more than they are, so that 0 marks what is not here. */
#define IS(value) ((long)(value) + 1)

static const long sysconf_fixed[SYSCONF_NAMES] = {
    [_SC_ARG_MAX] = IS(ARG_MAX),
    [_SC_CHILD_MAX] = IS(CHILD_MAX),
    [_SC_CLK_TCK] = IS(CLOCKS_PER_SEC),
    [_SC_NGROUPS_MAX] = IS(NGROUPS_MAX),
    [_SC_JOB_CONTROL] = IS(_POSIX_JOB_CONTROL),
    [_SC_SAVED_IDS] = IS(_POSIX_SAVED_IDS),
    [_SC_VERSION] = IS(_POSIX_VERSION),
    [_SC_PAGESIZE] = IS(PAGE_SIZE),
    [_SC_NPROCESSORS_CONF] = IS(VCPU_MAX),
    [_SC_NPROCESSORS_ONLN] = IS(VCPU_MAX),
    [_SC_RTSIG_MAX] = IS(RTSIG_MAX),
    [_SC_SEM_NSEMS_MAX] = IS(SEM_NSEMS_MAX),
    [_SC_SEM_VALUE_MAX] = IS(SEM_VALUE_MAX),
    [_SC_SIGQUEUE_MAX] = IS(SIGQUEUE_MAX),
    [_SC_TZNAME_MAX] = IS(_POSIX_TZNAME_MAX),
    [_SC_FSYNC] = IS(_POSIX_FSYNC),
    [_SC_MAPPED_FILES] = IS(_POSIX_MAPPED_FILES),
    [_SC_MEMLOCK] = IS(_POSIX_VERSION), /* all memory is locked as it is */
    [_SC_MEMLOCK_RANGE] = IS(_POSIX_VERSION),
    [_SC_MEMORY_PROTECTION] = IS(_POSIX_MEMORY_PROTECTION),
    [_SC_REALTIME_SIGNALS] = IS(_POSIX_REALTIME_SIGNALS),
    [_SC_SEMAPHORES] = IS(_POSIX_SEMAPHORES),
    [_SC_SYNCHRONIZED_IO] = IS(_POSIX_SYNCHRONIZED_IO),
    [_SC_TIMERS] = IS(_POSIX_TIMERS),
    [_SC_DELAYTIMER_MAX] = IS(DELAYTIMER_MAX),
    [_SC_THREAD_KEYS_MAX] = IS(PTHREAD_KEYS_MAX),
    [_SC_THREAD_STACK_MIN] = IS(PTHREAD_STACK_MIN),
    [_SC_TTY_NAME_MAX] = IS(TTY_NAME_MAX),
    [_SC_THREADS] = IS(_POSIX_THREADS),
    [_SC_THREAD_ATTR_STACKADDR] = IS(_POSIX_THREAD_ATTR_STACKADDR),
    [_SC_THREAD_ATTR_STACKSIZE] = IS(_POSIX_THREAD_ATTR_STACKSIZE),
    [_SC_THREAD_PRIORITY_SCHEDULING] = IS(_POSIX_THREAD_PRIORITY_SCHEDULING),
    [_SC_THREAD_PROCESS_SHARED] = IS(_POSIX_THREAD_PROCESS_SHARED),
    [_SC_THREAD_SAFE_FUNCTIONS] = IS(_POSIX_THREAD_SAFE_FUNCTIONS),
    [_SC_GETGR_R_SIZE_MAX] = IS(SYSCONF_GETPW_R),
    [_SC_GETPW_R_SIZE_MAX] = IS(SYSCONF_GETPW_R),
    [_SC_LOGIN_NAME_MAX] = IS(LOGIN_NAME_MAX),
    [_SC_THREAD_DESTRUCTOR_ITERATIONS] = IS(PTHREAD_DESTRUCTOR_ITERATIONS),
    [_SC_ADVISORY_INFO] = IS(_POSIX_ADVISORY_INFO),
    [_SC_BARRIERS] = IS(_POSIX_BARRIERS),
    [_SC_BC_BASE_MAX] = IS(BC_BASE_MAX),
    [_SC_BC_DIM_MAX] = IS(BC_DIM_MAX),
    [_SC_BC_SCALE_MAX] = IS(BC_SCALE_MAX),
    [_SC_BC_STRING_MAX] = IS(BC_STRING_MAX),
    [_SC_CLOCK_SELECTION] = IS(_POSIX_CLOCK_SELECTION),
    [_SC_COLL_WEIGHTS_MAX] = IS(COLL_WEIGHTS_MAX),
    [_SC_CPUTIME] = IS(_POSIX_CPUTIME),
    [_SC_EXPR_NEST_MAX] = IS(EXPR_NEST_MAX),
    [_SC_HOST_NAME_MAX] = IS(HOST_NAME_MAX),
    [_SC_IOV_MAX] = IS(IOV_MAX),
    [_SC_IPV6] = IS(_POSIX_IPV6),
    [_SC_LINE_MAX] = IS(LINE_MAX),
    [_SC_MONOTONIC_CLOCK] = IS(_POSIX_MONOTONIC_CLOCK),
    [_SC_READER_WRITER_LOCKS] = IS(_POSIX_READER_WRITER_LOCKS),
    [_SC_REGEXP] = IS(_POSIX_REGEXP),
    [_SC_RE_DUP_MAX] = IS(RE_DUP_MAX),
    [_SC_SPAWN] = IS(_POSIX_SPAWN),
    [_SC_SPIN_LOCKS] = IS(_POSIX_SPIN_LOCKS),
    [_SC_SYMLOOP_MAX] = IS(SYMLOOP_MAX),
    [_SC_THREAD_CPUTIME] = IS(_POSIX_THREAD_CPUTIME),
    [_SC_TIMEOUTS] = IS(_POSIX_TIMEOUTS),
    [_SC_V7_LP64_OFF64] = IS(1),
    [_SC_PRIORITY_SCHEDULING] = IS(_POSIX_PRIORITY_SCHEDULING),
    [_SC_XOPEN_UNIX] = IS(_XOPEN_UNIX),
    [_SC_XOPEN_VERSION] = IS(_XOPEN_VERSION),
    [_SC_2_VERSION] = IS(_POSIX2_VERSION),
    [_SC_LEVEL1_ICACHE_LINESIZE] = IS(SYSCONF_LINESIZE),
    [_SC_LEVEL1_DCACHE_LINESIZE] = IS(SYSCONF_LINESIZE),
    [_SC_LEVEL2_CACHE_LINESIZE] = IS(SYSCONF_LINESIZE),
};

long sysconf(int name)
{
    struct pages_stats stats;

    switch (name) {
    case _SC_OPEN_MAX:
        return fd_limit();
    case _SC_PHYS_PAGES:
        pages_get_stats(&stats);
        return (long)stats.total;
    case _SC_AVPHYS_PAGES:
        pages_get_stats(&stats);
        return (long)stats.free;
    }
    if (name < 0 || name >= SYSCONF_NAMES)
        return result(-EINVAL);
    return sysconf_fixed[name] != SYSCONF_UNKNOWN ? sysconf_fixed[name] - 1 : -1;
}
