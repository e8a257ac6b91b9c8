#include "posix_thread.h"

static struct posix_thread posix_thread_main = {
    .link = LIST_INIT(posix_thread_main.link),
    .queue = LIST_INIT(posix_thread_main.queue),
    .alternate = { .ss_flags = SS_DISABLE },
};

struct posix_thread *posix_main(void)
{
    return &posix_thread_main;
}

struct posix_thread *posix_self(void)
{
    struct posix_thread *self = thread_self()->posix;

    return self != NULL ? self : &posix_thread_main;
}
