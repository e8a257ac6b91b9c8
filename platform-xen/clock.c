/*
 * The clock is Xen's: each vCPU's vcpu_time_info says which system time the time-stamp counter showed
 * last, and by what to scale what has passed since. Xen rewrites it at any moment under a version
 * that is odd while it writes.
 */
#include <platform/barrier.h>
#include <platform/clock.h>
#include <platform/evtchn.h>
#include <platform/vcpu.h>

#include "clock_priv.h"
#include "hypercall.h"
#include "shared_info.h"

static struct {
    uint64_t entry_tsc;
    uint64_t last_ns; /* the highest time given out so far; atomic */
    evtchn_port_t port;
    void (*handler)(void);
} clock;

static uint64_t clock_tsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

/* delta ticks in nanoseconds: delta * 2^shift * mul / 2^32, the product in 128 bits. */
static uint64_t clock_scale(uint64_t delta, uint32_t mul, int8_t shift)
{
    delta = shift < 0 ? delta >> -shift : delta << shift;
    return (uint64_t)((unsigned __int128)delta * mul >> 32);
}

/* System time at `tsc` (now, when it is 0), as vcpu_time_info tells. */
static uint64_t clock_system_ns(uint64_t tsc)
{
    const struct vcpu_time_info *info = &shared_info_page.vcpu_info[vcpu_id()].time;
    uint32_t version;
    uint64_t ns;

    do {
        version = READ_ONCE(info->version) & ~1u;
        barrier_read();
        uint64_t at = tsc != 0 ? tsc : clock_tsc();
        uint64_t from = READ_ONCE(info->tsc_timestamp);
        uint32_t mul = READ_ONCE(info->tsc_to_system_mul);
        int8_t shift = READ_ONCE(info->tsc_shift);
        ns = READ_ONCE(info->system_time);
        /* Modulo 2^64: a guest's counter has an offset, and tsc_timestamp may lie before its zero. */
        ns = (int64_t)(at - from) >= 0 ? ns + clock_scale(at - from, mul, shift)
                                       : ns - clock_scale(from - at, mul, shift);
        barrier_read();
    } while (READ_ONCE(info->version) != version);
    return ns;
}

uint64_t clock_monotonic_ns(void)
{
    uint64_t now = clock_system_ns(0);
    uint64_t last = __atomic_load_n(&clock.last_ns, __ATOMIC_RELAXED);

    /* A rescaling by Xen may step back by a few nanoseconds: never show that. */
    do {
        if (now <= last)
            return last;
    } while (!__atomic_compare_exchange_n(&clock.last_ns, &last, now, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return now;
}

uint64_t clock_realtime_ns(void)
{
    const struct shared_info *shared = &shared_info_page;
    uint64_t seconds, ns;
    uint32_t version;

    do {
        version = READ_ONCE(shared->wc_version) & ~1u;
        barrier_read();
        seconds = (uint64_t)READ_ONCE(shared->wc_sec_hi) << 32 | READ_ONCE(shared->wc_sec);
        ns = READ_ONCE(shared->wc_nsec);
        barrier_read();
    } while (READ_ONCE(shared->wc_version) != version);
    return seconds * 1000000000u + ns + clock_monotonic_ns();
}

void clock_note_entry(uint64_t entry_tsc)
{
    clock.entry_tsc = entry_tsc;
}

uint64_t clock_boot_ns(void)
{
    return clock_system_ns(clock.entry_tsc);
}

static void clock_on_timer(evtchn_port_t port, void *arg)
{
    (void)port;
    (void)arg;
    clock.handler();
}

void clock_set_timer(uint64_t deadline_ns)
{
    struct vcpu_set_singleshot_timer timer = { .timeout_abs_ns = deadline_ns };

    /* Xen's time is signed: what lies beyond its 292 years it would take for long past. */
    if (deadline_ns > INT64_MAX)
        hypercall_vcpu_op(VCPUOP_stop_singleshot_timer, vcpu_id(), NULL);
    else
        hypercall_vcpu_op(VCPUOP_set_singleshot_timer, vcpu_id(), &timer);
}

int clock_start(void (*handler)(void))
{
    clock.handler = handler;
    /* Xen starts a PV vCPU with a periodic tick; an idle guest must not be woken by it. */
    hypercall_vcpu_op(VCPUOP_stop_periodic_timer, vcpu_id(), NULL);
    return evtchn_bind_virq(VIRQ_TIMER, clock_on_timer, NULL, &clock.port);
}
