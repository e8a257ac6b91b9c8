/*
 * Handlers that cut in on code that calls nothing: a loop whose state is in general and SSE
 * registers comes out as if nothing had happened, however often it was interrupted, and a handler
 * may leave it.
 */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t count;
static volatile double noise;

/* Writes over every register that a function may, and changes the x87 stack and flags. */
static void __attribute__((noinline)) scribble(void)
{
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm1, %%xmm1; pcmpeqd %%xmm2, %%xmm2;"
                     "pcmpeqd %%xmm3, %%xmm3; pcmpeqd %%xmm4, %%xmm4; pcmpeqd %%xmm5, %%xmm5;"
                     "pcmpeqd %%xmm6, %%xmm6; pcmpeqd %%xmm7, %%xmm7; pcmpeqd %%xmm8, %%xmm8;"
                     "pcmpeqd %%xmm9, %%xmm9; pcmpeqd %%xmm10, %%xmm10; pcmpeqd %%xmm11, %%xmm11;"
                     "pcmpeqd %%xmm12, %%xmm12; pcmpeqd %%xmm13, %%xmm13;"
                     "pcmpeqd %%xmm14, %%xmm14; pcmpeqd %%xmm15, %%xmm15;"
                     "mov $-1, %%rax; mov %%rax, %%rcx; mov %%rax, %%rdx; mov %%rax, %%rsi;"
                     "mov %%rax, %%rdi; mov %%rax, %%r8; mov %%rax, %%r9; mov %%rax, %%r10;"
                     "mov %%rax, %%r11; fninit"
                     :
                     :
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1",
                       "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                       "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc");
}

static void on_alarm(int number)
{
    (void)number;
    count++;
    noise = sin(noise + 1.0);
    scribble();
}

static void every(int us)
{
    struct itimerval timer = { .it_value.tv_usec = us, .it_interval.tv_usec = us };

    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_flags = flags };

    action.sa_handler = handler;
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

/* A sum whose state is in many registers. */
struct sums {
    double d[6];
    uint64_t u[4];
    long double l;
};

static struct sums __attribute__((noinline)) compute(long rounds)
{
    double a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
    uint64_t p = 1, q = 2, r = 3, s = 4;
    long double l = 1;

    for (long i = 1; i <= rounds; i++) {
        a = a * 0.999 + b * 0.001;
        b = b * 0.998 + c * 0.002;
        c = c * 0.997 + d * 0.003;
        d = d * 0.996 + e * 0.004;
        e = e * 0.995 + f * 0.005;
        f = f * 0.994 + (double)(i & 7);
        p = p * 6364136223846793005u + 1442695040888963407u;
        q ^= p >> 7;
        r += q * 3;
        s = (s << 1 | s >> 63) ^ r;
        l = l * 0.75L + (long double)(i & 3);
    }
    return (struct sums){ { a, b, c, d, e, f }, { p, q, r, s }, l };
}

static void registers_survive(void)
{
    struct sums quiet, disturbed;
    struct timespec from, to;
    long rounds = 200000;
    int tries = 0;

    /* Long enough for some thirty interruptions, however slow this machine is. */
    do {
        rounds *= 2;
        clock_gettime(CLOCK_MONOTONIC, &from);
        quiet = compute(rounds);
        clock_gettime(CLOCK_MONOTONIC, &to);
    } while ((to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec < 60000000);

    handle(SIGALRM, on_alarm, SA_RESTART);
    count = 0;
    every(2000);
    do {
        disturbed = compute(rounds);
        CHECK(memcmp(quiet.d, disturbed.d, sizeof(quiet.d)) == 0);
        CHECK(memcmp(quiet.u, disturbed.u, sizeof(quiet.u)) == 0);
        CHECK(quiet.l == disturbed.l);
    } while (count < 10 && ++tries < 100);
    every(0);
    printf("%d interruptions\n", count);
    CHECK(count >= 10);
}

static volatile bool stop;

static void on_stop(int number)
{
    (void)number;
    stop = true;
}

static void *send_stop(void *arg)
{
    usleep(10000);
    CHECK_EQ(pthread_kill(*(pthread_t *)arg, SIGUSR1), 0);
    return NULL;
}

/* One thread ends another's loop. */
static void loop_ends(void)
{
    pthread_t me = pthread_self(), thread;

    handle(SIGUSR1, on_stop, 0);
    CHECK_EQ(pthread_create(&thread, NULL, send_stop, &me), 0);
    while (!stop)
        continue;
    pthread_join(thread, NULL);
}

static sigjmp_buf out;

static void on_alarm_jump(int number)
{
    (void)number;
    siglongjmp(out, 1);
}

/* The idiom for a time limit on a computation. */
static void jump_out_of_a_loop(void)
{
    sigset_t now;

    handle(SIGALRM, on_alarm_jump, 0);
    for (volatile int i = 0; i < 20; i++) {
        if (sigsetjmp(out, 1) == 0) {
            ualarm(3000, 0);
            for (;;)
                noise += 1;
        }
        sigprocmask(SIG_SETMASK, NULL, &now);
        CHECK(sigisemptyset(&now));
    }
}

static char alternate[SIGSTKSZ];
static volatile bool on_alternate;

static void on_alarm_stack(int number)
{
    char here;

    on_alarm(number);
    on_alternate = &here > alternate && &here < alternate + sizeof(alternate);
    stop = true;
}

static void alternate_stack(void)
{
    stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };

    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    handle(SIGALRM, on_alarm_stack, SA_ONSTACK);
    stop = false;
    ualarm(3000, 0);
    while (!stop)
        continue;
    CHECK(on_alternate);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
}

static volatile long spins;

/* A handler sees where it cut in, and may change it. */
static void on_alarm_context(int number, siginfo_t *info, void *arg)
{
    ucontext_t *context = arg;
    uintptr_t rsp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];

    CHECK_EQ(info->si_signo, number);
    CHECK(rsp > (uintptr_t)__builtin_frame_address(0));
    CHECK_EQ(context->uc_mcontext.gregs[REG_R12], 0x1234567);
    context->uc_mcontext.gregs[REG_R12] = 0;
}

static void context_counts(void)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO };

    action.sa_sigaction = on_alarm_context;
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    ualarm(3000, 0);
    __asm__ volatile("mov $0x1234567, %%r12\n"
                     "1: test %%r12, %%r12\n"
                     "jnz 1b"
                     :
                     :
                     : "r12", "cc");
}

/* Two threads that compute, each disturbed by the other. */
static void *disturb(void *arg)
{
    pthread_t other = *(pthread_t *)arg;
    struct sums quiet = compute(100000), again;

    for (int i = 0; i < 30; i++) {
        pthread_kill(other, SIGUSR2);
        again = compute(100000);
        CHECK(memcmp(quiet.d, again.d, sizeof(quiet.d)) == 0 && quiet.l == again.l);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t me = pthread_self(), other;
    struct sums quiet = compute(100000), again;

    handle(SIGUSR2, on_alarm, 0);
    count = 0;
    CHECK_EQ(pthread_create(&other, NULL, disturb, &me), 0);
    for (int i = 0; i < 30; i++) {
        pthread_kill(other, SIGUSR2);
        again = compute(100000);
        CHECK(memcmp(quiet.d, again.d, sizeof(quiet.d)) == 0 && quiet.l == again.l);
    }
    pthread_join(other, NULL);
    CHECK(count >= 2);
}

int main(void)
{
    registers_survive();
    loop_ends();
    jump_out_of_a_loop();
    alternate_stack();
    context_counts();
    threads();
    puts("PASS");
    return 0;
}
