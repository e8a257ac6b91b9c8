/*
 * cancel_state: a thread's own say in its cancellation. Apart from cancel.c because newlib's streams
 * call this around every operation; a program that never cancels carries no more than these lines.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "signals/interrupt.h"
#include "posix_thread.h"

int pthread_setcancelstate(int state, int *old)
{
    struct posix_thread *self = posix_self();

    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
        return EINVAL;
    if (old != NULL)
        *old = self->cancel_disabled ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;
    self->cancel_disabled = state == PTHREAD_CANCEL_DISABLE;
    if (self->cancel_async)
        interrupt_cancel_point();
    return 0;
}

int pthread_setcanceltype(int type, int *old)
{
    struct posix_thread *self = posix_self();

    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
        return EINVAL;
    if (old != NULL)
        *old = self->cancel_async ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED;
    self->cancel_async = type == PTHREAD_CANCEL_ASYNCHRONOUS;
    if (self->cancel_async)
        interrupt_cancel_point();
    return 0;
}

void pthread_testcancel(void)
{
    interrupt_cancel_point();
}
