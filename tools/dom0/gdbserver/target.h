/*
 * target: one PV domain under the debugger: its memory, its registers, stopping it and letting it go.
 *
 * Xen has calls of its own for this (gdbsx uses them), but only in builds that say so, which the
 * distributions' are not. This does without: it pauses the domain, reads and writes its memory as
 * dom0 may, and gets hold of breakpoints and single steps through the domain's own trap table.
 *
 *   1. The first instruction of the handlers of #DB and #BP is replaced by a jump to itself.
 *   2. A breakpoint (int3) or a single step (rflags.TF) lets Xen enter that handler, upcalls masked.
 *   3. The vCPU turns there until we look at it, pause it, and put its registers back to what they
 *      were before the trap, out of the frame that Xen has pushed.
 *   4. Going on is to unpause it.
 *
 * Before the guest has registered its traps, a breakpoint is itself such a jump to itself.
 * All that is changed in the guest's memory is taken back on target_detach().
 */
#ifndef GDBSERVER_TARGET_H
#define GDBSERVER_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In gdb's order of org.gnu.gdb.i386.core. */
enum target_register {
    TARGET_RAX, TARGET_RBX, TARGET_RCX, TARGET_RDX, TARGET_RSI, TARGET_RDI, TARGET_RBP, TARGET_RSP,
    TARGET_R8, TARGET_R9, TARGET_R10, TARGET_R11, TARGET_R12, TARGET_R13, TARGET_R14, TARGET_R15,
    TARGET_RIP, TARGET_RFLAGS, TARGET_CS, TARGET_SS, TARGET_DS, TARGET_ES, TARGET_FS, TARGET_GS,
    TARGET_FS_BASE, TARGET_GS_BASE, TARGET_REGISTERS
};

struct target_registers {
    uint64_t value[TARGET_REGISTERS];
    uint8_t fpu[512]; /* as FXSAVE writes it */
};

enum target_event {
    TARGET_RUNS,       /* nothing yet */
    TARGET_BREAKPOINT, /* stopped at one of ours; rip is its address */
    TARGET_TRAP,       /* stopped by a step, or by an int3 of the program's own */
    TARGET_ENDED,      /* the domain has shut down; its memory can still be read */
    TARGET_GONE,       /* there is no such domain any more */
};

/* Stop the domain and take it. Ends the program, with a reason, if that is not possible. */
void target_attach(int domid);

/* Take back all changes and let it run. Harmless when it has ended. */
void target_detach(void);

/* Returns how many bytes, from the first on, could be read or written. */
size_t target_read(uint64_t address, void *bytes, size_t n);
size_t target_write(uint64_t address, const void *bytes, size_t n);

/* While stopped. */
void target_get_registers(struct target_registers *registers);
bool target_set_registers(const struct target_registers *registers);

bool target_insert_breakpoint(uint64_t address);
bool target_remove_breakpoint(uint64_t address);

/* Let it run, or execute one instruction (without upcalls in between). */
void target_resume(bool step);

/* Whether something has happened; then the domain is stopped. To be called every few milliseconds. */
enum target_event target_look(void);

/* Stop it where it is; TARGET_TRAP, or what target_look() says if that was first. */
enum target_event target_interrupt(void);

#endif
