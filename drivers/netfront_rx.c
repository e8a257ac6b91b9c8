/*
 * Frames in. A request posts one page, granted for writing; the answer, in the same slot of the
 * ring, says how much of it holds data. A frame is one or more answers, each but the last with
 * "more data"; after the first come extra infos when it says so, and these occupy slots whose pages
 * stay unused:
 *
 *     answer [extra info]... [answer]...
 *
 * An answered page is taken back from the back end before a byte of it is read, and goes up as it
 * is. The pages of slots that brought nothing are posted again at once.
 */
#include "netfront_priv.h"

#include <errno.h>
#include <string.h>

#include <platform/clock.h>
#include <runtime/pages.h>

#include "iobuf.h"

#define NETFRONT_RX_FIRST 64u /* pages posted at first: three frames of the largest kind */
#define NETFRONT_RX_SHARE 32u /* at most one page of so many is posted */
#define NETFRONT_RX_LEAST 20u /* one frame with its extra infos must fit */
#define NETFRONT_HUNGRY_NS 20000000u
#define NETFRONT_EXTRAS 2u /* GSO and hash: each once */

_Static_assert(sizeof(union netif_rx_sring_entry) == 8, "xen/io/netif.h");

static void netfront_rx_on_hungry(struct timer *timer)
{
    struct netfront_queue *q = timer->arg;

    netfront_ready(q->nf);
}

int netfront_rx_init(struct netfront_queue *q)
{
    timer_init(&q->rx.hungry, netfront_rx_on_hungry, q);
    q->rx.target = NETFRONT_RX_FIRST;
    q->rx.slot = pages_get_zeroed();
    return q->rx.slot != NULL ? 0 : -ENOMEM;
}

void netfront_rx_free(struct netfront_queue *q)
{
    timer_disarm(&q->rx.hungry);
    if (q->rx.slot != NULL)
        pages_put(q->rx.slot);
}

static unsigned netfront_rx_most(void)
{
    size_t most = memory_pages() / NETFRONT_RX_SHARE;

    return most < NETFRONT_RX_LEAST ? NETFRONT_RX_LEAST
           : most < NETFRONT_SLOTS  ? (unsigned)most
                                    : NETFRONT_SLOTS;
}

int netfront_rx_connect(struct netfront_queue *q)
{
    int error = ring_create(&q->rx.ring, q->nf->dev.peer, 0, sizeof(union netif_rx_sring_entry));

    if (error != 0)
        return error;
    memset(q->rx.slot, 0, sizeof(*q->rx.slot) * NETFRONT_SLOTS);
    q->rx.prod = q->rx.ring.rsp_cons;
    if (q->rx.target > netfront_rx_most())
        q->rx.target = netfront_rx_most();
    netfront_rx_refill(q);
    return 0;
}

/* The page with its grant ends here: back to the spare ones, or when the peer lets go of it. */
static void netfront_rx_drop(struct netfront_rx_slot *slot)
{
    if (slot->page == NULL)
        return;
    if (gnttab_revoke(slot->gref) == 0)
        netfront_page_put(slot->page);
    else
        iobuf_retire(slot->page, slot->gref);
    slot->page = NULL;
}

void netfront_rx_disconnect(struct netfront_queue *q)
{
    timer_disarm(&q->rx.hungry);
    for (unsigned i = 0; i < NETFRONT_SLOTS; i++)
        netfront_rx_drop(&q->rx.slot[i]);
    ring_destroy(&q->rx.ring);
}

/* ---- Requests --------------------------------------------------------------------------- */

static void netfront_rx_post(struct netfront_rx_queue *rx, void *page, grant_ref_t gref)
{
    uint16_t id = (uint16_t)(rx->ring.req_prod % NETFRONT_SLOTS);
    struct netif_rx_request req = { .id = id, .gref = gref };

    rx->slot[id] = (struct netfront_rx_slot){ page, gref };
    ring_put_req(&rx->ring, &req);
}

void netfront_rx_refill(struct netfront_queue *q)
{
    struct netfront_rx_queue *rx = &q->rx;
    uint32_t posted = ring_in_flight(&rx->ring);

    if (posted < rx->target &&
        (rx->target - posted >= rx->target / 8 || posted < NETFRONT_RX_LEAST)) {
        for (; posted < rx->target; posted++) {
            void *page = netfront_page_get();
            grant_ref_t gref;

            if (page == NULL)
                break;
            if (gnttab_grant_page(q->nf->dev.peer, page, GNT_RW, &gref) != 0) {
                netfront_page_put(page);
                break;
            }
            netfront_rx_post(rx, page, gref);
        }
        /*
         * With few pages posted the back end may have nothing to answer: look again by ourselves.
         */
        if (posted < NETFRONT_RX_LEAST)
            timer_arm(&rx->hungry, clock_monotonic_ns() + NETFRONT_HUNGRY_NS);
    }
    if (ring_push(&rx->ring)) {
        q->nf->stats.notified++;
        evtchn_notify(q->rx_port);
    }
}

/* ---- Answers ---------------------------------------------------------------------------- */

/*
 * As many pages are posted as the load wants: twice as many when the back end used up more than half
 * of them at once, half as many when it used two turns of them and never an eighth at once. What is
 * too many then goes as it is answered, and so do the pages that lie idle.
 */
static void netfront_rx_follow_load(struct netfront_rx_queue *rx, unsigned answered)
{
    unsigned most = netfront_rx_most(), target = rx->target;

    rx->turn += answered;
    if (answered > rx->most_at_once)
        rx->most_at_once = answered;
    if (answered > target / 2 && target < most) {
        rx->target = target * 2 < most ? target * 2 : most;
    } else if (rx->turn < 2 * target) {
        return;
    } else if (rx->most_at_once < target / 8) {
        if (target > NETFRONT_RX_FIRST)
            rx->target = target / 2 > NETFRONT_RX_FIRST ? target / 2 : NETFRONT_RX_FIRST;
        netfront_pages_trim();
    }
    rx->turn = 0;
    rx->most_at_once = 0;
}

/* Are there answers that were not taken? */
static int netfront_rx_look(struct netfront_rx_queue *rx)
{
    if (rx->prod != rx->ring.rsp_cons)
        return 1;
    if (ring_rsp_prod(&rx->ring, &rx->prod) < 0)
        return -EIO;

    uint32_t answered = rx->prod - rx->ring.rsp_cons;
    netfront_rx_follow_load(rx, answered);
    return answered > 0;
}

/* Post the page of a slot that brought no data again. There is room: its answer was just taken. */
static void netfront_rx_again(struct netfront_rx_queue *rx, uint16_t id)
{
    struct netfront_rx_slot slot = rx->slot[id];

    rx->slot[id].page = NULL;
    netfront_rx_post(rx, slot.page, slot.gref);
}

/* Extra infos: to be remembered, or a violation. */
static int netfront_rx_extras(struct netfront_queue *q, struct netfront_rx *frame)
{
    struct netfront_rx_queue *rx = &q->rx;
    struct netif_extra_info extra;
    unsigned n = 0;

    do {
        if (rx->ring.rsp_cons == rx->prod)
            return netfront_break(q->nf, "received extra info without end");
        if (n++ == NETFRONT_EXTRAS)
            return netfront_break(q->nf, "received too many extra infos");
        uint16_t id = (uint16_t)(rx->ring.rsp_cons % NETFRONT_SLOTS);
        ring_take_rsp(&rx->ring, &extra);
        netfront_rx_again(rx, id);

        if (extra.type == XEN_NETIF_EXTRA_TYPE_HASH)
            continue;
        if (extra.type != XEN_NETIF_EXTRA_TYPE_GSO)
            return netfront_break(q->nf, "received extra info of unknown type");
        if (frame->offload.gso != NETFRONT_GSO_NONE)
            return netfront_break(q->nf, "received two GSO sizes");
        if (extra.u.gso.size == 0)
            return netfront_break(q->nf, "received GSO size 0");
        if (extra.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4)
            frame->offload.gso = NETFRONT_GSO_TCP4;
        else if (extra.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV6)
            frame->offload.gso = NETFRONT_GSO_TCP6;
        else
            return netfront_break(q->nf, "received GSO of unknown type");
        frame->offload.gso_size = extra.u.gso.size;
    } while ((extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0);
    return 0;
}

/* One answer with its page. Returns 0, or 1 when the frame is to be dropped, or -EIO. */
static int netfront_rx_piece(struct netfront_queue *q, struct netfront_rx *frame, uint16_t id,
                             const struct netif_rx_response *rsp)
{
    struct netfront_rx_slot *slot = &q->rx.slot[id];

    if (rsp->id != id || slot->page == NULL)
        return netfront_break(q->nf, "received answer to nothing in flight");
    if (rsp->status <= 0) { /* it could not copy, or an empty piece: the page is as it was */
        netfront_rx_again(&q->rx, id);
        return rsp->status < 0;
    }
    if (rsp->offset > PAGE_SIZE || (uint16_t)rsp->status > PAGE_SIZE - rsp->offset)
        return netfront_break(q->nf, "received data beyond its page");
    if (frame->n == NETFRONT_PIECES)
        return netfront_break(q->nf, "received frame in too many pieces");
    if (gnttab_revoke(slot->gref) != 0)
        return netfront_break(q->nf, "received page is still mapped by the back end");

    frame->pieces[frame->n].data = (unsigned char *)slot->page + rsp->offset;
    frame->pieces[frame->n++].len = (uint16_t)rsp->status;
    frame->len += (uint16_t)rsp->status;
    slot->page = NULL;
    return 0;
}

/* All answers of one frame. Returns as the above; pieces that are in frame belong to the caller. */
static int netfront_rx_gather(struct netfront_queue *q, struct netfront_rx *frame)
{
    struct netfront_rx_queue *rx = &q->rx;
    struct netif_rx_response rsp;
    int drop = 0;

    for (unsigned taken = 0;; taken++) {
        uint16_t id = (uint16_t)(rx->ring.rsp_cons % NETFRONT_SLOTS);

        ring_take_rsp(&rx->ring, &rsp);
        int error = netfront_rx_piece(q, frame, id, &rsp);
        if (error < 0)
            return error;
        drop |= error;
        if (taken == 0) {
            frame->offload.csum_blank = (rsp.flags & NETRXF_csum_blank) != 0;
            frame->offload.data_validated =
                (rsp.flags & (NETRXF_csum_blank | NETRXF_data_validated)) != 0;
        }
        if ((rsp.flags & NETRXF_gso_prefix) != 0 ||
            (taken > 0 && (rsp.flags & NETRXF_extra_info) != 0))
            return netfront_break(q->nf, "received flags that were not offered");
        if ((rsp.flags & NETRXF_extra_info) != 0 && netfront_rx_extras(q, frame) < 0)
            return -EIO;
        if ((rsp.flags & NETRXF_more_data) == 0)
            return drop;
        if (rx->ring.rsp_cons == rx->prod)
            return netfront_break(q->nf, "received frame without end");
    }
}

int netfront_rx_take(struct netfront_queue *q, struct netfront_rx *frame)
{
    struct netfront_stats *stats = &q->nf->stats;
    int error;

    for (;;) {
        error = netfront_rx_look(&q->rx);
        if (error <= 0)
            return error == 0 ? 0 : netfront_break(q->nf, "received answers out of range");

        frame->n = 0;
        frame->len = 0;
        frame->offload = (struct netfront_offload){ .gso = NETFRONT_GSO_NONE };
        error = netfront_rx_gather(q, frame);
        if (error == 0 && frame->n > 0 && frame->pieces[0].len >= NETFRONT_ETH_HEAD &&
            frame->len <= NETFRONT_FRAME_MAX)
            break;

        while (frame->n > 0)
            netfront_page_put(frame->pieces[--frame->n].data);
        if (error < 0)
            return error;
        stats->rx_dropped++;
    }
    stats->rx_frames++;
    stats->rx_bytes += frame->len;
    return 1;
}
