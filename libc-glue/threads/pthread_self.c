/* pthread_self: who is calling. */
#include <pthread.h>

#include "posix_thread.h"

pthread_t pthread_self(void)
{
    struct posix_thread *self = posix_self();

    if (self->thread == NULL) /* main's is static, and learns here whose it is */
        self->thread = thread_self();
    return (pthread_t)self;
}

int pthread_equal(pthread_t one, pthread_t other)
{
    return one == other;
}
