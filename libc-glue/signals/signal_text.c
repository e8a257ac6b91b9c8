/* signal_text: a signal and its cause in words, on standard error. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct signal_cause {
    int number, code;
    const char *words;
};

static const struct signal_cause signal_causes[] = {
    { SIGILL, ILL_ILLOPC, "illegal opcode" },
    { SIGILL, ILL_ILLOPN, "illegal operand" },
    { SIGFPE, FPE_INTDIV, "integer division by zero" },
    { SIGFPE, FPE_INTOVF, "integer overflow" },
    { SIGFPE, FPE_FLTDIV, "floating-point division by zero" },
    { SIGFPE, FPE_FLTOVF, "floating-point overflow" },
    { SIGFPE, FPE_FLTUND, "floating-point underflow" },
    { SIGFPE, FPE_FLTRES, "floating-point inexact result" },
    { SIGFPE, FPE_FLTINV, "invalid floating-point operation" },
    { SIGSEGV, SEGV_MAPERR, "address not mapped" },
    { SIGSEGV, SEGV_ACCERR, "access not permitted" },
    { SIGBUS, BUS_ADRALN, "misaligned address" },
    { SIGBUS, BUS_ADRERR, "no such physical address" },
    { SIGTRAP, TRAP_BRKPT, "breakpoint" },
    { SIGTRAP, TRAP_TRACE, "single step" },
    { 0, SI_USER, "sent by kill()" },
    { 0, SI_QUEUE, "sent by sigqueue()" },
    { 0, SI_TIMER, "a timer expired" },
    { 0, SI_TKILL, "sent to the thread" },
    { 0, SI_KERNEL, "sent by the system" },
};

static const char *signal_cause(const siginfo_t *info)
{
    for (size_t i = 0; i < sizeof(signal_causes) / sizeof(signal_causes[0]); i++)
        if ((signal_causes[i].number == 0 || signal_causes[i].number == info->si_signo) &&
            signal_causes[i].code == info->si_code)
            return signal_causes[i].words;
    return "unknown cause";
}

void psiginfo(const siginfo_t *info, const char *prefix)
{
    if (prefix != NULL && *prefix != '\0')
        fprintf(stderr, "%s: ", prefix);
    fprintf(stderr, "%s (%s", strsignal(info->si_signo), signal_cause(info));
    if (info->si_signo == SIGSEGV || info->si_signo == SIGBUS || info->si_signo == SIGILL ||
        info->si_signo == SIGFPE)
        fprintf(stderr, " [%p])\n", info->si_addr);
    else
        fprintf(stderr, " [%d])\n", (int)info->si_pid);
}
