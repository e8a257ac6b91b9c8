/*
 * clock: time since boot, wall clock and the one-shot timer of the vCPU.
 *
 * Owns the reading of Xen's paravirtual clock and VIRQ_TIMER. Usable once shared_info is mapped.
 * Source: xen/xen.h, struct vcpu_time_info and wc_* of struct shared_info.
 */
#ifndef PLATFORM_CLOCK_H
#define PLATFORM_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER UINT64_MAX

/* Nanoseconds on Xen's system clock, never going back. Not since our boot: see clock_boot_ns(). */
uint64_t clock_monotonic_ns(void);

/* Nanoseconds since 1970 UTC, following Xen's wall clock. */
uint64_t clock_realtime_ns(void);

/* clock_monotonic_ns() at the first instruction of the guest, as well as it can be told. */
uint64_t clock_boot_ns(void);

/*
 * Have handler run (as an event handler) at deadline_ns of the monotonic clock or soon after; a
 * deadline in the past runs it at once; CLOCK_NEVER disarms. One deadline per vCPU.
 */
void clock_set_timer(uint64_t deadline_ns);

/* Boot: bind VIRQ_TIMER. handler is the runtime's. */
int clock_start(void (*handler)(void));

#endif
