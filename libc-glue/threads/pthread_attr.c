/*
 * pthread_attr: attributes of threads. Those that a guest cannot offer are refused when they are
 * set or, scheduling, when a thread is created with them; the address of a stack is, as elsewhere,
 * its upper end.
 */
#define _GNU_SOURCE
#include "pthread_attr.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <platform/memory.h>

#include "posix_thread.h"

int pthread_attr_init(pthread_attr_t *attr)
{
    *attr = (pthread_attr_t){ .__stacksize = THREAD_STACK_DEFAULT, .__guardsize = PAGE_SIZE };
    return 0;
}

int pthread_attr_destroy(pthread_attr_t *attr)
{
    memset(attr, 0xff, sizeof(*attr)); /* no state, no size: not to be used */
    return 0;
}

int pthread_attr_apply(const pthread_attr_t *attr, struct thread_attr *how)
{
    if (attr->__detachstate != PTHREAD_CREATE_JOINABLE &&
        attr->__detachstate != PTHREAD_CREATE_DETACHED)
        return EINVAL;
    if (attr->__inheritsched == PTHREAD_EXPLICIT_SCHED) {
        if (attr->__schedparam.sched_priority != 0)
            return EINVAL;
        if (attr->__schedpolicy != SCHED_OTHER)
            return EPERM;
    }
    how->stack_size = attr->__stacksize;
    how->guard_size = attr->__guardsize;
    if (attr->__stackaddr == NULL)
        return 0;
    if (attr->__stacksize < PTHREAD_STACK_MIN)
        return EINVAL;
    how->stack = (char *)attr->__stackaddr - attr->__stacksize;
    return 0;
}

int pthread_getattr_np(pthread_t id, pthread_attr_t *attr)
{
    const struct posix_thread *posix = posix_thread_of(id);

    if (posix == NULL || posix->thread == NULL)
        return ESRCH;
    *attr = (pthread_attr_t){
        .__detachstate =
            posix->join == POSIX_DETACHED ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE,
        .__stackaddr = (char *)posix->thread->stack_base + posix->thread->stack_size,
        .__stacksize = posix->thread->stack_size,
        .__guardsize = posix->thread->stack_is_ours ? PAGE_SIZE : 0,
    };
    return 0;
}

/* Sets one of two values, which every such attribute of POSIX has. */
static int pthread_attr_choose(int *field, int value, int one, int other)
{
    if (value != one && value != other)
        return EINVAL;
    *field = value;
    return 0;
}

int pthread_attr_setdetachstate(pthread_attr_t *attr, int state)
{
    return pthread_attr_choose(&attr->__detachstate, state, PTHREAD_CREATE_JOINABLE,
                               PTHREAD_CREATE_DETACHED);
}

int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state)
{
    *state = attr->__detachstate;
    return 0;
}

int pthread_attr_setinheritsched(pthread_attr_t *attr, int inherit)
{
    return pthread_attr_choose(&attr->__inheritsched, inherit, PTHREAD_INHERIT_SCHED,
                               PTHREAD_EXPLICIT_SCHED);
}

int pthread_attr_getinheritsched(const pthread_attr_t *attr, int *inherit)
{
    *inherit = attr->__inheritsched;
    return 0;
}

/*
 * All threads compete for the same vCPU, which is both scopes' meaning here; one of them is
 * offered.
 */
int pthread_attr_setscope(pthread_attr_t *attr, int scope)
{
    if (scope == PTHREAD_SCOPE_PROCESS)
        return ENOTSUP;
    return pthread_attr_choose(&attr->__scope, scope, PTHREAD_SCOPE_SYSTEM, PTHREAD_SCOPE_SYSTEM);
}

int pthread_attr_getscope(const pthread_attr_t *attr, int *scope)
{
    *scope = attr->__scope;
    return 0;
}

int pthread_attr_setschedpolicy(pthread_attr_t *attr, int policy)
{
    if (sched_get_priority_max(policy) < 0)
        return EINVAL;
    attr->__schedpolicy = policy;
    return 0;
}

int pthread_attr_getschedpolicy(const pthread_attr_t *attr, int *policy)
{
    *policy = attr->__schedpolicy;
    return 0;
}

int pthread_attr_setschedparam(pthread_attr_t *attr, const struct sched_param *param)
{
    if (param->sched_priority != 0)
        return EINVAL;
    attr->__schedparam = *param;
    return 0;
}

int pthread_attr_getschedparam(const pthread_attr_t *attr, struct sched_param *param)
{
    *param = attr->__schedparam;
    return 0;
}

/* The runtime's own stacks always have one page as their guard. */
int pthread_attr_setguardsize(pthread_attr_t *attr, size_t size)
{
    attr->__guardsize = size;
    return 0;
}

int pthread_attr_getguardsize(const pthread_attr_t *attr, size_t *size)
{
    *size = attr->__guardsize;
    return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
    if (size < PTHREAD_STACK_MIN || size > (size_t)PTRDIFF_MAX)
        return EINVAL;
    attr->__stacksize = size;
    return 0;
}

int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *size)
{
    *size = attr->__stacksize;
    return 0;
}

int pthread_attr_setstack(pthread_attr_t *attr, void *address, size_t size)
{
    if (((uintptr_t)address & 15) != 0 || (size & 15) != 0)
        return EINVAL;
    if (pthread_attr_setstacksize(attr, size) != 0)
        return EINVAL;
    attr->__stackaddr = (char *)address + size;
    return 0;
}

int pthread_attr_getstack(const pthread_attr_t *attr, void **address, size_t *size)
{
    *size = attr->__stacksize;
    *address = attr->__stackaddr != NULL ? (char *)attr->__stackaddr - attr->__stacksize : NULL;
    return 0;
}

int pthread_attr_setstackaddr(pthread_attr_t *attr, void *address)
{
    if (((uintptr_t)address & 15) != 0)
        return EINVAL;
    attr->__stackaddr = address;
    return 0;
}

int pthread_attr_getstackaddr(const pthread_attr_t *attr, void **address)
{
    *address = attr->__stackaddr;
    return 0;
}
