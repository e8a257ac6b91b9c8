/*
 * sched: POSIX's scheduling calls. The runtime's scheduler knows one policy, round robin among all that
 * are ready (SCHED_OTHER), and one priority.
 */
#define _GNU_SOURCE
#include <sched.h>

#include <errno.h>
#include <unistd.h>

#include <platform/vcpu.h>
#include <runtime/thread.h>

#include "result.h"

#define SCHED_SLICE_NS 2000000 /* how long a thread runs while others are ready: see runtime/thread.c */

int sched_yield(void)
{
    thread_yield();
    return 0;
}

static int sched_priority(int policy)
{
    switch (policy) {
    case SCHED_OTHER:
    case SCHED_FIFO:
    case SCHED_RR:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return 0;
    }
    return (int)result(-EINVAL);
}

int sched_get_priority_max(int policy)
{
    return sched_priority(policy);
}

int sched_get_priority_min(int policy)
{
    return sched_priority(policy);
}

static int sched_check(pid_t pid)
{
    return pid == 0 || pid == getpid() ? 0 : -ESRCH;
}

int sched_getparam(pid_t pid, struct sched_param *out)
{
    int error = sched_check(pid);

    if (error == 0)
        *out = (struct sched_param){ 0 };
    return (int)result(error);
}

int sched_setparam(pid_t pid, const struct sched_param *param)
{
    int error = sched_check(pid);

    return (int)result(error != 0 ? error : param->sched_priority != 0 ? -EINVAL : 0);
}

int sched_getscheduler(pid_t pid)
{
    int error = sched_check(pid);

    return (int)result(error != 0 ? error : SCHED_OTHER);
}

int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
    int error = sched_check(pid);

    if (error == 0 && (sched_priority(policy) < 0 || param->sched_priority != 0))
        error = -EINVAL;
    if (error == 0 && policy != SCHED_OTHER)
        error = -EPERM;
    return (int)result(error != 0 ? error : SCHED_OTHER);
}

int sched_rr_get_interval(pid_t pid, struct timespec *out)
{
    int error = sched_check(pid);

    if (error == 0)
        *out = (struct timespec){ .tv_nsec = SCHED_SLICE_NS };
    return (int)result(error);
}

int sched_getcpu(void)
{
    return (int)vcpu_id();
}

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    (void)pid; /* or a thread's id */
    if (size < sizeof(set->__bits[0]))
        return (int)result(-EINVAL);
    __builtin_memset(set, 0, size);
    set->__bits[0] = 1;
    return 0;
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
    (void)pid;
    return (int)result(size >= sizeof(set->__bits[0]) && (set->__bits[0] & 1) != 0 ? 0 : -EINVAL);
}
