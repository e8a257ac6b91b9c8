/* thread: the real scheduler and its real switch, on host stacks. */
#include "guest_threads.h"

#include <platform/clock.h>
#include <platform/memory.h>
#include <platform/vcpu.h>
#include <runtime/pages.h>
#include <runtime/sync.h>

static char order[256];

static void note(void *arg)
{
    strcat(order, arg);
}

/* ---- life ---- */

static void body_one(void)
{
    CHECK_EQ(thread_self()->id, THREAD_MAIN);
    CHECK_STR(thread_self()->name, "main");
    struct thread *thread = spawn(note, "x");
    CHECK_STR(thread->name, "thread-2");
    CHECK_EQ(thread_count(), 2);
    CHECK_STR(order, "");
    join(thread);
    CHECK_STR(order, "x");
    CHECK_EQ(thread_count(), 1);
}

TEST(a_thread_runs_and_ends)
{
    run_threads(body_one);
}

static void body_many(void)
{
    static struct thread *threads[200];

    for (int i = 0; i < 200; i++)
        threads[i] = spawn(note, i % 2 != 0 ? "b" : "a");
    CHECK_EQ(thread_ready_count(), 200);
    for (int i = 0; i < 200; i++)
        join(threads[i]);
    CHECK_EQ(strlen(order), 200);
    CHECK(strncmp(order, "abababab", 8) == 0);
}

TEST(threads_run_in_the_order_of_their_start)
{
    run_threads(body_many);
}

static void body_memory(void)
{
    struct pages_stats before, after;

    for (int i = 0; i < 20; i++)
        join(spawn(note, ""));
    pages_get_stats(&before);
    for (int i = 0; i < 100; i++)
        join(spawn(note, ""));
    pages_get_stats(&after);
    CHECK_EQ(after.used, before.used);
}

TEST(dead_threads_leave_no_memory_behind)
{
    run_threads(body_memory);
}

static void body_full(void)
{
    struct thread_attr attr = { .stack_size = 1 << 20 };
    struct thread *thread[16];
    int n = 0, error;

    while ((error = thread_create(&attr, note, "", &thread[n])) == 0)
        n++;
    CHECK_EQ(error, -ENOMEM);
    CHECK(n >= 6 && n < 8); /* of 8 MiB in all */
    for (int i = 0; i < n; i++)
        join(thread[i]);
    CHECK_EQ(thread_create(&attr, note, "", &thread[0]), 0);
    join(thread[0]);
}

TEST(without_memory_creating_fails_and_costs_nothing)
{
    run_threads(body_full);
}

static const char *exited_by;

static void on_exit_hook(struct thread *thread)
{
    CHECK(vcpu_upcalls_masked());
    exited_by = thread->name;
}

static void exit_early(void *arg)
{
    (void)arg;
    thread_exit(on_exit_hook);
}

static void body_exit(void)
{
    struct thread_attr attr = { .name = "a name far too long for it" };
    struct thread *thread;

    CHECK_EQ(thread_create(&attr, exit_early, NULL, &thread), 0);
    while (thread->state != THREAD_DEAD)
        thread_yield();
    CHECK_STR(exited_by, "a name far too ");
    thread_reap(thread);
}

TEST(a_thread_may_end_itself)
{
    run_threads(body_exit);
}

static void check_stack(void *arg)
{
    struct thread *self = thread_self();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    CHECK(here > self->stack_base && here < self->stack_base + self->stack_size);
    CHECK_EQ(here & 15, 0); /* as the ABI wants it for SSE */
    if (arg != NULL)
        CHECK_EQ(self->stack_base, (uintptr_t)arg);
    else
        CHECK(fakexen_faults(self->stack_base - 1, true));
}

static void body_stacks(void)
{
    static char own[65536] __attribute__((aligned(4096)));
    struct thread_attr attr = { .stack = own, .stack_size = sizeof(own) };
    struct thread *thread;

    join(spawn(check_stack, NULL));
    CHECK_EQ(thread_create(&attr, check_stack, own, &thread), 0);
    join(thread);
}

TEST(a_stack_has_a_guard_or_is_the_creators)
{
    run_threads(body_stacks);
}

/* Thread-local storage: the image, zeros behind it, then the control block that points at itself. */
static void body_tls(void)
{
    struct thread *thread = spawn(note, "");
    char *control = thread->thread_pointer;

    CHECK_EQ((uintptr_t)control % 64, 0);
    CHECK(*(void **)control == control);
    CHECK(memcmp(control - 64, "TLSimage\0\0\0\0", 12) == 0);
    uint64_t canary = *(uint64_t *)(control + 0x28);
    CHECK(canary != 0 && (canary & 0xff) == 0);
    CHECK_EQ(*(uint64_t *)((char *)thread_self()->thread_pointer + 0x28), (int64_t)canary);
    join(thread);
}

TEST(each_thread_has_its_thread_local_storage)
{
    run_threads(body_tls);
}

/* ---- switching ---- */

static void yield_thrice(void *arg)
{
    for (int i = 0; i < 3; i++) {
        note(arg);
        thread_yield();
    }
}

static void body_yield(void)
{
    struct thread *a = spawn(yield_thrice, "a"), *b = spawn(yield_thrice, "b");

    join(a);
    join(b);
    CHECK_STR(order, "ababab");
}

TEST(yielding_takes_turns)
{
    run_threads(body_yield);
}

static void sleep_and_note(void *arg)
{
    thread_sleep_until(fakexen_now() + 1000u * (unsigned)(*(const char *)arg - 'a' + 1));
    note(arg);
}

static void body_sleep(void)
{
    struct thread *c = spawn(sleep_and_note, "c"), *a = spawn(sleep_and_note, "a"),
                  *b = spawn(sleep_and_note, "b");

    join(a);
    join(b);
    join(c);
    CHECK_STR(order, "abc");
}

TEST(sleepers_wake_in_the_order_of_their_deadlines)
{
    run_threads(body_sleep);
}

static volatile bool stop;
static volatile unsigned spins;

static void spin(void *arg)
{
    (void)arg;
    while (!stop) {
        busy(100000);
        spins++;
    }
}

static void set_stop(void *arg)
{
    (void)arg;
    stop = true;
}

static void body_preempt(void)
{
    struct thread *spinner = spawn(spin, NULL), *other = spawn(set_stop, NULL);

    join(spinner);
    join(other);
    CHECK(spins >= 10 && spins <= 30); /* a slice is 2 ms */
}

TEST(a_spinning_thread_does_not_stop_others)
{
    run_threads(body_preempt);
}

static unsigned progress[3];

static void spin_counting(void *arg)
{
    unsigned *count = arg;

    while (!stop) {
        busy(10000);
        (*count)++;
    }
}

static void body_fair(void)
{
    struct thread *threads[3];

    for (int i = 0; i < 3; i++)
        threads[i] = spawn(spin_counting, &progress[i]);
    thread_sleep_until(fakexen_now() + 300000000);
    stop = true;
    for (int i = 0; i < 3; i++)
        join(threads[i]);
    for (int i = 0; i < 3; i++)
        CHECK(progress[i] > 9000 && progress[i] < 11000);
}

TEST(spinning_threads_share_the_time)
{
    run_threads(body_fair);
}

/* One that sleeps most of the time gets the vCPU back soon after its deadline. */
static void body_latency(void)
{
    struct thread *spinner = spawn(spin, NULL);

    for (int i = 0; i < 10; i++) {
        uint64_t deadline = fakexen_now() + 5000000;
        thread_sleep_until(deadline);
        CHECK(fakexen_now() >= deadline);
        CHECK(fakexen_now() <= deadline + 2200000);
    }
    stop = true;
    join(spinner);
}

TEST(a_sleeper_comes_back_within_a_slice)
{
    run_threads(body_latency);
}

static uint32_t mxcsr(void)
{
    uint32_t value;

    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value;
}

static void set_mxcsr(uint32_t value)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(value));
}

static void round_up(void *arg)
{
    (void)arg;
    CHECK_EQ(mxcsr(), 0x1f80);
    set_mxcsr(0x5f80);
    thread_yield();
    CHECK_EQ(mxcsr(), 0x5f80);
}

static void body_rounding(void)
{
    struct thread *thread = spawn(round_up, NULL);

    set_mxcsr(0x3f80);
    thread_yield();
    CHECK_EQ(mxcsr(), 0x3f80);
    join(thread);
    CHECK_EQ(mxcsr(), 0x3f80);
    set_mxcsr(0x1f80);
}

TEST(rounding_modes_are_a_threads_own)
{
    run_threads(body_rounding);
}

static double halves(double x, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        double before = x;
        busy(200000); /* here another thread may run, in the midst of a computation */
        x = x / 2 + before / 4;
    }
    return x;
}

static void compute(void *arg)
{
    *(double *)arg = halves(*(double *)arg, 500);
}

static void body_fpu(void)
{
    double values[4] = { 1, 3, 7, 11 }, want[4];
    struct thread *threads[4];

    for (int i = 0; i < 4; i++) {
        want[i] = values[i];
        for (int j = 0; j < 500; j++)
            want[i] = want[i] / 2 + want[i] / 4;
        threads[i] = spawn(compute, &values[i]);
    }
    for (int i = 0; i < 4; i++)
        join(threads[i]);
    for (int i = 0; i < 4; i++)
        CHECK(values[i] == want[i]);
}

TEST(preemption_keeps_floating_point_values)
{
    run_threads(body_fpu);
}

static void body_cpu_time(void)
{
    struct thread *thread = spawn(spin, NULL);

    thread_sleep_until(fakexen_now() + 50000000);
    stop = true;
    while (thread->state != THREAD_DEAD)
        thread_sleep_until(fakexen_now() + 1000);
    CHECK(thread->cpu_ns >= 50000000 && thread->cpu_ns <= 52200000); /* and the rest of a slice */
    CHECK(thread_self()->cpu_ns < 1000000);
    thread_reap(thread);
}

TEST(cpu_time_is_counted_to_the_one_who_uses_it)
{
    run_threads(body_cpu_time);
}

/* Idle is a real block: with one sleeper there is one timer and no wake-up before it. */
static void body_idle(void)
{
    unsigned before = fakexen_timer_sets();

    thread_sleep_until(fakexen_now() + 10000000000u);
    CHECK(fakexen_timer_sets() - before <= 1);
}

TEST(an_idle_guest_sets_no_timers)
{
    run_threads(body_idle);
}

/* ---- interruption ---- */

static int slept;

static void sleep_long(void *arg)
{
    (void)arg;
    slept = thread_sleep_until(fakexen_now() + 1000000000);
}

static void body_interrupt(void)
{
    struct thread *thread = spawn(sleep_long, NULL);
    uint64_t before = fakexen_now();

    thread_sleep_until(before + 1000);
    CHECK_EQ(thread->state, THREAD_WAITING);
    CHECK_STR(thread->wait_reason, "sleep");
    thread_interrupt(thread);
    join(thread);
    CHECK_EQ(slept, -EINTR);
    CHECK(fakexen_now() < before + 1000000);
}

TEST(an_interrupt_ends_a_sleep)
{
    run_threads(body_interrupt);
}

static void body_interrupt_early(void)
{
    struct thread *thread = spawn(sleep_long, NULL);

    thread_interrupt(thread); /* it has not even run yet */
    join(thread);
    CHECK_EQ(slept, -EINTR);
}

TEST(an_interrupt_that_comes_early_ends_the_next_wait)
{
    run_threads(body_interrupt_early);
}

static void body_interrupt_taken(void)
{
    thread_interrupt(thread_self());
    CHECK(thread_take_interrupt());
    CHECK(!thread_take_interrupt());
    CHECK_EQ(thread_sleep_until(fakexen_now() + 1000), 0);
}

TEST(an_interrupt_can_be_taken_instead)
{
    run_threads(body_interrupt_taken);
}

/* ---- deadlock ---- */

static struct mutex first, second;

static void take_second_then_first(void *arg)
{
    (void)arg;
    mutex_lock(&second);
    thread_yield();
    mutex_lock(&first);
}

static void body_deadlock(void)
{
    fakexen_emergency_allow(true);
    spawn(take_second_then_first, NULL);
    mutex_lock(&first);
    thread_yield();
    mutex_lock(&second);
}

static void stuck(void)
{
    const char *text = fakexen_emergency_text();

    CHECK(strstr(text, "threads: deadlock: every thread waits for another:\n") != NULL);
    CHECK(strstr(text, "1 'main' waits for a lock of the runtime at ") != NULL);
    CHECK(strstr(text, "2 'thread-2' waits for a lock of the runtime at ") != NULL);
    exit(0);
}

TEST(a_deadlock_of_all_threads_is_reported)
{
    fakexen_set_stuck(stuck);
    run_threads(body_deadlock);
}
