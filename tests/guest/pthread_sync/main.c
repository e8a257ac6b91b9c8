/*
 * What threads wait by: every kind of lock, its errors and its limits in time, conditions,
 * barriers, semaphores, and the same under the names of C11.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static struct timespec after_ms(clockid_t clock, long ms)
{
    struct timespec at;

    clock_gettime(clock, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static bool is_past(clockid_t clock, const struct timespec *at)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec > at->tv_sec || (now.tv_sec == at->tv_sec && now.tv_nsec >= at->tv_nsec);
}

/* Run function(arg) in a thread of its own, and what it returns. */
static int elsewhere(void *(*function)(void *), void *arg)
{
    pthread_t thread;
    void *result;

    CHECK_EQ(pthread_create(&thread, NULL, function, arg), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    return (int)(intptr_t)result;
}

static const struct timespec no_time = { .tv_nsec = 1000000000 };

/* ---- mutexes ---- */

static void *lock_mutex(void *mutex)
{
    return (void *)(intptr_t)pthread_mutex_trylock(mutex);
}

static void *unlock_mutex(void *mutex)
{
    return (void *)(intptr_t)pthread_mutex_unlock(mutex);
}

static void *lock_mutex_in_time(void *mutex)
{
    struct timespec soon = after_ms(CLOCK_MONOTONIC, 20);
    int error = pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &soon);

    CHECK(error != ETIMEDOUT || is_past(CLOCK_MONOTONIC, &soon));
    return (void *)(intptr_t)error;
}

static void test_mutex_normal(void)
{
    static pthread_mutex_t mutex;
    struct timespec past = { 0 };

    CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(elsewhere(lock_mutex, &mutex), EBUSY);
    CHECK_EQ(elsewhere(lock_mutex_in_time, &mutex), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &past), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &no_time), EINVAL);
    CHECK_EQ(pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, &past), EINVAL);
    CHECK_EQ(pthread_mutex_destroy(&mutex), EBUSY);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &past), 0); /* free: no time needed */
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), EINVAL);
}

static void test_mutex_types(void)
{
    pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, checking;
    pthread_mutexattr_t attr;
    int type;

    CHECK_EQ(pthread_mutex_lock(&recursive), 0);
    CHECK_EQ(pthread_mutex_lock(&recursive), 0);
    CHECK_EQ(pthread_mutex_trylock(&recursive), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(elsewhere(lock_mutex, &recursive), EBUSY);
        CHECK_EQ(elsewhere(unlock_mutex, &recursive), EPERM);
        CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    }
    CHECK_EQ(pthread_mutex_unlock(&recursive), EPERM);
    CHECK_EQ(elsewhere(lock_mutex, &recursive), 0);
    CHECK_EQ(pthread_mutex_destroy(&recursive), EBUSY);

    CHECK_EQ(pthread_mutexattr_init(&attr), 0);
    CHECK_EQ(pthread_mutexattr_settype(&attr, 99), EINVAL);
    CHECK_EQ(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK), 0);
    CHECK_EQ(pthread_mutexattr_gettype(&attr, &type), 0);
    CHECK_EQ(type, PTHREAD_MUTEX_ERRORCHECK);
    CHECK_EQ(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), 0);
    CHECK_EQ(pthread_mutex_init(&checking, &attr), 0);
    CHECK_EQ(pthread_mutex_lock(&checking), 0);
    CHECK_EQ(pthread_mutex_lock(&checking), EDEADLK);
    CHECK_EQ(pthread_mutex_trylock(&checking), EBUSY);
    CHECK_EQ(elsewhere(unlock_mutex, &checking), EPERM);
    CHECK_EQ(pthread_mutex_unlock(&checking), 0);
    CHECK_EQ(pthread_mutex_unlock(&checking), EPERM);
    CHECK_EQ(pthread_mutex_destroy(&checking), 0);
}

/* ---- conditions ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned waiting, go;

static void *wait_for_go(void *cond)
{
    pthread_mutex_lock(&lock);
    waiting++;
    while (go == 0)
        pthread_cond_wait(cond, &lock);
    go--;
    waiting--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void wait_until_waiting(unsigned n)
{
    for (;;) {
        unsigned seen;

        pthread_mutex_lock(&lock);
        seen = waiting;
        pthread_mutex_unlock(&lock);
        if (seen == n)
            break;
        usleep(1000);
    }
}

static void test_cond_timeout(clockid_t clock, pthread_cond_t *cond)
{
    struct timespec soon = after_ms(clock, 15);

    pthread_mutex_lock(&lock);
    CHECK_EQ(pthread_cond_timedwait(cond, &lock, &no_time), EINVAL);
    CHECK_EQ(pthread_cond_timedwait(cond, &lock, &soon), ETIMEDOUT);
    CHECK(is_past(clock, &soon));
    CHECK_EQ(pthread_cond_timedwait(cond, &lock, &soon), ETIMEDOUT); /* past by now */
    CHECK_EQ(pthread_cond_clockwait(cond, &lock, clock, &soon), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_unlock(&lock), 0); /* held after each */
    CHECK_EQ(pthread_cond_wait(cond, &lock), EPERM);
}

static void test_cond(void)
{
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER, *heap = malloc(sizeof(*heap));
    pthread_condattr_t attr;
    pthread_t threads[10];
    clockid_t clock;

    test_cond_timeout(CLOCK_REALTIME, &cond);
    pthread_condattr_init(&attr);
    CHECK_EQ(pthread_condattr_getclock(&attr, &clock), 0);
    CHECK_EQ(clock, CLOCK_REALTIME);
    CHECK_EQ(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
    CHECK_EQ(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    CHECK_EQ(pthread_cond_init(heap, &attr), 0);
    test_cond_timeout(CLOCK_MONOTONIC, heap);

    for (int i = 0; i < 10; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, wait_for_go, heap), 0);
    wait_until_waiting(10);
    CHECK_EQ(pthread_cond_destroy(heap), EBUSY);
    pthread_mutex_lock(&lock);
    go = 3;
    for (int i = 0; i < 3; i++)
        pthread_cond_signal(heap);
    pthread_mutex_unlock(&lock);
    wait_until_waiting(7);
    pthread_mutex_lock(&lock);
    go = 7;
    CHECK_EQ(pthread_cond_broadcast(heap), 0);
    CHECK_EQ(pthread_cond_destroy(heap), 0); /* nobody waits: nobody touches it again */
    memset(heap, 0xff, sizeof(*heap));
    free(heap);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(waiting, 0);
}

/* ---- readers and writers ---- */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static unsigned readers, most_readers, writers, both;

static void *read_try(void *arg)
{
    int error = pthread_rwlock_tryrdlock(arg);

    if (error == 0)
        pthread_rwlock_unlock(arg);
    return (void *)(intptr_t)error;
}

static void *write_try(void *arg)
{
    int error = pthread_rwlock_trywrlock(arg);

    if (error == 0)
        pthread_rwlock_unlock(arg);
    return (void *)(intptr_t)error;
}

static void *write_in_time(void *arg)
{
    struct timespec soon = after_ms(CLOCK_REALTIME, 10);

    return (void *)(intptr_t)pthread_rwlock_timedwrlock(arg, &soon);
}

static void *read_often(void *arg)
{
    for (int i = 0; i < 100; i++) {
        pthread_rwlock_rdlock(&rwlock);
        unsigned now = __atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED);
        if (now > most_readers)
            most_readers = now;
        sched_yield();
        __atomic_sub_fetch(&readers, 1, __ATOMIC_RELAXED);
        pthread_rwlock_unlock(&rwlock);
        sched_yield();
    }
    return arg;
}

static void *write_often(void *arg)
{
    for (int i = 0; i < 100; i++) {
        pthread_rwlock_wrlock(&rwlock);
        both += readers != 0 || ++writers != 1;
        sched_yield();
        both += readers != 0 || writers-- != 1;
        pthread_rwlock_unlock(&rwlock);
        sched_yield();
    }
    return arg;
}

static void test_rwlock(void)
{
    pthread_t threads[6];

    CHECK_EQ(pthread_rwlock_unlock(&rwlock), EPERM);
    CHECK_EQ(pthread_rwlock_rdlock(&rwlock), 0);
    CHECK_EQ(pthread_rwlock_rdlock(&rwlock), 0);
    CHECK_EQ(elsewhere(read_try, &rwlock), 0);
    CHECK_EQ(elsewhere(write_try, &rwlock), EBUSY);
    CHECK_EQ(elsewhere(write_in_time, &rwlock), ETIMEDOUT);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    CHECK_EQ(pthread_rwlock_destroy(&rwlock), EBUSY);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    CHECK_EQ(pthread_rwlock_wrlock(&rwlock), 0);
    CHECK_EQ(pthread_rwlock_wrlock(&rwlock), EDEADLK);
    CHECK_EQ(pthread_rwlock_rdlock(&rwlock), EDEADLK);
    CHECK_EQ(elsewhere(read_try, &rwlock), EBUSY);
    CHECK_EQ(elsewhere(write_try, &rwlock), EBUSY);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);

    for (int i = 0; i < 6; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, i < 4 ? read_often : write_often, NULL), 0);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(both, 0);
    CHECK(most_readers > 1);
    CHECK_EQ(pthread_rwlock_destroy(&rwlock), 0);
}

/* ---- barriers and spin locks ---- */

static unsigned arrived, serial;

static void *meet(void *barrier)
{
    for (unsigned round = 1; round <= 50; round++) {
        __atomic_add_fetch(&arrived, 1, __ATOMIC_RELAXED);
        int result = pthread_barrier_wait(barrier);
        CHECK(arrived >= round * 5);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        if (result != 0)
            __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void test_barrier(void)
{
    pthread_barrier_t barrier;
    pthread_t threads[5];

    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 5), 0);
    CHECK_EQ(pthread_create(&threads[0], NULL, meet, &barrier), 0);
    usleep(50000);
    CHECK_EQ(pthread_barrier_destroy(&barrier), EBUSY);
    for (int i = 1; i < 5; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, meet, &barrier), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(serial, 50);
    CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
}

static pthread_spinlock_t spin;
static unsigned spun;

static void *spin_often(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(pthread_spin_lock(&spin), 0);
        unsigned before = spun;
        if (i % 100 == 0)
            sched_yield();
        spun = before + 1;
        CHECK_EQ(pthread_spin_unlock(&spin), 0);
    }
    return arg;
}

static void test_spin(void)
{
    pthread_t threads[4];

    CHECK_EQ(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, spin_often, NULL), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(spun, 4000);
    CHECK_EQ(pthread_spin_lock(&spin), 0);
    CHECK_EQ(pthread_spin_trylock(&spin), EBUSY);
    CHECK_EQ(pthread_spin_lock(&spin), EDEADLK);
    CHECK_EQ(pthread_spin_destroy(&spin), EBUSY);
    CHECK_EQ(pthread_spin_unlock(&spin), 0);
    CHECK_EQ(pthread_spin_unlock(&spin), EPERM);
    CHECK_EQ(pthread_spin_destroy(&spin), 0);
}

/* ---- semaphores ---- */

static sem_t full, empty;
static unsigned slots[4], taken;

static void *produce(void *arg)
{
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_EQ(sem_wait(&empty), 0);
        slots[i % 4] = i;
        CHECK_EQ(sem_post(&full), 0);
    }
    return arg;
}

static void *consume(void *arg)
{
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_EQ(sem_wait(&full), 0);
        CHECK_EQ(slots[i % 4], i);
        taken++;
        CHECK_EQ(sem_post(&empty), 0);
    }
    return arg;
}

static void *wait_semaphore(void *sem)
{
    return (void *)(intptr_t)sem_wait(sem);
}

static void test_semaphore(void)
{
    struct timespec soon = after_ms(CLOCK_REALTIME, 10);
    pthread_t threads[5];
    sem_t sem;
    int value;

    CHECK_ERRNO(sem_init(&sem, 0, (unsigned)SEM_VALUE_MAX + 1), EINVAL);
    CHECK_EQ(sem_init(&sem, 0, SEM_VALUE_MAX), 0);
    CHECK_ERRNO(sem_post(&sem), EOVERFLOW);
    CHECK_EQ(sem_init(&sem, 0, 1), 0);
    CHECK_EQ(sem_trywait(&sem), 0);
    CHECK_ERRNO(sem_trywait(&sem), EAGAIN);
    CHECK_ERRNO(sem_timedwait(&sem, &soon), ETIMEDOUT);
    CHECK_ERRNO(sem_timedwait(&sem, &no_time), EINVAL);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, wait_semaphore, &sem), 0);
    usleep(50000);
    CHECK_ERRNO(sem_destroy(&sem), EBUSY);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(sem_post(&sem), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(sem_getvalue(&sem, &value), 0);
    CHECK_EQ(value, 1);
    CHECK_EQ(sem_destroy(&sem), 0);

    sem_init(&empty, 0, 4);
    sem_init(&full, 0, 0);
    CHECK_EQ(pthread_create(&threads[0], NULL, produce, NULL), 0);
    CHECK_EQ(pthread_create(&threads[1], NULL, consume, NULL), 0);
    CHECK_EQ(pthread_join(threads[0], NULL), 0);
    CHECK_EQ(pthread_join(threads[1], NULL), 0);
    CHECK_EQ(taken, 1000);
}

static void test_named_semaphore(void)
{
    sem_t *one, *other;

    CHECK(sem_open("/x", 0) == SEM_FAILED && errno == ENOENT);
    CHECK(sem_open("/", O_CREAT, 0600, 1) == SEM_FAILED && errno == EINVAL);
    one = sem_open("/x", O_CREAT | O_EXCL, 0600, 2);
    CHECK(one != SEM_FAILED);
    CHECK(sem_open("/x", O_CREAT | O_EXCL, 0600, 2) == SEM_FAILED && errno == EEXIST);
    other = sem_open("/x", 0);
    CHECK(other == one);
    CHECK_EQ(sem_unlink("/x"), 0);
    CHECK_ERRNO(sem_unlink("/x"), ENOENT);
    other = sem_open("/x", O_CREAT, 0600, 0);
    CHECK(other != SEM_FAILED && other != one);
    CHECK_EQ(sem_trywait(one), 0);
    CHECK_ERRNO(sem_trywait(other), EAGAIN);
    CHECK_EQ(sem_close(one), 0);
    CHECK_EQ(sem_close(one), 0);
    CHECK_EQ(sem_close(other), 0);
    CHECK_ERRNO(sem_close(other), EINVAL);
    CHECK_EQ(sem_unlink("x"), 0);
}

/* ---- once ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned initialised;

static void initialise_slowly(void)
{
    usleep(5000);
    initialised++;
}

static void *call_initialise(void *arg)
{
    pthread_once(&once, initialise_slowly);
    CHECK_EQ(initialised, 1);
    return arg;
}

static void test_once(void)
{
    pthread_t threads[5];

    for (int i = 0; i < 5; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, call_initialise, NULL), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* ---- C11 ---- */

static mtx_t c_lock;
static cnd_t c_changed;
static tss_t c_key;
static once_flag c_once = ONCE_FLAG_INIT;
static unsigned c_ready, c_destroyed, c_once_ran;

static void c_run_once(void)
{
    c_once_ran++;
}

static void c_destroy(void *value)
{
    c_destroyed += (unsigned)(uintptr_t)value;
}

static int c_thread(void *arg)
{
    call_once(&c_once, c_run_once);
    CHECK_EQ(tss_set(c_key, arg), thrd_success);
    CHECK(tss_get(c_key) == arg);
    CHECK_EQ(mtx_lock(&c_lock), thrd_success);
    c_ready++;
    cnd_signal(&c_changed);
    mtx_unlock(&c_lock);
    if ((uintptr_t)arg == 2)
        thrd_exit(-2);
    return -(int)(uintptr_t)arg;
}

static void test_c11(void)
{
    struct timespec soon = after_ms(CLOCK_REALTIME, 10);
    thrd_t threads[3];
    int result;

    CHECK_EQ(mtx_init(&c_lock, mtx_timed | mtx_recursive), thrd_success);
    CHECK_EQ(cnd_init(&c_changed), thrd_success);
    CHECK_EQ(tss_create(&c_key, c_destroy), thrd_success);
    CHECK_EQ(mtx_lock(&c_lock), thrd_success);
    CHECK_EQ(mtx_timedlock(&c_lock, &soon), thrd_success);
    CHECK_EQ(mtx_unlock(&c_lock), thrd_success);
    CHECK_EQ(cnd_timedwait(&c_changed, &c_lock, &soon), thrd_timedout);
    for (uintptr_t i = 0; i < 3; i++)
        CHECK_EQ(thrd_create(&threads[i], c_thread, (void *)(i + 1)), thrd_success);
    while (c_ready < 3)
        CHECK_EQ(cnd_wait(&c_changed, &c_lock), thrd_success);
    CHECK_EQ(mtx_unlock(&c_lock), thrd_success);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(thrd_join(threads[i], &result), thrd_success);
        CHECK_EQ(result, -i - 1);
    }
    CHECK_EQ(c_destroyed, 6);
    CHECK_EQ(c_once_ran, 1);
    CHECK_EQ(thrd_sleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL), 0);
    CHECK(thrd_equal(thrd_current(), thrd_current()));
    thrd_yield();
    tss_delete(c_key);
    cnd_destroy(&c_changed);
    mtx_destroy(&c_lock);
}

/* ---- scheduling ---- */

static void test_scheduling(void)
{
    struct sched_param param = { 0 };
    pthread_t self = pthread_self();
    clockid_t clock;
    struct timespec used;
    cpu_set_t cpus;
    int policy;

    CHECK_EQ(pthread_getschedparam(self, &policy, &param), 0);
    CHECK_EQ(policy, SCHED_OTHER);
    CHECK_EQ(pthread_setschedparam(self, SCHED_OTHER, &param), 0);
    CHECK_EQ(pthread_setschedparam(self, SCHED_FIFO, &param), EPERM);
    CHECK_EQ(pthread_setschedparam(self, 12345, &param), EINVAL);
    CHECK_EQ(pthread_setschedprio(self, 1), EINVAL);
    CHECK_EQ(pthread_getaffinity_np(self, sizeof(cpus), &cpus), 0);
    CHECK_EQ(CPU_COUNT(&cpus), 1);
    CHECK_EQ(pthread_setaffinity_np(self, sizeof(cpus), &cpus), 0);
    CPU_ZERO(&cpus);
    CPU_SET(1, &cpus);
    CHECK_EQ(pthread_setaffinity_np(self, sizeof(cpus), &cpus), EINVAL);
    CHECK_EQ(pthread_getcpuclockid(self, &clock), 0);
    CHECK_EQ(clock_gettime(clock, &used), 0);
    CHECK(used.tv_sec != 0 || used.tv_nsec != 0);
    CHECK_EQ(pthread_setconcurrency(3), 0);
    CHECK_EQ(pthread_getconcurrency(), 3);
    CHECK_EQ(pthread_atfork(NULL, NULL, NULL), 0);
}

static void *leave_locked(void *mutex)
{
    return (void *)(intptr_t)pthread_mutex_lock(mutex);
}

static void test_mutex_robust(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    int robust, shared;

    CHECK_EQ(pthread_mutexattr_init(&attr), 0);
    CHECK_EQ(pthread_mutexattr_getrobust(&attr, &robust), 0);
    CHECK_EQ(robust, PTHREAD_MUTEX_STALLED);
    CHECK_EQ(pthread_mutexattr_setrobust(&attr, 2), EINVAL);
    CHECK_EQ(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_mutexattr_getrobust(&attr, &robust), 0);
    CHECK_EQ(pthread_mutexattr_getpshared(&attr, &shared), 0);
    CHECK(robust == PTHREAD_MUTEX_ROBUST && shared == PTHREAD_PROCESS_SHARED);
    CHECK_EQ(pthread_mutex_init(&mutex, &attr), 0);
    CHECK_EQ(pthread_mutex_consistent(&mutex), EINVAL);
    CHECK_EQ(elsewhere(leave_locked, &mutex), 0);
    CHECK_EQ(elsewhere(leave_locked, &mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD); /* the second one did not make it good either */
    CHECK_EQ(pthread_mutex_consistent(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(elsewhere(leave_locked, &mutex), 0);
    CHECK_EQ(pthread_mutex_trylock(&mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
    CHECK_EQ(pthread_mutexattr_destroy(&attr), 0);
}

int main(void)
{
    test_mutex_normal();
    test_mutex_types();
    test_mutex_robust();
    test_cond();
    test_rwlock();
    test_barrier();
    test_spin();
    test_semaphore();
    test_named_semaphore();
    test_once();
    test_c11();
    test_scheduling();
    puts("PASS");
    return 0;
}
