/*
 * The core of signals: what is pending for whom, in which order it is taken, who is woken for it,
 * and when expiries of interval timers are told. Threads here are structs: nothing runs.
 */
#include "glue_test.h"

#include <signal.h>

#include <platform/clock.h>
#include <platform/vcpu.h>
#include <runtime/panic.h>
#include <runtime/timer.h>

#include "signals/interval_timer.h"
#include "signals/signal_core.h"

#define THREADS 3

static struct thread threads[THREADS]; /* the first is main's, and calls */
static struct posix_thread posix[THREADS];
static unsigned interrupted[THREADS];
static struct thread *running = &threads[0];

struct thread *thread_self(void)
{
    return running;
}

void thread_interrupt(struct thread *thread)
{
    interrupted[thread - threads]++;
}

void thread_for_each(void (*visit)(struct thread *, void *), void *arg)
{
    for (int i = 0; i < THREADS; i++)
        visit(&threads[i], arg);
}

bool vcpu_in_event(void)
{
    return false;
}

static unsigned armed;

void timer_init(struct timer *timer, void (*fired)(struct timer *), void *arg)
{
    *timer = (struct timer){ .fired = fired, .arg = arg };
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    timer->deadline_ns = deadline_ns;
    timer->armed = true;
    armed++;
}

bool timer_disarm(struct timer *timer)
{
    bool was = timer->armed;

    timer->armed = false;
    return was;
}

void panic_program(const char *what, const struct trap_frame *frame, uint64_t fault_address)
{
    (void)frame;
    (void)fault_address;
    glue_test_fail(__FILE__, __LINE__, "a crash: %s", what);
}

/* ---- helpers ---- */

static struct posix_thread *posix_number(int i)
{
    return i == 0 ? posix_main() : &posix[i];
}

static void handler(int number)
{
    (void)number;
}

static void set_handler(int number, void (*to)(int))
{
    struct sigaction action = { .sa_flags = 0 };

    action.sa_handler = to;
    CHECK_EQ(signal_set_action(number, &action, NULL), 0);
}

/* Every thread sleeps, and blocks nothing; all signals have their default action, nothing is
 * pending. */
static void begin(void)
{
    siginfo_t info;

    for (int i = 0; i < THREADS; i++) {
        threads[i].state = i == 0 ? THREAD_RUNNING : THREAD_WAITING;
        threads[i].interruptible = true;
        threads[i].posix = i == 0 ? NULL : &posix[i];
        posix_number(i)->thread = &threads[i];
        posix_number(i)->blocked = posix_number(i)->awaited = 0;
        if (posix_number(i)->queue.next == NULL)
            list_init(&posix_number(i)->queue);
        while (signal_take(posix_number(i), ~(signal_set_t)0, &info) != 0)
            continue;
        posix_number(i)->given = 0;
        interrupted[i] = 0;
    }
    running = &threads[0];
    for (int number = 1; number < NSIG; number++)
        if ((SIGNAL_BIT(number) & SIGNAL_UNBLOCKABLE) == 0)
            set_handler(number, SIG_DFL);
    armed = 0;
}

static int post(struct posix_thread *to, int number, int code, int value)
{
    siginfo_t info = { .si_signo = number, .si_code = code };

    info.si_value.sival_int = value;
    return signal_post(to, &info, NULL);
}

static int take(int thread, siginfo_t *info)
{
    struct posix_thread *self = posix_number(thread);

    return signal_take(self, ~self->blocked, info);
}

/* ---- what is pending ---- */

TEST(a_classic_signal_is_pending_once)
{
    siginfo_t info;

    begin();
    set_handler(SIGUSR1, handler);
    CHECK_EQ(post(posix_main(), SIGUSR1, SI_USER, 1), 0);
    CHECK_EQ(post(posix_main(), SIGUSR1, SI_USER, 2), 0);
    CHECK_EQ(take(0, &info), SIGUSR1);
    CHECK_EQ(info.si_value.sival_int, 1);
    CHECK_EQ(take(0, &info), 0);
}

TEST(realtime_signals_queue_in_order_and_the_lowest_number_comes_first)
{
    siginfo_t info;

    begin();
    set_handler(40, handler);
    set_handler(41, handler);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(post(posix_main(), 41, SI_QUEUE, 100 + i), 0);
        CHECK_EQ(post(posix_main(), 40, SI_QUEUE, i), 0);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(take(0, &info), 40);
        CHECK_EQ(info.si_value.sival_int, i);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(take(0, &info), 41);
        CHECK_EQ(info.si_value.sival_int, 100 + i);
    }
    CHECK_EQ(take(0, &info), 0);
}

/* Again and again, so that nodes that were used come back. */
TEST(the_queue_is_bounded_and_loses_no_signal)
{
    siginfo_t info;

    begin();
    set_handler(40, handler);
    set_handler(SIGUSR2, handler);
    for (int round = 0; round < 3; round++) {
        int sent = 0, got = 0;

        while (post(posix_main(), 40, SI_QUEUE, sent) == 0)
            sent++;
        CHECK(sent >= 32);
        CHECK_EQ(post(posix_main(), 40, SI_QUEUE, 0), -EAGAIN);
        /* kill() cannot fail for that: the signal comes, without what it carried. */
        CHECK_EQ(post(posix_main(), SIGUSR2, SI_USER, 0), 0);
        CHECK_EQ(take(0, &info), SIGUSR2);
        while (take(0, &info) == 40)
            CHECK_EQ(info.si_value.sival_int, got++);
        CHECK_EQ(got, sent);
    }
}

TEST(what_is_ignored_is_not_pending)
{
    siginfo_t info;

    begin();
    CHECK_EQ(post(posix_main(), SIGCHLD, SI_USER, 0), 0); /* by default */
    set_handler(SIGUSR1, SIG_IGN);
    CHECK_EQ(post(posix_main(), SIGUSR1, SI_USER, 0), 0);
    CHECK_EQ(take(0, &info), 0);

    /* Blocked, it is kept: the disposition may change. When it changes to nothing, it is dropped.
     */
    posix_main()->blocked = SIGNAL_BIT(SIGUSR1) | SIGNAL_BIT(SIGUSR2) | SIGNAL_BIT(42);
    post(posix_main(), SIGUSR1, SI_USER, 0);
    CHECK(posix_main()->pending == SIGNAL_BIT(SIGUSR1));
    set_handler(42, handler);
    post(posix_main(), 42, SI_QUEUE, 0);
    post(posix_main(), 42, SI_QUEUE, 1);
    set_handler(SIGUSR1, SIG_IGN);
    set_handler(42, SIG_IGN);
    CHECK_EQ(posix_main()->pending, 0);
    CHECK(list_empty(&posix_main()->queue));
}

TEST(bad_numbers_are_refused)
{
    struct sigaction action = { .sa_flags = 0 };

    begin();
    CHECK_EQ(signal_set_action(0, &action, NULL), -EINVAL);
    CHECK_EQ(signal_set_action(NSIG, &action, NULL), -EINVAL);
    CHECK_EQ(signal_set_action(SIGKILL, &action, NULL), -EINVAL);
    CHECK_EQ(signal_set_action(SIGSTOP, &action, NULL), -EINVAL);
    CHECK_EQ(signal_set_action(SIGKILL, NULL, &action), 0);
}

/* ---- who takes it ---- */

TEST(the_process_signal_is_for_main_first)
{
    siginfo_t info;

    begin();
    set_handler(SIGUSR1, handler);
    running = &threads[1];
    threads[0].state = THREAD_WAITING;
    CHECK_EQ(post(NULL, SIGUSR1, SI_USER, 0), 0);
    CHECK_EQ(interrupted[0], 1);
    CHECK_EQ(signal_due(posix_number(1)), 0);
    CHECK(signal_due(posix_number(0)) != 0);
    CHECK_EQ(take(1, &info), 0);
    CHECK_EQ(take(0, &info), SIGUSR1);
    CHECK_EQ(signals.given, 0);
}

TEST(who_waits_for_it_comes_before_main)
{
    siginfo_t info;

    begin();
    posix[2].blocked = SIGNAL_BIT(SIGTERM);
    posix[2].awaited = SIGNAL_BIT(SIGTERM);
    CHECK_EQ(post(NULL, SIGTERM, SI_USER, 0), 0);
    CHECK_EQ(interrupted[2], 1);
    CHECK_EQ(signal_due(posix_number(0)), 0);
    CHECK_EQ(signal_take(&posix[2], posix[2].awaited, &info), SIGTERM);
}

TEST(what_everybody_blocks_waits_for_the_first_who_does_not)
{
    siginfo_t info;

    begin();
    set_handler(SIGUSR1, handler);
    for (int i = 0; i < THREADS; i++)
        posix_number(i)->blocked = SIGNAL_BIT(SIGUSR1);
    CHECK_EQ(post(NULL, SIGUSR1, SI_USER, 0), 0);
    CHECK_EQ(interrupted[0] + interrupted[1] + interrupted[2], 0);
    posix[1].blocked = 0;
    CHECK(signal_due(&posix[1]) != 0);
    CHECK_EQ(take(1, &info), SIGUSR1);
}

TEST(who_blocks_what_it_was_given_passes_it_on)
{
    siginfo_t info;

    begin();
    set_handler(SIGUSR1, handler);
    threads[0].state = THREAD_READY;
    running = &threads[2];
    CHECK_EQ(post(NULL, SIGUSR1, SI_USER, 0), 0);
    CHECK(posix_main()->given != 0);
    signal_block(posix_main(), SIGNAL_BIT(SIGUSR1));
    CHECK_EQ(posix_main()->given, 0);
    CHECK(posix[1].given != 0 || posix[2].given != 0);
    CHECK_EQ(take(posix[1].given != 0 ? 1 : 2, &info), SIGUSR1);
}

TEST(kill_and_stop_cannot_be_blocked)
{
    begin();
    signal_block(posix_main(), ~(signal_set_t)0);
    CHECK(posix_main()->blocked == ~SIGNAL_UNBLOCKABLE);
}

/* One that runs is not interrupted in a wait; a timer makes it look at the end of an upcall. */
TEST(a_running_thread_is_poked)
{
    begin();
    set_handler(SIGUSR1, handler);
    threads[1].state = THREAD_READY;
    CHECK_EQ(post(&posix[1], SIGUSR1, SI_USER, 0), 0);
    CHECK_EQ(armed, 1);
    CHECK_EQ(post(&posix[2], SIGUSR1, SI_USER, 0), 0);
    CHECK_EQ(armed, 1);
    CHECK_EQ(interrupted[2], 1);
}

/* ---- nodes of their owners ---- */

static unsigned taken;

static void on_taken(struct signal_node *node)
{
    taken++;
    node->info.si_value.sival_int = 99;
}

TEST(a_node_of_its_owner_is_completed_when_taken_and_can_be_forgotten)
{
    struct signal_node node = { .taken = on_taken };
    siginfo_t info = { .si_signo = 45, .si_code = SI_TIMER }, got;

    begin();
    list_init(&node.link);
    set_handler(45, handler);
    CHECK_EQ(signal_post(NULL, &info, &node), 0);
    CHECK_EQ(take(0, &got), 45);
    CHECK_EQ(taken, 1);
    CHECK_EQ(got.si_value.sival_int, 99);
    CHECK(list_empty(&node.link));

    CHECK_EQ(signal_post(NULL, &info, &node), 0);
    signal_forget(&node);
    CHECK_EQ(take(0, &got), 0);
    CHECK_EQ(signals.pending, 0);
    CHECK_EQ(taken, 1);
}

/* ---- interval timers ---- */

static uint64_t expired_times;
static unsigned expired_calls;

static void on_expired(struct interval_timer *timer, uint64_t times)
{
    (void)timer;
    expired_times += times;
    expired_calls++;
}

static void fire(struct interval_timer *timer, uint64_t now_ns)
{
    glue_monotonic_ns = now_ns;
    CHECK(timer->timer.armed);
    timer->timer.armed = false;
    timer->timer.fired(&timer->timer);
}

static struct interval_timer interval;

static void begin_interval(uint64_t deadline_ns, uint64_t interval_ns, uint64_t wall_ns)
{
    glue_monotonic_ns = 1000000000;
    expired_times = expired_calls = 0;
    interval_timer_init(&interval, on_expired);
    interval_timer_set(&interval, deadline_ns, interval_ns, wall_ns);
}

TEST(expiries_that_were_missed_count)
{
    uint64_t left_ns, interval_ns, ms = 1000000, s = 1000 * ms;

    begin_interval(s + 5 * ms, 10 * ms, 0);
    interval_timer_get(&interval, &left_ns, &interval_ns);
    CHECK_EQ(left_ns, 5 * ms);
    CHECK_EQ(interval_ns, 10 * ms);
    fire(&interval, s + 5 * ms);
    CHECK_EQ(expired_times, 1);
    fire(&interval, s + 47 * ms); /* 15, 25, 35, 45 */
    CHECK_EQ(expired_times, 5);
    CHECK_EQ(expired_calls, 2);
    CHECK_EQ(interval.next_ns, s + 55 * ms);
    interval_timer_get(&interval, &left_ns, &interval_ns);
    CHECK_EQ(left_ns, 8 * ms);
}

TEST(once_is_once_and_too_early_is_nothing)
{
    uint64_t left_ns, interval_ns;

    begin_interval(1000005000, 0, 0);
    fire(&interval, 1000004999);
    CHECK_EQ(expired_calls, 0);
    fire(&interval, 1000005000);
    CHECK_EQ(expired_calls, 1);
    CHECK(!interval.timer.armed);
    interval_timer_get(&interval, &left_ns, &interval_ns);
    CHECK_EQ(left_ns, 0);
}

TEST(a_clock_that_is_set_back_puts_the_expiry_off)
{
    glue_realtime_ns = 5000000000;
    begin_interval(1001000000, 0, 5001000000);
    glue_realtime_ns = 5000400000;
    fire(&interval, 1001000000);
    CHECK_EQ(expired_calls, 0);
    CHECK_EQ(interval.next_ns, 1001600000);
    glue_realtime_ns = 5001000000;
    fire(&interval, 1001600000);
    CHECK_EQ(expired_calls, 1);
}

/* An interval of a nanosecond: the handler cannot keep the vCPU to itself. */
TEST(a_tiny_interval_leaves_time_for_threads)
{
    begin_interval(1000000001, 1, 0);
    fire(&interval, 1000000001);
    CHECK(interval.timer.deadline_ns >= 1000010000);
    fire(&interval, interval.timer.deadline_ns);
    CHECK(expired_times >= 10000);
}
