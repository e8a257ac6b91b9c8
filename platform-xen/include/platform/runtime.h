/*
 * runtime: what the platform asks of the room above it.
 *
 * The platform calls up in these places only; the runtime defines the functions.
 */
#ifndef PLATFORM_RUNTIME_H
#define PLATFORM_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

struct trap_frame;

/* Everything after the platform's own first steps; on the boot stack, upcalls masked. */
void runtime_start(void) __attribute__((noreturn));

/*
 * After event handlers: shall another thread run? Then runtime_preempt() is called on the interrupted
 * thread's own stack, upcalls masked, and returns when that thread runs again.
 */
bool runtime_want_switch(void);
void runtime_preempt(void);

/*
 * The thread goes on behind this frame now (an upcall's end), upcalls masked: the last chance to make
 * it go on elsewhere, as signals do.
 */
void runtime_resume(struct trap_frame *frame);

/* A trap nobody took: report and end. */
void runtime_trap_panic(const struct trap_frame *frame, uint64_t fault_address)
    __attribute__((noreturn));

/* Last words of the platform, for a mistake of its own. what is one line. */
void runtime_panic(const char *what, long value) __attribute__((noreturn, cold));

#endif
