/*
 * pthread_mutex: mutexes. An uncontended lock is one atomic operation, and so is its unlock.
 *
 *   __word[0]     futex word: 0 free, 1 held, 2 held and perhaps waited for
 *   __word[1]     how often a recursive one is held; its owner's
 *   __pointer[0]  owner of a recursive or error-checking one; a thread asks it only about itself
 *   __type        the type; the attributes that change nothing here lie above it
 *
 * Threads have one priority, so PTHREAD_PRIO_INHERIT and PTHREAD_PRIO_PROTECT hold by themselves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include <runtime/sync.h>
#include <runtime/thread.h>

#include "pthread_mutex.h"
#include "wait_limit.h"

#define MUTEX_WORD __word[0]
#define MUTEX_DEPTH __word[1]
#define MUTEX_OWNER __pointer[0]
#define MUTEX_TYPE(mutex) ((mutex)->__type & MUTEX_TYPE_MASK)
#define MUTEX_PROTOCOL(mutex) ((mutex)->__type >> MUTEX_PROTOCOL_SHIFT & MUTEX_PROTOCOL_MASK)
#define MUTEX_DESTROYED (-1)

static bool mutex_try(pthread_mutex_t *mutex)
{
    unsigned free = 0;

    return __atomic_compare_exchange_n(&mutex->MUTEX_WORD, &free, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static bool mutex_is_mine(const pthread_mutex_t *mutex)
{
    return __atomic_load_n(&mutex->MUTEX_OWNER, __ATOMIC_RELAXED) == thread_self();
}

/* The mutex is the caller's now. */
static int mutex_own(pthread_mutex_t *mutex)
{
    if (MUTEX_TYPE(mutex) != PTHREAD_MUTEX_NORMAL) {
        __atomic_store_n(&mutex->MUTEX_OWNER, thread_self(), __ATOMIC_RELAXED);
        mutex->MUTEX_DEPTH = 1;
    }
    return 0;
}

/* What a lock that the caller holds already answers; `held` for the types that do not count. */
static int mutex_again(pthread_mutex_t *mutex, int held)
{
    if (MUTEX_TYPE(mutex) != PTHREAD_MUTEX_RECURSIVE)
        return held;
    if (mutex->MUTEX_DEPTH == UINT_MAX)
        return EAGAIN;
    mutex->MUTEX_DEPTH++;
    return 0;
}

static int mutex_lock_until(pthread_mutex_t *mutex, const struct wait_limit *limit)
{
    if (mutex->__type == MUTEX_DESTROYED)
        return EINVAL;
    if (MUTEX_TYPE(mutex) != PTHREAD_MUTEX_NORMAL && mutex_is_mine(mutex))
        return mutex_again(mutex, EDEADLK);
    if (mutex_try(mutex))
        return mutex_own(mutex);
    while (__atomic_exchange_n(&mutex->MUTEX_WORD, 2, __ATOMIC_ACQUIRE) != 0) {
        int error = wait_limit_sleep(&mutex->MUTEX_WORD, 2, limit, "mutex");

        if (error != 0)
            return -error;
    }
    return mutex_own(mutex);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (mutex->__type == PTHREAD_MUTEX_NORMAL && mutex_try(mutex))
        return 0;
    return mutex_lock_until(mutex, NULL);
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    if (mutex->__type == MUTEX_DESTROYED)
        return EINVAL;
    if (mutex_try(mutex))
        return mutex_own(mutex);
    if (MUTEX_TYPE(mutex) != PTHREAD_MUTEX_NORMAL && mutex_is_mine(mutex))
        return mutex_again(mutex, EBUSY);
    return EBUSY;
}

int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time)
{
    struct wait_limit limit = { clock, time };

    return wait_limit_clock(clock) ? mutex_lock_until(mutex, &limit) : EINVAL;
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *time)
{
    return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, time);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (MUTEX_TYPE(mutex) != PTHREAD_MUTEX_NORMAL) {
        if (!mutex_is_mine(mutex))
            return EPERM;
        if (--mutex->MUTEX_DEPTH > 0)
            return 0;
        __atomic_store_n(&mutex->MUTEX_OWNER, NULL, __ATOMIC_RELAXED);
    }
    /* From here on the mutex may be destroyed by who gets it next: only its address is used. */
    switch (__atomic_exchange_n(&mutex->MUTEX_WORD, 0, __ATOMIC_RELEASE)) {
    case 0:
        return EPERM;
    case 2:
        futex_wake(&mutex->MUTEX_WORD, 1);
    }
    return 0;
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    *mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    if (attr != NULL)
        mutex->__type = attr->__type | attr->__protocol << MUTEX_PROTOCOL_SHIFT;
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    if (mutex->__type == MUTEX_DESTROYED)
        return EINVAL;
    if (__atomic_load_n(&mutex->MUTEX_WORD, __ATOMIC_RELAXED) != 0)
        return EBUSY;
    mutex->__type = MUTEX_DESTROYED;
    return 0;
}

int pthread_mutex_getprioceiling(const pthread_mutex_t *mutex, int *ceiling)
{
    if (mutex->__type == MUTEX_DESTROYED || MUTEX_PROTOCOL(mutex) != PTHREAD_PRIO_PROTECT)
        return EINVAL;
    *ceiling = 0;
    return 0;
}

int pthread_mutex_setprioceiling(pthread_mutex_t *mutex, int ceiling, int *old)
{
    if (ceiling != 0)
        return EINVAL;
    return pthread_mutex_getprioceiling(mutex, old != NULL ? old : &ceiling);
}
