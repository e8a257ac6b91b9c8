/*
 * signal_fault: processor exceptions as signals to the thread that caused them, if the program has
 * a handler; else the crash report of the runtime stands, which says more than a signal's name
 * could.
 */
#pragma GCC target("general-regs-only")

#include "signal_core.h"

#include <platform/traps.h>
#include <platform/vcpu.h>

#define SIGNAL_CS_MASKED (0xffull << 32) /* of a frame: the upcall mask as it was */

/* The cause, from the six exception flags that x87 and SSE share. */
static int signal_float_code(unsigned raised)
{
    if ((raised & 0x01) != 0)
        return FPE_FLTINV;
    if ((raised & 0x04) != 0)
        return FPE_FLTDIV;
    if ((raised & 0x08) != 0)
        return FPE_FLTOVF;
    if ((raised & 0x12) != 0)
        return FPE_FLTUND;
    return FPE_FLTRES;
}

static int signal_x87_code(void)
{
    uint16_t status, control;

    __asm__ volatile("fnstsw %0" : "=m"(status));
    __asm__ volatile("fnstcw %0" : "=m"(control));
    return signal_float_code(status & ~control & 0x3fu);
}

static int signal_sse_code(void)
{
    uint32_t mxcsr;

    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return signal_float_code(mxcsr & ~(mxcsr >> 7) & 0x3fu);
}

/* False for traps that are no program's doing. */
static bool signal_describe_trap(const struct trap_frame *frame, uint64_t fault_address,
                                 siginfo_t *info)
{
    int number = SIGSEGV, code = SI_KERNEL;
    uint64_t address = frame->rip;

    switch (frame->vector) {
    case TRAP_PAGE_FAULT:
        code = (frame->error_code & TRAP_PF_PRESENT) != 0 ? SEGV_ACCERR : SEGV_MAPERR;
        address = fault_address;
        if ((frame->error_code & TRAP_PF_NO_CONTENT) != 0) {
            number = SIGBUS;
            code = BUS_ADRERR;
        }
        break;
    case TRAP_GENERAL_PROTECTION:
    case TRAP_OVERFLOW:
    case TRAP_BOUND:
        address = 0;
        break;
    case TRAP_DIVIDE:
        number = SIGFPE;
        code = FPE_INTDIV;
        break;
    case TRAP_X87:
        number = SIGFPE;
        code = signal_x87_code();
        break;
    case TRAP_SIMD:
        number = SIGFPE;
        code = signal_sse_code();
        break;
    case TRAP_INVALID_OPCODE:
        number = SIGILL;
        code = ILL_ILLOPN;
        break;
    case TRAP_BREAKPOINT:
        number = SIGTRAP;
        code = TRAP_BRKPT;
        break;
    case TRAP_DEBUG:
        number = SIGTRAP;
        code = TRAP_TRACE;
        break;
    case TRAP_STACK_SEGMENT:
        number = SIGBUS;
        break;
    case TRAP_ALIGNMENT:
        number = SIGBUS;
        code = BUS_ADRALN;
        break;
    default:
        return false;
    }
    *info = (siginfo_t){ .si_signo = number, .si_code = code };
    info->si_addr = (void *)(uintptr_t)address;
#ifdef __xenolith__
    info->si_trapno = (int)frame->vector;
#endif
    return true;
}

bool signal_on_trap(struct trap_frame *frame, uint64_t fault_address)
{
    struct posix_thread *self;
    siginfo_t info;

    /* The runtime's own mistakes: in an event handler, under a spinlock, or on a thread of its own.
     */
    if (vcpu_in_event() || (frame->cs & SIGNAL_CS_MASKED) != 0)
        return false;
    self = signal_self();
    /* Also inside a call that holds something: no handler could ever give that back. */
    if (self == NULL || signal_held(self) || !signal_describe_trap(frame, fault_address, &info))
        return false;
    if ((self->blocked & SIGNAL_BIT(info.si_signo)) != 0 ||
        signals.action[info.si_signo].sa_handler == SIG_DFL ||
        signals.action[info.si_signo].sa_handler == SIG_IGN)
        return false;
    return signal_run_on_frame(self, frame, &info);
}
