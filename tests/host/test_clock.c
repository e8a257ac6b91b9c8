/* clock: the real reading of Xen's time records, with scales of a real machine and time by hand. */
#include "test.h"

#include <pthread.h>
#include <unistd.h>

#include <platform/clock.h>
#include <platform/evtchn.h>
#include <platform/vcpu.h>

#include "clock_priv.h"
#include "shared_info.h"

static unsigned fired;

static void on_timer(void)
{
    CHECK(vcpu_in_event());
    fired++;
}

static uint64_t tsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

TEST(time_is_what_xen_says)
{
    fakexen_start(NULL);
    CHECK_EQ(clock_monotonic_ns(), fakexen_now());
    fakexen_advance(12345);
    CHECK_EQ(clock_monotonic_ns(), fakexen_now());
}

TEST(monotonic_time_never_goes_back)
{
    fakexen_start(NULL);
    uint64_t before = clock_monotonic_ns();
    shared_info_page.vcpu_info[0].time.system_time -= 1000;
    CHECK_EQ(clock_monotonic_ns(), before);
    shared_info_page.vcpu_info[0].time.system_time += 1001;
    CHECK_EQ(clock_monotonic_ns(), before + 1);
}

/* A scale of 1/2 with shift 1 is one nanosecond a tick; and the same the other way round. */
TEST(ticks_are_scaled_both_ways)
{
    struct vcpu_time_info *info = &shared_info_page.vcpu_info[0].time;
    static const int8_t shifts[] = { 1, 0, -3 };

    fakexen_start(NULL);
    for (size_t i = 0; i < sizeof(shifts); i++) {
        info->tsc_shift = shifts[i];
        info->tsc_to_system_mul = 0x80000000u;
        info->tsc_timestamp = tsc() - (1ull << 40); /* ticks of several minutes: 128-bit products */
        info->system_time = (i + 1) * 100000000000000u;
        uint64_t want = shifts[i] < 0 ? (1ull << 40) >> -shifts[i] : (1ull << 40) << shifts[i];
        uint64_t got = clock_monotonic_ns() - info->system_time;
        CHECK(got >= want / 2 && got < want / 2 + 1000000000u);
    }
}

/* A guest's counter has an offset: Xen's time stamp may lie before its zero. */
TEST(a_time_stamp_before_zero_is_in_the_past)
{
    struct vcpu_time_info *info = &shared_info_page.vcpu_info[0].time;

    fakexen_start(NULL);
    info->tsc_shift = 1;
    info->tsc_to_system_mul = 0x80000000u;
    info->system_time = 100000000000000u;
    info->tsc_timestamp = 0 - (1ull << 40);
    uint64_t passed = clock_monotonic_ns() - info->system_time;
    uint64_t want = tsc() + (1ull << 40);
    CHECK(passed <= want && want - passed < 1000000000u);
}

TEST(the_wall_clock_is_xens_offset_plus_system_time)
{
    fakexen_start(NULL);
    shared_info_page.wc_sec = 1700000000;
    shared_info_page.wc_nsec = 123456789;
    CHECK_EQ(clock_realtime_ns(), 1700000000123456789 + fakexen_now());
}

/* Seconds since 1970 do not fit 32 bits for ever. */
TEST(the_wall_clock_knows_the_year_2106)
{
    fakexen_start(NULL);
    shared_info_page.wc_sec = 5;
    shared_info_page.wc_sec_hi = 1;
    shared_info_page.wc_nsec = 0;
    CHECK_EQ(clock_realtime_ns() - fakexen_now(), (int64_t)(((1ull << 32) + 5) * 1000000000u));
}

TEST(the_time_of_entry_is_before_now)
{
    struct vcpu_time_info *info = &shared_info_page.vcpu_info[0].time;

    fakexen_start(NULL);
    info->tsc_to_system_mul = 0x80000000u;
    info->tsc_shift = 1;
    info->tsc_timestamp = tsc();
    info->system_time = 1000000000000u;
    clock_note_entry(info->tsc_timestamp - 5000000);
    CHECK_EQ(clock_boot_ns(), 1000000000000u - 5000000);
    clock_note_entry(info->tsc_timestamp + 5000000);
    CHECK_EQ(clock_boot_ns(), 1000000000000u + 5000000);
}

TEST(the_timer_fires_once_at_its_deadline)
{
    fakexen_start(NULL);
    CHECK_EQ(clock_start(on_timer), 0);
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
    clock_set_timer(clock_monotonic_ns() + 1000);
    fakexen_advance(999);
    CHECK_EQ(fired, 0);
    fakexen_advance(1);
    CHECK_EQ(fired, 1);
    fakexen_advance(1000000);
    CHECK_EQ(fired, 1);
}

TEST(a_deadline_in_the_past_fires_at_once)
{
    fakexen_start(NULL);
    CHECK_EQ(clock_start(on_timer), 0);
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
    clock_set_timer(clock_monotonic_ns() - 1);
    vcpu_restore_upcalls(vcpu_mask_upcalls());
    CHECK_EQ(fired, 1);
}

TEST(never_disarms)
{
    fakexen_start(NULL);
    CHECK_EQ(clock_start(on_timer), 0);
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
    clock_set_timer(clock_monotonic_ns() + 1000);
    clock_set_timer(CLOCK_NEVER);
    CHECK(fakexen_timer() == UINT64_MAX);
    fakexen_advance(10000);
    CHECK_EQ(fired, 0);
}

/* Sleeping for ever is not sleeping until a time long past. */
TEST(a_deadline_beyond_xens_time_is_never)
{
    fakexen_start(NULL);
    CHECK_EQ(clock_start(on_timer), 0);
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
    clock_set_timer(CLOCK_NEVER - 1);
    clock_set_timer((uint64_t)INT64_MAX + 1);
    fakexen_advance(1000000000u);
    CHECK_EQ(fired, 0);
    clock_set_timer(clock_monotonic_ns() + 1000);
    fakexen_advance(1000);
    CHECK_EQ(fired, 1);
}

/* Xen writes the record while we read it: what is read under an odd version does not count. */
static void *finish_the_record(void *arg)
{
    struct vcpu_time_info *info = arg;

    usleep(20000);
    info->system_time += 7000000000u;
    __atomic_store_n(&info->version, info->version + 1, __ATOMIC_RELEASE);
    return NULL;
}

TEST(a_record_that_is_being_written_is_waited_for)
{
    struct vcpu_time_info *info = &shared_info_page.vcpu_info[0].time;
    pthread_t xen;

    fakexen_start(NULL);
    uint64_t before = clock_monotonic_ns();
    info->version++;
    CHECK_EQ(pthread_create(&xen, NULL, finish_the_record, info), 0);
    CHECK_EQ(clock_monotonic_ns(), before + 7000000000u);
    pthread_join(xen, NULL);
}

TEST(blocking_passes_the_time_to_the_deadline)
{
    fakexen_start(NULL);
    CHECK_EQ(clock_start(on_timer), 0);
    fakexen_mark_clean();
    uint64_t deadline = clock_monotonic_ns() + 5000000;
    vcpu_block(deadline);
    CHECK_EQ(clock_monotonic_ns(), deadline);
    CHECK_EQ(fired, 1);
    CHECK(vcpu_upcalls_masked());
}
