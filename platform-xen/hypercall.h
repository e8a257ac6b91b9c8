/*
 * hypercall: the calls into Xen that this room makes, one inline function each.
 *
 * Private to platform-xen; tests/fakexen has a header of the same name with the same functions.
 * The `syscall` instruction is the hypercall of a 64-bit PV guest: number in rax, arguments in rdi rsi
 * rdx r10 r8; rcx and r11 are clobbered, and on debug builds of Xen the arguments too.
 * Returns: 0 or a count, or a negative errno of xen/errno.h.
 * Source: xen/arch-x86/xen-x86_64.h.
 */
#ifndef PLATFORM_HYPERCALL_H
#define PLATFORM_HYPERCALL_H

#include <stdint.h>

#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

static inline long hypercall(unsigned number, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d)
{
    register uintptr_t r10 __asm__("r10") = d;
    long result = number;

    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
                     :
                     : "rcx", "r8", "r11", "memory");
    return result;
}

static inline long hypercall_set_trap_table(const struct trap_info *table)
{
    return hypercall(__HYPERVISOR_set_trap_table, (uintptr_t)table, 0, 0, 0);
}

static inline long hypercall_mmu_update(const struct mmu_update *updates, unsigned n)
{
    return hypercall(__HYPERVISOR_mmu_update, (uintptr_t)updates, n, 0, DOMID_SELF);
}

static inline long hypercall_mmuext_op(const struct mmuext_op *ops, unsigned n)
{
    return hypercall(__HYPERVISOR_mmuext_op, (uintptr_t)ops, n, 0, DOMID_SELF);
}

static inline long hypercall_update_va_mapping(uintptr_t va, uint64_t pte, unsigned long flags)
{
    return hypercall(__HYPERVISOR_update_va_mapping, va, pte, flags, 0);
}

static inline long hypercall_multicall(multicall_entry_t *calls, unsigned n)
{
    return hypercall(__HYPERVISOR_multicall, (uintptr_t)calls, n, 0, 0);
}

static inline long hypercall_set_segment_base(unsigned which, uintptr_t base)
{
    return hypercall(__HYPERVISOR_set_segment_base, which, base, 0, 0);
}

static inline long hypercall_console_io(unsigned command, unsigned count, char *buffer)
{
    return hypercall(__HYPERVISOR_console_io, command, count, (uintptr_t)buffer, 0);
}

static inline long hypercall_xen_version(unsigned command, void *arg)
{
    return hypercall(__HYPERVISOR_xen_version, command, (uintptr_t)arg, 0, 0);
}

static inline long hypercall_sched_op(unsigned command, void *arg)
{
    return hypercall(__HYPERVISOR_sched_op, command, (uintptr_t)arg, 0, 0);
}

static inline long hypercall_event_channel_op(unsigned command, void *arg)
{
    return hypercall(__HYPERVISOR_event_channel_op, command, (uintptr_t)arg, 0, 0);
}

static inline long hypercall_grant_table_op(unsigned command, void *ops, unsigned n)
{
    return hypercall(__HYPERVISOR_grant_table_op, command, (uintptr_t)ops, n, 0);
}

static inline long hypercall_memory_op(unsigned command, void *arg)
{
    return hypercall(__HYPERVISOR_memory_op, command, (uintptr_t)arg, 0, 0);
}

static inline long hypercall_vcpu_op(unsigned command, unsigned vcpu, void *arg)
{
    return hypercall(__HYPERVISOR_vcpu_op, command, vcpu, (uintptr_t)arg, 0);
}

static inline long hypercall_callback_op(unsigned command, void *arg)
{
    return hypercall(__HYPERVISOR_callback_op, command, (uintptr_t)arg, 0, 0);
}

#endif
