/*
 * guest_pthreads: POSIX threads of the guest, run inside a test, and their times on the test's
 * clock.
 */
#ifndef TESTS_HOST_GUEST_PTHREADS_H
#define TESTS_HOST_GUEST_PTHREADS_H

#include "guest_threads.h"

#include <pthread.h>

#define MS 1000000u

/* Start a thread; fails the test without memory. */
pthread_t start(void *(*function)(void *), void *arg);

/* Its result. */
void *ended(pthread_t thread);

/* Let the others run for so long. */
void pass(uint64_t ns);

/* So long from now, on the monotonic clock. */
struct timespec in(uint64_t ns);

/* How many threads have given newlib's memory back. */
extern unsigned reclaimed;

#endif
