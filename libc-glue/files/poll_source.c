#include "poll_source.h"

#include <errno.h>
#include <fcntl.h>

#include "file.h"

struct spinlock poll_lock = SPINLOCK_INIT("poll");

void poll_source_notify_locked(struct poll_source *source, unsigned events)
{
    list_for_each (link, &source->watches) {
        struct poll_watch *watch = list_entry(link, struct poll_watch, link);

        if ((watch->events | POLL_ALWAYS) & events)
            watch->notify(watch, events);
    }
}

void poll_source_notify(struct poll_source *source, unsigned events)
{
    bool was_masked = spin_lock(&poll_lock);

    poll_source_notify_locked(source, events);
    spin_unlock(&poll_lock, was_masked);
}

void poll_watch_add(struct poll_watch *watch, struct poll_source *source)
{
    bool was_masked = spin_lock(&poll_lock);

    list_append(&source->watches, &watch->link);
    spin_unlock(&poll_lock, was_masked);
}

void poll_watch_remove(struct poll_watch *watch)
{
    bool was_masked = spin_lock(&poll_lock);

    list_remove(&watch->link);
    spin_unlock(&poll_lock, was_masked);
}

void poll_file_gone(struct file *file)
{
    bool was_masked;

    if (file->source == NULL)
        return;
    was_masked = spin_lock(&poll_lock);
    for (struct list *link = file->source->watches.next, *next; link != &file->source->watches;
         link = next) {
        struct poll_watch *watch = list_entry(link, struct poll_watch, link);

        next = link->next;
        if (watch->file == file && watch->gone != NULL)
            watch->gone(watch);
    }
    spin_unlock(&poll_lock, was_masked);
}

void poll_waiter_init(struct poll_waiter *waiter)
{
    wait_queue_init(&waiter->queue);
    waiter->told = false;
}

static void poll_wait_notify(struct poll_watch *watch, unsigned events)
{
    struct poll_wait *wait = list_entry(watch, struct poll_wait, watch);

    (void)events;
    wait->waiter->told = true;
    wait_queue_wake(&wait->waiter->queue, WAKE_ALL);
}

void poll_wait_add(struct poll_wait *wait, struct poll_waiter *waiter, struct file *file,
                   unsigned events)
{
    wait->waiter = waiter;
    wait->watch.file = file;
    wait->watch.events = events;
    wait->watch.notify = poll_wait_notify;
    wait->watch.gone = NULL;
    list_init(&wait->watch.link);
    if (file->source != NULL)
        poll_watch_add(&wait->watch, file->source);
}

void poll_wait_remove(struct poll_wait *wait)
{
    poll_watch_remove(&wait->watch);
}

int poll_waiter_sleep(struct poll_waiter *waiter, uint64_t deadline_ns, const char *reason)
{
    int error = 0;
    bool was_masked = spin_lock(&poll_lock);

    if (waiter->told) {
        waiter->told = false;
        spin_unlock(&poll_lock, was_masked);
        return 0;
    }
    error = wait_queue_sleep(&waiter->queue, &poll_lock, was_masked, deadline_ns, true, reason);
    was_masked = spin_lock(&poll_lock);
    if (waiter->told) {
        waiter->told = false;
        if (error == -ETIMEDOUT)
            error = 0;
    }
    spin_unlock(&poll_lock, was_masked);
    return error;
}

void file_wait_begin(struct file_wait *wait, struct file *file, unsigned events,
                     uint64_t deadline_ns)
{
    wait->wait.watch.file = file;
    wait->wait.watch.events = events;
    wait->deadline_ns = deadline_ns;
    wait->registered = false;
}

int file_wait_next(struct file_wait *wait, const char *reason)
{
    struct file *file = wait->wait.watch.file;

    if (file_flags(file) & O_NONBLOCK)
        return -EAGAIN;
    if (!wait->registered) {
        poll_waiter_init(&wait->waiter);
        poll_wait_add(&wait->wait, &wait->waiter, file, wait->wait.watch.events);
        wait->registered = true;
        return 0; /* look once more: it may have changed before the watch was there */
    }
    return poll_waiter_sleep(&wait->waiter, wait->deadline_ns, reason);
}

void file_wait_end(struct file_wait *wait)
{
    if (wait->registered)
        poll_wait_remove(&wait->wait);
}
