#define _GNU_SOURCE
#include "timer_notify.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <platform/clock.h>
#include <platform/spinlock.h>
#include <runtime/sync.h>
#include <runtime/thread.h>

#include "threads/posix_thread.h"

extern __typeof__(pthread_create) pthread_create __attribute__((weak));
extern __typeof__(pthread_detach) pthread_detach __attribute__((weak));

struct timer_call {
    void (*function)(union sigval value);
    union sigval value;
};

static struct {
    struct spinlock lock;
    struct list due;
    struct wait_queue idle;
    uint32_t started; /* atomic */
    struct posix_thread posix;
} timer_notifier = {
    .lock = SPINLOCK_INIT("timer notices"),
    .due = LIST_INIT(timer_notifier.due),
    .idle = WAIT_QUEUE_INIT(timer_notifier.idle),
};

static void *timer_call_entry(void *arg)
{
    struct timer_call call = *(struct timer_call *)arg;

    free(arg);
    call.function(call.value);
    return NULL;
}

static void timer_make_call(const struct timer_notice *notice)
{
    const pthread_attr_t *attr = notice->has_attributes ? &notice->attributes : NULL;
    struct timer_call *call = NULL;
    pthread_t id;

    if (pthread_create != NULL)
        call = malloc(sizeof(*call));
    if (call != NULL) {
        *call = (struct timer_call){ notice->function, notice->value };
        if (pthread_create(&id, attr, timer_call_entry, call) == 0) {
            if (attr == NULL || attr->__detachstate != PTHREAD_CREATE_DETACHED)
                pthread_detach(id);
            return;
        }
        free(call);
    }
    notice->function(notice->value);
}

static void timer_notifier_entry(void *arg)
{
    (void)arg;
    for (;;) {
        bool was_masked = spin_lock(&timer_notifier.lock);
        if (list_empty(&timer_notifier.due)) {
            wait_queue_sleep(&timer_notifier.idle, &timer_notifier.lock, was_masked, CLOCK_NEVER,
                             false, "timers");
            continue;
        }
        struct timer_notice *first = list_entry(timer_notifier.due.next, struct timer_notice, link);
        struct timer_notice copy = *first; /* it may be deleted while it is served */
        list_remove(&first->link);
        spin_unlock(&timer_notifier.lock, was_masked);
        timer_make_call(&copy);
    }
}

int timer_notify_start(void)
{
    struct posix_thread *posix = &timer_notifier.posix;
    struct thread_attr attr = { .name = "timers", .posix = posix };

    if (__atomic_exchange_n(&timer_notifier.started, 1, __ATOMIC_ACQ_REL) != 0)
        return 0;
    posix->blocked =
        ~(uint64_t)0; /* threads it makes inherit that: signals are for the program's own */
    posix->alternate.ss_flags = SS_DISABLE;
    posix->join = POSIX_DETACHED;
    list_init(&posix->queue);
    list_init(&posix->link);
    if (thread_prepare(&attr, timer_notifier_entry, NULL, &posix->thread) != 0) {
        __atomic_store_n(&timer_notifier.started, 0, __ATOMIC_RELEASE);
        return -EAGAIN;
    }
    thread_go(posix->thread);
    return 0;
}

bool timer_notify(struct timer_notice *notice)
{
    bool was_masked = spin_lock(&timer_notifier.lock);
    bool alone = list_empty(&notice->link);

    if (alone)
        list_append(&timer_notifier.due, &notice->link);
    spin_unlock(&timer_notifier.lock, was_masked);
    if (alone)
        wait_queue_wake(&timer_notifier.idle, 1);
    return alone;
}

void timer_notify_forget(struct timer_notice *notice)
{
    bool was_masked = spin_lock(&timer_notifier.lock);

    list_remove(&notice->link);
    spin_unlock(&timer_notifier.lock, was_masked);
}
