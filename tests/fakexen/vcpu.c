/* The vCPU: platform/vcpu.h on the host. The order of the steps is that of platform-xen/vcpu.c. */
#include <string.h>

#include <platform/barrier.h>
#include <platform/clock.h>
#include <platform/runtime.h>
#include <platform/vcpu.h>

#include "evtchn_priv.h"
#include "fakexen_priv.h"
#include "hypercall.h"
#include "shared_info.h"

#define VCPU_FPU_SIZE 512u

static bool vcpu_event;
static void (*vcpu_stuck)(void);

static struct vcpu_info *vcpu_info(void)
{
    return &shared_info_page.vcpu_info[0];
}

bool vcpu_upcalls_masked(void)
{
    return vcpu_info()->evtchn_upcall_mask != 0;
}

bool vcpu_mask_upcalls(void)
{
    bool was_masked = vcpu_upcalls_masked();

    vcpu_info()->evtchn_upcall_mask = 1;
    return was_masked;
}

bool vcpu_in_event(void)
{
    return vcpu_event;
}

static void vcpu_handle_events(void)
{
    FAKEXEN_CHECK(!vcpu_event);
    vcpu_event = true;
    evtchn_deliver();
    vcpu_event = false;
}

void vcpu_restore_upcalls(bool was_masked)
{
    if (was_masked)
        return;
    for (;;) {
        vcpu_info()->evtchn_upcall_mask = 0;
        if (!fakexen_event_pending())
            return;
        vcpu_info()->evtchn_upcall_mask = 1;
        vcpu_handle_events();
        if (runtime_want_switch())
            runtime_preempt();
    }
}

void fakexen_upcall(void)
{
    if (!vcpu_upcalls_masked())
        vcpu_restore_upcalls(vcpu_mask_upcalls());
}

void vcpu_take_events(void)
{
    if (fakexen_event_pending())
        vcpu_handle_events();
}

/* Other domains run only while we block; when they are done, time goes on to the next deadline. */
void vcpu_block(uint64_t deadline_ns)
{
    FAKEXEN_CHECK(vcpu_upcalls_masked());
    FAKEXEN_CHECK(!vcpu_event);
    if (deadline_ns != CLOCK_NEVER)
        clock_set_timer(deadline_ns);
    while (!fakexen_event_pending() && fakexen_run_once())
        ;
    if (!fakexen_event_pending() && !fakexen_sleep_to_timer()) {
        if (vcpu_stuck == NULL)
            fakexen_fail(__FILE__, __LINE__, "the guest blocks and nothing will ever wake it");
        vcpu_stuck();
    }
    vcpu_restore_upcalls(false);
    vcpu_mask_upcalls();
}

void fakexen_set_stuck(void (*stuck)(void))
{
    vcpu_stuck = stuck;
}

void vcpu_yield(void)
{
    fakexen_run();
    fakexen_advance(1000);
}

/* Threads of the guest share the one thread pointer of the host's thread. */
void vcpu_set_thread_pointer(void *base)
{
    (void)base;
}

size_t vcpu_fpu_size(void)
{
    return VCPU_FPU_SIZE;
}

void vcpu_fpu_init(void *area)
{
    uint8_t *bytes = area;

    memset(area, 0, VCPU_FPU_SIZE);
    *(uint16_t *)area = 0x037f;
    *(uint32_t *)(bytes + 24) = 0x1f80;
}

void vcpu_fpu_save(void *area)
{
    __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

void vcpu_fpu_restore(const void *area)
{
    __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* xorshift: the same sequence in every run. */
bool vcpu_random(uint64_t *value)
{
    static uint64_t state = 0x9e3779b97f4a7c15u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    *value = state;
    return true;
}
