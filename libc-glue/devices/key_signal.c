#include "key_signal.h"

#include <stddef.h>

#include <runtime/thread.h>

#include "signals/signal_default.h"

#define KEY_SIGNAL_STACK 16384u

static struct {
    struct thread *thread; /* prepared; NULL: there was no memory, or it runs */
    int number;
} key_signal;

static void key_signal_thread(void *arg)
{
    (void)arg;
    signal_default(key_signal.number);
}

void key_signal_start(void)
{
    struct thread_attr attr = { .name = "key-signal", .stack_size = KEY_SIGNAL_STACK };

    if (thread_prepare(&attr, key_signal_thread, NULL, &key_signal.thread) != 0)
        key_signal.thread = NULL;
}

void key_signal_raise(int number)
{
    struct thread *thread = key_signal.thread;

    if (thread == NULL || signal_default_ignores(number))
        return;
    key_signal.number = number;
    key_signal.thread = NULL; /* it ends the guest: once is enough */
    thread_go(thread);
}
