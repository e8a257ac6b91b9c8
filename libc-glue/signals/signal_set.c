/* signal_set: sets of signals. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>

#include "process/result.h"
#include "signal_core.h"

#undef sigaddset
#undef sigdelset
#undef sigemptyset
#undef sigfillset
#undef sigismember

int sigemptyset(sigset_t *set)
{
    signal_set_put(set, 0);
    return 0;
}

int sigfillset(sigset_t *set)
{
    signal_set_put(set, ~(signal_set_t)0);
    return 0;
}

int sigaddset(sigset_t *set, int number)
{
    if (!signal_number_ok(number))
        return (int)result(-EINVAL);
    signal_set_put(set, signal_set_of(set) | SIGNAL_BIT(number));
    return 0;
}

int sigdelset(sigset_t *set, int number)
{
    if (!signal_number_ok(number))
        return (int)result(-EINVAL);
    signal_set_put(set, signal_set_of(set) & ~SIGNAL_BIT(number));
    return 0;
}

int sigismember(const sigset_t *set, int number)
{
    if (!signal_number_ok(number))
        return (int)result(-EINVAL);
    return (signal_set_of(set) & SIGNAL_BIT(number)) != 0;
}

int sigisemptyset(const sigset_t *set)
{
    return signal_set_of(set) == 0;
}

int sigandset(sigset_t *set, const sigset_t *one, const sigset_t *other)
{
    signal_set_put(set, signal_set_of(one) & signal_set_of(other));
    return 0;
}

int sigorset(sigset_t *set, const sigset_t *one, const sigset_t *other)
{
    signal_set_put(set, signal_set_of(one) | signal_set_of(other));
    return 0;
}
