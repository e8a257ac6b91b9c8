/*
 * pthread_barrier: threads that wait until so many have come.
 *
 *   __word[0]  how many are needed      __word[2]  the round
 *   __word[1]  how many have come       __word[3]  how many will look at it again
 *   __pointer  the wait queue
 *
 * The last to come takes the others out of the queue, so that they do not touch the barrier again:
 * it may be destroyed as soon as one thread has returned. Only one that a signal took out of the
 * queue before still comes back to look; destroying waits for it.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include <platform/spinlock.h>
#include <runtime/sync.h>
#include <runtime/thread.h>

#include "signals/interrupt.h"

#define BARRIER_NEEDED __word[0]
#define BARRIER_CAME __word[1]
#define BARRIER_ROUND __word[2]
#define BARRIER_INSIDE __word[3]
#define BARRIER_QUEUE(barrier) ((struct wait_queue *)(void *)(barrier)->__pointer)

_Static_assert(sizeof(struct wait_queue) <= sizeof(((pthread_barrier_t *)NULL)->__pointer),
               "the queue lies in the object");

static struct spinlock barrier_lock = SPINLOCK_INIT("barriers");

int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attr, unsigned n)
{
    (void)attr;
    if (n == 0 || n > INT_MAX)
        return EINVAL;
    *barrier = (pthread_barrier_t){ .BARRIER_NEEDED = n };
    wait_queue_init(BARRIER_QUEUE(barrier));
    return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    bool was_masked = spin_lock(&barrier_lock);
    int error = barrier->BARRIER_CAME != 0 ? EBUSY : 0;

    while (error == 0 && barrier->BARRIER_INSIDE != 0) {
        spin_unlock(&barrier_lock, was_masked);
        thread_yield();
        was_masked = spin_lock(&barrier_lock);
    }
    spin_unlock(&barrier_lock, was_masked);
    return error;
}

int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    bool was_masked = spin_lock(&barrier_lock);
    unsigned round = barrier->BARRIER_ROUND;

    if (++barrier->BARRIER_CAME == barrier->BARRIER_NEEDED) {
        barrier->BARRIER_CAME = 0;
        barrier->BARRIER_ROUND++;
        barrier->BARRIER_INSIDE -= (unsigned)wait_queue_wake(BARRIER_QUEUE(barrier), WAKE_ALL);
        spin_unlock(&barrier_lock, was_masked);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    barrier->BARRIER_INSIDE++;
    while (barrier->BARRIER_ROUND == round) {
        if (wait_queue_sleep(BARRIER_QUEUE(barrier), &barrier_lock, was_masked, CLOCK_NEVER,
                             signal_restart != NULL, "barrier") == 0)
            return 0;
        signal_restart();
        was_masked = spin_lock(&barrier_lock);
    }
    barrier->BARRIER_INSIDE--;
    spin_unlock(&barrier_lock, was_masked);
    return 0;
}

int pthread_barrierattr_init(pthread_barrierattr_t *attr)
{
    *attr = (pthread_barrierattr_t){ .__pshared = PTHREAD_PROCESS_PRIVATE };
    return 0;
}

int pthread_barrierattr_destroy(pthread_barrierattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_barrierattr_setpshared(pthread_barrierattr_t *attr, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    attr->__pshared = shared;
    return 0;
}

int pthread_barrierattr_getpshared(const pthread_barrierattr_t *attr, int *shared)
{
    *shared = attr->__pshared;
    return 0;
}
