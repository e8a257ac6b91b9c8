#include "posix_thread.h"

struct posix_thread posix_thread_main = {
    .link = LIST_INIT(posix_thread_main.link),
    .queue = LIST_INIT(posix_thread_main.queue),
    .alternate = { .ss_flags = SS_DISABLE },
};

