/*
 * traps: processor exceptions.
 *
 * Owns the trap table. A trap is first offered to the handler that a room above has registered (it
 * may turn it into a signal); what nobody takes ends in
 * runtime_trap_panic() with the frame.
 * Source: xen/arch-x86/xen.h, struct trap_info; vectors: Intel SDM volume 3, table 6-1.
 */
#ifndef PLATFORM_TRAPS_H
#define PLATFORM_TRAPS_H

#include <stdbool.h>
#include <stdint.h>

/* As entry.S leaves it on the stack. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector;     /* TRAP_EVENT for an upcall */
    uint64_t error_code; /* 0 where the processor gives none */
    uint64_t rip;
    uint64_t cs;     /* bits 32-39: upcall mask at the time of the trap */
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
};

enum trap_vector {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_BREAKPOINT = 3,
    TRAP_OVERFLOW = 4,
    TRAP_BOUND = 5,
    TRAP_INVALID_OPCODE = 6,
    TRAP_DEVICE_NOT_AVAILABLE = 7,
    TRAP_STACK_SEGMENT = 12,
    TRAP_GENERAL_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_X87 = 16,
    TRAP_ALIGNMENT = 17,
    TRAP_MACHINE_CHECK = 18,
    TRAP_SIMD = 19,
    TRAP_EVENT = 256,
};

#define TRAP_PF_PRESENT 1u /* error code of a page fault: the page was there, */
#define TRAP_PF_WRITE   2u /* the access was a write, */
#define TRAP_PF_FETCH  16u /* an instruction fetch */
/* Ours: memory that shows a file, but the file ends before, or could not be read. */
#define TRAP_PF_NO_CONTENT (1u << 31)

/* "page fault", "divide error"; never NULL. */
const char *trap_name(unsigned vector);

/*
 * Offer traps to handler first. It runs on the thread's own stack with upcalls masked; when it
 * returns true the (perhaps changed) frame is resumed. One handler, for libc-glue's signals.
 */
typedef bool (*trap_handler_t)(struct trap_frame *frame, uint64_t fault_address);
void traps_set_handler(trap_handler_t handler);

/*
 * The same for page faults, before that handler is asked: who brings pages when they are first touched.
 * It may unmask upcalls and wait if they were unmasked in the frame.
 */
void traps_set_page_fault_handler(trap_handler_t handler);

/* Boot: register all 32 vectors and the callbacks, upcalls masked. */
void traps_start(void);

#endif
