/* threads: C11's <threads.h>, whose types are those of POSIX threads. */
#define _GNU_SOURCE
#include <threads.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

_Static_assert(TSS_DTOR_ITERATIONS == PTHREAD_DESTRUCTOR_ITERATIONS, "they are the same keys");

static int threads_result(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
    case EAGAIN:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

struct threads_start {
    thrd_start_t function;
    void *arg;
};

static void *threads_entry(void *arg)
{
    struct threads_start start = *(struct threads_start *)arg;

    free(arg);
    return (void *)(intptr_t)start.function(start.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
    struct threads_start *start = malloc(sizeof(*start));
    int error;

    if (start == NULL)
        return thrd_nomem;
    *start = (struct threads_start){ function, arg };
    error = pthread_create(thread, NULL, threads_entry, start);
    if (error != 0)
        free(start);
    return threads_result(error);
}

thrd_t thrd_current(void)
{
    return pthread_self();
}

int thrd_equal(thrd_t one, thrd_t other)
{
    return pthread_equal(one, other);
}

void thrd_exit(int result)
{
    pthread_exit((void *)(intptr_t)result);
}

int thrd_detach(thrd_t thread)
{
    return threads_result(pthread_detach(thread));
}

int thrd_join(thrd_t thread, int *result)
{
    void *value;
    int error = pthread_join(thread, &value);

    if (error == 0 && result != NULL)
        *result = (int)(intptr_t)value;
    return threads_result(error);
}

int thrd_sleep(const struct timespec *length, struct timespec *remaining)
{
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, length, remaining);

    return error == 0 ? 0 : error == EINTR ? -1 : -2;
}

void thrd_yield(void)
{
    sched_yield();
}

void call_once(once_flag *once, void (*function)(void))
{
    pthread_once(once, function);
}

int mtx_init(mtx_t *mutex, int type)
{
    if ((type & ~(mtx_plain | mtx_timed | mtx_recursive)) != 0)
        return thrd_error;
    *mutex = (mtx_t)PTHREAD_MUTEX_INITIALIZER;
    if ((type & mtx_recursive) != 0)
        mutex->__type = PTHREAD_MUTEX_RECURSIVE;
    return thrd_success;
}

void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy(mutex);
}

int mtx_lock(mtx_t *mutex)
{
    return threads_result(pthread_mutex_lock(mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return threads_result(pthread_mutex_trylock(mutex));
}

int mtx_timedlock(mtx_t *mutex, const struct timespec *time)
{
    return threads_result(pthread_mutex_timedlock(mutex, time));
}

int mtx_unlock(mtx_t *mutex)
{
    return threads_result(pthread_mutex_unlock(mutex));
}

int cnd_init(cnd_t *cond)
{
    return threads_result(pthread_cond_init(cond, NULL));
}

void cnd_destroy(cnd_t *cond)
{
    pthread_cond_destroy(cond);
}

int cnd_signal(cnd_t *cond)
{
    return threads_result(pthread_cond_signal(cond));
}

int cnd_broadcast(cnd_t *cond)
{
    return threads_result(pthread_cond_broadcast(cond));
}

int cnd_wait(cnd_t *cond, mtx_t *mutex)
{
    return threads_result(pthread_cond_wait(cond, mutex));
}

int cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *time)
{
    return threads_result(pthread_cond_timedwait(cond, mutex, time));
}

int tss_create(tss_t *key, tss_dtor_t destructor)
{
    return threads_result(pthread_key_create(key, destructor));
}

void tss_delete(tss_t key)
{
    pthread_key_delete(key);
}

void *tss_get(tss_t key)
{
    return pthread_getspecific(key);
}

int tss_set(tss_t key, void *value)
{
    return threads_result(pthread_setspecific(key, value));
}
