#include "timerfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <platform/clock.h>
#include <platform/spinlock.h>
#include <runtime/timer.h>

struct timerfd {
    struct file file;
    int clock;
    struct timer timer;
    struct poll_source source;
    struct spinlock lock; /* "timerfd": protects what follows */
    uint64_t next_ns;     /* the coming expiry; 0: none */
    uint64_t interval_ns;
    uint64_t expirations; /* not read yet; also read in one piece without the lock */
};

static const struct file_ops timerfd_ops;

/* In an event handler. Expirations that were missed meanwhile count as well. */
static void timerfd_fired(struct timer *timer)
{
    struct timerfd *timerfd = timer->arg;
    uint64_t now = clock_monotonic_ns(), again = 0;
    bool was_masked = spin_lock(&timerfd->lock);

    if (timerfd->next_ns != 0 && now >= timerfd->next_ns) {
        uint64_t times = 1;

        if (timerfd->interval_ns != 0) {
            times += (now - timerfd->next_ns) / timerfd->interval_ns;
            again = timerfd->next_ns += times * timerfd->interval_ns;
        } else {
            timerfd->next_ns = 0;
        }
        timerfd->expirations += times;
    }
    spin_unlock(&timerfd->lock, was_masked);
    if (again != 0)
        timer_arm(timer, again);
    poll_source_notify(&timerfd->source, POLLIN | POLLRDNORM);
}

static ssize_t timerfd_take(struct timerfd *timerfd, uint64_t *expirations)
{
    bool was_masked = spin_lock(&timerfd->lock);

    *expirations = timerfd->expirations;
    timerfd->expirations = 0;
    spin_unlock(&timerfd->lock, was_masked);
    return *expirations != 0 ? (ssize_t)sizeof(*expirations) : -EAGAIN;
}

static ssize_t timerfd_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    struct file_wait wait;
    uint64_t expirations;
    ssize_t done;

    (void)offset;
    if (iov_length(iov, n) < (ssize_t)sizeof(expirations))
        return -EINVAL;
    file_wait_begin(&wait, file, POLLIN, CLOCK_NEVER);
    do
        done = timerfd_take((struct timerfd *)file, &expirations);
    while (done == -EAGAIN && (done = file_wait_next(&wait, "timerfd")) == 0);
    file_wait_end(&wait);
    if (done > 0)
        iov_put(iov, n, 0, &expirations, sizeof(expirations));
    return done;
}

static unsigned timerfd_ready(struct file *file)
{
    struct timerfd *timerfd = (struct timerfd *)file;

    return __atomic_load_n(&timerfd->expirations, __ATOMIC_RELAXED) != 0 ? POLLIN | POLLRDNORM : 0;
}

static int timerfd_stat(struct file *file, struct stat *out)
{
    (void)file;
    out->st_mode = 0600;
    out->st_nlink = 1;
    return 0;
}

static void timerfd_close(struct file *file)
{
    timer_disarm(&((struct timerfd *)file)->timer);
    free(file);
}

static const struct file_ops timerfd_ops = {
    .kind = "timerfd",
    .read = timerfd_read,
    .stat = timerfd_stat,
    .ready = timerfd_ready,
    .close = timerfd_close,
};

int timerfd_make(int clock, int flags, struct file **out)
{
    struct timerfd *timerfd = calloc(1, sizeof(*timerfd));

    if (timerfd == NULL)
        return -ENOMEM;
    file_init(&timerfd->file, &timerfd_ops, O_RDWR | flags);
    timerfd->clock = clock;
    timerfd->file.source = &timerfd->source;
    poll_source_init(&timerfd->source);
    timer_init(&timerfd->timer, timerfd_fired, timerfd);
    timerfd->lock = (struct spinlock)SPINLOCK_INIT("timerfd");
    *out = &timerfd->file;
    return 0;
}

int timerfd_clock(const struct file *file)
{
    return file->ops == &timerfd_ops ? ((const struct timerfd *)file)->clock : -EINVAL;
}

int timerfd_set(struct file *file, uint64_t deadline_ns, uint64_t interval_ns)
{
    struct timerfd *timerfd = (struct timerfd *)file;
    bool was_masked;

    if (file->ops != &timerfd_ops)
        return -EINVAL;
    was_masked = spin_lock(&timerfd->lock);
    timerfd->next_ns = deadline_ns;
    timerfd->interval_ns = interval_ns;
    timerfd->expirations = 0;
    spin_unlock(&timerfd->lock, was_masked);
    /* A handler that armed it again by the old settings finds the new ones and does nothing. */
    if (deadline_ns == 0)
        timer_disarm(&timerfd->timer);
    else
        timer_arm(&timerfd->timer, deadline_ns);
    return 0;
}

int timerfd_get(struct file *file, uint64_t *left_ns, uint64_t *interval_ns)
{
    struct timerfd *timerfd = (struct timerfd *)file;
    uint64_t now = clock_monotonic_ns(), next;
    bool was_masked;

    if (file->ops != &timerfd_ops)
        return -EINVAL;
    was_masked = spin_lock(&timerfd->lock);
    next = timerfd->next_ns;
    *interval_ns = timerfd->interval_ns;
    spin_unlock(&timerfd->lock, was_masked);
    *left_ns = next == 0 ? 0 : next > now ? next - now : 1;
    return 0;
}
