/*
 * pthread_cond: condition variables.
 *
 *   __pointer  the wait queue; all zero before its first use
 *   __clock    of timed waits; 0 means CLOCK_REALTIME
 *
 * One lock for all of them is held from before the mutex is given up until the thread is in the
 * queue, so no signal falls between. Whoever signals takes waiters out of the queue: a woken thread
 * does not touch the condition again, which may be destroyed by then.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>

#include <platform/spinlock.h>
#include <runtime/sync.h>

#include "process/clock.h"
#include "signals/interrupt.h"
#include "posix_thread.h"
#include "wait_limit.h"

_Static_assert(sizeof(struct wait_queue) <= sizeof(((pthread_cond_t *)NULL)->__pointer),
               "the queue lies in the object");

static struct spinlock cond_lock = SPINLOCK_INIT("conditions");

/* Lock held. */
static struct wait_queue *cond_queue(pthread_cond_t *cond)
{
    struct wait_queue *queue = (struct wait_queue *)(void *)cond->__pointer;

    if (queue->threads.next == NULL)
        wait_queue_init(queue);
    return queue;
}

static int cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns)
{
    int error, result;

    interrupt_cancel_point();
    bool was_masked = spin_lock(&cond_lock);
    error = pthread_mutex_unlock(mutex);
    if (error != 0) {
        spin_unlock(&cond_lock, was_masked);
        return error;
    }
    result = wait_queue_sleep(cond_queue(cond), &cond_lock, was_masked, deadline_ns,
                              wait_interruptible(), "condition");
    if (result == -EINTR && signal_restart != NULL)
        signal_restart();
    error = pthread_mutex_lock(mutex);
    if (result == -EINTR)
        interrupt_cancel_point(); /* a thread that took a signal away must not end with it */
    if (error != 0)
        return error; /* of a robust mutex: it is held if EOWNERDEAD, else not */
    return result == -ETIMEDOUT ? ETIMEDOUT : 0;
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return cond_wait(cond, mutex, CLOCK_NEVER);
}

int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *time)
{
    uint64_t deadline_ns, now_ns;
    int error;

    if (!wait_limit_clock(clock) || clock_deadline(clock, time, &deadline_ns) != 0)
        return EINVAL;
    error = cond_wait(cond, mutex, deadline_ns);
    /* The clock may have been set back meanwhile: the caller looks, and waits again. */
    if (error == ETIMEDOUT && clock_deadline(clock, time, &now_ns) == 0 && now_ns != 0)
        return 0;
    return error;
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                           const struct timespec *time)
{
    return pthread_cond_clockwait(
        cond, mutex, cond->__clock != 0 ? (clockid_t)cond->__clock : CLOCK_REALTIME, time);
}

static void cond_wake(pthread_cond_t *cond, size_t n)
{
    bool was_masked = spin_lock(&cond_lock);

    wait_queue_wake(cond_queue(cond), n);
    spin_unlock(&cond_lock, was_masked);
}

int pthread_cond_signal(pthread_cond_t *cond)
{
    cond_wake(cond, 1);
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *cond)
{
    cond_wake(cond, WAKE_ALL);
    return 0;
}

int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    *cond = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    if (attr != NULL)
        cond->__clock = attr->__clock;
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *cond)
{
    bool was_masked = spin_lock(&cond_lock);
    int error = list_empty(&cond_queue(cond)->threads) ? 0 : EBUSY;

    spin_unlock(&cond_lock, was_masked);
    return error;
}

int pthread_condattr_init(pthread_condattr_t *attr)
{
    *attr = (pthread_condattr_t){ .__clock = 0 };
    return 0;
}

int pthread_condattr_destroy(pthread_condattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock)
{
    if (!wait_limit_clock(clock))
        return EINVAL;
    attr->__clock = (int)clock;
    return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *attr, clockid_t *clock)
{
    *clock = attr->__clock != 0 ? (clockid_t)attr->__clock : CLOCK_REALTIME;
    return 0;
}

int pthread_condattr_setpshared(pthread_condattr_t *attr, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    attr->__pshared = shared;
    return 0;
}

int pthread_condattr_getpshared(const pthread_condattr_t *attr, int *shared)
{
    *shared = attr->__pshared;
    return 0;
}
