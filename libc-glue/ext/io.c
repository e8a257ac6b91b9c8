/*
 * The device: batches of requests, and waiting for them. Blocks that lie side by side go out as one
 * request. A batch has a struct ext_io: ext->io is for those that keep the file system's lock while
 * they wait, and there is another for each thread that gave it back.
 */
#include <stdlib.h>

#include "ext_priv.h"

#define EXT_IO_SPARE 4 /* kept for the next readers: some 8 KB each */

void ext_io_init(struct ext_io *io)
{
    io->spin = (struct spinlock)SPINLOCK_INIT("ext io");
    wait_queue_init(&io->done);
}

static void ext_io_done(struct block_request *request, int status)
{
    struct ext_io *io = request->arg;
    bool was_masked = spin_lock(&io->spin);

    if (status < 0 && io->status == 0)
        io->status = status;
    if (--io->pending == 0)
        wait_queue_wake(&io->done, WAKE_ALL);
    spin_unlock(&io->spin, was_masked);
}

/* Send the first n requests and wait for all. */
static int ext_io_run(struct ext_fs *ext, struct ext_io *io, unsigned n)
{
    bool was_masked;

    io->status = 0;
    io->pending = n;
    block_batch_begin(ext->device);
    for (unsigned i = 0; i < n; i++) {
        io->requests[i].done = ext_io_done;
        io->requests[i].arg = io;
        block_submit(ext->device, &io->requests[i]);
    }
    block_batch_end(ext->device);
    for (;;) {
        was_masked = spin_lock(&io->spin);
        if (io->pending == 0)
            break;
        wait_queue_sleep(&io->done, &io->spin, was_masked, CLOCK_NEVER, false, "disk");
    }
    spin_unlock(&io->spin, was_masked);
    return io->status;
}

/* A batch in the making. */
struct ext_io_batch {
    struct ext_io *io;
    unsigned requests, pieces;
    uint64_t next; /* the sector after the last request */
    size_t len;    /* bytes of it */
    bool write;
};

static void ext_io_add(struct ext_fs *ext, struct ext_io_batch *batch, uint64_t block, void *data)
{
    struct block_piece *piece = &batch->io->pieces[batch->pieces++];
    uint64_t sector = block * ext->sectors;
    struct block_request *request = &batch->io->requests[batch->requests];
    size_t most = ext->device->max_request;

    *piece = (struct block_piece){ data, ext->block_size };
    if (batch->requests > 0)
        request--;
    if (batch->requests > 0 && sector == batch->next &&
        (most == 0 || batch->len + ext->block_size <= most)) {
        request->n++;
        request->sectors += ext->sectors;
    } else {
        request = &batch->io->requests[batch->requests++];
        *request = (struct block_request){
            .op = batch->write ? BLOCK_WRITE : BLOCK_READ,
            .sector = sector,
            .sectors = ext->sectors,
            .pieces = piece,
            .n = 1,
        };
        batch->len = 0;
    }
    batch->next = sector + ext->sectors;
    batch->len += ext->block_size;
}

static int ext_io_flush_batch(struct ext_fs *ext, struct ext_io_batch *batch)
{
    int error = batch->requests > 0 ? ext_io_run(ext, batch->io, batch->requests) : 0;

    *batch = (struct ext_io_batch){ .io = batch->io, .write = batch->write };
    return error;
}

static bool ext_io_is_full(const struct ext_io_batch *batch)
{
    return batch->requests == EXT_IO_REQUESTS || batch->pieces == EXT_IO_PIECES;
}

static int ext_io_compare(const void *one, const void *two)
{
    const struct ext_buf *a = *(struct ext_buf *const *)one, *b = *(struct ext_buf *const *)two;

    return a->block < b->block ? -1 : a->block > b->block;
}

void ext_io_sort(struct ext_buf **bufs, size_t n)
{
    if (n > 1)
        qsort(bufs, n, sizeof(*bufs), ext_io_compare);
}

static int ext_io_bufs_by(struct ext_fs *ext, struct ext_io *io, struct ext_buf **bufs, size_t n,
                          bool write)
{
    struct ext_io_batch batch = { .io = io, .write = write };
    int error = 0, one;

    ext_io_sort(bufs, n);
    for (size_t i = 0; i < n; i++) {
        ext_io_add(ext, &batch, bufs[i]->block, bufs[i]->data);
        if (ext_io_is_full(&batch) || i + 1 == n) {
            one = ext_io_flush_batch(ext, &batch);
            if (one < 0)
                error = one;
        }
    }
    return error;
}

int ext_io_bufs(struct ext_fs *ext, struct ext_buf **bufs, size_t n, bool write)
{
    return ext_io_bufs_by(ext, &ext->io, bufs, n, write);
}

struct ext_io *ext_io_take(struct ext_fs *ext)
{
    struct ext_io *io = ext->spare_io;

    if (io != NULL) {
        ext->spare_io = io->next;
        ext->n_spare_io--;
    } else {
        io = malloc(sizeof(*io));
        if (io != NULL)
            ext_io_init(io);
    }
    return io;
}

void ext_io_give(struct ext_fs *ext, struct ext_io *io)
{
    if (ext->n_spare_io == EXT_IO_SPARE) {
        free(io);
        return;
    }
    io->next = ext->spare_io;
    ext->spare_io = io;
    ext->n_spare_io++;
}

int ext_io_read_unlocked(struct ext_fs *ext, struct ext_buf **bufs, size_t n)
{
    struct ext_io *io = ext_io_take(ext);
    int error;

    if (io == NULL)
        return ext_io_bufs(ext, bufs, n, false);
    mutex_unlock(&ext->lock);
    error = ext_io_bufs_by(ext, io, bufs, n, false);
    mutex_lock(&ext->lock);
    ext_io_give(ext, io);
    return error;
}

void ext_io_free(struct ext_fs *ext)
{
    for (struct ext_io *io = ext->spare_io, *next; io != NULL; io = next) {
        next = io->next;
        free(io);
    }
}

int ext_io_scatter(struct ext_fs *ext, struct ext_io *io, const uint64_t *blocks, void **data,
                   size_t n)
{
    struct ext_io_batch batch = { .io = io, .write = true };
    int error = 0;

    for (size_t i = 0; i < n && error == 0; i++) {
        ext_io_add(ext, &batch, blocks[i], data[i]);
        if (ext_io_is_full(&batch) || i + 1 == n)
            error = ext_io_flush_batch(ext, &batch);
    }
    return error;
}

void ext_io_blame(struct ext_fs *ext, const struct ext_buf *buf, int error)
{
    struct ext_inode *node = ext_inode_find(ext, buf->owner);

    if (node == NULL) {
        ext->lost = error;
        return;
    }
    node->error = error;
    node->losses++;
}

int ext_write_list(struct ext_fs *ext, struct list *list, int class)
{
    struct ext_buf **bufs;
    size_t n = 0, max = 0;
    int error;

    ext_flight_wait(ext); /* which may have an older state of the same block */
    if (ext->aborted && list != &ext->cache.data)
        return -EIO;
    list_for_each(link, list) max++;
    if (max == 0)
        return 0;
    bufs = malloc(max * sizeof(*bufs));
    if (bufs == NULL)
        return -ENOMEM;
    list_for_each(link, list)
    {
        struct ext_buf *buf = list_entry(link, struct ext_buf, dirty);

        if (class < 0 || buf->class == class)
            bufs[n++] = buf;
    }
    error = ext_io_bufs(ext, bufs, n, true);
    for (size_t i = 0; i < n; i++) {
        bool is_content = bufs[i]->state == EXT_DATA;

        if (error < 0 && is_content)
            ext_io_blame(ext, bufs[i], error);
        if (error == 0 || is_content)
            ext_clean(ext, bufs[i]);
    }
    free(bufs);
    return error;
}

int ext_io_blocks(struct ext_fs *ext, uint64_t block, void *data, size_t len, bool write)
{
    struct block_piece piece = { data, len };

    ext->io.requests[0] = (struct block_request){
        .op = write ? BLOCK_WRITE : BLOCK_READ,
        .sector = block * ext->sectors,
        .sectors = len / BLOCK_SECTOR,
        .pieces = &piece,
        .n = 1,
    };
    return ext_io_run(ext, &ext->io, 1);
}

int ext_io_flush(struct ext_fs *ext, struct ext_io *io)
{
    int error;

    if (!ext->device->can_flush)
        return 0;
    io->requests[0] = (struct block_request){ .op = BLOCK_FLUSH };
    error = ext_io_run(ext, io, 1);
    return error == -EOPNOTSUPP ? 0 : error; /* the device has said so in the log */
}

/* ---- without a file system yet ---- */

struct ext_io_alone {
    struct spinlock spin;
    struct wait_queue done;
    bool is_done;
    int status;
};

static void ext_io_alone_done(struct block_request *request, int status)
{
    struct ext_io_alone *alone = request->arg;
    bool was_masked = spin_lock(&alone->spin);

    alone->status = status;
    alone->is_done = true;
    wait_queue_wake(&alone->done, WAKE_ALL);
    spin_unlock(&alone->spin, was_masked);
}

int ext_device_read(struct block_device *device, uint64_t sector, void *data, size_t len)
{
    struct ext_io_alone alone = { .spin = SPINLOCK_INIT("ext probe") };
    struct block_piece piece = { data, len };
    struct block_request request = {
        .op = BLOCK_READ,
        .sector = sector,
        .sectors = len / BLOCK_SECTOR,
        .pieces = &piece,
        .n = 1,
        .done = ext_io_alone_done,
        .arg = &alone,
    };
    bool was_masked;

    wait_queue_init(&alone.done);
    block_submit(device, &request);
    for (;;) {
        was_masked = spin_lock(&alone.spin);
        if (alone.is_done)
            break;
        wait_queue_sleep(&alone.done, &alone.spin, was_masked, CLOCK_NEVER, false, "disk");
    }
    spin_unlock(&alone.spin, was_masked);
    return alone.status;
}
