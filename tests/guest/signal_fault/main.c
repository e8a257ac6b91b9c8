/*
 * What a program did wrong, as a signal to the thread that did it: with the cause and the address,
 * to a handler that leaves by siglongjmp(), or mends it and returns.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "check.h"

static sigjmp_buf out;
static siginfo_t seen;
static volatile uintptr_t zero;

static void leave(int number, siginfo_t *info, void *context)
{
    (void)context;
    seen = *info;
    siglongjmp(out, number);
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_flags = SA_SIGINFO };

    action.sa_sigaction = handler;
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

/* Do it, and tell which signal it got. */
static int signal_of(void (*what)(void *), void *arg)
{
    int number = sigsetjmp(out, 1);

    if (number == 0)
        what(arg);
    return number;
}

static void read_at(void *at)
{
    (void)*(volatile char *)at;
}

static void write_at(void *at)
{
    *(volatile char *)at = 1;
}

static void run_at(void *at)
{
    ((void (*)(void))at)();
}

static void divide(void *arg)
{
    (void)arg;
    zero = 10 / zero;
}

static void divide_sse(void *arg)
{
    volatile double one = 1, none = 0;
    unsigned mxcsr = 0x1f80 & ~(unsigned)0x200; /* division by zero is no longer masked */

    (void)arg;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    one = one / none;
}

static void divide_x87(void *arg)
{
    unsigned short control = 0x037f & ~0x4;

    (void)arg;
    __asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
}

static void illegal(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
}

static void breakpoint(void *arg)
{
    (void)arg;
    __asm__ volatile("int3");
}

static const char constant[] = "text";

static void causes(void)
{
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    unsigned mxcsr = 0x1f80;

    CHECK(page != MAP_FAILED);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(signal_of(read_at, (void *)(zero + 8)), SIGSEGV);
        CHECK(seen.si_addr == (void *)8);
        CHECK_EQ(seen.si_code, SEGV_MAPERR);
    }
    CHECK_EQ(signal_of(write_at, (void *)(uintptr_t)constant), SIGSEGV);
    CHECK(seen.si_addr == constant);
    CHECK_EQ(seen.si_code, SEGV_ACCERR);
    CHECK_EQ(signal_of(run_at, page), SIGSEGV);
    CHECK(seen.si_addr == page);
    CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
    CHECK_EQ(signal_of(write_at, page + 5), SIGSEGV);
    CHECK(seen.si_addr == page + 5);
    CHECK_EQ(seen.si_code, SEGV_ACCERR);
    munmap(page, 8192);
    CHECK_EQ(signal_of(read_at, page), SIGSEGV);

    CHECK_EQ(signal_of(divide, NULL), SIGFPE);
    CHECK_EQ(seen.si_code, FPE_INTDIV);
    CHECK_EQ(signal_of(illegal, NULL), SIGILL);
    CHECK(seen.si_addr != NULL);
    CHECK_EQ(signal_of(breakpoint, NULL), SIGTRAP);
    CHECK_EQ(seen.si_code, TRAP_BRKPT);
    CHECK_EQ(signal_of(divide_x87, NULL), SIGFPE);
    CHECK_EQ(seen.si_code, FPE_FLTDIV);
    if (signal_of(divide_sse, NULL) != 0) /* QEMU's translator does not know this exception */
        CHECK_EQ(seen.si_code, FPE_FLTDIV);
    else
        puts("no SSE exceptions on this machine");
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

/* Mends the page and returns: the access is done again, with every register as it was. */
static char *lazy;
static volatile int mended;

static void mend(int number, siginfo_t *info, void *context)
{
    char *page = (char *)((uintptr_t)info->si_addr & ~(uintptr_t)4095);

    (void)number;
    (void)context;
    mended++;
    CHECK(page >= lazy && page < lazy + 16 * 4096);
    CHECK_EQ(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
}

static void lazy_pages(void)
{
    double sum = 0.5;

    lazy = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(lazy != MAP_FAILED);
    memset(lazy, 3, 16 * 4096);
    CHECK_EQ(mprotect(lazy, 16 * 4096, PROT_NONE), 0);
    handle(SIGSEGV, mend);
    for (int i = 0; i < 16 * 4096; i++)
        sum += lazy[i];
    CHECK(sum == 0.5 + 3 * 16 * 4096);
    CHECK_EQ(mended, 16);
}

/* Steps over the instruction: ud2 has two bytes. */
static void step_over(int number, siginfo_t *info, void *arg)
{
    ucontext_t *context = arg;

    (void)number;
    CHECK((uintptr_t)info->si_addr == (uintptr_t)context->uc_mcontext.gregs[REG_RIP]);
    context->uc_mcontext.gregs[REG_RIP] += 2;
}

static void step(void)
{
    handle(SIGILL, step_over);
    illegal(NULL);
    illegal(NULL);
}

static void *in_thread(void *arg)
{
    (void)arg;
    CHECK_EQ(signal_of(read_at, (void *)(zero + 16)), SIGSEGV);
    return NULL;
}

static void thread(void)
{
    pthread_t id;

    handle(SIGSEGV, leave);
    CHECK_EQ(pthread_create(&id, NULL, in_thread, NULL), 0);
    CHECK_EQ(pthread_join(id, NULL), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "default") == 0) {
        /* A handler that is gone again: the crash report is the runtime's. */
        handle(SIGSEGV, leave);
        signal(SIGSEGV, SIG_DFL);
        read_at((void *)(zero + 8));
    }
    if (argc > 1 && strcmp(argv[1], "blocked") == 0) {
        sigset_t all;

        sigfillset(&all);
        handle(SIGSEGV, leave);
        sigprocmask(SIG_SETMASK, &all, NULL);
        read_at((void *)(zero + 8));
    }
    handle(SIGSEGV, leave);
    handle(SIGBUS, leave);
    handle(SIGFPE, leave);
    handle(SIGILL, leave);
    handle(SIGTRAP, leave);
    causes();
    lazy_pages();
    step();
    thread();
    puts("PASS");
    return 0;
}
