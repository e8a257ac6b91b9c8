/*
 * Threads that others end: where a request takes effect and where it waits, what runs then and in
 * which order, and that nothing is left locked.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static char trace[64];
static volatile unsigned progress;
static volatile bool asked; /* cancel_in() has made its request */

static void note(void *word)
{
    strcat(trace, word);
}

/* Start a thread, give it time to reach what it waits in, cancel it; it must end cancelled. */
static void cancel_in(void *(*function)(void *), void *arg)
{
    pthread_t thread;
    void *result;

    trace[0] = '\0';
    asked = false;
    CHECK_EQ(pthread_create(&thread, NULL, function, arg), 0);
    usleep(5000);
    CHECK_EQ(pthread_cancel(thread), 0);
    asked = true;
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_EQ(pthread_cancel(thread), ESRCH);
}

/* ---- where a thread waits ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static int ends[2];

static void unlock(void *mutex)
{
    strcat(trace, "u");
    CHECK_EQ(pthread_mutex_unlock(mutex), 0); /* the condition gave it back */
}

static void *in_condition(void *arg)
{
    pthread_mutex_lock(&lock);
    pthread_cleanup_push(unlock, &lock);
    for (;;)
        pthread_cond_wait(&never, &lock);
    pthread_cleanup_pop(0);
    return arg;
}

static void *in_timed_condition(void *arg)
{
    struct timespec late;

    clock_gettime(CLOCK_REALTIME, &late);
    late.tv_sec += 1000;
    pthread_mutex_lock(&lock);
    pthread_cleanup_push(unlock, &lock);
    for (;;)
        CHECK_EQ(pthread_cond_timedwait(&never, &lock, &late), 0);
    pthread_cleanup_pop(0);
    return arg;
}

static void *in_sleep(void *arg)
{
    sleep(1000);
    return arg;
}

static void *in_semaphore(void *arg)
{
    sem_wait(arg);
    return NULL;
}

static void *in_read(void *arg)
{
    char c;

    CHECK_EQ(read(ends[0], &c, 1), 0);
    return arg;
}

static void *in_join(void *arg)
{
    pthread_join((pthread_t)arg, NULL);
    return NULL;
}

static void *in_loop(void *arg)
{
    for (;;)
        pthread_testcancel();
    return arg;
}

static void test_waits(void)
{
    pthread_t sleeper;
    sem_t sem;
    int value;

    CHECK_EQ(sem_init(&sem, 0, 0), 0);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(pthread_create(&sleeper, NULL, in_sleep, NULL), 0);

    cancel_in(in_condition, NULL);
    CHECK_STR(trace, "u");
    cancel_in(in_timed_condition, NULL);
    CHECK_STR(trace, "u");
    CHECK_EQ(pthread_cond_destroy(&never), 0);
    CHECK_EQ(pthread_mutex_destroy(&lock), 0);
    cancel_in(in_sleep, NULL);
    cancel_in(in_semaphore, &sem);
    CHECK_EQ(sem_post(&sem), 0);
    CHECK_EQ(sem_getvalue(&sem, &value), 0);
    CHECK_EQ(value, 1);
    CHECK_EQ(sem_destroy(&sem), 0);
    cancel_in(in_read, NULL);
    cancel_in(in_join, (void *)sleeper);
    cancel_in(in_loop, NULL);

    CHECK_EQ(pthread_cancel(sleeper), 0); /* joinable still, though its joiner was cancelled */
    CHECK_EQ(pthread_join(sleeper, NULL), 0);
}

/* ---- disabled, and what is no cancellation point ---- */

static void *disabled(void *arg)
{
    int old;

    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
    CHECK_EQ(old, PTHREAD_CANCEL_ENABLE);
    while (!asked)
        CHECK_EQ(usleep(10000), 0); /* not even ended early */
    pthread_testcancel();
    CHECK_EQ(usleep(1000), 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    progress = 1;
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL), 0);
    progress = 2;
    pthread_testcancel();
    progress = 3;
    return arg;
}

static void *in_barrier(void *arg)
{
    pthread_cleanup_push(note, "c");
    pthread_barrier_wait(&barrier); /* no cancellation point */
    progress = 4;
    sleep(1000);
    pthread_cleanup_pop(0);
    return arg;
}

static void test_later(void)
{
    pthread_t thread;
    void *result;

    cancel_in(disabled, NULL);
    CHECK_EQ(progress, 2);
    CHECK_EQ(pthread_setcancelstate(7, NULL), EINVAL);
    CHECK_EQ(pthread_setcanceltype(7, NULL), EINVAL);

    trace[0] = '\0';
    pthread_barrier_init(&barrier, NULL, 2);
    CHECK_EQ(pthread_create(&thread, NULL, in_barrier, NULL), 0);
    usleep(5000);
    CHECK_EQ(pthread_cancel(thread), 0);
    usleep(5000);
    CHECK_STR(trace, "");
    pthread_barrier_wait(&barrier);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_EQ(progress, 4);
    CHECK_STR(trace, "c");
}

/* ---- asynchronous ---- */

static void *compute(void *arg)
{
    CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
    pthread_cleanup_push(note, "a");
    for (;;)
        progress++;
    pthread_cleanup_pop(0);
    return arg;
}

/*
 * It gives the CPU away itself, so nothing that comes back to it is an upcall; then it runs alone.
 */
static void *compute_after_yield(void *arg)
{
    double sum = 0;

    CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
    pthread_cleanup_push(note, "b");
    pthread_barrier_wait(&barrier);
    for (;;)
        sum = sum * 1.5 + (double)progress;
    pthread_cleanup_pop(0);
    return sum > 0 ? arg : NULL;
}

static void *cancel_self(void *arg)
{
    CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
    pthread_cancel(pthread_self());
    CHECK(false);
    return arg;
}

static void test_asynchronous(void)
{
    pthread_t thread;
    void *result;

    cancel_in(compute, NULL);
    CHECK_STR(trace, "a");

    trace[0] = '\0';
    CHECK_EQ(pthread_create(&thread, NULL, compute_after_yield, NULL), 0);
    pthread_barrier_wait(&barrier);
    CHECK_EQ(pthread_cancel(thread), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_STR(trace, "b");

    CHECK_EQ(pthread_create(&thread, NULL, cancel_self, NULL), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
}

/* ---- the order of the end ---- */

static pthread_key_t key;

/* What a C++ compiler calls for an object of a thread. */
int __cxa_thread_atexit(void (*destroy)(void *), void *object, void *dso);

static void *leave(void *how)
{
    CHECK_EQ(pthread_setspecific(key, "k"), 0);
    CHECK_EQ(__cxa_thread_atexit(note, "1", NULL), 0);
    CHECK_EQ(__cxa_thread_atexit(note, "2", NULL), 0);
    pthread_cleanup_push(note, "o");
    pthread_cleanup_push(note, "i");
    pthread_cleanup_push(note, "x");
    pthread_cleanup_pop(0);
    pthread_cleanup_push_defer_np(note, "r");
    pthread_cleanup_pop_restore_np(1);
    if (how == NULL)
        pthread_exit("result");
    sleep(1000);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void test_order(void)
{
    pthread_t thread;
    void *result;

    CHECK_EQ(pthread_key_create(&key, note), 0);
    cancel_in(leave, "cancelled");
    CHECK_STR(trace, "rio21k");
    trace[0] = '\0';
    CHECK_EQ(pthread_create(&thread, NULL, leave, NULL), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK_STR(result, "result");
    CHECK_STR(trace, "rio21k");
}

/* An initialiser that is cancelled has not run. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool sleeps = true;

static void initialise(void)
{
    if (sleeps)
        sleep(1000);
    strcat(trace, "I");
}

static void *initialise_once(void *arg)
{
    pthread_once(&once, initialise);
    return arg;
}

static void test_once(void)
{
    cancel_in(initialise_once, NULL);
    CHECK_STR(trace, "");
    sleeps = false;
    pthread_once(&once, initialise);
    pthread_once(&once, initialise);
    CHECK_STR(trace, "I");
}

/* Two threads that would wait for each other's end: the one that comes last is refused. */
static pthread_t first;

static void *join_first(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)pthread_join(first, NULL);
}

static void *join_second(void *second)
{
    usleep(50000); /* the second waits for this one by now */
    CHECK_EQ(pthread_join(*(pthread_t *)second, NULL), EDEADLK);
    progress = 5;
    return NULL;
}

static void test_circle(void)
{
    pthread_t second;
    void *result;

    CHECK_EQ(pthread_create(&first, NULL, join_second, &second), 0);
    CHECK_EQ(pthread_create(&second, NULL, join_first, NULL), 0);
    CHECK_EQ(pthread_join(second, &result), 0);
    CHECK_EQ((intptr_t)result, 0);
    CHECK_EQ(progress, 5);
    CHECK_EQ(pthread_join(first, NULL), ESRCH);
}

/* main can be cancelled as well; the program goes on until the last thread ends. */
static void *cancel_main(void *arg)
{
    void *result;

    CHECK_EQ(pthread_cancel((pthread_t)arg), 0);
    CHECK_EQ(pthread_join((pthread_t)arg, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_STR(trace, "m");
    puts("PASS");
    return NULL;
}

int main(void)
{
    pthread_t thread;

    test_waits();
    test_later();
    test_asynchronous();
    test_order();
    test_once();
    test_circle();

    trace[0] = '\0';
    CHECK_EQ(pthread_create(&thread, NULL, cancel_main, (void *)pthread_self()), 0);
    pthread_cleanup_push(note, "m");
    sleep(1000);
    pthread_cleanup_pop(0);
    puts("FAIL main was not cancelled");
    return 1;
}
