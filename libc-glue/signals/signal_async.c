/*
 * signal_async: handlers that cut in on running code, from the end of an upcall or from a trap.
 *
 * The frame that Xen and entry.S left on the thread's stack holds the general registers; the FPU's
 * state is put below it before anything compiled with SSE runs, which is why this file uses general
 * registers only. Then upcalls are unmasked and handlers are called like any function. When they
 * return, the frame, with whatever they changed in it, goes back to entry.S; a handler that leaves
 * by siglongjmp() or setcontext() simply drops it. Nothing below %rsp is lost, since guests have no
 * red zone.
 */
#pragma GCC target("general-regs-only")

#include "signal_core.h"

#include <stddef.h>

#include <platform/traps.h>
#include <platform/vcpu.h>

#include "threads/resume.h"

#define SIGNAL_FPU_ALIGN 64u
#define SIGNAL_FLAGS 0xdd5u /* what a program may change: the arithmetic flags, TF and DF */

/* The order of REG_R8 ... REG_RIP. */
static const uint16_t signal_frame_offset[] = {
    offsetof(struct trap_frame, r8),  offsetof(struct trap_frame, r9),
    offsetof(struct trap_frame, r10), offsetof(struct trap_frame, r11),
    offsetof(struct trap_frame, r12), offsetof(struct trap_frame, r13),
    offsetof(struct trap_frame, r14), offsetof(struct trap_frame, r15),
    offsetof(struct trap_frame, rdi), offsetof(struct trap_frame, rsi),
    offsetof(struct trap_frame, rbp), offsetof(struct trap_frame, rbx),
    offsetof(struct trap_frame, rdx), offsetof(struct trap_frame, rax),
    offsetof(struct trap_frame, rcx), offsetof(struct trap_frame, rsp),
    offsetof(struct trap_frame, rip),
};
_Static_assert(sizeof(signal_frame_offset) / sizeof(signal_frame_offset[0]) == REG_RIP + 1,
               "one for each register");

static uint64_t *signal_frame_register(struct trap_frame *frame, unsigned n)
{
    return (uint64_t *)((char *)frame + signal_frame_offset[n]);
}

static void signal_context_from_frame(ucontext_t *context, struct trap_frame *frame, void *fpu,
                                      const siginfo_t *forced)
{
    greg_t *gregs = context->uc_mcontext.gregs;

    for (unsigned n = 0; n <= REG_RIP; n++)
        gregs[n] = (greg_t)*signal_frame_register(frame, n);
    gregs[REG_EFL] = (greg_t)frame->rflags;
    gregs[REG_CSGSFS] = (greg_t)((frame->cs & 0xffff) | (frame->ss & 0xffff) << 48);
    gregs[REG_ERR] = (greg_t)frame->error_code;
    gregs[REG_TRAPNO] = forced != NULL ? (greg_t)frame->vector : 0;
    gregs[REG_OLDMASK] = 0;
    gregs[REG_CR2] = forced != NULL ? (greg_t)(uintptr_t)forced->si_addr : 0;
    context->uc_mcontext.fpregs = fpu;
    context->uc_mcontext.__mxcsr = *(uint32_t *)((char *)fpu + 24);
    context->uc_mcontext.__x87_control = *(uint16_t *)fpu;
    context->uc_flags = 0;
    context->uc_link = NULL;
}

static void signal_frame_from_context(struct trap_frame *frame, const ucontext_t *context)
{
    const greg_t *gregs = context->uc_mcontext.gregs;

    for (unsigned n = 0; n <= REG_RIP; n++)
        *signal_frame_register(frame, n) = (uint64_t)gregs[n];
    frame->rflags =
        (frame->rflags & ~(uint64_t)SIGNAL_FLAGS) | ((uint64_t)gregs[REG_EFL] & SIGNAL_FLAGS);
}

/* What the ABI wants at a function's beginning: an empty x87 stack; and no exception enabled. */
static void signal_fpu_fresh(void)
{
    static const uint32_t mxcsr = 0x1f80;

    __asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

bool signal_run_on_frame(struct posix_thread *self, struct trap_frame *frame,
                         const siginfo_t *forced)
{
    char space[vcpu_fpu_size() + SIGNAL_FPU_ALIGN];
    void *fpu =
        (void *)(((uintptr_t)space + SIGNAL_FPU_ALIGN - 1) & ~(uintptr_t)(SIGNAL_FPU_ALIGN - 1));
    bool done = true;
    ucontext_t context;

    vcpu_fpu_init(fpu); /* the parts that saving leaves alone must be 0 */
    vcpu_fpu_save(fpu);
    signal_fpu_fresh();
    signal_context_from_frame(&context, frame, fpu, forced);
    do {
        vcpu_restore_upcalls(false);
        if (forced != NULL)
            done = signal_run_taken(self, forced, &context);
        else
            signal_run(self, &context);
        vcpu_mask_upcalls();
    } while (forced == NULL && signal_due(self) != 0);
    signal_frame_from_context(frame, &context);
    vcpu_fpu_restore(fpu);
    return done;
}

void signal_on_resume(struct trap_frame *frame)
{
    struct posix_thread *self = signal_self();

    if (self != NULL && !signal_held(self) && signal_due(self) != 0)
        signal_run_on_frame(self, frame, NULL);
}
