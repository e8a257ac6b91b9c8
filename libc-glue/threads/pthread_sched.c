/*
 * pthread_sched: scheduling of single threads. As in sched.c: one policy, one priority, one vCPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "process/clock.h"
#include "posix_thread.h"

int pthread_getschedparam(pthread_t id, int *policy, struct sched_param *param)
{
    if (posix_thread_of(id) == NULL)
        return ESRCH;
    *policy = SCHED_OTHER;
    *param = (struct sched_param){ 0 };
    return 0;
}

int pthread_setschedparam(pthread_t id, int policy, const struct sched_param *param)
{
    if (posix_thread_of(id) == NULL)
        return ESRCH;
    if (sched_get_priority_max(policy) < 0 || param->sched_priority != 0)
        return EINVAL;
    return policy == SCHED_OTHER ? 0 : EPERM;
}

int pthread_setschedprio(pthread_t id, int priority)
{
    if (posix_thread_of(id) == NULL)
        return ESRCH;
    return priority == 0 ? 0 : EINVAL;
}

int pthread_getcpuclockid(pthread_t id, clockid_t *clock)
{
    const struct posix_thread *thread = posix_thread_of(id);

    if (thread == NULL || thread->thread == NULL)
        return ESRCH;
    *clock = CLOCK_OF_THREADS + thread->thread->id;
    return 0;
}

/* A hint that nobody needs: kernel threads, of which it counts, are what there is. */
static int pthread_concurrency;

int pthread_setconcurrency(int level)
{
    if (level < 0)
        return EINVAL;
    pthread_concurrency = level;
    return 0;
}

int pthread_getconcurrency(void)
{
    return pthread_concurrency;
}

void pthread_yield(void)
{
    thread_yield();
}

int pthread_getaffinity_np(pthread_t id, size_t size, cpu_set_t *set)
{
    if (posix_thread_of(id) == NULL)
        return ESRCH;
    return pthread_attr_getaffinity_np(NULL, size, set);
}

int pthread_setaffinity_np(pthread_t id, size_t size, const cpu_set_t *set)
{
    if (posix_thread_of(id) == NULL)
        return ESRCH;
    return pthread_attr_setaffinity_np(NULL, size, set);
}

/* Wherever a thread may run, it is on processor 0. */
int pthread_attr_getaffinity_np(const pthread_attr_t *attr, size_t size, cpu_set_t *set)
{
    (void)attr;
    return sched_getaffinity(0, size, set) == 0 ? 0 : EINVAL;
}

int pthread_attr_setaffinity_np(pthread_attr_t *attr, size_t size, const cpu_set_t *set)
{
    (void)attr;
    return sched_setaffinity(0, size, set) == 0 ? 0 : EINVAL;
}
