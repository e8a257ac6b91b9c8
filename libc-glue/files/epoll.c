#include "epoll.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "signals/interrupt.h"

#define EPOLL_BUCKETS_MIN 16u
#define EPOLL_NESTING_MAX 5
/* Bits of epoll_event.events that are not events. */
#define EPOLL_BEHAVIOUR ((uint32_t)(EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP))

/*
 * One watched descriptor. It is found by number and file, as a number may be closed and given to
 * another file while a duplicate keeps the first one watched.
 */
struct epoll_item {
    struct poll_watch watch; /* on the file's source; watch.file is not referenced: see epoll_gone() */
    struct epoll *epoll;
    int fd;

    /* Protected by poll_lock. */
    struct epoll_item *next;  /* in its bucket; later in epoll->dead */
    struct list ready_link;   /* in epoll->ready, or alone */
    struct epoll_event event; /* events with the behaviour bits */
    bool disarmed;            /* one-shot, and it was reported */
};

/*
 * The table and the ready list are protected by poll_lock, because they change when events arrive and
 * when watched files are closed. Memory is allocated before and freed after it is held.
 */
struct epoll {
    struct file file;
    struct poll_source source; /* who waits for the ready list to fill */
    struct epoll_item **bucket;
    size_t buckets; /* a power of two */
    size_t items;
    struct list ready;       /* also looked at without the lock: empty or not */
    struct epoll_item *dead; /* to be freed by the next who may */
};

/* "epoll nesting": makes checking for loops and adding one step. Taken before poll_lock. */
static struct mutex epoll_nesting = MUTEX_INIT;

static const struct file_ops epoll_ops;

bool file_is_epoll(const struct file *file)
{
    return file->ops == &epoll_ops;
}

/* ---- the table, with poll_lock held ---- */

static struct epoll_item **epoll_bucket(struct epoll *epoll, int fd)
{
    return &epoll->bucket[(unsigned)fd & (epoll->buckets - 1)];
}

static struct epoll_item *epoll_find(struct epoll *epoll, int fd, const struct file *file)
{
    struct epoll_item *item = *epoll_bucket(epoll, fd);

    while (item != NULL && (item->fd != fd || item->watch.file != file))
        item = item->next;
    return item;
}

/* Out of the table and all lists; the caller frees it, or leaves it among the dead. */
static void epoll_take_out(struct epoll_item *item)
{
    struct epoll_item **at = epoll_bucket(item->epoll, item->fd);

    while (*at != item)
        at = &(*at)->next;
    *at = item->next;
    item->epoll->items--;
    list_remove(&item->ready_link);
    list_remove(&item->watch.link);
}

static void epoll_bury(struct epoll_item *item)
{
    epoll_take_out(item);
    item->next = item->epoll->dead;
    item->epoll->dead = item;
}

static void epoll_free_dead(struct epoll *epoll)
{
    struct epoll_item *dead;
    bool was_masked = spin_lock(&poll_lock);

    dead = epoll->dead;
    epoll->dead = NULL;
    spin_unlock(&poll_lock, was_masked);
    while (dead != NULL) {
        struct epoll_item *next = dead->next;

        free(dead);
        dead = next;
    }
}

/* ---- events ---- */

/* With poll_lock held: put the item on the ready list, unless it is there or disarmed. */
static void epoll_queue(struct epoll_item *item)
{
    struct epoll *epoll = item->epoll;

    if (item->disarmed || !list_empty(&item->ready_link))
        return;
    list_append(&epoll->ready, &item->ready_link);
    poll_source_notify_locked(&epoll->source, POLLIN | POLLRDNORM);
}

static void epoll_notify(struct poll_watch *watch, unsigned events)
{
    (void)events;
    epoll_queue(list_entry(watch, struct epoll_item, watch));
}

/* The watched file is being closed for good. */
static void epoll_gone(struct poll_watch *watch)
{
    epoll_bury(list_entry(watch, struct epoll_item, watch));
}

static uint32_t epoll_now(const struct epoll_item *item)
{
    return file_ready(item->watch.file) & (item->watch.events | POLL_ALWAYS);
}

/* ---- changing the list ---- */

static int epoll_grow(struct epoll *epoll)
{
    size_t buckets = epoll->buckets * 2;
    struct epoll_item **fresh = calloc(buckets, sizeof(struct epoll_item *));
    struct epoll_item **old;
    bool was_masked;

    if (fresh == NULL)
        return -ENOMEM;
    was_masked = spin_lock(&poll_lock);
    old = epoll->bucket;
    for (size_t i = 0; i < buckets / 2; i++) {
        struct epoll_item *item, *next;

        for (item = old[i]; item != NULL; item = next) {
            struct epoll_item **at = &fresh[(unsigned)item->fd & (buckets - 1)];

            next = item->next;
            item->next = *at;
            *at = item;
        }
    }
    epoll->bucket = fresh;
    epoll->buckets = buckets;
    spin_unlock(&poll_lock, was_masked);
    free(old);
    return 0;
}

/* With poll_lock held. */
static void epoll_set(struct epoll_item *item, const struct epoll_event *event)
{
    item->event = *event;
    item->watch.events = event->events & ~EPOLL_BEHAVIOUR;
    item->disarmed = false;
    if (epoll_now(item) != 0)
        epoll_queue(item);
    else
        list_remove(&item->ready_link);
}

static int epoll_add(struct epoll *epoll, int fd, struct file *target,
                     const struct epoll_event *event)
{
    struct epoll_item *item;
    bool was_masked;
    int error = 0;

    if (epoll->items >= epoll->buckets && epoll_grow(epoll) < 0)
        return -ENOMEM;
    item = calloc(1, sizeof(*item));
    if (item == NULL)
        return -ENOMEM;
    item->epoll = epoll;
    item->fd = fd;
    item->watch.file = target;
    item->watch.notify = epoll_notify;
    item->watch.gone = epoll_gone;
    list_init(&item->watch.link);
    list_init(&item->ready_link);

    was_masked = spin_lock(&poll_lock);
    if (epoll_find(epoll, fd, target) != NULL) {
        error = -EEXIST;
    } else {
        struct epoll_item **bucket = epoll_bucket(epoll, fd);

        item->next = *bucket;
        *bucket = item;
        epoll->items++;
        list_append(&target->source->watches, &item->watch.link);
        epoll_set(item, event);
        item = NULL;
    }
    spin_unlock(&poll_lock, was_masked);
    free(item);
    return error;
}

static int epoll_modify(struct epoll *epoll, int fd, struct file *target,
                        const struct epoll_event *event)
{
    bool was_masked = spin_lock(&poll_lock);
    struct epoll_item *item = epoll_find(epoll, fd, target);

    if (item != NULL)
        epoll_set(item, event);
    spin_unlock(&poll_lock, was_masked);
    return item != NULL ? 0 : -ENOENT;
}

static int epoll_delete(struct epoll *epoll, int fd, struct file *target)
{
    bool was_masked = spin_lock(&poll_lock);
    struct epoll_item *item = epoll_find(epoll, fd, target);

    if (item != NULL)
        epoll_take_out(item);
    spin_unlock(&poll_lock, was_masked);
    free(item);
    return item != NULL ? 0 : -ENOENT;
}

/*
 * With poll_lock held: how many epolls lie on the longest way down from `from`, itself included;
 * more than EPOLL_NESTING_MAX also when `to` is on it.
 */
static int epoll_depth(struct epoll *from, const struct epoll *to, int level)
{
    int deepest = level;

    if (from == to || level > EPOLL_NESTING_MAX)
        return EPOLL_NESTING_MAX + 1;
    for (size_t i = 0; i < from->buckets; i++) {
        for (struct epoll_item *item = from->bucket[i]; item != NULL; item = item->next) {
            int depth = level;

            if (file_is_epoll(item->watch.file))
                depth = epoll_depth((struct epoll *)item->watch.file, to, level + 1);
            if (depth > deepest)
                deepest = depth;
        }
    }
    return deepest;
}

static int epoll_add_nested(struct epoll *epoll, int fd, struct file *target,
                            const struct epoll_event *event)
{
    bool was_masked;
    int depth, error;

    mutex_lock(&epoll_nesting);
    was_masked = spin_lock(&poll_lock);
    depth = epoll_depth((struct epoll *)target, epoll, 1);
    spin_unlock(&poll_lock, was_masked);
    error = depth > EPOLL_NESTING_MAX - 1 ? -ELOOP : epoll_add(epoll, fd, target, event);
    mutex_unlock(&epoll_nesting);
    return error;
}

int epoll_change(struct file *file, int op, int fd, struct file *target,
                 const struct epoll_event *event)
{
    struct epoll *epoll = (struct epoll *)file;
    struct epoll_event copy;

    if (!file_is_epoll(file) || target == file)
        return -EINVAL;
    if (target->source == NULL)
        return -EPERM; /* it never changes: waiting makes no sense */
    epoll_free_dead(epoll);
    if (op == EPOLL_CTL_DEL)
        return epoll_delete(epoll, fd, target);
    copy = *event; /* read before any lock is held */
    if (op == EPOLL_CTL_MOD)
        return epoll_modify(epoll, fd, target, &copy);
    if (op != EPOLL_CTL_ADD)
        return -EINVAL;
    if (file_is_epoll(target))
        return epoll_add_nested(epoll, fd, target, &copy);
    return epoll_add(epoll, fd, target, &copy);
}

/* ---- collecting events ---- */

/*
 * Report what is on the ready list and still ready. A level-triggered item goes to the list's end, to be
 * looked at again next time; each is looked at once.
 */
static int epoll_take(struct epoll *epoll, struct epoll_event *events, int max)
{
    struct list again = LIST_INIT(again);
    bool was_masked = spin_lock(&poll_lock);
    int n = 0;

    while (n < max && !list_empty(&epoll->ready)) {
        struct epoll_item *item = list_entry(epoll->ready.next, struct epoll_item, ready_link);
        uint32_t now = epoll_now(item);

        list_remove(&item->ready_link);
        if (now == 0)
            continue;
        events[n].events = now;
        events[n++].data = item->event.data;
        if (item->event.events & EPOLLONESHOT)
            item->disarmed = true;
        else if (!(item->event.events & EPOLLET))
            list_append(&again, &item->ready_link);
    }
    while (!list_empty(&again)) {
        struct list *link = again.next;

        list_remove(link);
        list_append(&epoll->ready, link);
    }
    spin_unlock(&poll_lock, was_masked);
    return n;
}

int epoll_collect(struct file *file, struct epoll_event *events, int max, uint64_t deadline_ns)
{
    struct epoll *epoll = (struct epoll *)file;
    struct poll_waiter waiter;
    struct poll_wait wait;
    int n, error = 0;

    if (!file_is_epoll(file) || max <= 0)
        return -EINVAL;
    epoll_free_dead(epoll);
    n = epoll_take(epoll, events, max);
    if (n > 0 || deadline_ns == 0)
        return n;
    poll_waiter_init(&waiter);
    poll_wait_add(&wait, &waiter, file, POLLIN);
    while ((n = epoll_take(epoll, events, max)) == 0 && error == 0)
        error = poll_waiter_sleep(&waiter, deadline_ns, "epoll");
    poll_wait_remove(&wait);
    if (n > 0 || error == -ETIMEDOUT)
        return n;
    return error;
}

/* ---- as a file ---- */

/*
 * True a little too often: what is on the list may have ceased to be ready, which the next epoll_wait()
 * finds out. Looking now would need poll_lock, which the caller may hold.
 */
static unsigned epoll_ready(struct file *file)
{
    struct epoll *epoll = (struct epoll *)file;

    if (__atomic_load_n(&epoll->ready.next, __ATOMIC_RELAXED) == &epoll->ready)
        return 0;
    return POLLIN | POLLRDNORM;
}

static int epoll_stat(struct file *file, struct stat *out)
{
    (void)file;
    out->st_mode = 0600;
    out->st_nlink = 1;
    return 0;
}

static void epoll_close(struct file *file)
{
    struct epoll *epoll = (struct epoll *)file;
    bool was_masked = spin_lock(&poll_lock);

    for (size_t i = 0; i < epoll->buckets; i++)
        while (epoll->bucket[i] != NULL)
            epoll_bury(epoll->bucket[i]);
    spin_unlock(&poll_lock, was_masked);
    epoll_free_dead(epoll);
    free(epoll->bucket);
    free(epoll);
}

static const struct file_ops epoll_ops = {
    .kind = "epoll",
    .stat = epoll_stat,
    .ready = epoll_ready,
    .close = epoll_close,
};

int epoll_make(struct file **out)
{
    struct epoll *epoll = calloc(1, sizeof(*epoll));

    if (epoll == NULL)
        return -ENOMEM;
    epoll->buckets = EPOLL_BUCKETS_MIN;
    epoll->bucket = calloc(epoll->buckets, sizeof(struct epoll_item *));
    if (epoll->bucket == NULL) {
        free(epoll);
        return -ENOMEM;
    }
    file_init(&epoll->file, &epoll_ops, O_RDWR);
    epoll->file.source = &epoll->source;
    poll_source_init(&epoll->source);
    list_init(&epoll->ready);
    *out = &epoll->file;
    return 0;
}
