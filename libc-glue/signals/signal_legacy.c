/* signal_legacy: ISO C's signal(), with what BSD made of it: handlers stay, and calls restart. */
#define _GNU_SOURCE
#include <errno.h>
#include <reent.h>
#include <signal.h>

#include "process/result.h"
#include "signal_core.h"

/* Set by siginterrupt(): signals whose handlers do not restart calls. */
static signal_set_t signal_interrupting;

_sig_func_ptr signal(int number, _sig_func_ptr handler)
{
    struct sigaction action = { .sa_flags = SA_RESTART }, old;

    if (handler == SIG_ERR || !signal_number_ok(number)) {
        result(-EINVAL);
        return SIG_ERR;
    }
    action.sa_handler = handler;
    if ((signal_interrupting & SIGNAL_BIT(number)) != 0)
        action.sa_flags = 0;
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

_sig_func_ptr _signal_r(struct _reent *reent, int number, _sig_func_ptr handler)
{
    (void)reent;
    return signal(number, handler);
}

int siginterrupt(int number, int interrupts)
{
    struct sigaction action;

    if (sigaction(number, NULL, &action) != 0)
        return -1;
    if (interrupts) {
        signal_interrupting |= SIGNAL_BIT(number);
        action.sa_flags &= ~SA_RESTART;
    } else {
        signal_interrupting &= ~SIGNAL_BIT(number);
        action.sa_flags |= SA_RESTART;
    }
    return sigaction(number, &action, NULL);
}
