#include "guest_pthreads.h"

#include <reent.h>

unsigned reclaimed;

void _reclaim_reent(struct _reent *reent)
{
    CHECK(reent == NULL);
    reclaimed++;
}

pthread_t start(void *(*function)(void *), void *arg)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, function, arg), 0);
    return thread;
}

void *ended(pthread_t thread)
{
    void *result;

    CHECK_EQ(pthread_join(thread, &result), 0);
    return result;
}

void pass(uint64_t ns)
{
    uint64_t until = fakexen_now() + ns;

    while (thread_sleep_until(until) != 0)
        ;
}

struct timespec in(uint64_t ns)
{
    ns += fakexen_now();
    return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
                              .tv_nsec = (long)(ns % 1000000000) };
}
