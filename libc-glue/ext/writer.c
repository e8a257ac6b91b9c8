/*
 * The thread that commits what has waited for EXT_COMMIT_S seconds. With nothing to do it sleeps
 * for good.
 */
#include <stdlib.h>

#include <platform/clock.h>
#include <runtime/thread.h>

#include "ext_priv.h"

#define EXT_WRITER_STACK (24u << 10)
#define EXT_WRITER_NS (EXT_COMMIT_S * 1000000000ull)

/* Sleep until there is something to do: false at the end. */
static bool ext_writer_wait(struct ext_fs *ext)
{
    uint64_t deadline_ns = CLOCK_NEVER;
    bool stop, was_masked;

    for (;;) {
        was_masked = spin_lock(&ext->writer.spin);
        stop = ext->writer.stop;
        if (ext->writer.changed && deadline_ns == CLOCK_NEVER)
            deadline_ns = clock_monotonic_ns() + EXT_WRITER_NS;
        if (stop || clock_monotonic_ns() >= deadline_ns)
            break;
        wait_queue_sleep(&ext->writer.wake, &ext->writer.spin, was_masked, deadline_ns, false,
                         "nothing to write");
    }
    ext->writer.changed = false;
    spin_unlock(&ext->writer.spin, was_masked);
    return !stop;
}

static void ext_writer(void *arg)
{
    struct ext_fs *ext = arg;
    bool was_masked;

    while (ext_writer_wait(ext)) {
        /* What goes wrong is in the log, and told by fsync(), unless it was only memory. */
        if (ext_commit_now(&ext->fs) < 0)
            ext_writer_wake(ext);
    }
    was_masked = spin_lock(&ext->writer.spin);
    ext->writer.stopped = true;
    wait_queue_wake(&ext->writer.end, WAKE_ALL);
    spin_unlock(&ext->writer.spin, was_masked);
    thread_exit(NULL);
}

int ext_writer_start(struct ext_fs *ext)
{
    struct thread_attr attr = { .name = "ext", .stack_size = EXT_WRITER_STACK };

    ext->writer.spin = (struct spinlock)SPINLOCK_INIT("ext writer");
    wait_queue_init(&ext->writer.wake);
    wait_queue_init(&ext->writer.end);
    return thread_create(&attr, ext_writer, ext, &ext->thread);
}

void ext_writer_wake(struct ext_fs *ext)
{
    bool was_masked;

    if (ext->thread == NULL)
        return;
    was_masked = spin_lock(&ext->writer.spin);
    ext->writer.changed = true;
    wait_queue_wake(&ext->writer.wake, WAKE_ALL);
    spin_unlock(&ext->writer.spin, was_masked);
}

void ext_writer_stop(struct ext_fs *ext)
{
    bool was_masked;

    if (ext->thread == NULL)
        return;
    was_masked = spin_lock(&ext->writer.spin);
    ext->writer.stop = true;
    wait_queue_wake(&ext->writer.wake, WAKE_ALL);
    spin_unlock(&ext->writer.spin, was_masked);
    for (;;) {
        was_masked = spin_lock(&ext->writer.spin);
        if (ext->writer.stopped)
            break;
        wait_queue_sleep(&ext->writer.end, &ext->writer.spin, was_masked, CLOCK_NEVER, false,
                         "end of the writer");
    }
    spin_unlock(&ext->writer.spin, was_masked);
    thread_reap(ext->thread);
    ext->thread = NULL;
}
