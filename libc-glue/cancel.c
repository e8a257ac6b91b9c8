/*
 * cancel: threads that end because another one asked.
 *
 * A request is a flag and an interrupt of the thread's wait. The thread itself acts on it, at its next
 * cancellation point; one of asynchronous type too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>

#include "interrupt.h"
#include "posix_thread.h"

void cancel_point(void)
{
    struct posix_thread *self = posix_self();

    if (__atomic_load_n(&self->cancel_requested, __ATOMIC_RELAXED) && !self->cancel_disabled &&
        !self->exiting)
        pthread_exit(PTHREAD_CANCELED);
}

int pthread_cancel(pthread_t id)
{
    struct posix_thread *thread = posix_thread_of(id);

    if (thread == NULL || thread->thread == NULL)
        return ESRCH;
    __atomic_store_n(&thread->cancel_requested, 1, __ATOMIC_RELAXED);
    if (thread != posix_self())
        thread_interrupt(thread->thread);
    else if (thread->cancel_async)
        cancel_point();
    return 0;
}
