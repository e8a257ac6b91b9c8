/*
 * entry: what start.S and entry.S call, and what they offer. Each function says on which stack it runs
 * where it is defined; upcalls are masked in all of them.
 */
#ifndef PLATFORM_ENTRY_H
#define PLATFORM_ENTRY_H

#include <stdint.h>

#include <xen/xen.h>

struct trap_frame;

/* Called from assembly. */
void platform_start(const start_info_t *page, uint64_t entry_tsc) __attribute__((noreturn));
void traps_handle(struct trap_frame *frame);
void vcpu_upcall(void);
void vcpu_leave_event(struct trap_frame *frame);

/* In assembly. */
extern const unsigned long entry_traps[32];
void entry_event(void);
void entry_failsafe(void);
void vcpu_upcall_on_event_stack(void);

#endif
