/*
 * cancel: threads that end because another one asked.
 *
 * A request is a flag and an interrupt of the thread's wait. The thread itself acts on it: at its
 * next cancellation point, or, of asynchronous type, when the next upcall goes back to it. While
 * such a request is open a timer sees to it that there is an upcall: a thread that computes alone
 * has none otherwise.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>

#include <platform/clock.h>
#include <platform/traps.h>
#include <runtime/timer.h>

#include "signals/interrupt.h"
#include "posix_thread.h"
#include "resume.h"

#define CANCEL_TICK_NS 2000000u
#define CANCEL_RFLAGS_DF 0x400u /* the ABI wants it clear when a function begins */

void cancel_point(void)
{
    if (posix_thread_cancelled(posix_self()))
        pthread_exit(PTHREAD_CANCELED);
}

/* ---- asynchronous ---- */

static void cancel_tick(struct timer *timer);
static struct timer cancel_timer = { .fired = cancel_tick };

static bool cancel_is_due_now(const struct posix_thread *thread)
{
    return thread->cancel_async && posix_thread_cancelled(thread);
}

static void cancel_visit(struct thread *thread, void *any)
{
    const struct posix_thread *main = posix_main();

    if ((thread->posix != NULL && cancel_is_due_now(thread->posix)) ||
        (thread == main->thread && cancel_is_due_now(main)))
        *(bool *)any = true;
}

static void cancel_tick(struct timer *timer)
{
    bool any = false;

    thread_for_each(cancel_visit, &any);
    if (any)
        timer_arm(timer, clock_monotonic_ns() + CANCEL_TICK_NS);
}

static void __attribute__((noreturn)) cancel_here(void)
{
    pthread_exit(PTHREAD_CANCELED);
}

/* The thread goes on in cancel_here(), as if it had called it where it was interrupted. */
void cancel_on_resume(struct trap_frame *frame)
{
    struct posix_thread *self = posix_self();

    if (self->thread != thread_self() || self->held != 0 || self->thread->mutexes != 0 ||
        !cancel_is_due_now(self))
        return;
    frame->rip = (uint64_t)cancel_here;
    frame->rsp = (frame->rsp & ~(uint64_t)15) - 8; /* as behind a call */
    frame->rflags &= ~(uint64_t)CANCEL_RFLAGS_DF;
}

int pthread_cancel(pthread_t id)
{
    struct posix_thread *thread = posix_thread_of(id);

    if (thread == NULL || thread->thread == NULL)
        return ESRCH;
    __atomic_store_n(&thread->cancel_requested, 1, __ATOMIC_RELAXED);
    if (thread == posix_self()) {
        if (thread->cancel_async)
            cancel_point();
        return 0;
    }
    if (thread->cancel_async) {
        resume_watch();
        cancel_tick(&cancel_timer);
    }
    /*
     * Of one that has it disabled no wait is ended: it looks for the request once it has enabled
     * it.
     */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!thread->cancel_disabled)
        thread_interrupt(thread->thread);
    return 0;
}
