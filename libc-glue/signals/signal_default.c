#include "signal_default.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include <runtime/log.h>
#include <runtime/panic.h>

bool signal_default_ignores(int number)
{
    switch (number) {
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
    case SIGSTOP: /* nobody could ever continue us: there is no job control in a guest */
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return true;
    default:
        return false;
    }
}

/* The signals that mean a mistake; NULL for the others. */
static const char *signal_default_crash(int number)
{
    switch (number) {
    case SIGQUIT:
        return "SIGQUIT";
    case SIGILL:
        return "SIGILL";
    case SIGTRAP:
        return "SIGTRAP";
    case SIGABRT:
        return "SIGABRT: abort";
    case SIGBUS:
        return "SIGBUS";
    case SIGFPE:
        return "SIGFPE";
    case SIGSEGV:
        return "SIGSEGV";
    case SIGSYS:
        return "SIGSYS";
    case SIGXCPU:
        return "SIGXCPU";
    case SIGXFSZ:
        return "SIGXFSZ";
    default:
        return NULL;
    }
}

void signal_default(int number)
{
    const char *name = signal_default_crash(number);
    char why[48];

    if (signal_default_ignores(number))
        return;
    if (name == NULL)
        _exit(128 + number);
    log_format(why, sizeof(why), "signal %d, %s", number, name);
    panic_program(why, NULL, 0);
}
