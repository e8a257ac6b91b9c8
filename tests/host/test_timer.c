/* timer: callbacks in the order of their deadlines, one hardware timer behind them. */
#include "test.h"

#include <platform/clock.h>
#include <platform/vcpu.h>
#include <runtime/timer.h>

#define MANY 1000u

static struct timer timers[MANY];
static uint64_t want_at[MANY];
static unsigned fired, slices;
static uint64_t last_ns;

static void on_fired(struct timer *timer)
{
    size_t i = (size_t)(timer - timers);

    CHECK(vcpu_in_event());
    CHECK(timer->arg == &timers[i]);
    CHECK(!timer->armed);
    CHECK_EQ(timer->deadline_ns, want_at[i]);
    CHECK(timer->deadline_ns <= clock_monotonic_ns());
    CHECK(timer->deadline_ns >= last_ns);
    last_ns = timer->deadline_ns;
    fired++;
}

static void on_slice(void)
{
    slices++;
}

static void start(void)
{
    fakexen_start(NULL);
    timer_start(on_slice);
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
    for (size_t i = 0; i < MANY; i++)
        timer_init(&timers[i], on_fired, &timers[i]);
}

static void arm(size_t i, uint64_t delay_ns)
{
    want_at[i] = fakexen_now() + delay_ns;
    timer_arm(&timers[i], want_at[i]);
}

TEST(a_timer_fires_once_and_on_time)
{
    start();
    arm(0, 1000);
    CHECK_EQ(timer_next_deadline(), want_at[0]);
    fakexen_advance(999);
    CHECK_EQ(fired, 0);
    fakexen_advance(1);
    CHECK_EQ(fired, 1);
    CHECK(timer_next_deadline() == CLOCK_NEVER);
    fakexen_advance(1000000);
    CHECK_EQ(fired, 1);
}

TEST(a_deadline_in_the_past_fires_at_once)
{
    start();
    want_at[0] = 1;
    timer_arm(&timers[0], 1);
    CHECK_EQ(fired, 1);
}

TEST(a_disarmed_timer_does_not_fire)
{
    start();
    arm(0, 1000);
    arm(1, 2000);
    CHECK(timer_disarm(&timers[0]));
    CHECK(!timer_disarm(&timers[0]));
    fakexen_advance(5000);
    CHECK_EQ(fired, 1);
    CHECK(!timer_disarm(&timers[1]));
}

TEST(moving_a_timer_moves_it)
{
    start();
    arm(0, 1000);
    arm(0, 3000);
    fakexen_advance(2000);
    CHECK_EQ(fired, 0);
    arm(0, 500);
    fakexen_advance(500);
    CHECK_EQ(fired, 1);
}

TEST(many_timers_fire_in_order)
{
    uint64_t random;

    start();
    for (size_t i = 0; i < MANY; i++) {
        vcpu_random(&random);
        arm(i, random % 100000);
    }
    fakexen_advance(100000);
    CHECK_EQ(fired, MANY);
}

/* Arm, move and disarm in a random order, and compare with what must come of it. */
TEST(any_mixture_of_calls_keeps_the_order)
{
    unsigned want = 0, armed = 0;
    uint64_t random;

    start();
    for (int i = 0; i < 20000; i++) {
        vcpu_random(&random);
        size_t which = random % MANY;
        bool was_armed = timers[which].armed;

        switch (random >> 32 & 7) {
        case 0:
            CHECK_EQ(timer_disarm(&timers[which]), was_armed);
            armed -= was_armed;
            break;
        case 1:
            last_ns = 0;
            want = fired;
            for (size_t j = 0; j < MANY; j++)
                want += timers[j].armed && timers[j].deadline_ns <= fakexen_now() + 500;
            armed -= want - fired;
            fakexen_advance(500);
            CHECK_EQ(fired, want);
            break;
        default:
            arm(which, 1 + random % 50000);
            armed += !was_armed;
        }
    }
    last_ns = 0;
    want = fired + armed;
    fakexen_advance(100000);
    CHECK_EQ(fired, want);
}

TEST(equal_deadlines_all_fire)
{
    start();
    for (size_t i = 0; i < 10; i++)
        arm(i, 777);
    fakexen_advance(777);
    CHECK_EQ(fired, 10);
}

static unsigned periods;

static void rearm(struct timer *timer)
{
    if (++periods < 5)
        timer_arm(timer, timer->deadline_ns + 100);
}

TEST(a_callback_may_arm_itself_again)
{
    start();
    timer_init(&timers[0], rearm, NULL);
    timer_arm(&timers[0], fakexen_now() + 100);
    fakexen_advance(450);
    CHECK_EQ(periods, 4);
    fakexen_advance(5000);
    CHECK_EQ(periods, 5);
}

static void disarm_next(struct timer *timer)
{
    timer_disarm(timer + 1);
    fired++;
}

TEST(a_callback_may_disarm_another_that_is_due)
{
    start();
    timer_init(&timers[0], disarm_next, NULL);
    timer_arm(&timers[0], fakexen_now() + 100);
    arm(1, 101);
    fakexen_advance(200);
    CHECK_EQ(fired, 1);
}

/* Each setting is a hypercall: later deadlines and disarming need none. */
TEST(the_hardware_is_set_only_when_it_must_fire_earlier)
{
    unsigned before;

    start();
    arm(0, 1000);
    before = fakexen_timer_sets();
    arm(1, 2000);
    arm(2, 1000);
    timer_disarm(&timers[0]);
    arm(0, 5000);
    CHECK_EQ(fakexen_timer_sets(), before);
    arm(3, 500);
    CHECK_EQ(fakexen_timer_sets(), before + 1);
    fakexen_advance(10000);
    CHECK_EQ(fired, 4);
}

TEST(the_slice_comes_without_timers)
{
    start();
    timer_set_slice(fakexen_now() + 2000);
    fakexen_advance(2000);
    CHECK_EQ(slices, 1);
    fakexen_advance(10000);
    CHECK_EQ(slices, 1);
    timer_set_slice(fakexen_now() + 2000);
    timer_set_slice(CLOCK_NEVER);
    fakexen_advance(10000);
    CHECK_EQ(slices, 1);
}
