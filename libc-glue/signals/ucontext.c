/*
 * ucontext: contexts of execution that a program switches between by itself. The registers are in
 * ucontext_switch.S.
 */
#define _GNU_SOURCE
#include <ucontext.h>

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <platform/vcpu.h>

_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs) == 40, "ucontext_switch.S");
_Static_assert(offsetof(ucontext_t, uc_mcontext.fpregs) == 40 + 8 * NGREG, "ucontext_switch.S");
_Static_assert(offsetof(ucontext_t, uc_mcontext.__mxcsr) == 48 + 8 * NGREG, "ucontext_switch.S");
_Static_assert(REG_RIP == 16 && REG_EFL == 17, "ucontext_switch.S");

void ucontext_load(const ucontext_t *context) __attribute__((noreturn));
void ucontext_finish(void);

/* Called from assembly. */
int ucontext_get_mask(ucontext_t *context);
void ucontext_end(ucontext_t *context) __attribute__((noreturn));

/* The mask is a matter of signal_mask.c, if the program has one; without it nothing is ever
 * blocked. */
extern __typeof__(pthread_sigmask) pthread_sigmask __attribute__((weak));
extern __typeof__(pthread_exit) pthread_exit __attribute__((weak));

int ucontext_get_mask(ucontext_t *context)
{
    sigemptyset(&context->uc_sigmask);
    if (pthread_sigmask != NULL)
        pthread_sigmask(SIG_SETMASK, NULL, &context->uc_sigmask);
    return 0;
}

int setcontext(const ucontext_t *context)
{
    if (pthread_sigmask != NULL)
        pthread_sigmask(SIG_SETMASK, &context->uc_sigmask, NULL);
    if (context->uc_mcontext.fpregs != NULL)
        vcpu_fpu_restore(context->uc_mcontext.fpregs);
    ucontext_load(context);
}

int swapcontext(ucontext_t *restrict from, const ucontext_t *restrict to)
{
    volatile bool back = false;

    getcontext(from);
    if (!back) {
        back = true;
        setcontext(to);
    }
    return 0;
}

void ucontext_end(ucontext_t *context)
{
    if (context->uc_link != NULL)
        setcontext(context->uc_link);
    if (pthread_exit != NULL)
        pthread_exit(NULL);
    exit(0);
}

/*
 * Arguments are ints by POSIX; pointers are passed as well by programs that know their machine, so
 * all 64 bits are taken. The first six go to registers, the others onto the new stack.
 */
void makecontext(ucontext_t *context, void (*function)(void), int n, ...)
{
    static const uint8_t in_register[] = { REG_RDI, REG_RSI, REG_RDX, REG_RCX, REG_R8, REG_R9 };
    const int n_registers = (int)sizeof(in_register);
    greg_t *gregs = context->uc_mcontext.gregs;
    uintptr_t top = (uintptr_t)context->uc_stack.ss_sp + context->uc_stack.ss_size;
    size_t on_stack = n > n_registers ? (size_t)(n - n_registers) : 0;
    uint64_t *at = (uint64_t *)((top - 8 * on_stack) & ~(uintptr_t)15);
    va_list args;

    va_start(args, n);
    for (int i = 0; i < n; i++) {
        greg_t value = va_arg(args, greg_t);
        if (i < n_registers)
            gregs[in_register[i]] = value;
        else
            at[i - n_registers] = (uint64_t)value;
    }
    va_end(args);
    *--at = (uintptr_t)ucontext_finish;
    gregs[REG_RSP] = (greg_t)(uintptr_t)at;
    gregs[REG_RIP] = (greg_t)(uintptr_t)function;
    gregs[REG_RBX] = (greg_t)(uintptr_t)context;
    gregs[REG_RBP] = 0;
    context->uc_mcontext.fpregs = NULL;
}
