#include <platform/traps.h>

#include <stddef.h>

#include <platform/runtime.h>

#include "entry.h"
#include "hypercall.h"
#include "shared_info.h"

#define TRAPS_COUNT 32

static trap_handler_t traps_handler, traps_page_fault_handler;

static const char *const trap_names[TRAPS_COUNT] = {
    [TRAP_DIVIDE] = "divide error",
    [TRAP_DEBUG] = "debug exception",
    [2] = "non-maskable interrupt",
    [TRAP_BREAKPOINT] = "breakpoint",
    [TRAP_OVERFLOW] = "overflow",
    [TRAP_BOUND] = "bound range exceeded",
    [TRAP_INVALID_OPCODE] = "invalid opcode",
    [TRAP_DEVICE_NOT_AVAILABLE] = "device not available",
    [8] = "double fault",
    [10] = "invalid TSS",
    [11] = "segment not present",
    [TRAP_STACK_SEGMENT] = "stack segment fault",
    [TRAP_GENERAL_PROTECTION] = "general protection fault",
    [TRAP_PAGE_FAULT] = "page fault",
    [TRAP_X87] = "x87 floating-point error",
    [TRAP_ALIGNMENT] = "alignment check",
    [TRAP_MACHINE_CHECK] = "machine check",
    [TRAP_SIMD] = "SIMD floating-point error",
    [21] = "control protection exception",
};

const char *trap_name(unsigned vector)
{
    if (vector < TRAPS_COUNT && trap_names[vector] != NULL)
        return trap_names[vector];
    return "unknown trap";
}

void traps_set_handler(trap_handler_t handler)
{
    traps_handler = handler;
}

void traps_set_page_fault_handler(trap_handler_t handler)
{
    traps_page_fault_handler = handler;
}

/* From entry.S, upcalls masked, on the stack of whoever trapped. */
void traps_handle(struct trap_frame *frame)
{
    uint64_t fault_address = 0;

    if (frame->vector == TRAP_PAGE_FAULT) {
        fault_address = shared_info_page.vcpu_info[0].arch.cr2;
        if (traps_page_fault_handler != NULL && traps_page_fault_handler(frame, fault_address))
            return;
    }
    if (traps_handler != NULL && traps_handler(frame, fault_address))
        return;
    runtime_trap_panic(frame, fault_address);
}

void traps_start(void)
{
    struct trap_info table[TRAPS_COUNT + 1] = { 0 }; /* a zero address ends it */
    struct callback_register event = {
        .type = CALLBACKTYPE_event,
        .address = (xen_callback_t)entry_event,
    };
    struct callback_register failsafe = {
        .type = CALLBACKTYPE_failsafe,
        .flags = CALLBACKF_mask_events,
        .address = (xen_callback_t)entry_failsafe,
    };

    for (unsigned vector = 0; vector < TRAPS_COUNT; vector++) {
        table[vector].vector = (uint8_t)vector;
        /* int3 and into may come from the program: they need descriptor privilege level 3. */
        TI_SET_DPL(&table[vector], vector == TRAP_BREAKPOINT || vector == TRAP_OVERFLOW ? 3 : 0);
        TI_SET_IF(&table[vector], 1); /* arrive with upcalls masked */
        table[vector].cs = FLAT_KERNEL_CS;
        table[vector].address = entry_traps[vector];
    }
    hypercall_set_trap_table(table);
    hypercall_callback_op(CALLBACKOP_register, &event);
    hypercall_callback_op(CALLBACKOP_register, &failsafe);
}
