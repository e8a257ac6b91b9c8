/*
 * The life of a request: submit checks it and puts it at the end of the list; send copies as much
 * as one ring request can carry into granted pages (a long one goes out in several parts, adjacent
 * short ones go out together); the answer copies what was read back, and a request whose parts have
 * all been answered ends. A request is on the list from submit to its end, so that a new connection
 * can begin again with those that the old one left.
 *
 * In a stretch of the list that one ring request carries, no request ends before that ring request
 * is answered: following `next` along the stretch is safe whatever happens around it.
 */
#include "blkfront_priv.h"

#include <errno.h>
#include <string.h>

#include <platform/memory.h>
#include <runtime/log.h>

#define BLKFRONT_RING_MAX (BLKIF_MAX_SEGMENTS_PER_REQUEST * PAGE_SIZE)

static void blkfront_submit(struct block_device *block, struct block_request *request);
static void blkfront_batch_begin(struct block_device *block);
static void blkfront_batch_end(struct block_device *block);
static int blkfront_check(const struct blkfront *bf, struct block_request *request);
static bool blkfront_send(struct blkfront *bf);
static bool blkfront_send_data(struct blkfront *bf, struct blkfront_io *io);
static bool blkfront_send_flush(struct blkfront *bf, struct blkfront_io *io);
static bool blkfront_send_discard(struct blkfront *bf, struct blkfront_io *io);
static int blkfront_take_responses(struct blkfront *bf);
static void blkfront_no_flush(struct blkfront *bf);
static int blkfront_answer(struct blkfront *bf, const struct blkif_response *rsp);
static void blkfront_finish(struct blkfront *bf, struct blkfront_io *io, int status);
static void blkfront_end(struct blkfront *bf, struct block_request *request, int status);

const struct block_ops blkfront_block_ops = {
    .submit = blkfront_submit,
    .batch_begin = blkfront_batch_begin,
    .batch_end = blkfront_batch_end,
};

static struct blkfront *blkfront_of(struct block_device *block)
{
    return (struct blkfront *)((char *)block - offsetof(struct blkfront, block));
}

static struct blkfront_work *blkfront_work(struct block_request *request)
{
    return (struct blkfront_work *)(void *)request->device_data;
}

/* Bytes to transfer; 0 for a flush or discard. */
static size_t blkfront_bytes(const struct block_request *request)
{
    return request->n > 0 ? (size_t)request->sectors * BLOCK_SECTOR : 0;
}

/* ---- Submit --------------------------------------------------------------------------------- */

static void blkfront_submit(struct block_device *block, struct block_request *request)
{
    struct blkfront *bf = blkfront_of(block);
    bool was_masked = spin_lock(&bf->lock);
    struct blkfront_work *work = blkfront_work(request);
    int error = blkfront_check(bf, request);

    work->prev = bf->last;
    work->left = request->n > 0 ? blkfront_bytes(request) : 1;
    work->status = 0;
    request->next = NULL;
    if (bf->last != NULL)
        bf->last->next = request;
    else
        bf->first = request;
    bf->last = request;
    if (error != 0 || (request->op < BLOCK_FLUSH && request->n == 0))
        blkfront_end(bf, request, error);
    else if (bf->unsent.request == NULL)
        bf->unsent = (struct blkfront_cursor){ .request = request };
    blkfront_leave(bf, was_masked);
}

static void blkfront_batch_begin(struct block_device *block)
{
    struct blkfront *bf = blkfront_of(block);
    bool was_masked = spin_lock(&bf->lock);

    bf->hold++;
    spin_unlock(&bf->lock, was_masked);
}

static void blkfront_batch_end(struct block_device *block)
{
    struct blkfront *bf = blkfront_of(block);
    bool was_masked = spin_lock(&bf->lock);

    bf->hold--;
    blkfront_leave(bf, was_masked);
}

/* What the pieces sum up to, in sectors; -EINVAL when one of them cannot be. */
static int blkfront_sum(const struct blkfront *bf, struct block_request *request)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < request->n; i++) {
        const struct block_piece *piece = &request->pieces[i];

        if (piece->len == 0 || piece->len > SIZE_MAX / 2 - sum)
            return -EINVAL;
        sum += piece->len;
    }
    request->sectors = sum / BLOCK_SECTOR;
    return sum % bf->block.sector_size == 0 ? 0 : -EINVAL;
}

static int blkfront_check(const struct blkfront *bf, struct block_request *request)
{
    unsigned step = bf->block.sector_size / BLOCK_SECTOR;
    uint64_t sector = request->sector + request->base;
    int error = 0;

    if (request->op > BLOCK_DISCARD || (request->op >= BLOCK_FLUSH && request->n > 0))
        return -EINVAL;
    if (bf->state == BLKFRONT_DEAD)
        return -EIO;
    if (request->op == BLOCK_FLUSH)
        return 0;
    if (request->op != BLOCK_DISCARD)
        error = blkfront_sum(bf, request);
    if (error != 0)
        return error;
    if (sector < request->base || sector % step != 0 || request->sectors % step != 0)
        return -EINVAL;
    if (sector > bf->block.sectors || request->sectors > bf->block.sectors - sector)
        return -EINVAL;
    return request->op != BLOCK_READ && bf->block.read_only ? -EROFS : 0;
}

/* ---- Send ----------------------------------------------------------------------------------- */

void blkfront_send_all(struct blkfront *bf)
{
    if (bf->state != BLKFRONT_CONNECTED)
        return;
    while (bf->unsent.request != NULL && bf->unused != NULL && blkfront_send(bf))
        continue;
    if (ring_push(&bf->ring))
        evtchn_notify(bf->port);
}

/* One more request on the ring. False when there are no pages for it. */
static bool blkfront_send(struct blkfront *bf)
{
    struct blkfront_io *io = bf->unused;
    bool sent;

    io->start = bf->unsent;
    io->len = 0;
    io->data = io->indirect = NULL;
    switch (io->start.request->op) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        sent = blkfront_send_data(bf, io);
        break;
    case BLOCK_FLUSH:
        sent = blkfront_send_flush(bf, io);
        break;
    default:
        sent = blkfront_send_discard(bf, io);
        break;
    }
    if (sent) {
        bf->unused = io->next;
        io->in_flight = true;
    }
    return sent || bf->unsent.request != io->start.request;
}

/* The first sector after a request that transfers. */
static uint64_t blkfront_sector_after(const struct block_request *request)
{
    return request->base + request->sector + request->sectors;
}

/*
 * How many bytes from the cursor on may go out as one: to the end of the request, and its
 * neighbours'.
 */
static size_t blkfront_stretch(const struct blkfront_cursor *from, size_t most)
{
    const struct block_request *at = from->request;
    size_t len = blkfront_bytes(at) - from->before;

    for (; len < most && at->next != NULL; at = at->next) {
        const struct block_request *next = at->next;

        if (next->op != at->op || next->base + next->sector != blkfront_sector_after(at))
            break;
        len += blkfront_bytes(next);
    }
    return len < most ? len : most;
}

/* Copy between the cursor's place and a page, in this direction; the cursor moves on. */
static void blkfront_copy(struct blkfront_cursor *at, char *page, size_t len, bool to_page)
{
    while (len > 0) {
        const struct block_piece *piece = &at->request->pieces[at->piece];
        char *data = (char *)piece->data + at->offset;
        size_t n = piece->len - at->offset;

        if (n > len)
            n = len;
        if (page != NULL) {
            memcpy(to_page ? page : data, to_page ? data : page, n);
            page += n;
        }
        len -= n;
        at->offset += n;
        at->before += n;
        if (at->offset < piece->len)
            continue;
        at->offset = 0;
        if (++at->piece == at->request->n)
            *at = (struct blkfront_cursor){ .request = at->request->next };
    }
}

/* Pages for len bytes, as many as there are: io->len tells. */
static void blkfront_get_pages(struct blkfront *bf, struct blkfront_io *io, size_t len)
{
    struct iobuf **end = &io->data;

    for (io->len = 0; io->len < len; end = &(*end)->next) {
        *end = iobuf_get(bf->pool);
        if (*end == NULL)
            return;
        (*end)->next = NULL;
        io->len += (uint32_t)(len - io->len < PAGE_SIZE ? len - io->len : PAGE_SIZE);
    }
}

void blkfront_put_pages(struct blkfront_io *io)
{
    struct iobuf *next;

    for (struct iobuf *buf = io->data; buf != NULL; buf = next) {
        next = buf->next;
        iobuf_put(buf);
    }
    if (io->indirect != NULL)
        iobuf_put(io->indirect);
    io->data = io->indirect = NULL;
}

/* List the pages of io; returns how many there are. */
static unsigned blkfront_segments(const struct blkfront_io *io, struct blkif_request_segment *out)
{
    size_t left = io->len;
    unsigned n = 0;

    for (const struct iobuf *buf = io->data; buf != NULL; buf = buf->next) {
        size_t len = left < PAGE_SIZE ? left : PAGE_SIZE;

        out[n++] = (struct blkif_request_segment){
            .gref = buf->gref,
            .first_sect = 0,
            .last_sect = (uint8_t)(len / BLOCK_SECTOR - 1),
        };
        left -= len;
    }
    return n;
}

static void blkfront_put_direct(struct blkfront *bf, const struct blkfront_io *io, uint64_t sector)
{
    struct blkif_request req = {
        .operation = io->operation,
        .handle = 0,
        .id = io->id,
        .sector_number = sector,
    };

    req.nr_segments = (uint8_t)blkfront_segments(io, req.seg);
    ring_put_req(&bf->ring, &req);
}

static void blkfront_put_indirect(struct blkfront *bf, const struct blkfront_io *io,
                                  uint64_t sector)
{
    struct blkif_request_indirect req = {
        .operation = BLKIF_OP_INDIRECT,
        .indirect_op = io->operation,
        .id = io->id,
        .sector_number = sector,
        .indirect_grefs = { io->indirect->gref },
    };

    req.nr_segments = (uint16_t)blkfront_segments(io, io->indirect->page);
    ring_put_req(&bf->ring, &req);
}

static bool blkfront_send_data(struct blkfront *bf, struct blkfront_io *io)
{
    struct blkfront_cursor *from = &bf->unsent;
    bool is_write = from->request->op == BLOCK_WRITE;
    uint64_t sector = from->request->base + from->request->sector + from->before / BLOCK_SECTOR;
    size_t len = blkfront_stretch(from, bf->segments * PAGE_SIZE);

    if (len > BLKFRONT_RING_MAX) {
        io->indirect = iobuf_get(bf->pool);
        if (io->indirect == NULL)
            len = BLKFRONT_RING_MAX;
    }
    blkfront_get_pages(bf, io, len);
    if (io->len == 0) {
        blkfront_put_pages(io);
        if (ring_in_flight(&bf->ring) > 0)
            return false; /* an answer will bring pages back */
        /* Not one page in the whole guest, and none to come: say so rather than wait for ever. */
        bf->unsent = (struct blkfront_cursor){ .request = from->request->next };
        blkfront_end(bf, io->start.request, -EIO);
        return false;
    }
    if (io->indirect != NULL && io->len <= BLKFRONT_RING_MAX) {
        iobuf_put(io->indirect);
        io->indirect = NULL;
    }
    io->operation = is_write ? BLKIF_OP_WRITE : BLKIF_OP_READ;
    size_t left = io->len;
    for (struct iobuf *buf = io->data; buf != NULL; buf = buf->next) {
        size_t n = left < PAGE_SIZE ? left : PAGE_SIZE;

        blkfront_copy(from, is_write ? buf->page : NULL, n, true);
        left -= n;
    }
    if (io->indirect != NULL)
        blkfront_put_indirect(bf, io, sector);
    else
        blkfront_put_direct(bf, io, sector);
    return true;
}

static bool blkfront_send_flush(struct blkfront *bf, struct blkfront_io *io)
{
    struct block_request *request = io->start.request;
    struct blkif_request req = { .id = io->id };

    bf->unsent = (struct blkfront_cursor){ .request = request->next };
    if (!bf->block.can_flush) {
        blkfront_no_flush(bf);
        blkfront_end(bf, request, -EOPNOTSUPP);
        return false;
    }
    io->operation = bf->use_barrier ? BLKIF_OP_WRITE_BARRIER : BLKIF_OP_FLUSH_DISKCACHE;
    req.operation = io->operation;
    ring_put_req(&bf->ring, &req);
    return true;
}

static bool blkfront_send_discard(struct blkfront *bf, struct blkfront_io *io)
{
    struct block_request *request = io->start.request;
    struct blkif_request_discard req = {
        .operation = BLKIF_OP_DISCARD,
        .id = io->id,
        .sector_number = request->base + request->sector,
        .nr_sectors = request->sectors,
    };

    bf->unsent = (struct blkfront_cursor){ .request = request->next };
    if (!bf->block.can_discard) {
        blkfront_end(bf, request, -EOPNOTSUPP);
        return false;
    }
    io->operation = BLKIF_OP_DISCARD;
    ring_put_req(&bf->ring, &req);
    return true;
}

/* ---- Answers -------------------------------------------------------------------------------- */

void blkfront_on_event(evtchn_port_t port, void *arg)
{
    struct blkfront *bf = arg;
    bool was_masked = spin_lock(&bf->lock);

    (void)port;
    if (bf->state == BLKFRONT_CONNECTED || bf->state == BLKFRONT_DRAINING) {
        if (blkfront_take_responses(bf) == 0)
            blkfront_send_all(bf); /* also what a batch holds back: slots came free */
        if (bf->state == BLKFRONT_DRAINING && ring_in_flight(&bf->ring) == 0)
            bf->drained = true;
    }
    blkfront_leave(bf, was_masked);
}

static int blkfront_break(struct blkfront *bf, const char *why)
{
    bf->broken = why;
    bf->state = BLKFRONT_DEAD;
    return -EIO;
}

static int blkfront_take_responses(struct blkfront *bf)
{
    uint32_t prod;

    do {
        if (ring_rsp_prod(&bf->ring, &prod) < 0) /* more answers than questions */
            return blkfront_break(bf, "response index out of range");
        while (bf->ring.rsp_cons != prod) {
            struct blkif_response rsp;
            int error;

            ring_take_rsp(&bf->ring, &rsp); /* the only read of this entry */
            error = blkfront_answer(bf, &rsp);
            if (error < 0)
                return error;
        }
    } while (ring_rearm(&bf->ring, 1));
    return 0;
}

/* The device cannot flush (any more): told once, in the log, and by each flush from now on. */
static void blkfront_no_flush(struct blkfront *bf)
{
    bf->block.can_flush = false;
    if (!bf->flush_reported)
        log_line(LOG_WARNING, "%s: the back end cannot flush: writes are as safe as it makes them",
                 bf->block.name);
    bf->flush_reported = true;
}

/* EOPNOTSUPP. True when the request goes out once more, in another way. */
static bool blkfront_unsupported(struct blkfront *bf, struct blkfront_io *io)
{
    if (io->operation == BLKIF_OP_DISCARD)
        bf->block.can_discard = false;
    if (io->operation == BLKIF_OP_WRITE_BARRIER)
        blkfront_no_flush(bf);
    if (io->operation != BLKIF_OP_FLUSH_DISKCACHE)
        return false;
    if (!bf->has_barrier)
        blkfront_no_flush(bf);
    if (!bf->has_barrier || bf->state != BLKFRONT_CONNECTED)
        return false;

    struct blkif_request req = { .operation = BLKIF_OP_WRITE_BARRIER, .id = io->id };
    bf->use_barrier = true;
    io->operation = BLKIF_OP_WRITE_BARRIER;
    ring_put_req(&bf->ring, &req); /* its answer has just made room */
    return true;
}

static int blkfront_answer(struct blkfront *bf, const struct blkif_response *rsp)
{
    struct blkfront_io *io =
        rsp->id < bf->ring.nr_ents ? blkfront_io_at(bf, (uint32_t)rsp->id) : NULL;
    int status;

    if (io == NULL || !io->in_flight)
        return blkfront_break(bf, "response to nothing in flight");
    if (rsp->operation != io->operation &&
        !(rsp->operation == BLKIF_OP_INDIRECT && io->indirect != NULL))
        return blkfront_break(bf, "response with another operation than its request");
    switch (rsp->status) {
    case BLKIF_RSP_OKAY:
        status = 0;
        break;
    case BLKIF_RSP_EOPNOTSUPP:
        if (blkfront_unsupported(bf, io))
            return 0;
        status = io->len > 0 || bf->state != BLKFRONT_CONNECTED ? -EIO : -EOPNOTSUPP;
        break;
    default: /* BLKIF_RSP_ERROR, and whatever else is no success */
        status = -EIO;
        break;
    }
    blkfront_finish(bf, io, status);
    return 0;
}

/*
 * Of a ring request: hand over what was read, and end those requests that have nothing else to wait
 * for.
 */
static void blkfront_finish(struct blkfront *bf, struct blkfront_io *io, int status)
{
    struct blkfront_cursor at = io->start;
    struct block_request *request = io->start.request, *next;
    size_t before = io->start.before, left = io->len;

    if (io->operation == BLKIF_OP_READ && status == 0) {
        for (const struct iobuf *buf = io->data; buf != NULL; buf = buf->next) {
            size_t n = left < PAGE_SIZE ? left : PAGE_SIZE;

            blkfront_copy(&at, buf->page, n, false);
            left -= n;
        }
    }
    blkfront_put_pages(io);
    io->in_flight = false;
    io->next = bf->unused;
    bf->unused = io;

    if (io->len == 0) {
        blkfront_end(bf, request, status);
        return;
    }
    for (left = io->len; left > 0; request = next, before = 0) {
        struct blkfront_work *work = blkfront_work(request);
        size_t n = blkfront_bytes(request) - before;

        if (n > left)
            n = left;
        left -= n;
        next = request->next;
        work->left -= n;
        if (status != 0)
            work->status = status;
        if (work->left == 0)
            blkfront_end(bf, request, work->status);
    }
}

/* Take the request off the list; blkfront_leave() tells its owner. */
static void blkfront_end(struct blkfront *bf, struct block_request *request, int status)
{
    struct blkfront_work *work = blkfront_work(request);

    if (work->prev != NULL)
        work->prev->next = request->next;
    else
        bf->first = request->next;
    if (request->next != NULL)
        blkfront_work(request->next)->prev = work->prev;
    else
        bf->last = work->prev;

    work->status = status;
    request->next = NULL;
    if (bf->ended != NULL)
        bf->ended_last->next = request;
    else
        bf->ended = request;
    bf->ended_last = request;
}

/*
 * ---- The end of a connection, and of a call ----------------------------------------------------
 */

void blkfront_rewind(struct blkfront *bf)
{
    for (struct block_request *request = bf->first; request != NULL; request = request->next) {
        struct blkfront_work *work = blkfront_work(request);

        work->left = request->n > 0 ? blkfront_bytes(request) : 1;
        work->status = 0;
    }
    bf->unsent = (struct blkfront_cursor){ .request = bf->first };
}

void blkfront_fail_all(struct blkfront *bf)
{
    bf->unsent.request = NULL;
    while (bf->first != NULL)
        blkfront_end(bf, bf->first, -EIO);
}

/* With the lock released, upcalls masked. */
static void blkfront_call_ended(struct block_request *request)
{
    struct block_request *next;

    for (; request != NULL; request = next) {
        next = request->next;
        request->done(request, blkfront_work(request)->status);
    }
}

void blkfront_leave(struct blkfront *bf, bool was_masked)
{
    for (;;) {
        if (bf->hold == 0)
            blkfront_send_all(bf);

        struct block_request *ended = bf->ended;
        const char *broken = bf->broken;
        bool drained = bf->drained;

        if (ended == NULL && broken == NULL && !drained)
            break;
        bf->ended = NULL;
        bf->broken = NULL;
        bf->drained = false;
        bf->hold++; /* what they submit goes out together */
        spin_unlock(&bf->lock, true);
        if (broken != NULL)
            xenbus_break(&bf->xenbus, broken);
        if (drained)
            blkfront_drained(bf);
        blkfront_call_ended(ended);
        spin_lock(&bf->lock);
        bf->hold--;
    }
    spin_unlock(&bf->lock, was_masked);
}
