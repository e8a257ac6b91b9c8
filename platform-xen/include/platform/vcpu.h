/*
 * vcpu: the virtual processor we run on: its upcall mask, blocking, its thread pointer and FPU state.
 *
 * Owns vcpu_info of every vCPU. One vCPU runs today; every user says which by asking, never by
 * assuming. Usable once shared_info is mapped; before that upcalls cannot arrive at all and masking
 * is a private note.
 * Source: xen/xen.h, struct vcpu_info; xen/vcpu.h; xen/sched.h.
 */
#ifndef PLATFORM_VCPU_H
#define PLATFORM_VCPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VCPU_MAX 1

/* The number of the vCPU that executes this. */
static inline unsigned vcpu_id(void)
{
    return 0;
}

/*
 * Keep event handlers from running on this vCPU; nests by its return value:
 *     bool was = vcpu_mask_upcalls();  ...  vcpu_restore_upcalls(was);
 * Restoring to unmasked runs the handlers of whatever became pending meanwhile, and may switch
 * threads afterwards.
 */
bool vcpu_mask_upcalls(void);
void vcpu_restore_upcalls(bool was_masked);
bool vcpu_upcalls_masked(void);

/* True in an event handler. */
bool vcpu_in_event(void);

/* Make the handlers of whatever is pending run now, although upcalls are masked and stay so. */
void vcpu_take_events(void);

/*
 * Sleep until an event is pending or the clock reaches deadline_ns (monotonic; UINT64_MAX: no
 * deadline). Called with upcalls masked; returns with them masked, the handlers having run.
 */
void vcpu_block(uint64_t deadline_ns);

/* Let other vCPUs of the machine run for a moment (SCHEDOP_yield). */
void vcpu_yield(void);

/* Set the FS base of this vCPU: the thread pointer. */
void vcpu_set_thread_pointer(void *base);

/* Bytes that vcpu_fpu_save() writes; the area is aligned to 64 bytes. Constant after boot. */
size_t vcpu_fpu_size(void);
/* Fill area with the state that a new thread starts from. */
void vcpu_fpu_init(void *area);
void vcpu_fpu_save(void *area);
void vcpu_fpu_restore(const void *area);

/* 64 bits from the processor's generator (RDSEED or RDRAND). False when it has none to give. */
bool vcpu_random(uint64_t *value);

#endif
