/*
 * posix_thread: what POSIX knows of a thread beyond the runtime's struct thread.
 *
 * A pthread_t is the address of one. main's is static, so a program without threads or signals carries
 * nothing more than this struct; the others are made by pthread_create() and live until they are joined
 * (or, detached, until they end). thread->posix points here; threads of the runtime have none.
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

struct cleanup; /* pthread_cleanup_push()'s, innermost first */

struct posix_thread {
    struct thread *thread;

    /* pthread.c */
    void *(*start)(void *);
    void *arg;
    void *result;      /* the joiner's, once `ended` is 1 */
    uint32_t ended;    /* futex word: 0, then 1 */
    uint32_t join;     /* atomic: enum in pthread.c (joinable, being joined, detached) */
    struct list link;  /* every POSIX thread but main; lock in pthread.c */

    /* pthread_key.c: allocated at the first pthread_setspecific() */
    struct thread_key_value *key_values;

    /* cancel.c; the first is set by any thread, the others by the thread itself */
    uint32_t cancel_requested; /* atomic */
    uint8_t cancel_disabled;   /* PTHREAD_CANCEL_DISABLE */
    uint8_t cancel_async;      /* PTHREAD_CANCEL_ASYNCHRONOUS */
    uint8_t exiting;           /* pthread_exit() has begun: no more cancellation */
    struct cleanup *cleanups;

    /* Signals; protected by the lock in signal.c, `blocked` written by the thread itself only */
    sigset_t blocked;
    sigset_t pending;            /* sent to this thread */
    struct list queue;           /* their siginfo */
    stack_t alternate;           /* sigaltstack(); ss_flags SS_DISABLE when there is none */
};

/* The calling thread's; main's for threads of the runtime, which never reach code that asks. */
struct posix_thread *posix_self(void);

/* main's, whoever asks. */
struct posix_thread *posix_main(void);

#endif
