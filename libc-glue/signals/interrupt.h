/*
 * interrupt: where blocking calls of files meet signals and cancellation.
 *
 * Weak references to the other half of libc-glue: a program without signal handlers and without
 * pthread_cancel() does not carry them.
 */
#ifndef LIBC_GLUE_INTERRUPT_H
#define LIBC_GLUE_INTERRUPT_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "threads/posix_thread.h"

/*
 * A wait ended with -EINTR: run the handlers of the signals that are due, on this thread. True when
 * the call is to go on (every handler that ran has SA_RESTART, or none ran).
 */
bool signal_restart(void) __attribute__((weak));

/*
 * ppoll(), pselect() and epoll_pwait(): use mask for one wait. True when a signal is due under it, so
 * that the wait must not begin. signal_wait_end() puts saved back, and runs handlers before or after
 * as the masks let it.
 */
bool signal_wait_begin(const sigset_t *mask, sigset_t *saved) __attribute__((weak));
void signal_wait_end(const sigset_t *saved) __attribute__((weak));

/* Does not return when the calling thread was cancelled. No lock or reference may be held. */
void cancel_point(void) __attribute__((weak));

static inline bool interrupt_restarts(void)
{
    return signal_restart == NULL || signal_restart();
}

static inline void interrupt_cancel_point(void)
{
    if (cancel_point != NULL)
        cancel_point();
}

/*
 * Between these, no handler cuts in on the calling thread: it holds a lock of ours, or something on its
 * stack is in a list. They nest. A wait in between still ends with -EINTR; the call unwinds then and
 * is done again, if interrupt_restarts() says so, from where nothing is held.
 */
void signal_release(void) __attribute__((weak));

static inline void interrupt_hold(void)
{
    posix_self()->held++;
}

static inline void interrupt_release(void)
{
    if (--posix_self()->held == 0 && signal_release != NULL)
        signal_release();
}

/*
 * The end of a call that began with interrupt_hold() and holds nothing any more: handlers run, and a
 * cancelled thread ends. True when the call was interrupted and is to be done again.
 */
static inline bool interrupt_again(long result)
{
    bool restart = false;

    posix_self()->held--;
    if (result == -EINTR) {
        restart = interrupt_restarts();
        interrupt_cancel_point();
    } else if (signal_release != NULL) {
        signal_release();
    }
    return restart;
}

/*
 * The same around a wait under another mask (unless it is NULL), which is never done again. True when a
 * signal is due already, so that there must be no wait.
 */
static inline bool interrupt_wait_begin(const sigset_t *mask, sigset_t *saved)
{
    interrupt_hold();
    return mask != NULL && signal_wait_begin != NULL && signal_wait_begin(mask, saved);
}

static inline void interrupt_wait_end(long result, const sigset_t *mask, const sigset_t *saved)
{
    interrupt_again(result);
    if (mask != NULL && signal_wait_end != NULL)
        signal_wait_end(saved);
}

/* Somebody writes where nobody will read any more: SIGPIPE for the calling thread. */
void interrupt_broken_pipe(void);

#endif
