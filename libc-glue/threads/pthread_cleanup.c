/*
 * pthread_cleanup: handlers for when a thread does not return. The contexts lie on the thread's
 * stack, in blocks that <pthread.h>'s macros open and close.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "signals/interrupt.h"
#include "posix_thread.h"

void _pthread_cleanup_push(struct _pthread_cleanup_context *context, void (*routine)(void *),
                           void *arg)
{
    struct posix_thread *self = posix_self();

    context->_routine = routine;
    context->_arg = arg;
    context->_previous = self->cleanups;
    self->cleanups = context;
}

void _pthread_cleanup_pop(struct _pthread_cleanup_context *context, int execute)
{
    posix_self()->cleanups = context->_previous;
    if (execute)
        context->_routine(context->_arg);
}

/* The same with cancellation deferred while the handler is there. */
void _pthread_cleanup_push_defer(struct _pthread_cleanup_context *context, void (*routine)(void *),
                                 void *arg)
{
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &context->_canceltype);
    _pthread_cleanup_push(context, routine, arg);
}

void _pthread_cleanup_pop_restore(struct _pthread_cleanup_context *context, int execute)
{
    _pthread_cleanup_pop(context, execute);
    pthread_setcanceltype(context->_canceltype, NULL);
}
