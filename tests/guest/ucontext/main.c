/*
 * Contexts that a program switches between: generators on stacks of their own, arguments, uc_link,
 * and the signal mask that goes along.
 */
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#include "check.h"

static ucontext_t main_context, one, two;
static char stack_one[32768], stack_two[32768];
static int trace[64], traced;

static void generate(int from, int step, int n)
{
    double x = from;

    for (int i = 0; i < n; i++) {
        trace[traced++] = (int)x;
        x += step;
        swapcontext(&one, &two);
    }
}

static void consume(void)
{
    for (int i = 0; i < 3; i++) {
        trace[traced++] = -1;
        swapcontext(&two, &one);
    }
}

static void generators(void)
{
    volatile double kept = 1.25;

    CHECK_EQ(getcontext(&one), 0);
    one.uc_stack.ss_sp = stack_one;
    one.uc_stack.ss_size = sizeof(stack_one);
    one.uc_link = &main_context;
    makecontext(&one, (void (*)(void))generate, 3, 10, 5, 4);
    CHECK_EQ(getcontext(&two), 0);
    two.uc_stack.ss_sp = stack_two;
    two.uc_stack.ss_size = sizeof(stack_two);
    two.uc_link = &main_context;
    makecontext(&two, consume, 0);
    CHECK_EQ(swapcontext(&main_context, &one), 0);
    /* generate, consume, ... until consume ends, and uc_link leads back here. */
    int wanted[] = { 10, -1, 15, -1, 20, -1, 25 };
    CHECK_EQ(traced, 7);
    CHECK(memcmp(trace, wanted, sizeof(wanted)) == 0);
    CHECK(kept == 1.25);
}

static intptr_t got[8];

static void many(int a, int b, int c, int d, int e, int f, int g, int h)
{
    CHECK_EQ((uintptr_t)__builtin_frame_address(0) % 16, 0);
    got[0] = a, got[1] = b, got[2] = c, got[3] = d;
    got[4] = e, got[5] = f, got[6] = g, got[7] = h;
}

static void arguments(void)
{
    CHECK_EQ(getcontext(&one), 0);
    one.uc_stack.ss_sp = stack_one;
    one.uc_stack.ss_size = sizeof(stack_one);
    one.uc_link = &main_context;
    makecontext(&one, (void (*)(void))many, 8, 1, 2, 3, 4, 5, 6, 7, -8);
    CHECK_EQ(swapcontext(&main_context, &one), 0);
    for (int i = 0; i < 7; i++)
        CHECK_EQ(got[i], i + 1);
    CHECK_EQ(got[7], -8);
}

static void mask_and_return(void)
{
    volatile int rounds = 0;
    sigset_t set, now;

    sigemptyset(&set);
    CHECK_EQ(getcontext(&one), 0);
    if (rounds++ < 3) {
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        setcontext(&one);
        CHECK(0);
    }
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(!sigismember(&now, SIGUSR1));
    CHECK_EQ(rounds, 4);
}

/* A handler that does not return, but goes to a context of before. */
static volatile int handled;

static void go_back(int number)
{
    (void)number;
    handled++;
    setcontext(&main_context);
}

static void from_handler(void)
{
    sigset_t now;

    signal(SIGUSR2, go_back);
    CHECK_EQ(getcontext(&main_context), 0);
    if (handled < 5)
        raise(SIGUSR2);
    CHECK_EQ(handled, 5);
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(!sigismember(&now, SIGUSR2));
}

int main(void)
{
    generators();
    arguments();
    mask_and_return();
    from_handler();
    puts("PASS");
    return 0;
}
