/*
 * pthread_once: initialise something once. __word[0] is a futex word. An initialiser that is
 * cancelled has not run: the next caller begins again.
 */
#include <pthread.h>

#include <runtime/sync.h>

#include "wait_limit.h"

enum { ONCE_NEW, ONCE_RUNS, ONCE_WAITED, ONCE_DONE };

static void once_set(unsigned *word, unsigned value)
{
    if (__atomic_exchange_n(word, value, __ATOMIC_ACQ_REL) == ONCE_WAITED)
        futex_wake(word, WAKE_ALL);
}

static void once_cancelled(void *word)
{
    once_set(word, ONCE_NEW);
}

static void once_run(unsigned *word, void (*routine)(void))
{
    pthread_cleanup_push(once_cancelled, word);
    routine();
    pthread_cleanup_pop(0);
    once_set(word, ONCE_DONE);
}

int pthread_once(pthread_once_t *once, void (*routine)(void))
{
    unsigned *word = &once->__word[0];

    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != ONCE_DONE) {
        unsigned seen = ONCE_NEW;

        if (__atomic_compare_exchange_n(word, &seen, ONCE_RUNS, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_ACQUIRE)) {
            once_run(word, routine);
            break;
        }
        if (seen == ONCE_RUNS)
            __atomic_compare_exchange_n(word, &seen, ONCE_WAITED, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED);
        if (seen == ONCE_RUNS || seen == ONCE_WAITED)
            wait_limit_sleep(word, ONCE_WAITED, NULL, "once");
    }
    return 0;
}
