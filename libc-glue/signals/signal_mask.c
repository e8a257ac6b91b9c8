/* signal_mask: which signals wait, and waiting for any of the others: sigprocmask, sigsuspend,
 * pause. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <platform/clock.h>

#include "interrupt.h"
#include "process/result.h"
#include "signal_core.h"

int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    struct posix_thread *self = posix_self();
    signal_set_t before = self->blocked, named;

    if (set != NULL) {
        named = signal_set_of(set);
        if (how == SIG_BLOCK)
            signal_set_mask(self, before | named);
        else if (how == SIG_UNBLOCK)
            signal_set_mask(self, before & ~named);
        else if (how == SIG_SETMASK)
            signal_set_mask(self, named);
        else
            return EINVAL;
    }
    if (old != NULL)
        signal_set_put(old, before);
    return 0;
}

int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    return (int)result(-pthread_sigmask(how, set, old));
}

int sigpending(sigset_t *set)
{
    struct posix_thread *self = posix_self();

    signal_set_put(set, (self->pending | signals.pending) & self->blocked);
    return 0;
}

/* Sleep until a handler has run under that mask. */
static int signal_suspend(signal_set_t blocked)
{
    struct posix_thread *self = posix_self();
    signal_set_t before = self->blocked;
    unsigned handled = self->handled;

    interrupt_cancel_point();
    signal_block(self, blocked);
    while (self->handled == handled) {
        bool was_masked = spin_lock(&signals.lock);
        /* A handler may have cut in just now; from here on none does. */
        if (signal_due(self) == 0 && self->handled == handled)
            wait_queue_sleep(&signals.waiting, &signals.lock, was_masked, CLOCK_NEVER, true,
                             "a signal");
        else
            spin_unlock(&signals.lock, was_masked);
        signal_run(self, NULL);
        if (posix_thread_cancelled(self))
            break;
    }
    signal_set_mask(self, before);
    interrupt_cancel_point();
    return (int)result(-EINTR);
}

int sigsuspend(const sigset_t *set)
{
    return signal_suspend(signal_set_of(set));
}

int pause(void)
{
    return signal_suspend(posix_self()->blocked);
}
