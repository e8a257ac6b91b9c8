#include "eventfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <platform/clock.h>
#include <platform/spinlock.h>

#define EVENTFD_MAX (UINT64_MAX - 1)

struct eventfd {
    struct file file;
    struct spinlock lock; /* "eventfd": protects count; also read in one piece without it */
    uint64_t count;
    bool semaphore;
    struct poll_source source;
};

static ssize_t eventfd_take(struct eventfd *event, uint64_t *value)
{
    ssize_t done = sizeof(*value);
    bool was_masked = spin_lock(&event->lock);

    if (event->count == 0) {
        done = -EAGAIN;
    } else {
        *value = event->semaphore ? 1 : event->count;
        event->count -= *value;
    }
    spin_unlock(&event->lock, was_masked);
    if (done > 0)
        poll_source_notify(&event->source, POLLOUT | POLLWRNORM);
    return done;
}

static ssize_t eventfd_add(struct eventfd *event, uint64_t value)
{
    ssize_t done = sizeof(value);
    bool was_masked = spin_lock(&event->lock);

    if (value > EVENTFD_MAX - event->count)
        done = -EAGAIN;
    else
        event->count += value;
    spin_unlock(&event->lock, was_masked);
    if (done > 0)
        poll_source_notify(&event->source, POLLIN | POLLRDNORM);
    return done;
}

static ssize_t eventfd_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    struct file_wait wait;
    uint64_t value = 0;
    ssize_t done;

    (void)offset;
    if (iov_length(iov, n) < (ssize_t)sizeof(value))
        return -EINVAL;
    file_wait_begin(&wait, file, POLLIN, CLOCK_NEVER);
    do
        done = eventfd_take((struct eventfd *)file, &value);
    while (done == -EAGAIN && (done = file_wait_next(&wait, "eventfd, not 0")) == 0);
    file_wait_end(&wait);
    if (done > 0)
        iov_put(iov, n, 0, &value, sizeof(value));
    return done;
}

static ssize_t eventfd_write(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    struct file_wait wait;
    uint64_t value;
    ssize_t done;

    (void)offset;
    if (iov_length(iov, n) < (ssize_t)sizeof(value))
        return -EINVAL;
    iov_take(iov, n, 0, &value, sizeof(value));
    if (value == UINT64_MAX)
        return -EINVAL;
    file_wait_begin(&wait, file, POLLOUT, CLOCK_NEVER);
    do
        done = eventfd_add((struct eventfd *)file, value);
    while (done == -EAGAIN && (done = file_wait_next(&wait, "eventfd, for room")) == 0);
    file_wait_end(&wait);
    return done;
}

static unsigned eventfd_ready(struct file *file)
{
    uint64_t count = __atomic_load_n(&((struct eventfd *)file)->count, __ATOMIC_RELAXED);

    return (count > 0 ? POLLIN | POLLRDNORM : 0) | (count < EVENTFD_MAX ? POLLOUT | POLLWRNORM : 0);
}

static int eventfd_stat(struct file *file, struct stat *out)
{
    (void)file;
    out->st_mode = 0600;
    out->st_nlink = 1;
    return 0;
}

static void eventfd_close(struct file *file)
{
    free(file);
}

static const struct file_ops eventfd_ops = {
    .kind = "eventfd",
    .read = eventfd_read,
    .write = eventfd_write,
    .stat = eventfd_stat,
    .ready = eventfd_ready,
    .close = eventfd_close,
};

int eventfd_make(uint64_t initial, bool semaphore, int flags, struct file **out)
{
    struct eventfd *event = malloc(sizeof(*event));

    if (event == NULL)
        return -ENOMEM;
    file_init(&event->file, &eventfd_ops, O_RDWR | flags);
    event->file.source = &event->source;
    event->lock = (struct spinlock)SPINLOCK_INIT("eventfd");
    event->count = initial;
    event->semaphore = semaphore;
    poll_source_init(&event->source);
    *out = &event->file;
    return 0;
}
