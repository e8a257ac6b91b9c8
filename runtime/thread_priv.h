/* thread_priv: what sync.c and the reports need of the scheduler. */
#ifndef RUNTIME_THREAD_PRIV_H
#define RUNTIME_THREAD_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include <platform/spinlock.h>
#include <runtime/thread.h>

/* Protects every thread's state, the run queue and all wait queues. */
extern struct spinlock threads_lock;

/*
 * Put the calling thread to sleep in `queue` until thread_wake() or deadline_ns. Called with
 * threads_lock held, returns with it held. Returns as wait_queue_sleep().
 */
int thread_wait(struct list *queue, const void *key, uint64_t deadline_ns, bool interruptible,
                const char *reason);

/* End a thread's wait with result. Called with threads_lock held; the thread waits. */
void thread_wake(struct thread *thread, int result);

/* Boot's own thread of execution from then on: run when nobody else can. */
void thread_idle(void) __attribute__((noreturn));

#endif
