/* bench_common: what the programs of `xenolith bench disk` share: time, failures, random places. */
#ifndef TOOLS_CLI_BENCH_COMMON_H
#define TOOLS_CLI_BENCH_COMMON_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCHES_MOST 100
#define PAGE 4096
#define QUIET_NS 30000000ll /* dom0 takes a line out of the console in this time */
#define SECOND_NS 1000000000ll

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("bench: failed: %s (%s)\n", what, strerror(errno));
    fflush(stdout);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* The same on both sides. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The median, as a line of its own. */
static void tell(const char *name, int64_t *taken_ps, int count)
{
    struct timespec quiet = { .tv_nsec = QUIET_NS };

    qsort(taken_ps, (size_t)count, sizeof(taken_ps[0]), compare);
    printf("bench: %s %lld\n", name, (long long)taken_ps[count / 2]);
    fflush(stdout);
    nanosleep(&quiet, NULL);
}

#endif
