/*
 * rlimit: limits of resources. Memory and descriptors are what is limited in a guest. Limits on what
 * it does not have (core files, other processes) are remembered; one that would have to be watched
 * but is not (CPU time, file sizes) can't be set below infinity.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include <runtime/thread.h>

#include "files/fd.h"
#include "result.h"

#define RLIMIT_REMEMBERED                                                                         \
    (1u << RLIMIT_CORE | 1u << RLIMIT_NPROC | 1u << RLIMIT_MEMLOCK | 1u << RLIMIT_LOCKS |         \
     1u << RLIMIT_SIGPENDING | 1u << RLIMIT_MSGQUEUE | 1u << RLIMIT_NICE | 1u << RLIMIT_RTPRIO |  \
     1u << RLIMIT_RTTIME)

/* As distances from infinity, so that nothing has to be initialised. */
static struct rlimit rlimit_below[RLIMIT_NLIMITS];

static void rlimit_find_main(struct thread *thread, void *arg)
{
    if (thread->id == THREAD_MAIN)
        *(rlim_t *)arg = thread->stack_size;
}

static struct rlimit rlimit_read(unsigned resource)
{
    struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

    if (resource == RLIMIT_NOFILE) {
        limit.rlim_cur = (rlim_t)fd_limit();
        limit.rlim_max = FD_MAX;
    } else if (resource == RLIMIT_STACK) {
        thread_for_each(rlimit_find_main, &limit.rlim_cur);
        limit.rlim_max = limit.rlim_cur;
    } else {
        limit.rlim_cur -= rlimit_below[resource].rlim_cur;
        limit.rlim_max -= rlimit_below[resource].rlim_max;
    }
    return limit;
}

static int rlimit_write(unsigned resource, const struct rlimit *wanted)
{
    struct rlimit now = rlimit_read(resource);

    if (wanted->rlim_cur > wanted->rlim_max)
        return -EINVAL;
    if (wanted->rlim_max > now.rlim_max)
        return -EPERM;
    if (resource == RLIMIT_NOFILE)
        return fd_set_limit((int)wanted->rlim_cur);
    if ((RLIMIT_REMEMBERED & 1u << resource) != 0) {
        rlimit_below[resource].rlim_cur = RLIM_INFINITY - wanted->rlim_cur;
        rlimit_below[resource].rlim_max = RLIM_INFINITY - wanted->rlim_max;
        return 0;
    }
    return wanted->rlim_cur == now.rlim_cur ? 0 : -EINVAL;
}

int prlimit(pid_t pid, int resource, const struct rlimit *wanted, struct rlimit *old)
{
    struct rlimit now;

    if (pid != 0 && pid != getpid())
        return (int)result(-ESRCH);
    if (resource < 0 || resource >= RLIMIT_NLIMITS)
        return (int)result(-EINVAL);
    now = rlimit_read((unsigned)resource);
    if (wanted != NULL) {
        int error = rlimit_write((unsigned)resource, wanted);
        if (error != 0)
            return (int)result(error);
    }
    if (old != NULL)
        *old = now;
    return 0;
}

int getrlimit(int resource, struct rlimit *out)
{
    return prlimit(0, resource, NULL, out);
}

int setrlimit(int resource, const struct rlimit *wanted)
{
    return prlimit(0, resource, wanted, NULL);
}
