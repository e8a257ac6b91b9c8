/* pthread_sync: what threads of POSIX wait by, with every switch at a known place. */
#include "guest_pthreads.h"

#include <semaphore.h>

#include <platform/clock.h>

#include "signals/interrupt.h"

static char order[64];
static unsigned handled;

/* A handler has run, of a signal whose calls go on. */
bool signal_restart(void)
{
    handled++;
    return true;
}

#include "threads/posix_thread.h"

static struct thread *runtime_thread(pthread_t thread)
{
    return posix_thread_of(thread)->thread;
}

static uint64_t ns_of(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

/* ---- mutexes ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned inside, counter;

static void *count(void *arg)
{
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(pthread_mutex_lock(&mutex), 0);
        CHECK_EQ(inside++, 0);
        busy(MS / 3); /* long enough to be preempted now and then */
        inside--;
        counter++;
        CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    }
    return arg;
}

static void body_mutex(void)
{
    pthread_t threads[6];

    for (int i = 0; i < 6; i++)
        threads[i] = start(count, NULL);
    for (int i = 0; i < 6; i++)
        ended(threads[i]);
    CHECK_EQ(counter, 300);
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
}

TEST(one_thread_at_a_time_holds_a_mutex)
{
    run_threads(body_mutex);
}

static void *lock_soon(void *limit)
{
    return (void *)(intptr_t)pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, limit);
}

static void body_mutex_limit(void)
{
    struct timespec soon = in(10 * MS), late = in(50 * MS);
    pthread_t first, second;

    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    first = start(lock_soon, &soon);
    second = start(lock_soon, &late);
    CHECK_EQ((intptr_t)ended(first), ETIMEDOUT);
    CHECK(fakexen_now() >= ns_of(&soon) && fakexen_now() < ns_of(&soon) + MS);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ((intptr_t)ended(second), 0); /* it is that thread's now */
    CHECK(fakexen_now() < ns_of(&late));
    CHECK_EQ(pthread_mutex_destroy(&mutex), EBUSY);
}

TEST(a_limit_ends_the_wait_for_a_mutex)
{
    run_threads(body_mutex_limit);
}

static void *lock_it(void *arg)
{
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    return arg;
}

static void body_mutex_signal(void)
{
    pthread_t thread;

    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    thread = start(lock_it, NULL);
    pass(MS);
    thread_interrupt(runtime_thread(thread));
    pass(MS);
    CHECK_EQ(handled, 1);
    CHECK_EQ(pthread_tryjoin_np(thread, NULL), EBUSY);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    ended(thread);
}

TEST(a_handler_runs_while_its_thread_waits_for_a_mutex)
{
    run_threads(body_mutex_signal);
}

/* ---- robust mutexes ---- */

static void make_robust(pthread_mutex_t *which, int type)
{
    pthread_mutexattr_t attr = { .__type = type, .__robust = PTHREAD_MUTEX_ROBUST };

    CHECK_EQ(pthread_mutex_init(which, &attr), 0);
}

/* Lock both, and end; a recursive one more than once. */
static pthread_mutex_t other;

static void *lock_and_end(void *times)
{
    CHECK_EQ(pthread_mutex_lock(&other), 0);
    for (intptr_t i = 0; i < (intptr_t)times; i++)
        CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    pass(10 * MS);
    return NULL;
}

static void *lock_and_tell(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)pthread_mutex_lock(&mutex);
}

static void body_owner_dies(void)
{
    pthread_t owner, waiter;

    make_robust(&mutex, PTHREAD_MUTEX_RECURSIVE);
    make_robust(&other, PTHREAD_MUTEX_NORMAL);
    owner = start(lock_and_end, (void *)3);
    pass(MS);
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    CHECK_EQ(pthread_mutex_unlock(&other), EPERM);
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD); /* waits for it */
    CHECK_EQ(pthread_mutex_consistent(&other), EINVAL);
    CHECK_EQ(pthread_mutex_trylock(&other), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&other), 0);
    CHECK_EQ(pthread_mutex_consistent(&other), EINVAL);
    CHECK_EQ(pthread_mutex_lock(&other), EDEADLK);
    CHECK_EQ(pthread_mutex_unlock(&other), 0);
    CHECK_EQ(pthread_mutex_lock(&other), 0);
    CHECK_EQ(pthread_mutex_unlock(&other), 0);
    ended(owner);

    /* Who waits meanwhile, and who comes later, learns that it was not made good. */
    waiter = start(lock_and_tell, NULL);
    owner = start(lock_and_tell, NULL);
    pass(MS);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ((intptr_t)ended(waiter), ENOTRECOVERABLE);
    CHECK_EQ((intptr_t)ended(owner), ENOTRECOVERABLE);
    CHECK_EQ(pthread_mutex_trylock(&mutex), ENOTRECOVERABLE);
    CHECK_EQ(pthread_mutex_consistent(&mutex), EINVAL);
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
    make_robust(&mutex, PTHREAD_MUTEX_ERRORCHECK);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

TEST(who_locks_what_an_ended_thread_held_is_told)
{
    run_threads(body_owner_dies);
}

/* Each waits for the one before and ends with the mutex; in whatever order others are given up. */
static void *inherit(void *first)
{
    pthread_mutex_t mine[3];

    for (int i = 0; i < 3; i++) {
        make_robust(&mine[i], PTHREAD_MUTEX_NORMAL);
        CHECK_EQ(pthread_mutex_lock(&mine[i]), 0);
    }
    CHECK_EQ(pthread_mutex_lock(&mutex), first != NULL ? 0 : EOWNERDEAD);
    if (first == NULL)
        CHECK_EQ(pthread_mutex_consistent(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mine[1]), 0);
    CHECK_EQ(pthread_mutex_unlock(&mine[0]), 0);
    CHECK_EQ(pthread_mutex_unlock(&mine[2]), 0);
    pass(MS);
    return NULL;
}

static void body_inherit(void)
{
    pthread_t threads[5];

    make_robust(&mutex, PTHREAD_MUTEX_NORMAL);
    for (int i = 0; i < 5; i++) {
        threads[i] = start(inherit, i == 0 ? &mutex : NULL);
        pass(MS / 10);
    }
    for (int i = 0; i < 5; i++)
        ended(threads[i]);
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

TEST(a_robust_mutex_goes_from_one_ended_thread_to_the_next)
{
    run_threads(body_inherit);
}

/* ---- conditions ---- */

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned tickets, spurious;

static void *take_ticket(void *name)
{
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    while (tickets == 0) {
        CHECK_EQ(pthread_cond_wait(&cond, &mutex), 0);
        spurious += tickets == 0;
    }
    tickets--;
    strcat(order, name);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

static void body_cond(void)
{
    pthread_t threads[4] = { start(take_ticket, "a"), start(take_ticket, "b"),
                             start(take_ticket, "c"), start(take_ticket, "d") };

    pass(MS);
    CHECK_EQ(pthread_cond_destroy(&cond), EBUSY);
    pthread_mutex_lock(&mutex);
    tickets = 1;
    CHECK_EQ(pthread_cond_signal(&cond), 0);
    pthread_mutex_unlock(&mutex);
    pass(MS);
    CHECK_STR(order, "a");
    CHECK_EQ(spurious, 0);
    pthread_mutex_lock(&mutex);
    tickets = 3;
    CHECK_EQ(pthread_cond_broadcast(&cond), 0);
    CHECK_EQ(pthread_cond_destroy(&cond), 0);
    memset(&cond, 0xff, sizeof(cond)); /* who was woken does not look at it again */
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 4; i++)
        ended(threads[i]);
    CHECK_STR(order, "abcd");
}

TEST(waiters_of_a_condition_are_woken_in_order)
{
    run_threads(body_cond);
}

static void body_cond_limit(void)
{
    struct timespec soon = in(10 * MS);

    pthread_mutex_lock(&mutex);
    CHECK_EQ(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
    CHECK(fakexen_now() >= ns_of(&soon) && fakexen_now() < ns_of(&soon) + MS);
    CHECK_EQ(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
    CHECK_EQ(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC_RAW, &soon), EINVAL);
    soon.tv_nsec = -1;
    CHECK_EQ(pthread_cond_timedwait(&cond, &mutex, &soon), EINVAL);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_cond_wait(&cond, &mutex), EPERM);
    CHECK_EQ(pthread_cond_destroy(&cond), 0);
}

TEST(a_limit_ends_the_wait_for_a_condition)
{
    run_threads(body_cond_limit);
}

static void *wait_for_ticket(void *arg)
{
    intptr_t error = 0;

    (void)arg;
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    while (tickets == 0 && error == 0)
        error = pthread_cond_wait(&cond, &mutex);
    return (void *)error; /* with the mutex, again */
}

static void *signal_and_end(void *arg)
{
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    tickets = 1;
    pthread_cond_signal(&cond);
    return arg;
}

static void body_cond_robust(void)
{
    pthread_t waiter;

    make_robust(&mutex, PTHREAD_MUTEX_NORMAL);
    waiter = start(wait_for_ticket, NULL);
    pass(MS);
    ended(start(signal_and_end, NULL));
    CHECK_EQ((intptr_t)ended(waiter), EOWNERDEAD);
}

TEST(who_waits_for_a_condition_is_told_of_the_mutexs_owner)
{
    run_threads(body_cond_robust);
}

static void body_cond_signal(void)
{
    pthread_t thread = start(take_ticket, "a");

    pass(MS);
    thread_interrupt(runtime_thread(thread));
    pass(MS);
    CHECK_EQ(handled, 1);
    CHECK_EQ(spurious, 1);
    pthread_mutex_lock(&mutex);
    tickets = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    ended(thread);
    CHECK_STR(order, "a");
}

TEST(a_handler_runs_while_its_thread_waits_for_a_condition)
{
    run_threads(body_cond_signal);
}

/* ---- readers and writers ---- */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void *read_for(void *ms)
{
    CHECK_EQ(pthread_rwlock_rdlock(&rwlock), 0);
    strcat(order, "r");
    pass((uintptr_t)ms * MS);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    return NULL;
}

static void *write_for(void *ms)
{
    CHECK_EQ(pthread_rwlock_wrlock(&rwlock), 0);
    strcat(order, "w");
    pass((uintptr_t)ms * MS);
    strcat(order, "W");
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    return NULL;
}

static void body_rwlock(void)
{
    pthread_t threads[5];

    threads[0] = start(read_for, (void *)10);
    threads[1] = start(write_for, (void *)10);
    threads[2] = start(write_for, (void *)10);
    threads[3] = start(read_for, (void *)10);
    pass(12 * MS);
    CHECK_STR(order, "rrw");
    threads[4] = start(read_for, (void *)1);
    for (int i = 0; i < 5; i++)
        ended(threads[i]);
    CHECK(strcmp(order, "rrwWwWr") == 0 || strcmp(order, "rrwWrwW") == 0);
}

TEST(readers_share_and_a_writer_is_alone)
{
    run_threads(body_rwlock);
}

static void body_rwlock_limit(void)
{
    struct timespec soon = in(5 * MS);
    pthread_t writer = start(write_for, (void *)10);

    pass(MS);
    CHECK_EQ(pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
    CHECK_EQ(pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), EPERM); /* another one's */
    ended(writer);
    CHECK_EQ(pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &soon), 0);
    CHECK_EQ(pthread_rwlock_rdlock(&rwlock), EDEADLK);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), EPERM);
}

TEST(a_limit_ends_the_wait_for_readers_and_writers)
{
    run_threads(body_rwlock_limit);
}

/* ---- barriers ---- */

static pthread_barrier_t barrier;

static void *meet(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)pthread_barrier_wait(&barrier);
}

static void body_barrier(void)
{
    pthread_t threads[2];

    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 3), 0);
    for (int i = 0; i < 2; i++)
        threads[i] = start(meet, NULL);
    pass(MS);
    thread_interrupt(runtime_thread(threads[0])); /* it comes back to the barrier afterwards */
    pass(MS);
    CHECK_EQ(handled, 1);
    CHECK_EQ(pthread_barrier_destroy(&barrier), EBUSY);
    thread_interrupt(runtime_thread(threads[0])); /* and now after the round is over */
    CHECK_EQ(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
    CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
    memset(&barrier, 0xff, sizeof(barrier));
    for (int i = 0; i < 2; i++)
        CHECK_EQ((intptr_t)ended(threads[i]), 0);
    for (size_t i = 0; i < sizeof(barrier); i++)
        CHECK_EQ(((unsigned char *)&barrier)[i], 0xff);
    CHECK_EQ(handled, 2);
}

TEST(a_barrier_may_go_when_one_thread_has_passed)
{
    run_threads(body_barrier);
}

/* ---- semaphores ---- */

static sem_t sem;

static void *take(void *name)
{
    CHECK_EQ(sem_wait(&sem), 0);
    strcat(order, name);
    return NULL;
}

static void body_semaphore(void)
{
    pthread_t threads[3];
    int value;

    CHECK_EQ(sem_init(&sem, 0, 0), 0);
    threads[0] = start(take, "a");
    threads[1] = start(take, "b");
    threads[2] = start(take, "c");
    pass(MS);
    CHECK_EQ(sem_destroy(&sem), -1);
    CHECK_EQ(errno, EBUSY);
    thread_interrupt(runtime_thread(threads[1])); /* now it is the last of them */
    pass(MS);
    CHECK_EQ(handled, 1);
    CHECK_EQ(sem_post(&sem), 0);
    CHECK_EQ(sem_post(&sem), 0);
    pass(MS);
    CHECK_STR(order, "ac");
    CHECK_EQ(sem_post(&sem), 0);
    CHECK_EQ(sem_post(&sem), 0);
    for (int i = 0; i < 3; i++)
        ended(threads[i]);
    CHECK_EQ(sem_getvalue(&sem, &value), 0);
    CHECK_EQ(value, 1);
    CHECK_EQ(sem_destroy(&sem), 0);
}

TEST(each_post_lets_one_thread_go)
{
    run_threads(body_semaphore);
}

static void body_semaphore_limit(void)
{
    struct timespec soon = in(10 * MS);

    CHECK_EQ(sem_init(&sem, 0, 0), 0);
    CHECK_EQ(sem_clockwait(&sem, CLOCK_MONOTONIC, &soon), -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK(fakexen_now() >= ns_of(&soon) && fakexen_now() < ns_of(&soon) + MS);
    CHECK_EQ(sem_post(&sem), 0);
    CHECK_EQ(sem_clockwait(&sem, CLOCK_MONOTONIC, &soon), 0);
    CHECK_EQ(sem_destroy(&sem), 0);
}

TEST(a_limit_ends_the_wait_for_a_semaphore)
{
    run_threads(body_semaphore_limit);
}

/* ---- once ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void)
{
    pass(10 * MS);
    counter++;
}

static void *call_once_only(void *arg)
{
    CHECK_EQ(pthread_once(&once, initialise), 0);
    CHECK_EQ(counter, 1);
    return arg;
}

static void body_once(void)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        threads[i] = start(call_once_only, NULL);
    for (int i = 0; i < 4; i++)
        ended(threads[i]);
    call_once_only(NULL);
}

TEST(an_initialiser_runs_once_and_all_wait_for_it)
{
    run_threads(body_once);
}
