/*
 * signal_send: kill, raise: signals to the one process there is, or to the caller.
 *
 * A program that has no handler and no mask (nothing of it refers to signal.c) does not carry them
 * for this: then every signal finds its default action at once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <reent.h>
#include <signal.h>
#include <unistd.h>

#include "process/result.h"
#include "signal_core.h"
#include "signal_default.h"

extern __typeof__(signal_post) signal_post __attribute__((weak));
extern __typeof__(signal_run_due) signal_run_due __attribute__((weak));

int _kill(pid_t pid, int number);

static void signal_send(struct posix_thread *to, int number, int code)
{
    siginfo_t info = { .si_signo = number, .si_code = code };

    if (signal_post == NULL) {
        signal_default(number);
        return;
    }
    info.si_pid = getpid();
    signal_post(to, &info, NULL);
    signal_run_due();
}

int _kill(pid_t pid, int number)
{
    if (number < 0 || number >= NSIG)
        return (int)result(-EINVAL);
    if (pid != getpid() && pid != 0 && pid != -1 && pid != -getpid())
        return (int)result(-ESRCH);
    if (number != 0)
        signal_send(NULL, number, SI_USER);
    return 0;
}

extern __typeof__(kill) kill __attribute__((weak, alias("_kill")));

int killpg(pid_t group, int number)
{
    return group < 0 ? (int)result(-EINVAL) : _kill(-group, number);
}

int raise(int number)
{
    if (number < 0 || number >= NSIG)
        return (int)result(-EINVAL);
    if (number != 0)
        signal_send(posix_self(), number, SI_TKILL);
    return 0;
}

/* newlib's own name; its file would bring a second raise(). */
int _raise_r(struct _reent *reent, int number)
{
    (void)reent;
    return raise(number);
}
