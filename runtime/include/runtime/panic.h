/*
 * panic: last words: for our own broken invariants, and for boot steps nothing can run without.
 *
 * Prints the reason, the thread, a backtrace of raw addresses (`  #0 0x0000000000101234`), drains
 * the console, publishes the crash and ends the domain with SHUTDOWN_crash. Never for what a peer or
 * the program did wrong.
 */
#ifndef RUNTIME_PANIC_H
#define RUNTIME_PANIC_H

#include <stdint.h>

void panic(const char *format, ...) __attribute__((noreturn, cold, format(printf, 1, 2)));

/*
 * A crash that is the program's: prints `crashed: what`, then the registers (frame may be NULL), what
 * lies at the fault address, and the backtrace; ends as panic() does. what is one line.
 */
struct trap_frame;
void panic_program(const char *what, const struct trap_frame *frame, uint64_t fault_address)
    __attribute__((noreturn, cold));

#endif
