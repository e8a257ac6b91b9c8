/*
 * poll_source: telling those who wait that a file may have become ready.
 *
 * A poll_source belongs to whatever can become ready (one end of a pipe, the terminal, a socket). A
 * poll_watch sits on one source and is told of changes; a poll_waiter is a thread that sleeps until
 * one of its watches was told. Blocking calls, poll(), select() and epoll are all made of these.
 *
 * No wake-up is lost, because of the order: register the watch, look at the file, then sleep; a
 * change after the look finds the watch and leaves its mark in the waiter.
 *
 * Protected by one spinlock, "poll": the list of watches of every source, the marks of waiters, and
 * epoll's ready lists. Sources are notified from event handlers too.
 */
#ifndef LIBC_GLUE_POLL_SOURCE_H
#define LIBC_GLUE_POLL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <poll.h>

#include <platform/spinlock.h>
#include <runtime/list.h>
#include <runtime/sync.h>

struct file;

/* Nobody has to ask for these to hear of them. */
#define POLL_ALWAYS ((unsigned)(POLLERR | POLLHUP))

extern struct spinlock poll_lock;

struct poll_source {
    struct list watches;
};
#define POLL_SOURCE_INIT(source) { LIST_INIT((source).watches) }

static inline void poll_source_init(struct poll_source *source)
{
    list_init(&source->watches);
}

struct poll_watch {
    struct list link;
    struct file *file; /* what is watched; the watcher holds a reference or implements gone */
    unsigned events;   /* POLLIN, POLLOUT, ...; POLL_ALWAYS is added */
    /* Both run with the lock "poll" held, perhaps in an event handler. */
    void (*notify)(struct poll_watch *watch, unsigned events);
    void (*gone)(struct poll_watch *watch); /* the file's last reference went; may be NULL */
};

/* Tell the watches of source that events may have come true. Never waits; any context. */
void poll_source_notify(struct poll_source *source, unsigned events);
/* The same where the lock "poll" is held already. */
void poll_source_notify_locked(struct poll_source *source, unsigned events);

void poll_watch_add(struct poll_watch *watch, struct poll_source *source);
/* notify is not running and will not run any more once this returns. */
void poll_watch_remove(struct poll_watch *watch);

/* The last reference to file is gone: tell the watches that sit on it without one of their own. */
void poll_file_gone(struct file *file);

struct poll_waiter {
    struct wait_queue queue;
    bool told;
};

/* A watch that marks and wakes a waiter. */
struct poll_wait {
    struct poll_watch watch;
    struct poll_waiter *waiter;
};

void poll_waiter_init(struct poll_waiter *waiter);
void poll_wait_add(struct poll_wait *wait, struct poll_waiter *waiter, struct file *file,
                   unsigned events);
void poll_wait_remove(struct poll_wait *wait);

/*
 * Sleep until the waiter was told something since the last call. Returns 0, -ETIMEDOUT at
 * deadline_ns, or -EINTR. reason is a static string for reports.
 */
int poll_waiter_sleep(struct poll_waiter *waiter, uint64_t deadline_ns, const char *reason);

/*
 * The loop of a blocking call:
 *
 *     struct file_wait wait;
 *     file_wait_begin(&wait, file, POLLIN, deadline_ns);
 *     do
 *         n = pipe_take(...);
 *     while (n == -EAGAIN && (n = file_wait_next(&wait, "pipe read")) == 0);
 *     file_wait_end(&wait);
 *
 * file_wait_next() returns 0 to try again, -EAGAIN when the file is O_NONBLOCK, -ETIMEDOUT or
 * -EINTR. The first try costs nothing: the watch is registered only after it failed.
 */
struct file_wait {
    struct poll_wait wait;
    struct poll_waiter waiter;
    uint64_t deadline_ns;
    bool registered;
};

void file_wait_begin(struct file_wait *wait, struct file *file, unsigned events,
                     uint64_t deadline_ns);
int file_wait_next(struct file_wait *wait, const char *reason);
void file_wait_end(struct file_wait *wait);

#endif
