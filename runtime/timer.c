/*
 * The deadlines form a pairing heap: the earliest is the root, arming and moving cost O(1), taking
 * one out O(log n) on average. The hardware is armed only when it must fire earlier than it would; a
 * timer that was disarmed or moved back costs one early wake-up at most, never a hypercall.
 */
#include <runtime/timer.h>

#include <stddef.h>

#include <platform/clock.h>
#include <platform/spinlock.h>

static struct {
    struct spinlock lock; /* protects all of this */
    struct timer *root;
    uint64_t slice_ns;    /* the scheduler's deadline */
    uint64_t hardware_ns; /* what the vCPU's timer is set to */
    void (*slice)(void);
} timers = {
    .lock = SPINLOCK_INIT("timers"),
    .slice_ns = CLOCK_NEVER,
    .hardware_ns = CLOCK_NEVER,
};

/* Join two heaps, either of which may be empty. */
static struct timer *timer_meld(struct timer *a, struct timer *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (b->deadline_ns < a->deadline_ns) {
        struct timer *earlier = b;
        b = a;
        a = earlier;
    }
    b->next = a->child;
    if (a->child != NULL)
        a->child->prev = b;
    b->prev = a;
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/* Join a row of siblings into one heap: in pairs from the left, then all pairs from the right. */
static struct timer *timer_meld_row(struct timer *row)
{
    struct timer *pairs = NULL, *all = NULL;

    while (row != NULL) {
        struct timer *a = row, *b = row->next;
        row = b != NULL ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b != NULL)
            b->next = b->prev = NULL;
        a = timer_meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct timer *one = pairs;
        pairs = one->next;
        one->next = NULL;
        all = timer_meld(all, one);
    }
    return all;
}

static void timer_take_out(struct timer *timer)
{
    struct timer *rest = timer_meld_row(timer->child);

    if (timer == timers.root) {
        timers.root = rest;
    } else {
        if (timer->prev->child == timer)
            timer->prev->child = timer->next;
        else
            timer->prev->next = timer->next;
        if (timer->next != NULL)
            timer->next->prev = timer->prev;
        timers.root = timer_meld(timers.root, rest);
    }
    timer->child = timer->next = timer->prev = NULL;
    timer->armed = false;
}

static uint64_t timer_earliest(void)
{
    uint64_t timer_ns = timers.root != NULL ? timers.root->deadline_ns : CLOCK_NEVER;

    return timers.slice_ns < timer_ns ? timers.slice_ns : timer_ns;
}

/* Called with the lock held. */
static void timer_program(void)
{
    uint64_t earliest = timer_earliest();

    if (earliest < timers.hardware_ns) {
        timers.hardware_ns = earliest;
        clock_set_timer(earliest);
    }
}

void timer_init(struct timer *timer, void (*fired)(struct timer *), void *arg)
{
    *timer = (struct timer){ .fired = fired, .arg = arg };
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    bool was_masked = spin_lock(&timers.lock);

    if (timer->armed)
        timer_take_out(timer);
    timer->deadline_ns = deadline_ns;
    timer->armed = true;
    timers.root = timer_meld(timers.root, timer);
    timer_program();
    spin_unlock(&timers.lock, was_masked);
}

bool timer_disarm(struct timer *timer)
{
    bool was_masked = spin_lock(&timers.lock);
    bool was_armed = timer->armed;

    if (was_armed)
        timer_take_out(timer);
    spin_unlock(&timers.lock, was_masked);
    return was_armed;
}

uint64_t timer_next_deadline(void)
{
    bool was_masked = spin_lock(&timers.lock);
    uint64_t deadline_ns = timers.root != NULL ? timers.root->deadline_ns : CLOCK_NEVER;

    spin_unlock(&timers.lock, was_masked);
    return deadline_ns;
}

void timer_set_slice(uint64_t deadline_ns)
{
    bool was_masked = spin_lock(&timers.lock);

    timers.slice_ns = deadline_ns;
    timer_program();
    spin_unlock(&timers.lock, was_masked);
}

/* The event handler of VIRQ_TIMER. */
static void timer_on_clock(void)
{
    uint64_t now_ns = clock_monotonic_ns();
    bool slice_over;
    bool was_masked = spin_lock(&timers.lock);

    timers.hardware_ns = CLOCK_NEVER;
    while (timers.root != NULL && timers.root->deadline_ns <= now_ns) {
        struct timer *due = timers.root;

        timer_take_out(due);
        spin_unlock(&timers.lock, was_masked);
        due->fired(due);
        was_masked = spin_lock(&timers.lock);
    }
    slice_over = timers.slice_ns <= now_ns;
    if (slice_over)
        timers.slice_ns = CLOCK_NEVER;
    timer_program();
    spin_unlock(&timers.lock, was_masked);
    if (slice_over)
        timers.slice();
}

void timer_start(void (*slice)(void))
{
    timers.slice = slice;
    clock_start(timer_on_clock);
}
