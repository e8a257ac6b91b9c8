/* sync: wait queues, futexes and the mutex, with threads that really wait. */
#include "guest_threads.h"

#include <platform/clock.h>
#include <runtime/sync.h>

static char order[256];
static int results[16];

/* ---- wait queues ---- */

static struct spinlock lock = SPINLOCK_INIT("test");
static struct wait_queue queue = WAIT_QUEUE_INIT(queue);
static uint64_t deadline_ns = CLOCK_NEVER;
static bool interruptible;

static void wait_in_queue(void *arg)
{
    const char *name = arg;
    bool was_masked = spin_lock(&lock);

    results[*name - 'a'] =
        wait_queue_sleep(&queue, &lock, was_masked, deadline_ns, interruptible, "the test");
    CHECK(!vcpu_upcalls_masked());
    strcat(order, name);
}

static struct thread *waiter[3];

static void start_waiters(void)
{
    waiter[0] = spawn(wait_in_queue, "a");
    waiter[1] = spawn(wait_in_queue, "b");
    waiter[2] = spawn(wait_in_queue, "c");
    thread_sleep_until(fakexen_now() + 1000);
    CHECK_EQ(waiter[0]->state, THREAD_WAITING);
    CHECK_STR(waiter[0]->wait_reason, "the test");
    CHECK_STR(order, "");
}

static void join_waiters(void)
{
    for (int i = 0; i < 3; i++)
        join(waiter[i]);
}

static void body_fifo(void)
{
    start_waiters();
    CHECK_EQ(wait_queue_wake(&queue, 1), 1);
    thread_sleep_until(fakexen_now() + 1000);
    CHECK_STR(order, "a");
    CHECK_EQ(wait_queue_wake(&queue, WAKE_ALL), 2);
    CHECK_EQ(wait_queue_wake(&queue, WAKE_ALL), 0);
    join_waiters();
    CHECK_STR(order, "abc");
    for (int i = 0; i < 3; i++)
        CHECK_EQ(results[i], 0);
}

TEST(waiters_wake_first_come_first_served)
{
    run_threads(body_fifo);
}

static void body_timeout(void)
{
    deadline_ns = fakexen_now() + 1000000;
    start_waiters();
    wait_queue_wake(&queue, 1);
    join_waiters();
    CHECK(fakexen_now() >= deadline_ns);
    CHECK_EQ(results[0], 0);
    CHECK_EQ(results[1], -ETIMEDOUT);
    CHECK_EQ(results[2], -ETIMEDOUT);
    CHECK_EQ(wait_queue_wake(&queue, WAKE_ALL), 0);
}

TEST(a_wait_ends_at_its_deadline)
{
    run_threads(body_timeout);
}

static void body_past(void)
{
    deadline_ns = 1;
    waiter[0] = spawn(wait_in_queue, "a");
    join(waiter[0]);
    CHECK_EQ(results[0], -ETIMEDOUT);
}

TEST(a_deadline_in_the_past_ends_a_wait_at_once)
{
    run_threads(body_past);
}

static void body_interrupted(void)
{
    interruptible = true;
    start_waiters();
    thread_interrupt(waiter[1]);
    thread_sleep_until(fakexen_now() + 1000);
    CHECK_STR(order, "b");
    CHECK_EQ(results[1], -EINTR);
    CHECK_EQ(wait_queue_wake(&queue, WAKE_ALL), 2);
    join_waiters();
}

TEST(an_interruptible_wait_is_interrupted)
{
    run_threads(body_interrupted);
}

static void body_uninterruptible(void)
{
    start_waiters();
    thread_interrupt(waiter[1]);
    thread_sleep_until(fakexen_now() + 1000);
    CHECK_STR(order, "");
    wait_queue_wake(&queue, WAKE_ALL);
    join_waiters();
    CHECK_EQ(results[1], 0);
}

TEST(another_wait_is_not)
{
    run_threads(body_uninterruptible);
}

/* ---- futexes ---- */

static uint32_t word, other_word;

static void wait_on_word(void *arg)
{
    const char *name = arg;

    results[*name - 'a'] = futex_wait(&word, 7, deadline_ns, interruptible, "a word");
    strcat(order, name);
}

static void start_futex_waiters(void)
{
    word = 7;
    waiter[0] = spawn(wait_on_word, "a");
    waiter[1] = spawn(wait_on_word, "b");
    waiter[2] = spawn(wait_on_word, "c");
    thread_sleep_until(fakexen_now() + 1000);
    CHECK(waiter[0]->wait_key == &word);
}

static void body_futex(void)
{
    CHECK_EQ(futex_wait(&word, 1, CLOCK_NEVER, false, "a word"), -EAGAIN);
    start_futex_waiters();
    CHECK_EQ(futex_wake(&other_word, WAKE_ALL), 0);
    CHECK_EQ(futex_wake(&word, 2), 2);
    thread_sleep_until(fakexen_now() + 1000);
    CHECK_STR(order, "ab");
    CHECK_EQ(futex_wake(&word, WAKE_ALL), 1);
    join_waiters();
    CHECK_STR(order, "abc");
}

TEST(a_futex_wakes_as_many_as_asked)
{
    run_threads(body_futex);
}

static void body_futex_timeout(void)
{
    deadline_ns = fakexen_now() + 5000;
    start_futex_waiters();
    join_waiters();
    for (int i = 0; i < 3; i++)
        CHECK_EQ(results[i], -ETIMEDOUT);
    CHECK_EQ(futex_wake(&word, WAKE_ALL), 0);
}

TEST(a_futex_wait_ends_at_its_deadline)
{
    run_threads(body_futex_timeout);
}

static void body_requeue(void)
{
    start_futex_waiters();
    CHECK_EQ(futex_requeue(&word, 1, &other_word), 3);
    thread_sleep_until(fakexen_now() + 1000);
    CHECK_STR(order, "a");
    CHECK_EQ(futex_wake(&word, WAKE_ALL), 0);
    CHECK_EQ(futex_wake(&other_word, 1), 1);
    thread_sleep_until(fakexen_now() + 1000);
    CHECK_STR(order, "ab");
    futex_wake(&other_word, WAKE_ALL);
    join_waiters();
}

TEST(requeued_waiters_wait_for_the_other_word)
{
    run_threads(body_requeue);
}

/* Words of one bucket are told apart. */
static uint32_t many_words[4096];

static void wait_on_many(void *arg)
{
    futex_wait(arg, 0, CLOCK_NEVER, false, "one of many");
    strcat(order, "x");
}

static void body_buckets(void)
{
    struct thread *threads[50];

    for (int i = 0; i < 50; i++)
        threads[i] = spawn(wait_on_many, &many_words[i * 64]);
    thread_sleep_until(fakexen_now() + 1000);
    for (int i = 49; i >= 0; i--) {
        CHECK_EQ(futex_wake(&many_words[i * 64], WAKE_ALL), 1);
        join(threads[i]);
        CHECK_EQ(strlen(order), 50 - (size_t)i);
    }
}

TEST(different_words_have_different_waiters)
{
    run_threads(body_buckets);
}

/* ---- the mutex ---- */

static struct mutex mutex = MUTEX_INIT;
static unsigned inside, counter;

static void count_under_lock(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        mutex_lock(&mutex);
        CHECK_EQ(inside++, 0);
        unsigned before = counter;
        if (i % 3 == 0)
            thread_yield();
        busy(300000); /* long enough to be preempted now and then */
        counter = before + 1;
        inside--;
        mutex_unlock(&mutex);
    }
}

static void body_mutex(void)
{
    struct thread *threads[8];

    for (int i = 0; i < 8; i++)
        threads[i] = spawn(count_under_lock, NULL);
    for (int i = 0; i < 8; i++)
        join(threads[i]);
    CHECK_EQ(counter, 800);
    CHECK_EQ(mutex.word, 0);
}

TEST(only_one_thread_is_inside_a_mutex)
{
    run_threads(body_mutex);
}

static void body_try(void)
{
    CHECK(mutex_try_lock(&mutex));
    CHECK(!mutex_try_lock(&mutex));
    mutex_unlock(&mutex);
    CHECK(mutex_try_lock(&mutex));
    mutex_unlock(&mutex);
}

TEST(trying_never_waits)
{
    run_threads(body_try);
}
