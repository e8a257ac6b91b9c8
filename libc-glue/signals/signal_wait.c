/* signal_wait: taking signals without handlers: sigwait, sigwaitinfo, sigtimedwait. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>

#include <platform/clock.h>

#include "process/clock.h"
#include "interrupt.h"
#include "process/result.h"
#include "signal_core.h"

/*
 * Take one signal of set. Returns its number, -EAGAIN at the deadline (0: do not wait), or -EINTR
 * when a handler ran for one that is not of the set. Other handlers are not kept waiting by
 * restart.
 */
static int signal_await(signal_set_t set, siginfo_t *info, uint64_t deadline_ns)
{
    struct posix_thread *self = posix_self();
    unsigned handled = self->handled;
    int number, error = 0;

    for (;;) {
        bool was_masked = spin_lock(&signals.lock);

        number = signal_take(self, set, info);
        if (number != 0 || error == -ETIMEDOUT || deadline_ns == 0) {
            spin_unlock(&signals.lock, was_masked);
            return number != 0 ? number : -EAGAIN;
        }
        if (self->handled != handled) { /* a handler cut in on the way here */
            spin_unlock(&signals.lock, was_masked);
            return -EINTR;
        }
        self->awaited = set;
        error = wait_queue_sleep(&signals.waiting, &signals.lock, was_masked, deadline_ns, true,
                                 "a signal");
        was_masked = spin_lock(&signals.lock);
        number = signal_take(self, set, info); /* before it could reach a handler */
        self->awaited = 0;
        signal_give_back(self);
        spin_unlock(&signals.lock, was_masked);
        if (error == -EINTR)
            thread_take_interrupt();
        if (number != 0)
            return number;
        signal_run(self, NULL);
        interrupt_cancel_point();
        if (self->handled != handled)
            return -EINTR;
    }
}

int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
    return sigtimedwait(set, info, NULL);
}

int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
                 const struct timespec *restrict timeout)
{
    uint64_t deadline_ns = CLOCK_NEVER, length_ns;
    siginfo_t unwanted;

    interrupt_cancel_point();
    if (timeout != NULL) {
        uint64_t now_ns = clock_monotonic_ns();

        if (clock_from_timespec(timeout, &length_ns) != 0)
            return (int)result(-EINVAL);
        if (length_ns == 0)
            deadline_ns = 0;
        else if (length_ns < CLOCK_NEVER - 1 - now_ns)
            deadline_ns = now_ns + length_ns;
    }
    return (int)result(
        signal_await(signal_set_of(set), info != NULL ? info : &unwanted, deadline_ns));
}

int sigwait(const sigset_t *restrict set, int *restrict number)
{
    siginfo_t info;
    int got;

    interrupt_cancel_point();
    do
        got = signal_await(signal_set_of(set), &info, CLOCK_NEVER);
    while (got == -EINTR);
    *number = got;
    return 0;
}
