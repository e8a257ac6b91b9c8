/*
 * pthread: the life of a POSIX thread: create, exit, join, detach.
 *
 * A thread ends in pthread_exit(): cleanup handlers, thread_local objects, keys' destructors,
 * newlib's memory, and then, with upcalls masked on its last steps, `ended`. Its stack and the
 * runtime's struct are freed by the joiner; those of a detached thread by the next thread that is
 * created, joined or ends. The struct posix_thread goes back to a pool and never to malloc: see
 * posix_thread_of().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <reent.h>
#include <stdlib.h>

#include <platform/spinlock.h>
#include <runtime/sync.h>

#include "process/clock.h"
#include "signals/interrupt.h"
#include "posix_thread.h"
#include "pthread_attr.h"
#include "thread_end.h"
#include "wait_limit.h"

static struct {
    struct spinlock lock;
    struct list ended; /* detached threads that have ended */
    struct list free;
    unsigned alive; /* threads that have not ended; main is one */
} pthreads = {
    .lock = SPINLOCK_INIT("pthreads"),
    .ended = LIST_INIT(pthreads.ended),
    .free = LIST_INIT(pthreads.free),
    .alive = 1,
};

static struct posix_thread *pthread_take_first(struct list *from)
{
    struct posix_thread *thread = NULL;
    bool was_masked = spin_lock(&pthreads.lock);

    if (!list_empty(from)) {
        thread = list_entry(from->next, struct posix_thread, link);
        list_remove(&thread->link);
    }
    spin_unlock(&pthreads.lock, was_masked);
    return thread;
}

/* The thread is GONE: nobody finds it any more. main's stack stays: the arguments may lie there. */
static void pthread_release(struct posix_thread *thread)
{
    if (thread == posix_main())
        return;
    thread_reap(thread->thread);
    thread->thread = NULL;
    bool was_masked = spin_lock(&pthreads.lock);
    list_append(&pthreads.free, &thread->link);
    spin_unlock(&pthreads.lock, was_masked);
}

static void pthread_release_ended(void)
{
    struct posix_thread *thread;

    while ((thread = pthread_take_first(&pthreads.ended)) != NULL)
        pthread_release(thread);
}

/* ---- create ---- */

static void pthread_entry(void *arg)
{
    struct posix_thread *self = arg;

    pthread_exit(self->start(self->arg));
}

static struct posix_thread *pthread_new(void)
{
    struct posix_thread *thread = pthread_take_first(&pthreads.free);

    if (thread == NULL) {
        thread = malloc(sizeof(*thread));
        if (thread == NULL)
            return NULL;
    }
    *thread = (struct posix_thread){
        .join = POSIX_GONE,
        .blocked = posix_self()->blocked,
        .alternate = { .ss_flags = SS_DISABLE },
    };
    list_init(&thread->link);
    list_init(&thread->queue);
    return thread;
}

int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    struct thread_attr how = { .name = NULL };
    struct posix_thread *thread;
    int error = 0;

    pthread_release_ended();
    pthread_self(); /* main becomes known before it can have company */
    if (attr != NULL)
        error = pthread_attr_apply(attr, &how);
    if (error != 0)
        return error;
    thread = pthread_new();
    if (thread == NULL)
        return EAGAIN;
    thread->start = start;
    thread->arg = arg;
    how.posix = thread;
    if (thread_prepare(&how, pthread_entry, thread, &thread->thread) != 0) {
        bool was_masked = spin_lock(&pthreads.lock);
        list_append(&pthreads.free, &thread->link);
        spin_unlock(&pthreads.lock, was_masked);
        return EAGAIN;
    }
    thread->join = attr != NULL && attr->__detachstate == PTHREAD_CREATE_DETACHED ? POSIX_DETACHED
                                                                                  : POSIX_JOINABLE;
    *id = (pthread_t)thread;
    __atomic_add_fetch(&pthreads.alive, 1, __ATOMIC_RELAXED);
    thread_go(thread->thread);
    return 0;
}

/* ---- exit ---- */

/* The last that a thread does: upcalls are masked. */
static void pthread_on_exit(struct thread *thread)
{
    struct posix_thread *self = thread->posix != NULL ? thread->posix : posix_main();

    if (thread_end_signals != NULL)
        thread_end_signals(self);
    bool was_masked = spin_lock(&pthreads.lock);
    __atomic_store_n(&self->ended, 1, __ATOMIC_RELEASE);
    if (self->join == POSIX_DETACHED) {
        self->join = POSIX_GONE;
        list_append(&pthreads.ended, &self->link);
    }
    spin_unlock(&pthreads.lock, was_masked);
    futex_wake(&self->ended, WAKE_ALL);
}

void pthread_exit(void *result)
{
    struct posix_thread *self = posix_self();
    struct _pthread_cleanup_context *cleanup;

    self->exiting = 1;
    self->result = result;
    while ((cleanup = self->cleanups) != NULL) {
        self->cleanups = cleanup->_previous;
        cleanup->_routine(cleanup->_arg);
    }
    if (thread_end_objects != NULL)
        thread_end_objects(self);
    if (thread_end_keys != NULL)
        thread_end_keys(self);
    if (thread_end_mutexes != NULL)
        thread_end_mutexes(self);
    if (__atomic_sub_fetch(&pthreads.alive, 1, __ATOMIC_ACQ_REL) == 0)
        exit(0);
    _reclaim_reent(_REENT);
    pthread_release_ended();
    if (thread_end_heap != NULL)
        thread_end_heap();
    thread_exit(pthread_on_exit);
}

/* ---- join and detach ---- */

/* True when `thread` waits, perhaps through others, for the end of self. */
static bool pthread_waits_for(const struct posix_thread *thread, const struct posix_thread *self)
{
    while (thread != NULL && thread != self)
        thread = thread->joins;
    return thread == self;
}

/* Become the one who joins. With try, only when the thread has ended. Lock held. */
static int pthread_claim(struct posix_thread *thread, struct posix_thread *self, bool try)
{
    if (thread->join == POSIX_GONE)
        return ESRCH;
    if (pthread_waits_for(thread, self))
        return EDEADLK;
    if (thread->join != POSIX_JOINABLE)
        return EINVAL;
    if (try && thread->ended == 0)
        return EBUSY;
    thread->join = POSIX_JOINING;
    self->joins = thread;
    return 0;
}

static void pthread_settle(struct posix_thread *thread, struct posix_thread *self,
                           enum posix_join join)
{
    bool was_masked = spin_lock(&pthreads.lock);

    thread->join = join;
    self->joins = NULL;
    spin_unlock(&pthreads.lock, was_masked);
}

/*
 * Wait for the end, as a cancellation point; cancelled, the thread stays joinable. 0 or -ETIMEDOUT.
 */
static int pthread_await(struct posix_thread *thread, struct posix_thread *self,
                         uint64_t deadline_ns)
{
    int result = 0;

    while (__atomic_load_n(&thread->ended, __ATOMIC_ACQUIRE) == 0 && result != -ETIMEDOUT) {
        result = futex_wait(&thread->ended, 0, deadline_ns, wait_interruptible(), "join");
        if (result == -EINTR && signal_restart != NULL)
            signal_restart();
        if (result == -EINTR && posix_thread_cancelled(self)) {
            pthread_settle(thread, self, POSIX_JOINABLE);
            interrupt_cancel_point();
            return -EINTR; /* never: the thread was cancelled */
        }
    }
    return __atomic_load_n(&thread->ended, __ATOMIC_ACQUIRE) != 0 ? 0 : -ETIMEDOUT;
}

static int pthread_join_until(pthread_t id, void **result, uint64_t deadline_ns, bool try)
{
    struct posix_thread *self = posix_self(), *thread = posix_thread_of(id);
    int error;

    if (thread == NULL)
        return ESRCH;
    bool was_masked = spin_lock(&pthreads.lock);
    error = pthread_claim(thread, self, try);
    spin_unlock(&pthreads.lock, was_masked);
    if (error != 0)
        return error;

    error = -pthread_await(thread, self, deadline_ns);
    if (error != 0) {
        pthread_settle(thread, self, POSIX_JOINABLE);
        return error;
    }
    if (result != NULL)
        *result = thread->result;
    pthread_settle(thread, self, POSIX_GONE);
    pthread_release(thread);
    pthread_release_ended();
    return 0;
}

int pthread_join(pthread_t id, void **result)
{
    interrupt_cancel_point();
    return pthread_join_until(id, result, CLOCK_NEVER, false);
}

int pthread_tryjoin_np(pthread_t id, void **result);
int pthread_tryjoin_np(pthread_t id, void **result)
{
    return pthread_join_until(id, result, CLOCK_NEVER, true);
}

int pthread_clockjoin_np(pthread_t id, void **result, clockid_t clock, const struct timespec *time);
int pthread_clockjoin_np(pthread_t id, void **result, clockid_t clock, const struct timespec *time)
{
    uint64_t deadline_ns = CLOCK_NEVER;

    interrupt_cancel_point();
    if (!wait_limit_clock(clock) ||
        (time != NULL && clock_deadline(clock, time, &deadline_ns) != 0))
        return EINVAL;
    return pthread_join_until(id, result, deadline_ns, false);
}

int pthread_timedjoin_np(pthread_t id, void **result, const struct timespec *time);
int pthread_timedjoin_np(pthread_t id, void **result, const struct timespec *time)
{
    return pthread_clockjoin_np(id, result, CLOCK_REALTIME, time);
}

int pthread_detach(pthread_t id)
{
    struct posix_thread *thread = posix_thread_of(id);
    bool ended, was_masked;
    int error = 0;

    if (thread == NULL)
        return ESRCH;
    was_masked = spin_lock(&pthreads.lock);
    ended = thread->ended != 0;
    if (thread->join != POSIX_JOINABLE)
        error = thread->join == POSIX_GONE ? ESRCH : EINVAL;
    else
        thread->join = ended ? POSIX_GONE : POSIX_DETACHED;
    spin_unlock(&pthreads.lock, was_masked);
    if (error == 0 && ended)
        pthread_release(thread);
    return error;
}
