#include <platform/clock.h>
#include <platform/evtchn.h>
#include <platform/runtime.h>
#include <platform/traps.h>
#include <platform/vcpu.h>

#include "entry.h"
#include "evtchn_priv.h"
#include "hypercall.h"
#include "shared_info.h"
#include "vcpu_priv.h"

#define CR4_FSGSBASE (1ul << 16)
#define CR4_OSXSAVE (1ul << 18)
#define XCR0_X87_SSE 3u
#define XCR0_AVX 4u
#define XCR0_AVX512 0xe0u
#define FXSAVE_SIZE 512u

static struct {
    bool in_event;
    bool has_fsgsbase;
    bool has_rdrand;
    bool has_rdseed;
    uint64_t xcr0; /* 0: FXSAVE is all there is */
    size_t fpu_size;
} vcpu;

static struct vcpu_info *vcpu_info(void)
{
    return &shared_info_page.vcpu_info[vcpu_id()];
}

bool vcpu_upcalls_masked(void)
{
    return vcpu_info()->evtchn_upcall_mask != 0;
}

bool vcpu_mask_upcalls(void)
{
    struct vcpu_info *info = vcpu_info();
    bool was_masked = info->evtchn_upcall_mask != 0;

    info->evtchn_upcall_mask = 1;
    __asm__ volatile("" ::: "memory"); /* the critical section stays below */
    return was_masked;
}

void vcpu_restore_upcalls(bool was_masked)
{
    struct vcpu_info *info = vcpu_info();

    __asm__ volatile("" ::: "memory"); /* the critical section stays above */
    if (was_masked)
        return;
    for (;;) {
        /*
         * Either Xen sees the mask clear when it makes an event pending, and calls us up, or it made
         * it pending before and we see that here.
         */
        *(volatile uint8_t *)&info->evtchn_upcall_mask = 0;
        if (*(volatile uint8_t *)&info->evtchn_upcall_pending == 0)
            return;
        *(volatile uint8_t *)&info->evtchn_upcall_mask = 1;
        vcpu_upcall_on_event_stack();
        if (runtime_want_switch())
            runtime_preempt();
    }
}

bool vcpu_in_event(void)
{
    return vcpu.in_event;
}

/* From entry.S and from above, on the event stack, upcalls masked. */
void vcpu_upcall(void)
{
    vcpu.in_event = true;
    evtchn_deliver();
    vcpu.in_event = false;
}

/* From entry.S on the interrupted thread's stack, upcalls masked. */
void vcpu_leave_event(struct trap_frame *frame)
{
    if (runtime_want_switch())
        runtime_preempt();
    runtime_resume(frame);
}

void vcpu_take_events(void)
{
    if (vcpu_info()->evtchn_upcall_pending != 0)
        vcpu_upcall_on_event_stack();
}

void vcpu_block(uint64_t deadline_ns)
{
    if (deadline_ns != CLOCK_NEVER)
        clock_set_timer(deadline_ns);
    /* Unmasks and blocks in one step, unless an event is pending already; then the upcall runs. */
    hypercall_sched_op(SCHEDOP_block, NULL);
    vcpu_mask_upcalls();
}

void vcpu_yield(void)
{
    hypercall_sched_op(SCHEDOP_yield, NULL);
}

void vcpu_set_thread_pointer(void *base)
{
    if (vcpu.has_fsgsbase)
        __asm__ volatile("wrfsbase %0" : : "r"(base) : "memory");
    else
        hypercall_set_segment_base(SEGBASE_FS, (uintptr_t)base);
}

size_t vcpu_fpu_size(void)
{
    return vcpu.fpu_size;
}

void vcpu_fpu_init(void *area)
{
    uint8_t *bytes = area;

    for (size_t i = 0; i < vcpu.fpu_size; i++)
        bytes[i] = 0;
    *(uint16_t *)bytes = 0x037f; /* x87 control word: all exceptions masked, 64-bit precision */
    *(uint32_t *)(bytes + 24) = 0x1f80; /* MXCSR: all exceptions masked, round to nearest */
}

void vcpu_fpu_save(void *area)
{
    if (vcpu.xcr0 != 0)
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

void vcpu_fpu_restore(const void *area)
{
    if (vcpu.xcr0 != 0)
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

bool vcpu_random(uint64_t *value)
{
    uint8_t ok = 0;

    for (int tries = 0; vcpu.has_rdseed && tries < 16 && !ok; tries++)
        __asm__ volatile("rdseed %0; setc %1" : "=r"(*value), "=qm"(ok) : : "cc");
    for (int tries = 0; vcpu.has_rdrand && tries < 16 && !ok; tries++)
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(ok) : : "cc");
    return ok;
}

/*
 * CPUID as Xen shows it to this domain: the plain instruction leaks the host's leaves, the prefix
 * (an invalid opcode that Xen knows) makes Xen emulate it. Source: xen/arch-x86/xen.h, XEN_CPUID.
 */
static void vcpu_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile(XEN_CPUID
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "0"(leaf), "2"(subleaf));
}

static void vcpu_set_cr4_bit(unsigned long bit)
{
    unsigned long cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4)); /* both are emulated by Xen */
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | bit));
}

static void vcpu_use_xsave(void)
{
    uint32_t leaf[4];

    vcpu_set_cr4_bit(CR4_OSXSAVE);
    vcpu_cpuid(0xd, 0, leaf);
    vcpu.xcr0 = XCR0_X87_SSE | (leaf[0] & XCR0_AVX);
    if ((leaf[0] & XCR0_AVX512) == XCR0_AVX512 && (vcpu.xcr0 & XCR0_AVX) != 0)
        vcpu.xcr0 |= XCR0_AVX512;
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)vcpu.xcr0), "d"(0));
    vcpu_cpuid(0xd, 0, leaf); /* ebx: bytes for what xcr0 enables now */
    vcpu.fpu_size = leaf[1];
}

void vcpu_start(void)
{
    uint32_t max[4], basic[4], extended[4] = { 0 };

    vcpu_info()->evtchn_upcall_mask = 1;
    vcpu.fpu_size = FXSAVE_SIZE;
    vcpu_cpuid(0, 0, max);
    vcpu_cpuid(1, 0, basic);
    if (max[0] >= 7)
        vcpu_cpuid(7, 0, extended);
    vcpu.has_rdrand = (basic[2] >> 30 & 1) != 0;
    vcpu.has_rdseed = (extended[1] >> 18 & 1) != 0;
    if ((extended[1] & 1) != 0) {
        vcpu_set_cr4_bit(CR4_FSGSBASE);
        vcpu.has_fsgsbase = true;
    }
    if ((basic[2] >> 26 & 1) != 0 && max[0] >= 0xd)
        vcpu_use_xsave();
}
