/*
 * semaphore: counting semaphores without names.
 *
 * __state holds the value in its low half, which is the futex word, and the number of threads that
 * wait in its high half; one atomic operation changes both. So sem_post() knows from its only
 * access whether somebody waits, and the semaphore may be gone before it wakes him.
 */
#define _GNU_SOURCE
#include <semaphore.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <platform/clock.h>
#include <runtime/sync.h>

#include "process/clock.h"
#include "signals/interrupt.h"
#include "posix_thread.h"
#include "process/result.h"
#include "wait_limit.h"

#define SEM_WAITER ((uint64_t)1 << 32)
#define SEM_VALUE(s) ((uint32_t)(s))

static const uint32_t *sem_word(const sem_t *sem)
{
    return (const uint32_t *)&sem->__state;
}

/* Take one away, and with it `waiters` waiters. */
static bool sem_take(sem_t *sem, uint64_t waiters)
{
    uint64_t seen = __atomic_load_n(&sem->__state, __ATOMIC_RELAXED);

    while (SEM_VALUE(seen) != 0) {
        if (__atomic_compare_exchange_n(&sem->__state, &seen, seen - 1 - waiters, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

/* One sleep, as a waiter. 0: look again. */
static int sem_sleep(sem_t *sem, const struct wait_limit *limit)
{
    uint64_t deadline_ns = CLOCK_NEVER;
    int error = 0;

    if (limit != NULL && clock_deadline(limit->clock, limit->time, &deadline_ns) != 0)
        return -EINVAL;
    if (deadline_ns == 0)
        return -ETIMEDOUT;
    error = futex_wait(sem_word(sem), 0, deadline_ns, wait_interruptible(), "semaphore");
    if (error == -EINTR && (signal_restart == NULL || signal_restart()))
        error = 0;
    return error == -EINTR ? error : 0;
}

/* No longer a waiter. A wake-up that this one has had without taking anything goes to another. */
static void sem_leave(sem_t *sem)
{
    uint64_t state = __atomic_sub_fetch(&sem->__state, SEM_WAITER, __ATOMIC_RELAXED);

    if (SEM_VALUE(state) != 0 && state >= SEM_WAITER)
        futex_wake(sem_word(sem), 1);
}

static int sem_wait_until(sem_t *sem, const struct wait_limit *limit)
{
    int error = 0;

    interrupt_cancel_point();
    if (sem_take(sem, 0))
        return 0;
    __atomic_add_fetch(&sem->__state, SEM_WAITER, __ATOMIC_RELAXED);
    while (!sem_take(sem, SEM_WAITER)) {
        error = sem_sleep(sem, limit);
        if (error != 0 || posix_thread_cancelled(posix_self())) {
            sem_leave(sem);
            interrupt_cancel_point();
            return (int)result(error);
        }
    }
    return 0;
}

int sem_wait(sem_t *sem)
{
    return sem_wait_until(sem, NULL);
}

int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *time)
{
    struct wait_limit limit = { clock, time };

    return wait_limit_clock(clock) ? sem_wait_until(sem, &limit) : (int)result(-EINVAL);
}

int sem_timedwait(sem_t *sem, const struct timespec *time)
{
    return sem_clockwait(sem, CLOCK_REALTIME, time);
}

int sem_trywait(sem_t *sem)
{
    return (int)result(sem_take(sem, 0) ? 0 : -EAGAIN);
}

int sem_post(sem_t *sem)
{
    uint64_t seen = __atomic_load_n(&sem->__state, __ATOMIC_RELAXED);

    do {
        if (SEM_VALUE(seen) == SEM_VALUE_MAX)
            return (int)result(-EOVERFLOW);
    } while (!__atomic_compare_exchange_n(&sem->__state, &seen, seen + 1, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    if (seen >= SEM_WAITER)
        futex_wake(sem_word(sem), 1);
    return 0;
}

int sem_getvalue(sem_t *sem, int *value)
{
    *value = (int)SEM_VALUE(__atomic_load_n(&sem->__state, __ATOMIC_RELAXED));
    return 0;
}

int sem_init(sem_t *sem, int shared, unsigned value)
{
    (void)shared; /* between processes: there is one */
    if (value > SEM_VALUE_MAX)
        return (int)result(-EINVAL);
    *sem = (sem_t){ .__state = value };
    return 0;
}

int sem_destroy(sem_t *sem)
{
    return (int)result(__atomic_load_n(&sem->__state, __ATOMIC_RELAXED) >= SEM_WAITER ? -EBUSY : 0);
}
