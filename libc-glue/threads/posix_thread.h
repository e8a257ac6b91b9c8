/*
 * posix_thread: what POSIX knows of a thread beyond the runtime's struct thread.
 *
 * A pthread_t is the address of one. main's is static, so a program without threads or signals
 * carries nothing more than this struct; the others are made by pthread_create() and live until
 * they are joined (or, detached, until they end). thread->posix points here; threads of the runtime
 * have none.
 */
#ifndef LIBC_GLUE_POSIX_THREAD_H
#define LIBC_GLUE_POSIX_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runtime/list.h>
#include <runtime/thread.h>

/* How a thread's memory will be given back; the joiner of a thread that is being joined does it. */
enum posix_join { POSIX_JOINABLE, POSIX_JOINING, POSIX_DETACHED, POSIX_GONE };

struct posix_thread {
    struct thread *thread;

    /* pthread.c */
    void *(*start)(void *);
    void *arg;
    void *result;      /* the joiner's, once `ended` is 1 */
    uint32_t ended;    /* futex word: 0, then 1 */
    struct thread_ending *endings; /* C++: thread_local objects to destroy, the youngest first */

    /* pthread.c, protected by its lock */
    uint32_t join;              /* enum posix_join; read without the lock by posix_thread_of() */
    struct posix_thread *joins; /* for whose end this one waits */
    struct list link;           /* among the ended detached ones, or those free for reuse */

    /* pthread_key.c: allocated at the first pthread_setspecific() */
    struct thread_key_values *key_values;

    /* pthread_mutex.c: the robust ones that it holds, the youngest first; its own to change */
    pthread_mutex_t *robust;

    /* cancel.c; the first is set by any thread, the others by the thread itself */
    uint32_t cancel_requested; /* atomic */
    uint8_t cancel_disabled;   /* PTHREAD_CANCEL_DISABLE */
    uint8_t cancel_async;      /* PTHREAD_CANCEL_ASYNCHRONOUS */
    uint8_t exiting;           /* pthread_exit() has begun: no more cancellation */
    struct _pthread_cleanup_context *cleanups; /* innermost first */

    /*
     * Signals: sets as in signal_core.h. `blocked` and `held` are the thread's own to write; the
     * rest is protected by the lock "signals", and the sets are also read without it.
     */
    uint64_t blocked;
    uint64_t pending;    /* sent to this thread */
    uint64_t given;      /* of those sent to the process, what this thread is to take */
    uint64_t awaited;    /* by sigwait(), while it sleeps */
    struct list queue;   /* the siginfo of those pending, struct signal_node */
    unsigned handled;    /* handlers that have run on it */
    unsigned held;       /* calls under way in which no handler may cut in: interrupt_hold() */
    stack_t alternate;   /* sigaltstack(); ss_flags SS_DISABLE when there is none */
};

extern struct posix_thread posix_thread_main;

/* main's, whoever asks. */
static inline struct posix_thread *posix_main(void)
{
    return &posix_thread_main;
}

/* The calling thread's; main's for threads of the runtime, which never reach code that asks. */
static inline struct posix_thread *posix_self(void)
{
    struct posix_thread *self = thread_self()->posix;

    return self != NULL ? self : posix_main();
}

/*
 * The thread that an id names, or NULL. Structs are reused but never given back, so that the id of
 * a thread that was joined, or has ended detached, is noticed until a new thread takes its place.
 */
static inline struct posix_thread *posix_thread_of(pthread_t id)
{
    struct posix_thread *thread = (struct posix_thread *)id;

    if (thread == NULL || __atomic_load_n(&thread->join, __ATOMIC_RELAXED) == POSIX_GONE)
        return NULL;
    return thread;
}

/* Whether a cancellation point is to end the thread. */
static inline bool posix_thread_cancelled(const struct posix_thread *thread)
{
    return __atomic_load_n(&thread->cancel_requested, __ATOMIC_RELAXED) != 0 &&
           !thread->cancel_disabled && !thread->exiting;
}

#endif
