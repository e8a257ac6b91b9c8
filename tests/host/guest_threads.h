/*
 * guest_threads: the runtime's threads, run inside a test.
 *
 * run_threads(body) starts the domain, its threads and one thread "main" that executes body; when body
 * returns, the domain ends and the test goes on. Other threads are simply left where they are then.
 * Time passes only by sleeping and by busy(), so every switch happens at a known place.
 */
#ifndef TESTS_HOST_GUEST_THREADS_H
#define TESTS_HOST_GUEST_THREADS_H

#include "test.h"

#include <runtime/thread.h>

void run_threads(void (*body)(void));

/* Compute for so long, with upcalls as a guest would have them: here threads are preempted. */
void busy(uint64_t ns);

/* Start a thread; fails the test without memory. */
struct thread *spawn(void (*entry)(void *), void *arg);

/* Wait, sleeping, until it is dead, and free it. */
void join(struct thread *thread);

#endif
