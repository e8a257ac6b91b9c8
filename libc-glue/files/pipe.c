#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <platform/clock.h>
#include <runtime/pages.h>

#include "inode.h"
#include "signals/interrupt.h"

#define PIPE_PAGE   4096u
#define PIPE_PAGES  16u
#define PIPE_SIZE   (PIPE_PAGES * PIPE_PAGE)
#define PIPE_ATOMIC 4096u /* PIPE_BUF: so much is written in one piece or not at all */

struct pipe {
    struct mutex mutex;
    char *page[PIPE_PAGES]; /* NULL where nothing lies */
    uint32_t head, tail;    /* free-running: written, read */
    unsigned ends;
    struct pipe_counts counts;
    struct poll_source readers, writers; /* who waits for bytes, for room */
    ino_t ino;
    struct mutex *owner; /* see pipe_set_owner(); taken before mutex */
    void (*gone)(void *arg);
    void *arg;
};

struct pipe_end {
    struct file file;
    struct pipe *pipe;
};

static struct pipe *pipe_of(struct file *file)
{
    return ((struct pipe_end *)file)->pipe;
}

static uint32_t pipe_used(const struct pipe *pipe)
{
    return __atomic_load_n(&pipe->head, __ATOMIC_ACQUIRE) -
           __atomic_load_n(&pipe->tail, __ATOMIC_ACQUIRE);
}

/* ---- moving bytes, with the mutex held ---- */

static uint32_t pipe_part(uint32_t index, size_t len)
{
    uint32_t room = PIPE_PAGE - index % PIPE_PAGE;

    return len < room ? (uint32_t)len : room;
}

static char **pipe_page(struct pipe *pipe, uint32_t index)
{
    return &pipe->page[index / PIPE_PAGE % PIPE_PAGES];
}

/* Empty: keep one page, where the next byte will go. */
static void pipe_reset(struct pipe *pipe)
{
    char *keep = NULL;

    for (unsigned i = 0; i < PIPE_PAGES; i++) {
        if (pipe->page[i] == NULL)
            continue;
        if (keep == NULL)
            keep = pipe->page[i];
        else
            pages_put(pipe->page[i]);
        pipe->page[i] = NULL;
    }
    *pipe_page(pipe, pipe->head) = keep;
}

static size_t pipe_take(struct pipe *pipe, const struct iovec *iov, int n, size_t len)
{
    size_t done = 0;

    while (done < len && pipe->tail != pipe->head) {
        uint32_t used = pipe->head - pipe->tail;
        uint32_t part = pipe_part(pipe->tail, len - done < used ? len - done : used);

        iov_put(iov, n, done, *pipe_page(pipe, pipe->tail) + pipe->tail % PIPE_PAGE, part);
        __atomic_store_n(&pipe->tail, pipe->tail + part, __ATOMIC_RELEASE);
        done += part;
    }
    if (done > 0 && pipe->tail == pipe->head)
        pipe_reset(pipe);
    return done;
}

/* Up to len bytes from skip on; stops early when memory runs out. */
static size_t pipe_put(struct pipe *pipe, const struct iovec *iov, int n, size_t skip, size_t len)
{
    size_t done = 0;

    while (done < len) {
        uint32_t part = pipe_part(pipe->head, len - done);
        char **page = pipe_page(pipe, pipe->head);

        if (*page == NULL)
            *page = pages_get();
        if (*page == NULL)
            break;
        iov_take(iov, n, skip + done, *page + pipe->head % PIPE_PAGE, part);
        __atomic_store_n(&pipe->head, pipe->head + part, __ATOMIC_RELEASE);
        done += part;
    }
    return done;
}

/* ---- read ---- */

static ssize_t pipe_try_read(struct pipe *pipe, const struct iovec *iov, int n, size_t len)
{
    ssize_t done;

    mutex_lock(&pipe->mutex);
    done = (ssize_t)pipe_take(pipe, iov, n, len);
    if (done == 0 && pipe->counts.writers > 0)
        done = -EAGAIN;
    mutex_unlock(&pipe->mutex);
    if (done > 0) {
        poll_source_notify(&pipe->writers, POLLOUT | POLLWRNORM);
        poll_source_notify(&pipe->readers, POLLOUT | POLLWRNORM); /* an end for both waits there */
    }
    return done;
}

static ssize_t pipe_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    size_t len = (size_t)iov_length(iov, n);
    struct file_wait wait;
    ssize_t done;

    (void)offset;
    if (len == 0)
        return 0;
    file_wait_begin(&wait, file, POLLIN, CLOCK_NEVER);
    do
        done = pipe_try_read(pipe_of(file), iov, n, len);
    while (done == -EAGAIN && (done = file_wait_next(&wait, "pipe, for bytes")) == 0);
    file_wait_end(&wait);
    return done;
}

/* ---- write ---- */

/* What fits of the rest; what is to be atomic in one piece or -EAGAIN. */
static ssize_t pipe_try_write(struct pipe *pipe, const struct iovec *iov, int n, size_t skip,
                              size_t len)
{
    size_t rest = len - skip, room;
    ssize_t done;

    mutex_lock(&pipe->mutex);
    room = PIPE_SIZE - (pipe->head - pipe->tail);
    if (pipe->counts.readers == 0) {
        done = -EPIPE;
    } else if (room == 0 || (len <= PIPE_ATOMIC && room < len)) {
        done = -EAGAIN;
    } else {
        done = (ssize_t)pipe_put(pipe, iov, n, skip, rest < room ? rest : room);
        if (done < (ssize_t)rest && len <= PIPE_ATOMIC) {
            __atomic_store_n(&pipe->head, pipe->head - (uint32_t)done, __ATOMIC_RELEASE);
            done = 0;
        }
        if (done == 0)
            done = -ENOMEM;
    }
    mutex_unlock(&pipe->mutex);
    if (done > 0)
        poll_source_notify(&pipe->readers, POLLIN | POLLRDNORM);
    return done;
}

static ssize_t pipe_write(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    size_t len = (size_t)iov_length(iov, n), written = 0;
    struct file_wait wait;
    ssize_t done;

    (void)offset;
    if (len == 0)
        return 0;
    file_wait_begin(&wait, file, POLLOUT, CLOCK_NEVER);
    do {
        done = pipe_try_write(pipe_of(file), iov, n, written, len);
        if (done > 0) {
            written += (size_t)done;
            done = written < len ? -EAGAIN : 0;
        }
        if (done == -EAGAIN)
            done = file_wait_next(&wait, "pipe, for room");
    } while (done == 0 && written < len);
    file_wait_end(&wait);
    if (done == -EPIPE)
        interrupt_broken_pipe();
    return written > 0 ? (ssize_t)written : done;
}

/* ---- the rest ---- */

static unsigned pipe_ready(struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    int access = file_flags(file) & O_ACCMODE;
    unsigned events = 0;

    if (access != O_WRONLY) {
        if (pipe_used(pipe) > 0)
            events |= POLLIN | POLLRDNORM;
        if (__atomic_load_n(&pipe->counts.writers, __ATOMIC_RELAXED) == 0 &&
            pipe->counts.writers_so_far > 0)
            events |= POLLHUP;
    }
    if (access != O_RDONLY) {
        if (PIPE_SIZE - pipe_used(pipe) >= PIPE_ATOMIC)
            events |= POLLOUT | POLLWRNORM;
        if (__atomic_load_n(&pipe->counts.readers, __ATOMIC_RELAXED) == 0)
            events |= POLLERR;
    }
    return events;
}

static int pipe_stat(struct file *file, struct stat *out)
{
    if (file->inode != NULL)
        return inode_stat(file->inode, out);
    out->st_mode = S_IFIFO | 0600;
    out->st_nlink = 1;
    out->st_ino = pipe_of(file)->ino;
    out->st_blksize = PIPE_PAGE;
    return 0;
}

static int pipe_ioctl(struct file *file, unsigned long request, void *arg)
{
    if (request != FIONREAD)
        return -ENOTTY;
    *(int *)arg = (int)pipe_used(pipe_of(file));
    return 0;
}

void pipe_free(struct pipe *pipe)
{
    for (unsigned i = 0; i < PIPE_PAGES; i++)
        if (pipe->page[i] != NULL)
            pages_put(pipe->page[i]);
    free(pipe);
}

static void pipe_close(struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    int access = file_flags(file) & O_ACCMODE;
    struct mutex *owner = pipe->owner;
    bool last;

    if (owner != NULL)
        mutex_lock(owner);
    mutex_lock(&pipe->mutex);
    if (access != O_WRONLY)
        __atomic_fetch_sub(&pipe->counts.readers, 1, __ATOMIC_RELAXED);
    if (access != O_RDONLY)
        __atomic_fetch_sub(&pipe->counts.writers, 1, __ATOMIC_RELAXED);
    last = --pipe->ends == 0;
    if (last && pipe->gone != NULL)
        pipe->gone(pipe->arg);
    if (!last) { /* while the mutex keeps whoever closes the last end from freeing the pipe */
        poll_source_notify(&pipe->readers, POLLIN | POLLHUP);
        poll_source_notify(&pipe->writers, POLLOUT | POLLERR);
    }
    mutex_unlock(&pipe->mutex);
    if (owner != NULL)
        mutex_unlock(owner);
    free(file);
    if (last)
        pipe_free(pipe);
}

static const struct file_ops pipe_ops = {
    .kind = "pipe",
    .read = pipe_read,
    .write = pipe_write,
    .stat = pipe_stat,
    .ioctl = pipe_ioctl,
    .ready = pipe_ready,
    .close = pipe_close,
};

/* ---- making pipes ---- */

int pipe_new(struct pipe **out)
{
    static ino_t last_ino; /* atomic */
    struct pipe *pipe = calloc(1, sizeof(*pipe));

    if (pipe == NULL)
        return -ENOMEM;
    poll_source_init(&pipe->readers);
    poll_source_init(&pipe->writers);
    pipe->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
    *out = pipe;
    return 0;
}

int pipe_open_end(struct pipe *pipe, int flags, struct file **out)
{
    struct pipe_end *end = malloc(sizeof(*end));
    int access = flags & O_ACCMODE;

    if (end == NULL)
        return -ENOMEM;
    file_init(&end->file, &pipe_ops, flags);
    end->pipe = pipe;
    end->file.source = access == O_WRONLY ? &pipe->writers : &pipe->readers;
    mutex_lock(&pipe->mutex);
    pipe->ends++;
    if (access != O_WRONLY) {
        pipe->counts.readers_so_far++;
        __atomic_fetch_add(&pipe->counts.readers, 1, __ATOMIC_RELAXED);
    }
    if (access != O_RDONLY) {
        pipe->counts.writers_so_far++;
        __atomic_fetch_add(&pipe->counts.writers, 1, __ATOMIC_RELAXED);
    }
    mutex_unlock(&pipe->mutex);
    poll_source_notify(&pipe->readers, POLLIN);
    poll_source_notify(&pipe->writers, POLLOUT);
    *out = &end->file;
    return 0;
}

int pipe_make(int flags, struct file *ends[2])
{
    struct pipe *pipe;
    int error = pipe_new(&pipe);

    if (error < 0)
        return error;
    error = pipe_open_end(pipe, O_RDONLY | flags, &ends[0]);
    if (error < 0) {
        pipe_free(pipe);
        return error;
    }
    error = pipe_open_end(pipe, O_WRONLY | flags, &ends[1]);
    if (error < 0)
        file_put(ends[0]); /* and with it the pipe */
    return error;
}

struct pipe_counts pipe_count(struct pipe *pipe)
{
    struct pipe_counts counts;

    mutex_lock(&pipe->mutex);
    counts = pipe->counts;
    mutex_unlock(&pipe->mutex);
    return counts;
}

void pipe_set_owner(struct pipe *pipe, struct mutex *mutex, void (*gone)(void *arg), void *arg)
{
    pipe->owner = mutex;
    pipe->gone = gone;
    pipe->arg = arg;
}
