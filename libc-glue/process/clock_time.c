#define _GNU_SOURCE
#include "clock.h"

#include <errno.h>

#include <platform/clock.h>
#include <runtime/thread.h>

struct clock_search {
    unsigned id;
    bool found;
    uint64_t cpu_ns;
};

static void clock_visit(struct thread *thread, void *arg)
{
    struct clock_search *search = arg;

    if (thread->id == search->id) {
        search->found = true;
        search->cpu_ns = thread_cpu_ns(thread);
    }
}

int clock_read(clockid_t id, uint64_t *ns)
{
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
        *ns = clock_realtime_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
        *ns = clock_monotonic_ns();
        return 0;
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *ns = clock_monotonic_ns() - clock_boot_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        *ns = thread_all_cpu_ns();
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = thread_cpu_ns(thread_self());
        return 0;
    }
    if (id < CLOCK_OF_THREADS)
        return -EINVAL;
    struct clock_search search = { .id = (unsigned)(id - CLOCK_OF_THREADS) };
    thread_for_each(clock_visit, &search);
    *ns = search.cpu_ns;
    return search.found ? 0 : -EINVAL;
}

bool clock_can_sleep(clockid_t id)
{
    uint64_t ns;

    return id != CLOCK_PROCESS_CPUTIME_ID && id != CLOCK_THREAD_CPUTIME_ID &&
           id < CLOCK_OF_THREADS && clock_read(id, &ns) == 0;
}

int clock_from_timespec(const struct timespec *time, uint64_t *ns)
{
    if (time->tv_nsec < 0 || time->tv_nsec >= (long)NS_PER_S || time->tv_sec < 0)
        return -EINVAL;
    if ((uint64_t)time->tv_sec >= CLOCK_NEVER / NS_PER_S)
        *ns = CLOCK_NEVER - 1;
    else
        *ns = (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_nsec;
    return 0;
}

struct timespec clock_to_timespec(uint64_t ns)
{
    return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };
}

int clock_deadline(clockid_t id, const struct timespec *time, uint64_t *deadline_ns)
{
    uint64_t monotonic_ns = clock_monotonic_ns();
    uint64_t now_ns, then_ns;

    if (!clock_can_sleep(id) || clock_from_timespec(time, &then_ns) != 0)
        return -EINVAL;
    clock_read(id, &now_ns);
    if (then_ns <= now_ns)
        *deadline_ns = 0;
    else if (then_ns - now_ns >= CLOCK_NEVER - monotonic_ns)
        *deadline_ns = CLOCK_NEVER - 1;
    else
        *deadline_ns = monotonic_ns + (then_ns - now_ns);
    return 0;
}
