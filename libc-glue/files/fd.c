#include "fd.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <platform/spinlock.h>
#include <runtime/boot.h>

#include "devices/file_console.h"

#define FD_CHUNK   64 /* slots of a chunk: one word of bitmap */
#define FD_CHUNKS  (FD_MAX / FD_CHUNK)
#define FD_GROUPS  (FD_CHUNKS / 64)
#define FD_INITIAL 65536 /* the soft limit at boot */

struct fd_slot {
    struct file *file; /* NULL in a used slot: reserved */
    bool cloexec;
};

struct fd_chunk {
    uint64_t used; /* one bit for each slot */
    struct fd_slot slot[FD_CHUNK];
};

static struct spinlock fd_lock = SPINLOCK_INIT("fd"); /* protects all that follows */
static int fd_soft_limit = FD_INITIAL;
static struct {
    struct fd_chunk *chunk[FD_CHUNKS]; /* NULL without a used slot, but for `first` */
    uint64_t full[FD_GROUPS];          /* one bit for each chunk without a free slot */
    struct fd_chunk first;             /* most programs need no other */
} fds;

static bool fd_is_used(unsigned fd)
{
    struct fd_chunk *chunk = fd < FD_MAX ? fds.chunk[fd / FD_CHUNK] : NULL;

    return chunk != NULL && (chunk->used >> fd % FD_CHUNK & 1);
}

static void fd_mark_used(unsigned fd)
{
    unsigned n = fd / FD_CHUNK;

    fds.chunk[n]->used |= 1ull << fd % FD_CHUNK;
    if (fds.chunk[n]->used == UINT64_MAX)
        fds.full[n / 64] |= 1ull << n % 64;
}

/*
 * Returns a chunk that is needed no more, or NULL, for free() without the lock: else, after a crowd
 * of descriptors, chunks would lie about in the heap and hold what was freed between them.
 */
static struct fd_chunk *fd_mark_free(unsigned fd)
{
    unsigned n = fd / FD_CHUNK;
    struct fd_chunk *chunk = fds.chunk[n];

    chunk->used &= ~(1ull << fd % FD_CHUNK);
    fds.full[n / 64] &= ~(1ull << n % 64);
    if (chunk->used != 0 || chunk == &fds.first)
        return NULL;
    fds.chunk[n] = NULL;
    return chunk;
}

static uint64_t fd_free_bits(unsigned n)
{
    return fds.chunk[n] != NULL ? ~fds.chunk[n]->used : UINT64_MAX;
}

/* The lowest free number that is not below lowest: FD_MAX when there is none. */
static unsigned fd_lowest_free(unsigned lowest)
{
    unsigned n = lowest / FD_CHUNK;
    uint64_t free = fd_free_bits(n) & UINT64_MAX << lowest % FD_CHUNK;

    while (free == 0) {
        uint64_t with_room;

        if (++n == FD_CHUNKS)
            return FD_MAX;
        with_room = ~fds.full[n / 64] & UINT64_MAX << n % 64;
        if (with_room == 0) {
            n |= 63; /* on to the next group */
            continue;
        }
        n = n / 64 * 64 + (unsigned)__builtin_ctzll(with_room);
        free = fd_free_bits(n);
    }
    return n * FD_CHUNK + (unsigned)__builtin_ctzll(free);
}

static struct fd_slot *fd_slot(unsigned fd)
{
    return &fds.chunk[fd / FD_CHUNK]->slot[fd % FD_CHUNK];
}

/* Make room for number fd. The lock is not held: allocating may wait. */
static int fd_add_chunk(unsigned fd)
{
    struct fd_chunk *fresh = fd < FD_CHUNK ? &fds.first : calloc(1, sizeof(*fresh));
    bool was_masked;

    if (fresh == NULL)
        return -ENOMEM;
    was_masked = spin_lock(&fd_lock);
    if (fds.chunk[fd / FD_CHUNK] == NULL) {
        fds.chunk[fd / FD_CHUNK] = fresh;
        fresh = NULL;
    }
    spin_unlock(&fd_lock, was_masked);
    if (fresh != &fds.first)
        free(fresh);
    return 0;
}

struct file *fd_get(int fd)
{
    struct file *file = NULL;
    bool was_masked = spin_lock(&fd_lock);

    if (fd_is_used((unsigned)fd)) {
        file = fd_slot((unsigned)fd)->file;
        if (file != NULL)
            file_ref(file);
    }
    spin_unlock(&fd_lock, was_masked);
    return file;
}

int fd_reserve(int lowest)
{
    unsigned fd;
    int error;
    bool was_masked;

    for (;;) {
        was_masked = spin_lock(&fd_lock);
        if (lowest < 0 || lowest >= fd_soft_limit) {
            error = lowest < 0 ? -EINVAL : -EMFILE;
            break;
        }
        fd = fd_lowest_free((unsigned)lowest);
        if (fd >= (unsigned)fd_soft_limit) {
            error = -EMFILE;
            break;
        }
        if (fds.chunk[fd / FD_CHUNK] != NULL) {
            fd_slot(fd)->file = NULL;
            fd_mark_used(fd);
            spin_unlock(&fd_lock, was_masked);
            return (int)fd;
        }
        spin_unlock(&fd_lock, was_masked);
        error = fd_add_chunk(fd);
        if (error < 0)
            return error;
    }
    spin_unlock(&fd_lock, was_masked);
    return error;
}

void fd_fill(int fd, struct file *file, bool cloexec)
{
    bool was_masked = spin_lock(&fd_lock);

    *fd_slot((unsigned)fd) = (struct fd_slot){ .file = file, .cloexec = cloexec };
    spin_unlock(&fd_lock, was_masked);
}

void fd_release(int fd)
{
    bool was_masked = spin_lock(&fd_lock);
    struct fd_chunk *chunk = fd_mark_free((unsigned)fd);

    spin_unlock(&fd_lock, was_masked);
    free(chunk);
}

int fd_install(struct file *file, bool cloexec)
{
    int fd = fd_reserve(0);

    if (fd >= 0)
        fd_fill(fd, file, cloexec);
    return fd;
}

int fd_close(int fd)
{
    struct fd_chunk *chunk = NULL;
    struct file *file = NULL;
    bool was_masked = spin_lock(&fd_lock);

    if (fd_is_used((unsigned)fd)) {
        file = fd_slot((unsigned)fd)->file;
        if (file != NULL)
            chunk = fd_mark_free((unsigned)fd);
    }
    spin_unlock(&fd_lock, was_masked);
    free(chunk);
    if (file == NULL)
        return -EBADF;
    file_put(file);
    return 0;
}

int fd_dup(int fd, int lowest, bool cloexec)
{
    struct file *file = fd_get(fd);
    int copy;

    if (file == NULL)
        return -EBADF;
    copy = fd_reserve(lowest);
    if (copy >= 0)
        fd_fill(copy, file, cloexec);
    else
        file_put(file);
    return copy == -EMFILE && lowest >= fd_limit() ? -EINVAL : copy;
}

int fd_dup_onto(int from, int to, bool cloexec)
{
    struct file *file, *old = NULL;
    int error = 0;
    bool was_masked;

    if (to < 0 || to >= fd_limit())
        return -EBADF;
    file = fd_get(from);
    if (file == NULL)
        return -EBADF;
    was_masked = spin_lock(&fd_lock);
    while (fds.chunk[to / FD_CHUNK] == NULL) {
        spin_unlock(&fd_lock, was_masked);
        error = fd_add_chunk((unsigned)to);
        if (error < 0) {
            file_put(file);
            return error;
        }
        was_masked = spin_lock(&fd_lock);
    }
    if (!fd_is_used((unsigned)to)) {
        fd_mark_used((unsigned)to);
    } else if (fd_slot((unsigned)to)->file == NULL) {
        error = -EBUSY; /* another thread is just opening it */
    } else {
        old = fd_slot((unsigned)to)->file;
    }
    if (error == 0)
        *fd_slot((unsigned)to) = (struct fd_slot){ .file = file, .cloexec = cloexec };
    spin_unlock(&fd_lock, was_masked);
    if (error < 0)
        old = file;
    if (old != NULL)
        file_put(old);
    return error < 0 ? error : to;
}

int fd_get_cloexec(int fd)
{
    int cloexec = -EBADF;
    bool was_masked = spin_lock(&fd_lock);

    if (fd_is_used((unsigned)fd) && fd_slot((unsigned)fd)->file != NULL)
        cloexec = fd_slot((unsigned)fd)->cloexec;
    spin_unlock(&fd_lock, was_masked);
    return cloexec;
}

int fd_set_cloexec(int fd, bool cloexec)
{
    int error = -EBADF;
    bool was_masked = spin_lock(&fd_lock);

    if (fd_is_used((unsigned)fd) && fd_slot((unsigned)fd)->file != NULL) {
        fd_slot((unsigned)fd)->cloexec = cloexec;
        error = 0;
    }
    spin_unlock(&fd_lock, was_masked);
    return error;
}

int fd_limit(void)
{
    return __atomic_load_n(&fd_soft_limit, __ATOMIC_RELAXED);
}

int fd_set_limit(int soft)
{
    if (soft < 0 || soft > FD_MAX)
        return -EINVAL;
    __atomic_store_n(&fd_soft_limit, soft, __ATOMIC_RELAXED);
    return 0;
}

int fd_highest(void)
{
    int highest = -1;
    bool was_masked = spin_lock(&fd_lock);

    for (int chunk = FD_CHUNKS - 1; chunk >= 0 && highest < 0; chunk--)
        if (fds.chunk[chunk] != NULL && fds.chunk[chunk]->used != 0)
            highest = chunk * FD_CHUNK + 63 - __builtin_clzll(fds.chunk[chunk]->used);
    spin_unlock(&fd_lock, was_masked);
    return highest;
}

/* 0, 1 and 2: one open file, as after a login on a terminal. */
static int fd_start(void)
{
    struct file *console = file_console_start();
    int error = fd_install(console, false);

    for (int fd = 1; fd <= 2 && error >= 0; fd++)
        error = fd_install(file_ref(console), false);
    return error < 0 ? error : 0;
}
BOOT_PART(100, fd_start);
