/* pthread_life: threads of POSIX begin, are joined or detached, and leave nothing. */
#include "guest_pthreads.h"

#include <runtime/pages.h>

#include "threads/posix_thread.h"

static char order[64];

static void note(void *word)
{
    strcat(order, word);
}

static void *return_arg(void *arg)
{
    return arg;
}

static void *work(void *arg)
{
    busy((uintptr_t)arg * MS);
    return arg;
}

static size_t pages_used(void)
{
    struct pages_stats stats;

    pages_get_stats(&stats);
    return stats.used;
}

static void body_result(void)
{
    pthread_t threads[3];

    for (uintptr_t i = 0; i < 3; i++)
        threads[i] = start(work, (void *)(i * 5));
    for (uintptr_t i = 0; i < 3; i++)
        CHECK_EQ((uintptr_t)ended(threads[i]), i * 5);
    CHECK_EQ(reclaimed, 3);
}

TEST(a_joiner_gets_the_result)
{
    run_threads(body_result);
}

static void body_once_only(void)
{
    pthread_t thread = start(return_arg, NULL);

    pass(MS);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), ESRCH);
    CHECK_EQ(pthread_detach(thread), ESRCH);
    CHECK_EQ(pthread_tryjoin_np(thread, NULL), ESRCH);
    CHECK_EQ(pthread_join(0, NULL), ESRCH);
    CHECK_EQ(pthread_join(pthread_self(), NULL), EDEADLK);
}

TEST(an_ended_thread_is_joined_once)
{
    run_threads(body_once_only);
}

static void *join_arg(void *thread)
{
    return (void *)(intptr_t)pthread_join((pthread_t)thread, NULL);
}

static void body_one_joiner(void)
{
    pthread_t thread = start(work, (void *)20), joiner = start(join_arg, (void *)thread);

    pass(3 * MS);
    CHECK_EQ(pthread_join(thread, NULL), EINVAL);
    CHECK_EQ(pthread_detach(thread), EINVAL);
    CHECK_EQ((intptr_t)ended(joiner), 0);
}

TEST(a_thread_has_one_joiner)
{
    run_threads(body_one_joiner);
}

static pthread_t circle[3];

static void *join_next(void *arg)
{
    uintptr_t i = (uintptr_t)arg;

    pass((i + 1) * MS);
    return (void *)(intptr_t)pthread_join(circle[(i + 1) % 3], NULL);
}

static void body_circle(void)
{
    for (uintptr_t i = 0; i < 3; i++)
        circle[i] = start(join_next, (void *)i);
    pass(10 * MS);
    /* 0 waits for 1, 1 for 2; 2 may not wait for 0. So 2 ends, then 1, then 0. */
    CHECK_EQ((intptr_t)ended(circle[0]), 0);
    CHECK_EQ(pthread_join(circle[1], NULL), ESRCH);
}

TEST(a_circle_of_joiners_is_refused)
{
    run_threads(body_circle);
}

static void body_in_time(void)
{
    pthread_t thread = start(work, (void *)50);
    struct timespec soon = in(10 * MS), late = in(1000 * MS);
    void *result;

    CHECK_EQ(pthread_tryjoin_np(thread, &result), EBUSY);
    CHECK_EQ(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
    CHECK_EQ(pthread_clockjoin_np(thread, &result, CLOCK_PROCESS_CPUTIME_ID, &late), EINVAL);
    CHECK_EQ(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &late), 0);
    CHECK_EQ((uintptr_t)result, 50);
    CHECK(fakexen_now() < (uint64_t)late.tv_sec * 1000000000 + (uint64_t)late.tv_nsec);
    thread = start(return_arg, (void *)7);
    pass(MS);
    CHECK_EQ(pthread_tryjoin_np(thread, &result), 0);
    CHECK_EQ((uintptr_t)result, 7);
}

TEST(a_joiner_may_give_up)
{
    run_threads(body_in_time);
}

static void run_and_leave(void)
{
    pthread_attr_t attr;
    pthread_t thread;

    CHECK_EQ(pthread_attr_init(&attr), 0);
    CHECK_EQ(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    CHECK_EQ(pthread_create(&thread, &attr, work, (void *)1), 0);
    CHECK_EQ(pthread_join(thread, NULL), EINVAL);
    thread = start(work, (void *)1);
    CHECK_EQ(pthread_detach(thread), 0);
    CHECK_EQ(pthread_detach(thread), EINVAL);
    thread = start(return_arg, NULL);
    pass(20 * MS);
    CHECK_EQ(pthread_detach(thread), 0); /* ended already */
    CHECK_EQ(pthread_detach(thread), ESRCH);
    ended(start(work, (void *)1));
}

static void body_no_leak(void)
{
    size_t used;

    for (int i = 0; i < 5; i++)
        run_and_leave();
    used = pages_used();
    for (int i = 0; i < 50; i++)
        run_and_leave();
    CHECK_EQ(pages_used(), used);
    CHECK_EQ(thread_count(), 1);
}

TEST(threads_that_nobody_joins_leave_nothing)
{
    run_threads(body_no_leak);
}

/* ---- what runs at the end ---- */

static pthread_key_t keys[3];

static void again(void *value)
{
    note(value);
    pthread_setspecific(keys[1], value); /* for ever, if it is let */
}

static void *leave(void *arg)
{
    CHECK_EQ(pthread_setspecific(keys[0], "0"), 0);
    CHECK_EQ(pthread_setspecific(keys[1], "1"), 0);
    CHECK_EQ(pthread_setspecific(keys[2], "2"), 0);
    pthread_cleanup_push(note, "a");
    pthread_cleanup_push(note, "b");
    pthread_exit(arg);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
}

static void body_end(void)
{
    CHECK_EQ(pthread_key_create(&keys[0], note), 0);
    CHECK_EQ(pthread_key_create(&keys[1], again), 0);
    CHECK_EQ(pthread_key_create(&keys[2], NULL), 0);
    CHECK_EQ((uintptr_t)ended(start(leave, (void *)3)), 3);
    CHECK_STR(order, "ba01111"); /* PTHREAD_DESTRUCTOR_ITERATIONS */
}

TEST(handlers_run_before_destructors_and_these_not_for_ever)
{
    run_threads(body_end);
}

static void *no_value(void *arg)
{
    CHECK(pthread_getspecific(keys[0]) == NULL);
    return arg;
}

static void body_keys(void)
{
    pthread_key_t key, old;
    unsigned n = 0;

    CHECK_EQ(pthread_key_create(&old, note), 0);
    CHECK_EQ(pthread_setspecific(old, "old"), 0);
    CHECK_EQ(pthread_key_delete(old), 0);
    CHECK(pthread_getspecific(old) == NULL);
    CHECK_EQ(pthread_setspecific(old, "x"), EINVAL);
    CHECK_EQ(pthread_key_delete(12345), EINVAL);
    CHECK_EQ(pthread_key_create(&keys[0], NULL), 0);
    CHECK_EQ(keys[0], old); /* the same place, and the old value is not there */
    CHECK(pthread_getspecific(keys[0]) == NULL);
    CHECK_EQ(pthread_setspecific(keys[0], "main's"), 0);
    ended(start(no_value, NULL));
    CHECK_STR(pthread_getspecific(keys[0]), "main's");
    while (pthread_key_create(&key, NULL) == 0)
        n++;
    CHECK_EQ(n, PTHREAD_KEYS_MAX - 1);
    CHECK_EQ(pthread_setspecific(key = PTHREAD_KEYS_MAX - 1, "last"), 0);
    CHECK_STR(pthread_getspecific(key), "last");
    CHECK_STR(pthread_getspecific(keys[0]), "main's");
}

TEST(a_new_key_has_no_value_anywhere)
{
    run_threads(body_keys);
}

/* ---- where and how ---- */

static void *where(void *arg)
{
    char here;
    pthread_attr_t attr;
    void *base;
    size_t size;

    (void)arg;
    CHECK_EQ(pthread_getattr_np(pthread_self(), &attr), 0);
    CHECK_EQ(pthread_attr_getstack(&attr, &base, &size), 0);
    CHECK(&here > (char *)base && &here < (char *)base + size);
    return base;
}

static void body_stack(void)
{
    static char stack[65536] __attribute__((aligned(64)));
    pthread_attr_t attr;
    pthread_t thread;

    CHECK_EQ(pthread_attr_init(&attr), 0);
    CHECK_EQ(pthread_attr_setstack(&attr, stack, 1000), EINVAL);
    CHECK_EQ(pthread_attr_setstack(&attr, stack + 1, 65536), EINVAL);
    CHECK_EQ(pthread_attr_setstack(&attr, stack, 65536), 0);
    CHECK_EQ(pthread_create(&thread, &attr, where, NULL), 0);
    CHECK(ended(thread) == stack);
    CHECK(ended(start(where, NULL)) != stack);
}

TEST(a_stack_of_the_callers_is_used)
{
    run_threads(body_stack);
}

static void body_refused(void)
{
    struct sched_param param = { 0 };
    pthread_attr_t attr;
    pthread_t thread = 0;
    int value;

    CHECK_EQ(pthread_attr_init(&attr), 0);
    CHECK_EQ(pthread_attr_setdetachstate(&attr, 9), EINVAL);
    CHECK_EQ(pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS), ENOTSUP);
    CHECK_EQ(pthread_attr_setstacksize(&attr, 1000), EINVAL);
    CHECK_EQ(pthread_attr_setschedpolicy(&attr, SCHED_FIFO), 0);
    CHECK_EQ(pthread_attr_setschedparam(&attr, &param), 0);
    CHECK_EQ(pthread_create(&thread, &attr, return_arg, NULL), 0); /* inherited: not looked at */
    ended(thread);
    CHECK_EQ(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
    CHECK_EQ(pthread_attr_getinheritsched(&attr, &value), 0);
    CHECK_EQ(value, PTHREAD_EXPLICIT_SCHED);
    CHECK_EQ(pthread_create(&thread, &attr, return_arg, NULL), EPERM);
    CHECK_EQ(pthread_attr_destroy(&attr), 0);
    CHECK_EQ(pthread_create(&thread, &attr, return_arg, NULL), EINVAL);
}

TEST(attributes_that_a_guest_cannot_offer_are_refused)
{
    run_threads(body_refused);
}

static void body_no_memory(void)
{
    size_t used, n = 0;
    pthread_attr_t attr;
    pthread_t thread;

    CHECK_EQ(pthread_attr_init(&attr), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attr, 1ul << 40), 0);
    for (n = 0; n < 64; n++) /* until all memory is reached, which takes tables */
        CHECK_EQ(pthread_create(&thread, &attr, return_arg, NULL), EAGAIN);
    used = pages_used();
    for (n = 0; n < 10; n++)
        CHECK_EQ(pthread_create(&thread, &attr, return_arg, NULL), EAGAIN);
    CHECK_EQ(pages_used(), used);
    CHECK_EQ((uintptr_t)ended(start(return_arg, (void *)5)), 5);
}

TEST(without_memory_there_is_no_thread)
{
    run_threads(body_no_memory);
}
