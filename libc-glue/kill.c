/*
 * kill: signals to the one process there is, as newlib's raise() sends them when no handler is set: the
 * default action. A crash for the signals that mean one, the end with status 128 + n for the others.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <runtime/log.h>
#include <runtime/panic.h>

#include "result.h"

int _kill(pid_t pid, int number);

static void kill_by_default(int number)
{
    char why[40];

    switch (number) {
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
    case SIGSTOP: /* nobody could ever continue us */
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return;
    case SIGQUIT:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGSYS:
    case SIGXCPU:
    case SIGXFSZ:
        log_format(why, sizeof(why), "signal %d", number);
        panic_program(why, NULL, 0);
    default:
        _exit(128 + number);
    }
}

int _kill(pid_t pid, int number)
{
    if (number < 0 || number >= NSIG)
        return (int)result(-EINVAL);
    if (pid != getpid() && pid != 0 && pid != -1)
        return (int)result(-ESRCH);
    if (number != 0)
        kill_by_default(number);
    return 0;
}

extern __typeof__(kill) kill __attribute__((weak, alias("_kill")));
