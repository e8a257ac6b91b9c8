/*
 * sync: waiting: wait queues, futexes, and the runtime's mutex and condition made of them.
 *
 * A wait queue holds the threads that wait for one thing; its users hold their own lock around the
 * test and hand it to wait_queue_sleep(), which releases it only when the thread is queued, so no
 * wake-up is lost. Deadlines are on the monotonic clock, in nanoseconds.
 */
#ifndef RUNTIME_SYNC_H
#define RUNTIME_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platform/clock.h>
#include <platform/spinlock.h>
#include <runtime/list.h>

struct wait_queue {
    struct list threads; /* protected by the lock "threads" */
};
#define WAIT_QUEUE_INIT(queue) { LIST_INIT((queue).threads) }
void wait_queue_init(struct wait_queue *queue);

/*
 * Wait in queue. Called with lock held (was_masked as spin_lock() returned it); returns with it
 * released. Returns 0 when woken, -ETIMEDOUT at the deadline, -EINTR when interruptible and
 * thread_interrupt() was called. reason is a static string for reports.
 */
int wait_queue_sleep(struct wait_queue *queue, struct spinlock *lock, bool was_masked,
                     uint64_t deadline_ns, bool interruptible, const char *reason);
/* Make up to n waiting threads ready, first come first served. Returns how many. Any context. */
size_t wait_queue_wake(struct wait_queue *queue, size_t n);
#define WAKE_ALL SIZE_MAX

/*
 * futex_wait: sleep while *word == expected. Returns 0 (woken, perhaps without cause), -EAGAIN (the
 * word differed), -ETIMEDOUT, or -EINTR (only when interruptible).
 * futex_wake: wake up to n threads that wait on word. futex_requeue: wake `wake` of them, and let the
 * rest wait on `to` instead.
 */
int futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline_ns, bool interruptible,
               const char *reason);
size_t futex_wake(const uint32_t *word, size_t n);
size_t futex_requeue(const uint32_t *word, size_t wake, const uint32_t *to);

/* A sleeping lock for the upper rooms. Not recursive; unlocked by the thread that locked it. */
struct mutex {
    uint32_t word; /* 0 free, 1 held, 2 held and waited for */
};
#define MUTEX_INIT { 0 }
void mutex_lock(struct mutex *mutex);
bool mutex_try_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

#endif
