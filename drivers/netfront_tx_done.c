/*
 * The answers to what was sent. An id is free, or in flight from netfront_send() to its answer; any
 * order will do. The first id of a frame counts the answers that the frame still waits for; when
 * there is none left, done is called, without the lock.
 *
 * Nobody waits for an answer but a sender that found the ring full, so usually half a ring of them
 * comes with one event, or they are found at the next poll. What a back end had when it went away
 * stays with us, as NETFRONT_TX_OLD, until it lets go of the memory.
 */
#include "netfront_priv.h"

#include <errno.h>

#include <runtime/pages.h>

#include "iobuf.h"

#define NETFRONT_DONE_BATCH 32u

/* Frames whose done is to be called without the lock. */
struct netfront_done_batch {
    unsigned n;
    struct netfront_tx_frame frame[NETFRONT_DONE_BATCH];
};

/* The request of this id is over; if it was the frame's last, note its done. */
static void netfront_tx_finish(struct netfront_tx_queue *tx, uint16_t id,
                               struct netfront_done_batch *batch)
{
    uint16_t first = tx->slot[id].first;
    const struct netfront_tx_frame *frame = &tx->frame[first];

    if (id == first)
        tx->slot[id].state = NETFRONT_TX_HELD;
    else
        netfront_tx_free_id(tx, id);
    if (--tx->slot[first].left > 0)
        return;
    if (frame->done != NULL)
        batch->frame[batch->n++] = *frame;
    netfront_tx_free_id(tx, first);
}

static int netfront_tx_take(struct netfront_queue *q, const struct netif_tx_response *rsp,
                            struct netfront_done_batch *batch)
{
    struct netfront_tx_queue *tx = &q->tx;

    if (rsp->status == NETIF_RSP_NULL) { /* it answers an extra info, and has no id */
        if (tx->extras == 0)
            return netfront_break(q->nf, "empty answer to no extra info");
        tx->extras--;
        return 0;
    }
    if (rsp->status != NETIF_RSP_OKAY && rsp->status != NETIF_RSP_ERROR &&
        rsp->status != NETIF_RSP_DROPPED)
        return netfront_break(q->nf, "sending answered with unknown status");
    if (rsp->id >= NETFRONT_SLOTS || tx->slot[rsp->id].state != NETFRONT_TX_SENT)
        return netfront_break(q->nf, "sending answered for nothing in flight");

    struct netfront_tx_slot *slot = &tx->slot[rsp->id];
    if (slot->gref != 0) {
        if (gnttab_revoke(slot->gref) != 0)
            return netfront_break(q->nf, "sent page is still mapped by the back end");
        slot->gref = 0;
        if (slot->page != NULL)
            netfront_page_put(slot->page);
        slot->page = NULL;
    }
    netfront_tx_finish(tx, rsp->id, batch);
    return 0;
}

/* Answers until there is none, or the batch is full. True: look again. */
static bool netfront_tx_reap_some(struct netfront_queue *q, struct netfront_done_batch *batch)
{
    struct ring *ring = &q->tx.ring;
    uint32_t prod;

    if (ring_rsp_prod(ring, &prod) < 0) {
        netfront_break(q->nf, "sending answered out of range");
        return false;
    }
    while (ring->rsp_cons != prod && batch->n < NETFRONT_DONE_BATCH) {
        struct netif_tx_response rsp;

        ring_take_rsp(ring, &rsp);
        if (netfront_tx_take(q, &rsp, batch) < 0)
            return false;
    }
    if (ring->rsp_cons != prod)
        return true;
    /*
     * Its memory back is all that a sender gains: half a ring at once, unless one waits for room.
     */
    uint32_t after = q->tx.waiting ? ring_in_flight(ring) / 2 : NETFRONT_SLOTS / 2;
    return ring_rearm(ring, after > 0 ? after : 1);
}

static void netfront_tx_call_done(struct netfront_done_batch *batch)
{
    for (unsigned i = 0; i < batch->n; i++)
        batch->frame[i].done(batch->frame[i].arg);
    batch->n = 0;
}

void netfront_tx_reap(struct netfront_queue *q)
{
    struct netfront *nf = q->nf;
    struct netfront_done_batch batch;
    bool more;

    batch.n = 0;
    do {
        bool was_masked = netfront_lock(nf);
        more = nf->connected && nf->broken == NULL && netfront_tx_reap_some(q, &batch);
        netfront_unlock(nf, was_masked);
        netfront_tx_call_done(&batch);
    } while (more);
}

bool netfront_tx_has_room(struct netfront_queue *q)
{
    if (!q->tx.waiting || (q->nf->up && (ring_free(&q->tx.ring) < NETFRONT_TX_SLOTS ||
                                         q->tx.n_free < NETFRONT_PIECES)))
        return false;
    q->tx.waiting = false;
    return true;
}

void netfront_tx_reclaim(struct netfront_queue *q, bool give_up)
{
    struct netfront_tx_queue *tx = &q->tx;
    struct netfront_done_batch batch;

    batch.n = 0;
    for (unsigned id = 0; id < NETFRONT_SLOTS && tx->old > 0; id++) {
        struct netfront_tx_slot *slot = &tx->slot[id];
        bool was_masked = netfront_lock(q->nf);

        if (slot->state == NETFRONT_TX_OLD) {
            bool held = slot->gref != 0 && gnttab_revoke(slot->gref) != 0;

            if (held && give_up) {
                iobuf_retire(NULL, slot->gref);
                tx->frame[slot->first].done = NULL; /* the memory stays as it is for ever */
            }
            if (!held || give_up) {
                slot->gref = 0;
                tx->old--;
                netfront_tx_finish(tx, (uint16_t)id, &batch);
            }
        }
        netfront_unlock(q->nf, was_masked);
        netfront_tx_call_done(&batch);
    }
}
