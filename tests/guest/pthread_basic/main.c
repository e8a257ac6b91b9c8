/*
 * Threads begin, run side by side and end: what they return, what they leave behind, and that a
 * thousand of them one after another leave nothing.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned counter, turn;

static void *add(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static void test_join(void)
{
    pthread_t threads[8];
    void *result;

    for (uintptr_t i = 0; i < 8; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, add, (void *)i), 0);
    for (uintptr_t i = 0; i < 8; i++) {
        CHECK_EQ(pthread_join(threads[i], &result), 0);
        CHECK_EQ((uintptr_t)result, i);
        CHECK_EQ(pthread_join(threads[i], NULL), ESRCH);
    }
    CHECK_EQ(counter, 8 * 20000);
}

/* Two threads take turns through a condition. */
static void *alternate(void *arg)
{
    unsigned mine = (unsigned)(uintptr_t)arg;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < 1000; i++) {
        while (turn % 2 != mine)
            pthread_cond_wait(&changed, &lock);
        turn++;
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void test_condition(void)
{
    pthread_t threads[2];

    for (uintptr_t i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, alternate, (void *)i), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(turn, 2000);
}

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned destroyed, made;

static void destroy(void *value)
{
    destroyed++;
    if ((uintptr_t)value == 1) /* once more, please */
        pthread_setspecific(key, (void *)2);
}

static void make_key(void)
{
    made++;
    CHECK_EQ(pthread_key_create(&key, destroy), 0);
}

static void *use_key(void *arg)
{
    pthread_once(&once, make_key);
    CHECK(pthread_getspecific(key) == NULL);
    CHECK_EQ(pthread_setspecific(key, arg), 0);
    sched_yield();
    CHECK(pthread_getspecific(key) == arg);
    pthread_exit(arg);
}

static void test_key(void)
{
    pthread_t threads[4];
    void *result;

    for (uintptr_t i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, use_key, (void *)(i + 1)), 0);
    for (uintptr_t i = 0; i < 4; i++) {
        CHECK_EQ(pthread_join(threads[i], &result), 0);
        CHECK_EQ((uintptr_t)result, i + 1);
    }
    CHECK_EQ(made, 1);
    CHECK_EQ(destroyed, 5);
    CHECK(pthread_getspecific(key) == NULL);
    CHECK_EQ(pthread_key_delete(key), 0);
    CHECK_EQ(pthread_key_delete(key), EINVAL);
    CHECK_EQ(pthread_setspecific(key, &key), EINVAL);
}

/* errno and _Thread_local variables are a thread's own; newlib's conversions work in each. */
static _Thread_local int own = 7;

static void *use_own(void *arg)
{
    char text[64];

    CHECK_EQ(own, 7);
    own = (int)(uintptr_t)arg;
    errno = own;
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "%.17g %d", 0.1 * own, own);
        sched_yield();
    }
    CHECK(strtod(text, NULL) == 0.1 * own);
    CHECK_EQ(errno, own);
    return NULL;
}

static void test_own(void)
{
    pthread_t threads[4];

    errno = 99;
    for (uintptr_t i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, use_own, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(errno, 99);
    CHECK_EQ(own, 7);
}

static void *return_self(void *arg)
{
    (void)arg;
    return (void *)pthread_self();
}

static void test_identity(void)
{
    pthread_t thread, self = pthread_self();
    char name[16];
    void *result;

    CHECK_EQ(pthread_create(&thread, NULL, return_self, NULL), 0);
    CHECK(!pthread_equal(thread, self));
    CHECK_EQ(pthread_setname_np(thread, "a name too long for it"), ERANGE);
    CHECK_EQ(pthread_setname_np(thread, "worker"), 0);
    CHECK_EQ(pthread_getname_np(thread, name, sizeof(name)), 0);
    CHECK_STR(name, "worker");
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(pthread_equal((pthread_t)result, thread));
    CHECK_EQ(pthread_getname_np(self, name, sizeof(name)), 0);
    CHECK_STR(name, "main");
    CHECK_EQ(pthread_join(self, NULL), EDEADLK);
    CHECK_EQ(pthread_join(0, NULL), ESRCH);
}

/* Where its stack is, and that a stack of the caller's is used. */
static void *report_stack(void *arg)
{
    char here;
    void *base;
    size_t size;
    pthread_attr_t attr;

    CHECK_EQ(pthread_getattr_np(pthread_self(), &attr), 0);
    CHECK_EQ(pthread_attr_getstack(&attr, &base, &size), 0);
    CHECK((char *)base < &here && &here < (char *)base + size);
    if (arg != NULL)
        CHECK(base == arg);
    return (void *)size;
}

static void test_stack(void)
{
    static char own_stack[65536] __attribute__((aligned(64)));
    pthread_attr_t attr;
    pthread_t thread;
    void *size;

    report_stack(NULL);
    pthread_attr_init(&attr);
    CHECK_EQ(pthread_attr_setstacksize(&attr, 100), EINVAL);
    CHECK_EQ(pthread_attr_setstacksize(&attr, 1 << 20), 0);
    CHECK_EQ(pthread_create(&thread, &attr, report_stack, NULL), 0);
    CHECK_EQ(pthread_join(thread, &size), 0);
    CHECK((size_t)size >= 1 << 20);
    CHECK_EQ(pthread_attr_setstack(&attr, own_stack, sizeof(own_stack)), 0);
    CHECK_EQ(pthread_create(&thread, &attr, report_stack, own_stack), 0);
    CHECK_EQ(pthread_join(thread, &size), 0);
    CHECK_EQ((size_t)size, sizeof(own_stack));
    pthread_attr_destroy(&attr);
}

static unsigned long free_pages(void)
{
    struct sysinfo info;

    sysinfo(&info);
    return info.freeram;
}

/*
 * Each prints a number, so that newlib keeps memory for it, sets a key, and ends, detached or not.
 */
static void *leave_things(void *arg)
{
    char text[400];

    pthread_setspecific(key, strdup("value"));
    snprintf(text, sizeof(text), "%.300f", 1e-300);
    return arg;
}

static void run_and_end(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    int error;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    CHECK_EQ(pthread_create(&thread, NULL, leave_things, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(pthread_create(&thread, &attr, leave_things, NULL), 0);
    while ((error = pthread_detach(thread)) == EINVAL)
        usleep(1000);
    CHECK_EQ(error, ESRCH); /* it has ended by now */
    CHECK_EQ(pthread_create(&thread, NULL, leave_things, NULL), 0);
    CHECK_EQ(pthread_detach(thread), 0);
    CHECK_EQ(pthread_create(&thread, NULL, leave_things, NULL), 0);
    usleep(10000);
    CHECK_EQ(pthread_detach(thread), 0); /* has ended already, as a rule */
}

static void *nothing(void *arg)
{
    return arg;
}

/* What is in use when all threads have ended and been freed. */
static void measure(size_t *heap, unsigned long *pages)
{
    pthread_t thread;

    usleep(50000);
    CHECK_EQ(pthread_create(&thread, NULL, nothing, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    *heap = mallinfo().uordblks;
    *pages = free_pages();
}

static void test_no_leak(void)
{
    enum { ROUNDS = 250 };
    unsigned long pages, pages_then;
    size_t heap, heap_then;

    puts("a thousand threads"); /* newlib makes stdout's buffer now, not between the figures */
    CHECK_EQ(pthread_key_create(&key, free), 0);
    for (int i = 0; i < 20; i++)
        run_and_end();
    measure(&heap, &pages);
    for (int i = 0; i < ROUNDS; i++)
        run_and_end();
    measure(&heap_then, &pages_then);
    /* Two threads more at the same time than ever before cost a few bytes; a leak is one a round. */
    CHECK(heap_then < heap + ROUNDS * 8);
    CHECK(pages_then + ROUNDS > pages);
}

/* Many at once; at the end there is no more memory, which is an error and no more. */
static void *wait_for_end(void *arg)
{
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    return arg;
}

static void test_many(void)
{
    enum { MOST = 2000 };
    static pthread_t threads[MOST];
    int n = 0, error = 0;

    pthread_mutex_lock(&lock);
    while (n < MOST && (error = pthread_create(&threads[n], NULL, wait_for_end, NULL)) == 0)
        n++;
    pthread_mutex_unlock(&lock);
    printf("%d threads at once, then error %d\n", n, error);
    CHECK(n > 50);
    CHECK(n == MOST || error == EAGAIN);
    for (int i = 0; i < n; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* The last thread to end ends the program, with status 0, and atexit handlers run. */
static void *say_pass(void *arg)
{
    void *result;

    CHECK_EQ(pthread_join((pthread_t)arg, &result), 0);
    CHECK_EQ((uintptr_t)result, 17);
    usleep(10000);
    return NULL;
}

static void pass(void)
{
    puts("PASS");
}

int main(void)
{
    pthread_t thread;

    test_join();
    test_condition();
    test_key();
    test_own();
    test_identity();
    test_stack();
    test_no_leak();
    test_many();
    atexit(pass);
    CHECK_EQ(pthread_create(&thread, NULL, say_pass, (void *)pthread_self()), 0);
    pthread_exit((void *)17);
}
