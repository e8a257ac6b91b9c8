/*
 * Signals inside one process: a timer ticks five times, then the program divides by zero, and goes on
 * after it. `xl shutdown` sends SIGTERM, Ctrl-C on the console SIGINT; both end the loop early.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t ticks, asked_to_end;
static sigjmp_buf after_the_fault;

static void on_tick(int signal)
{
    (void)signal;
    ticks++;
}

static void on_end(int signal)
{
    asked_to_end = signal;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    siglongjmp(after_the_fault, info->si_code);
}

int main(void)
{
    struct sigaction tick = { .sa_handler = on_tick }, end = { .sa_handler = on_end };
    struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    struct itimerval every = { .it_interval = { .tv_usec = 100000 }, .it_value = { .tv_usec = 100000 } };
    volatile int zero = 0;

    sigaction(SIGALRM, &tick, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGFPE, &fault, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    while (ticks < 5 && !asked_to_end) {
        pause();
        printf("tick %d\n", (int)ticks);
    }
    if (asked_to_end) {
        printf("signal %d: an orderly end\n", (int)asked_to_end);
        return 0;
    }
    int code = sigsetjmp(after_the_fault, 1);
    if (code == 0)
        printf("100 / 0 is %d\n", 100 / zero);
    printf("100 / 0 is SIGFPE, si_code %d\n", code);
    return 0;
}
