/*
 * pthread_rwlock: locks for many readers or one writer.
 *
 *   __word[0]     futex word: number of readers, or RWLOCK_WRITER; RWLOCK_WAITED: some may sleep
 *   __pointer[0]  the writer; a thread asks it only about itself
 *
 * Readers go first: one that reads already may always read again, as POSIX wants of recursive
 * readers, and writers wait until nobody reads. The last to leave wakes all who wait.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>

#include <runtime/sync.h>
#include <runtime/thread.h>

#include "wait_limit.h"

#define RWLOCK_WAITED 0x80000000u
#define RWLOCK_WRITER 0x40000000u
#define RWLOCK_READERS 0x3fffffffu

#define RWLOCK_WORD __word[0]
#define RWLOCK_OWNER __pointer[0]

static bool rwlock_change(pthread_rwlock_t *rwlock, unsigned *from, unsigned to)
{
    return __atomic_compare_exchange_n(&rwlock->RWLOCK_WORD, from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

static bool rwlock_is_mine(const pthread_rwlock_t *rwlock)
{
    return __atomic_load_n(&rwlock->RWLOCK_OWNER, __ATOMIC_RELAXED) == thread_self();
}

static int rwlock_try(pthread_rwlock_t *rwlock, bool write)
{
    unsigned seen = __atomic_load_n(&rwlock->RWLOCK_WORD, __ATOMIC_RELAXED);

    do {
        if ((seen & RWLOCK_WRITER) != 0 || (write && (seen & RWLOCK_READERS) != 0))
            return EBUSY;
        if (!write && (seen & RWLOCK_READERS) == RWLOCK_READERS)
            return EAGAIN;
    } while (!rwlock_change(rwlock, &seen, write ? seen | RWLOCK_WRITER : seen + 1));
    if (write)
        __atomic_store_n(&rwlock->RWLOCK_OWNER, thread_self(), __ATOMIC_RELAXED);
    return 0;
}

static int rwlock_lock(pthread_rwlock_t *rwlock, bool write, const struct wait_limit *limit)
{
    int error;

    while ((error = rwlock_try(rwlock, write)) == EBUSY) {
        unsigned seen = __atomic_load_n(&rwlock->RWLOCK_WORD, __ATOMIC_RELAXED);

        if (rwlock_is_mine(rwlock))
            return EDEADLK;
        if ((seen & ~RWLOCK_WAITED) == 0 || (!write && (seen & RWLOCK_WRITER) == 0))
            continue; /* free by now */
        if ((seen & RWLOCK_WAITED) == 0 && !rwlock_change(rwlock, &seen, seen | RWLOCK_WAITED))
            continue;
        error = -wait_limit_sleep(&rwlock->RWLOCK_WORD, seen | RWLOCK_WAITED, limit,
                                  write ? "rwlock to write" : "rwlock to read");
        if (error != 0)
            break;
    }
    return error;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *rwlock)
{
    return rwlock_lock(rwlock, false, NULL);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *rwlock)
{
    return rwlock_lock(rwlock, true, NULL);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *rwlock)
{
    return rwlock_try(rwlock, false);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *rwlock)
{
    return rwlock_try(rwlock, true);
}

int pthread_rwlock_clockrdlock(pthread_rwlock_t *rwlock, clockid_t clock,
                               const struct timespec *time)
{
    struct wait_limit limit = { clock, time };

    return wait_limit_clock(clock) ? rwlock_lock(rwlock, false, &limit) : EINVAL;
}

int pthread_rwlock_clockwrlock(pthread_rwlock_t *rwlock, clockid_t clock,
                               const struct timespec *time)
{
    struct wait_limit limit = { clock, time };

    return wait_limit_clock(clock) ? rwlock_lock(rwlock, true, &limit) : EINVAL;
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *rwlock, const struct timespec *time)
{
    return pthread_rwlock_clockrdlock(rwlock, CLOCK_REALTIME, time);
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *rwlock, const struct timespec *time)
{
    return pthread_rwlock_clockwrlock(rwlock, CLOCK_REALTIME, time);
}

int pthread_rwlock_unlock(pthread_rwlock_t *rwlock)
{
    unsigned seen = __atomic_load_n(&rwlock->RWLOCK_WORD, __ATOMIC_RELAXED), then;

    if ((seen & RWLOCK_WRITER) != 0) {
        if (!rwlock_is_mine(rwlock))
            return EPERM;
        __atomic_store_n(&rwlock->RWLOCK_OWNER, NULL, __ATOMIC_RELAXED);
    }
    do {
        if ((seen & ~RWLOCK_WAITED) == 0)
            return EPERM;
        then = (seen & RWLOCK_WRITER) != 0 ? 0 : seen - 1;
        if ((then & RWLOCK_READERS) == 0)
            then = 0; /* the last one: those who wait are woken, all of them */
    } while (!rwlock_change(rwlock, &seen, then));
    if (then == 0 && (seen & RWLOCK_WAITED) != 0)
        futex_wake(&rwlock->RWLOCK_WORD, WAKE_ALL);
    return 0;
}

int pthread_rwlock_init(pthread_rwlock_t *rwlock, const pthread_rwlockattr_t *attr)
{
    (void)attr;
    *rwlock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
    return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *rwlock)
{
    unsigned seen = __atomic_load_n(&rwlock->RWLOCK_WORD, __ATOMIC_RELAXED);

    return (seen & ~RWLOCK_WAITED) != 0 ? EBUSY : 0;
}

int pthread_rwlockattr_init(pthread_rwlockattr_t *attr)
{
    *attr = (pthread_rwlockattr_t){ .__pshared = PTHREAD_PROCESS_PRIVATE };
    return 0;
}

int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attr, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    attr->__pshared = shared;
    return 0;
}

int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *attr, int *shared)
{
    *shared = attr->__pshared;
    return 0;
}
