/*
 * pthread_mutex: mutexes. An uncontended lock is one atomic operation, and so is its unlock.
 *
 *   __word[0]     futex word: 0 free, 1 held, 2 held and perhaps waited for
 *   __word[1]     how often a recursive one is held; its owner's
 *   __word[2]     of a robust one: enum mutex_state; its owner's
 *   __pointer[0]  owner of any but the plainest; a thread asks it only about itself
 *   __pointer[1]  of a robust one: the next that its owner holds; see thread_end_mutexes()
 *   __type        the type, MUTEX_ROBUST; the attributes that change nothing here lie above it
 *
 * A robust mutex whose owner ends is unlocked, in state MUTEX_LEFT. Who locks it next holds it and is
 * told EOWNERDEAD; unlocked without pthread_mutex_consistent(), it is good for nothing any more.
 *
 * Threads have one priority, so PTHREAD_PRIO_INHERIT and PTHREAD_PRIO_PROTECT hold by themselves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include <runtime/sync.h>
#include <runtime/thread.h>

#include "posix_thread.h"
#include "pthread_mutex.h"
#include "thread_end.h"
#include "wait_limit.h"

#define MUTEX_WORD __word[0]
#define MUTEX_DEPTH __word[1]
#define MUTEX_STATE __word[2]
#define MUTEX_OWNER __pointer[0]
#define MUTEX_NEXT __pointer[1]
#define MUTEX_TYPE(mutex) ((mutex)->__type & MUTEX_TYPE_MASK)
#define MUTEX_PROTOCOL(mutex) ((mutex)->__type >> MUTEX_PROTOCOL_SHIFT & MUTEX_PROTOCOL_MASK)
#define MUTEX_DESTROYED (-1)

enum mutex_state { MUTEX_SOUND, MUTEX_LEFT, MUTEX_LOST };

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

static bool mutex_is_robust(const pthread_mutex_t *mutex)
{
    return (mutex->__type & MUTEX_ROBUST) != 0;
}

/* Of the plainest nobody asks who holds it. */
static bool mutex_knows_owner(const pthread_mutex_t *mutex)
{
    return MUTEX_TYPE(mutex) != PTHREAD_MUTEX_NORMAL || mutex_is_robust(mutex);
}

/* From here on the mutex may be destroyed by who gets it next: only its address is used. */
static int mutex_free(pthread_mutex_t *mutex)
{
    switch (__atomic_exchange_n(&mutex->MUTEX_WORD, 0, __ATOMIC_RELEASE)) {
    case 0:
        return EPERM;
    case 2:
        futex_wake(&mutex->MUTEX_WORD, 1);
    }
    return 0;
}

/* The mutex is the caller's now: 0, EOWNERDEAD, or ENOTRECOVERABLE, and then it is not. */
static int mutex_own(pthread_mutex_t *mutex)
{
    if (mutex_is_robust(mutex)) {
        struct posix_thread *self = posix_self();

        if (mutex->MUTEX_STATE == MUTEX_LOST) {
            mutex_free(mutex); /* and so on, until all who wait know it */
            return ENOTRECOVERABLE;
        }
        mutex->MUTEX_NEXT = self->robust;
        self->robust = mutex;
    }
    if (mutex_knows_owner(mutex)) {
        __atomic_store_n(&mutex->MUTEX_OWNER, thread_self(), __ATOMIC_RELAXED);
        mutex->MUTEX_DEPTH = 1;
    }
    return mutex_is_robust(mutex) && mutex->MUTEX_STATE == MUTEX_LEFT ? EOWNERDEAD : 0;
}

/* The owner gives a robust mutex up. */
static void mutex_disown(pthread_mutex_t *mutex)
{
    pthread_mutex_t **at = &posix_self()->robust;

    while (*at != NULL && *at != mutex)
        at = (pthread_mutex_t **)&(*at)->MUTEX_NEXT;
    if (*at != NULL)
        *at = mutex->MUTEX_NEXT;
    mutex->MUTEX_NEXT = NULL;
    if (mutex->MUTEX_STATE == MUTEX_LEFT)
        mutex->MUTEX_STATE = MUTEX_LOST;
}

void thread_end_mutexes(struct posix_thread *self)
{
    pthread_mutex_t *mutex;

    while ((mutex = self->robust) != NULL) {
        self->robust = mutex->MUTEX_NEXT;
        mutex->MUTEX_NEXT = NULL;
        mutex->MUTEX_STATE = MUTEX_LEFT;
        mutex->MUTEX_DEPTH = 0;
        __atomic_store_n(&mutex->MUTEX_OWNER, NULL, __ATOMIC_RELAXED);
        mutex_free(mutex);
    }
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
    if (mutex_knows_owner(mutex) && mutex_is_mine(mutex))
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
    if (mutex_knows_owner(mutex) && mutex_is_mine(mutex))
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
    if (mutex_knows_owner(mutex)) {
        if (!mutex_is_mine(mutex))
            return EPERM;
        if (--mutex->MUTEX_DEPTH > 0)
            return 0;
        if (mutex_is_robust(mutex))
            mutex_disown(mutex);
        __atomic_store_n(&mutex->MUTEX_OWNER, NULL, __ATOMIC_RELAXED);
    }
    return mutex_free(mutex);
}

int pthread_mutex_consistent(pthread_mutex_t *mutex)
{
    if (mutex->__type == MUTEX_DESTROYED || !mutex_is_robust(mutex) || !mutex_is_mine(mutex) ||
        mutex->MUTEX_STATE != MUTEX_LEFT)
        return EINVAL;
    mutex->MUTEX_STATE = MUTEX_SOUND;
    return 0;
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    *mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    if (attr != NULL)
        mutex->__type = attr->__type | attr->__protocol << MUTEX_PROTOCOL_SHIFT |
                        (attr->__robust == PTHREAD_MUTEX_ROBUST ? MUTEX_ROBUST : 0);
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
