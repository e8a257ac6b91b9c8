/*
 * Frames out. One request for each stretch of a frame that lies in one page, at most
 * NETFRONT_PIECES of them; what the frame is goes with the first: its whole size, its flags, and a
 * GSO info that takes a slot of its own behind it:
 *
 *     request [GSO info] [request]...
 *
 * Three ways for bytes to get to the back end:
 *   in place   the page under the data is granted for reading until the request is answered
 *   head       the first bytes, when they are few or not in one piece, are copied into
 *              NETFRONT_COPY bytes that belong to the request's id and stay granted; a short frame
 *              is all head
 *   copied     the whole frame goes into pages of ours: if it has too many pieces, if the back end
 *              takes only one, or if it is not trusted with what lies beside the data
 *
 * What the answers do is in netfront_tx_done.c.
 */
#include "netfront_priv.h"

#include <errno.h>
#include <string.h>

#include <runtime/pages.h>

#include "iobuf.h"

_Static_assert(sizeof(union netif_tx_sring_entry) == 12, "xen/io/netif.h");

/* A frame as it is walked through. */
struct netfront_cursor {
    const struct netfront_tx_piece *piece;
    size_t skip; /* bytes of it that are behind us */
};

/* What a frame becomes: so many bytes of head, then stretches in place. */
struct netfront_plan {
    unsigned head;
    unsigned n;
    struct {
        const unsigned char *at;
        unsigned len;
    } part[NETFRONT_PIECES];
};

/* Requests made but not yet put on the ring. */
struct netfront_burst {
    unsigned n;
    struct netif_tx_request req[NETFRONT_PIECES];
};

void netfront_tx_free_id(struct netfront_tx_queue *tx, uint16_t id)
{
    tx->slot[id].state = NETFRONT_TX_FREE;
    tx->slot[id].next = tx->free;
    tx->free = id;
    tx->n_free++;
}

int netfront_tx_init(struct netfront_queue *q)
{
    q->tx.slot = pages_get_zeroed();
    q->tx.frame = pages_get_zeroed();
    if (q->tx.slot == NULL || q->tx.frame == NULL)
        return -ENOMEM;
    q->tx.free = NETFRONT_NO_ID;
    for (unsigned id = NETFRONT_SLOTS; id-- > 0;)
        netfront_tx_free_id(&q->tx, (uint16_t)id);
    return 0;
}

void netfront_tx_free(struct netfront_queue *q)
{
    if (q->tx.slot != NULL)
        pages_put(q->tx.slot);
    if (q->tx.frame != NULL)
        pages_put(q->tx.frame);
}

int netfront_tx_connect(struct netfront_queue *q)
{
    int error = ring_create(&q->tx.ring, q->nf->dev.peer, 0, sizeof(union netif_tx_sring_entry));

    if (error == 0)
        ring_rearm(&q->tx.ring, NETFRONT_SLOTS / 2);
    return error;
}

void netfront_tx_disconnect(struct netfront_queue *q)
{
    struct netfront_tx_queue *tx = &q->tx;

    for (unsigned id = 0; id < NETFRONT_SLOTS; id++) {
        struct netfront_tx_slot *slot = &tx->slot[id];

        if (slot->state != NETFRONT_TX_SENT)
            continue;
        if (slot->page !=
            NULL) { /* no copy of it is needed any more; other memory is its sender's */
            iobuf_retire(slot->page, slot->gref);
            slot->page = NULL;
            slot->gref = 0;
        }
        slot->state = NETFRONT_TX_OLD;
        tx->old++;
    }
    for (unsigned i = 0; i < NETFRONT_COPY_PAGES; i++) {
        if (tx->copy[i].page != NULL)
            iobuf_retire(tx->copy[i].page, tx->copy[i].gref);
        tx->copy[i].page = NULL;
    }
    tx->extras = 0;
    ring_destroy(&tx->ring);
}

/* ---- Making requests -------------------------------------------------------------------- */

/* An id with a request for it; NULL when there is none. */
static struct netif_tx_request *netfront_tx_new(struct netfront_tx_queue *tx,
                                                struct netfront_burst *burst)
{
    uint16_t id = tx->free;
    struct netif_tx_request *req = &burst->req[burst->n];

    if (id == NETFRONT_NO_ID)
        return NULL;
    tx->free = tx->slot[id].next;
    tx->n_free--;
    *req = (struct netif_tx_request){ .id = id };
    tx->slot[id] = (struct netfront_tx_slot){ .state = NETFRONT_TX_SENT };
    burst->n++;
    return req;
}

/* Nothing of it was put on the ring. */
static void netfront_tx_undo(struct netfront_tx_queue *tx, struct netfront_burst *burst)
{
    while (burst->n > 0) {
        uint16_t id = burst->req[--burst->n].id;
        struct netfront_tx_slot *slot = &tx->slot[id];

        if (slot->gref != 0 && gnttab_revoke(slot->gref) != 0)
            iobuf_retire(slot->page, slot->gref); /* the back end guessed the reference */
        else if (slot->page != NULL)
            netfront_page_put(slot->page);
        netfront_tx_free_id(tx, id);
    }
}

static void netfront_cursor_copy(struct netfront_cursor *at, unsigned char *to, size_t len)
{
    while (len > 0) {
        size_t n = at->piece->len - at->skip;

        if (n > len)
            n = len;
        memcpy(to, (const unsigned char *)at->piece->data + at->skip, n);
        to += n;
        len -= n;
        at->skip += n;
        if (at->skip == at->piece->len) {
            at->piece++;
            at->skip = 0;
        }
    }
}

/* The first len bytes into the copy space of the request's id, which is made when first needed. */
static int netfront_tx_add_head(struct netfront_queue *q, struct netfront_burst *burst,
                                struct netfront_cursor *at, unsigned len)
{
    struct netif_tx_request *req = netfront_tx_new(&q->tx, burst);
    unsigned i;

    if (req == NULL)
        return -EAGAIN;
    req->offset = (uint16_t)(req->id * NETFRONT_COPY % PAGE_SIZE);
    req->size = (uint16_t)len;
    i = req->id * NETFRONT_COPY / PAGE_SIZE;
    if (q->tx.copy[i].page == NULL) {
        void *page = pages_get_zeroed();

        if (page == NULL)
            return -ENOMEM;
        if (gnttab_grant_page(q->nf->dev.peer, page, GNT_RO, &q->tx.copy[i].gref) != 0) {
            pages_put(page);
            return -ENOMEM;
        }
        q->tx.copy[i].page = page;
    }
    req->gref = q->tx.copy[i].gref;
    netfront_cursor_copy(at, q->tx.copy[i].page + req->offset, len);
    return 0;
}

static int netfront_tx_add_page(struct netfront_queue *q, struct netfront_burst *burst, void *page,
                                unsigned offset, unsigned len)
{
    struct netif_tx_request *req = netfront_tx_new(&q->tx, burst);
    grant_ref_t gref;

    if (req == NULL)
        return -EAGAIN;
    if (gnttab_grant_page(q->nf->dev.peer, page, GNT_RO, &gref) != 0)
        return -ENOMEM;
    q->tx.slot[req->id].gref = req->gref = gref;
    req->offset = (uint16_t)offset;
    req->size = (uint16_t)len;
    return 0;
}

/* How many of the first bytes to copy: none when the first stretch will do as it is. */
static unsigned netfront_tx_head(const struct netfront_tx *frame, struct netfront_cursor *at)
{
    size_t in_page = PAGE_SIZE - ((uintptr_t)frame->pieces[0].data & ~PAGE_MASK);
    unsigned head = 0;

    if (frame->pieces[0].len > NETFRONT_COPY && in_page >= NETFRONT_HEAD)
        return 0;
    while (head < NETFRONT_HEAD) {
        size_t n = at->piece->len - at->skip;

        if (n > NETFRONT_COPY - head)
            n = NETFRONT_COPY - head;
        head += (unsigned)n;
        at->skip += n;
        if (at->skip == at->piece->len) {
            at->piece++;
            at->skip = 0;
        }
    }
    return head;
}

/* Can it go in place? A frame longer than NETFRONT_COPY. */
static bool netfront_tx_plan(const struct netfront *nf, const struct netfront_tx *frame,
                             struct netfront_plan *plan)
{
    const struct netfront_tx_piece *end = frame->pieces + frame->n;
    struct netfront_cursor at = { frame->pieces, 0 };
    unsigned most = nf->caps.scatter_gather ? NETFRONT_PIECES : 1;

    if (!nf->trusted)
        return false;
    plan->head = netfront_tx_head(frame, &at);
    plan->n = 0;
    if (plan->head > 0)
        most--;
    for (; at.piece < end; at.piece++, at.skip = 0) {
        const unsigned char *data = (const unsigned char *)at.piece->data + at.skip;
        size_t len = at.piece->len - at.skip;

        while (len > 0) {
            size_t n = PAGE_SIZE - ((uintptr_t)data & ~PAGE_MASK);

            if (n > len)
                n = len;
            if (plan->n == most)
                return false;
            plan->part[plan->n].at = data;
            plan->part[plan->n++].len = (unsigned)n;
            data += n;
            len -= n;
        }
    }
    return true;
}

static int netfront_tx_add_in_place(struct netfront_queue *q, struct netfront_burst *burst,
                                    struct netfront_cursor *at, const struct netfront_plan *plan)
{
    int error = 0;

    if (plan->head > 0)
        error = netfront_tx_add_head(q, burst, at, plan->head);
    for (unsigned i = 0; i < plan->n && error == 0; i++) {
        void *page = iobuf_page_of(plan->part[i].at);

        if (page == NULL)
            return -EFAULT;
        error = netfront_tx_add_page(q, burst, page,
                                     (unsigned)((uintptr_t)plan->part[i].at & ~PAGE_MASK),
                                     plan->part[i].len);
    }
    return error;
}

static int netfront_tx_add_copied(struct netfront_queue *q, struct netfront_burst *burst,
                                  struct netfront_cursor *at, size_t len)
{
    int error = 0;

    while (len > 0 && error == 0) {
        unsigned n = len < PAGE_SIZE ? (unsigned)len : (unsigned)PAGE_SIZE;
        void *page = netfront_page_get();

        if (page == NULL)
            return -ENOMEM;
        netfront_cursor_copy(at, page, n);
        error = netfront_tx_add_page(q, burst, page, 0, n);
        if (error == 0)
            q->tx.slot[burst->req[burst->n - 1].id].page = page;
        else
            netfront_page_put(page);
        len -= n;
    }
    return error;
}

/* ---- Sending ---------------------------------------------------------------------------- */

/* The length of the frame, or why it cannot be sent. */
static int netfront_tx_check(const struct netfront *nf, const struct netfront_tx *frame)
{
    const struct netfront_offload *offload = &frame->offload;
    size_t total = 0;

    for (unsigned i = 0; i < frame->n; i++) {
        if (frame->pieces[i].len > NETFRONT_FRAME_MAX - total)
            return -EMSGSIZE;
        total += frame->pieces[i].len;
    }
    if (total < NETFRONT_ETH_HEAD)
        return -EINVAL;
    if (!nf->caps.scatter_gather && total > PAGE_SIZE)
        return -EMSGSIZE;
    if (offload->csum_blank && !nf->caps.tx_csum4 && !nf->caps.tx_csum6)
        return -EINVAL;
    if (offload->gso == NETFRONT_GSO_NONE)
        return (int)total;
    if (!offload->csum_blank || offload->gso_size == 0 ||
        !(offload->gso == NETFRONT_GSO_TCP4 ? nf->caps.gso4 : nf->caps.gso6))
        return -EINVAL;
    return (int)total;
}

/* Put the requests on the ring: from here on the back end may have them at any time. */
static void netfront_tx_put(struct netfront_tx_queue *tx, struct netfront_burst *burst,
                            const struct netfront_tx *frame, size_t total, bool copied)
{
    const struct netfront_offload *offload = &frame->offload;
    struct netif_tx_request *first = &burst->req[0];
    struct netfront_tx_slot *slot = &tx->slot[first->id];

    slot->left = (uint8_t)burst->n;
    tx->frame[first->id].done = copied ? NULL : frame->done;
    tx->frame[first->id].arg = frame->arg;
    for (unsigned i = 0; i < burst->n; i++) {
        tx->slot[burst->req[i].id].first = first->id;
        if (i + 1 < burst->n)
            burst->req[i].flags = NETTXF_more_data;
    }
    first->size = (uint16_t)total;
    if (offload->csum_blank)
        first->flags |= NETTXF_csum_blank | NETTXF_data_validated;
    if (offload->gso != NETFRONT_GSO_NONE) {
        struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO };

        extra.u.gso.size = offload->gso_size;
        extra.u.gso.type =
            offload->gso == NETFRONT_GSO_TCP4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
        first->flags |= NETTXF_extra_info;
        ring_put_req(&tx->ring, first);
        ring_put_req(&tx->ring, &extra);
        tx->extras++;
    } else {
        ring_put_req(&tx->ring, first);
    }
    for (unsigned i = 1; i < burst->n; i++)
        ring_put_req(&tx->ring, &burst->req[i]);
}

static int netfront_tx_try(struct netfront_queue *q, const struct netfront_tx *frame, bool *copied)
{
    struct netfront_cursor at = { frame->pieces, 0 };
    struct netfront_burst burst; /* large: not initialised as a whole */
    struct netfront_plan plan;
    int error, total;

    burst.n = 0;
    burst.req[0].id = NETFRONT_NO_ID;
    if (!q->nf->up)
        return -EIO;
    total = netfront_tx_check(q->nf, frame);
    if (total < 0)
        return total;
    if (ring_free(&q->tx.ring) < NETFRONT_TX_SLOTS || q->tx.n_free < NETFRONT_PIECES)
        return -EAGAIN;

    *copied = true;
    if (total <= (int)NETFRONT_COPY) {
        error = netfront_tx_add_head(q, &burst, &at, (unsigned)total);
    } else {
        error = -EFAULT;
        if (netfront_tx_plan(q->nf, frame, &plan)) {
            *copied = false;
            error = netfront_tx_add_in_place(q, &burst, &at, &plan);
        }
        if (error == -EFAULT) { /* memory that has no page of ours, or not in place at all */
            netfront_tx_undo(&q->tx, &burst);
            *copied = true;
            at = (struct netfront_cursor){ frame->pieces, 0 };
            error = netfront_tx_add_copied(q, &burst, &at, (size_t)total);
        }
    }
    if (error != 0) {
        netfront_tx_undo(&q->tx, &burst);
        return error;
    }
    netfront_tx_put(&q->tx, &burst, frame, (size_t)total, *copied);
    q->nf->stats.tx_frames++;
    q->nf->stats.tx_bytes += (unsigned)total;
    return 0;
}

int netfront_send(struct netfront *nf, const struct netfront_tx *frame)
{
    struct netfront_queue *q = &nf->queue[nf->n_queues > 1 ? vcpu_id() % nf->n_queues : 0];
    bool copied = false;
    bool was_masked = netfront_lock(nf);
    int error = netfront_tx_try(q, frame, &copied);

    if (error == -EAGAIN) { /* answers may lie there: they are not always announced */
        bool waited = q->tx.waiting;

        netfront_tx_push(q);
        q->tx.waiting = true; /* so they are, from now on */
        netfront_unlock(nf, was_masked);
        netfront_tx_reap(q);
        was_masked = netfront_lock(nf);
        error = netfront_tx_try(q, frame, &copied);
        if (error == -EAGAIN)
            nf->stats.tx_full++;
        else
            q->tx.waiting = waited;
    }
    netfront_unlock(nf, was_masked);
    if (error == 0 && copied && frame->done != NULL)
        frame->done(frame->arg);
    return error;
}

bool netfront_tx_control(struct netfront_queue *q, const struct netif_extra_info *extra)
{
    struct netfront_burst burst;
    struct netif_tx_request *req;

    burst.n = 0;
    if (ring_free(&q->tx.ring) < 2 || (req = netfront_tx_new(&q->tx, &burst)) == NULL)
        return false;
    req->flags = NETTXF_extra_info;
    q->tx.slot[req->id].first = req->id;
    q->tx.slot[req->id].left = 1;
    q->tx.frame[req->id].done = NULL;
    ring_put_req(&q->tx.ring, req);
    ring_put_req(&q->tx.ring, extra);
    q->tx.extras++;
    return true;
}

void netfront_tx_push(struct netfront_queue *q)
{
    if (q->nf->connected && ring_push(&q->tx.ring)) {
        q->nf->stats.notified++;
        evtchn_notify(q->tx_port);
    }
}

void netfront_flush(struct netfront *nf)
{
    bool was_masked = netfront_lock(nf);

    for (unsigned i = 0; i < nf->n_queues; i++)
        netfront_tx_push(&nf->queue[i]);
    netfront_unlock(nf, was_masked);
}
