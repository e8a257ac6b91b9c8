/*
 * ext_threads: a program of several threads, for the tests of ext. Each is a coroutine that runs
 * until it waits, or takes a mutex; which one goes on then, and when the disk answers which of the
 * requests that are under way, is chosen by a seed.
 */
#ifndef TESTS_HOST_EXT_THREADS_H
#define TESTS_HOST_EXT_THREADS_H

#include "ext_image.h"

#define THREADS_MAX 8

/* Run body(0) to body(n - 1) until all have returned, on a disk whose requests wait. */
void threads_run(struct image *image, unsigned n, void (*body)(unsigned i), unsigned seed);

#endif
