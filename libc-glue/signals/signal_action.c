/* signal_action: sigaction, sigaltstack. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>

#include <platform/traps.h>

#include "process/result.h"
#include "signal_core.h"

#define SIGNAL_OF_TRAPS                                                                   \
    (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGILL) | \
     SIGNAL_BIT(SIGTRAP))

int sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict old)
{
    int error = signal_set_action(number, action, old);

    if (error == 0 && action != NULL && (SIGNAL_BIT(number) & SIGNAL_OF_TRAPS) != 0)
        traps_set_handler(signal_on_trap);
    return (int)result(error);
}

int sigaltstack(const stack_t *restrict wanted, stack_t *restrict old)
{
    struct posix_thread *self = posix_self();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    stack_t current = self->alternate;
    bool on_it =
        (current.ss_flags & SS_DISABLE) == 0 && here - (uintptr_t)current.ss_sp < current.ss_size;

    if (wanted != NULL) {
        if (on_it)
            return (int)result(-EPERM);
        if ((wanted->ss_flags & ~SS_DISABLE) != 0)
            return (int)result(-EINVAL);
        if ((wanted->ss_flags & SS_DISABLE) == 0 && wanted->ss_size < MINSIGSTKSZ)
            return (int)result(-ENOMEM);
        if ((wanted->ss_flags & SS_DISABLE) != 0)
            self->alternate = (stack_t){ .ss_flags = SS_DISABLE };
        else
            self->alternate = *wanted;
    }
    if (old != NULL) {
        *old = current;
        if (on_it)
            old->ss_flags = SS_ONSTACK;
    }
    return 0;
}
