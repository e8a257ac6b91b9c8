/*
 * ring: one shared ring of requests and responses, as its front end sees it.
 *
 * Owns the pages of the ring with their grants, every index in them, every barrier, and the rules
 * of who notifies whom when; a driver holds none of these. It has one ring for each struct ring and
 * a lock of its own around it: nothing here locks, nothing waits.
 *
 * A request goes out so: ring_free() says that there is room, ring_put_req() copies it into the
 * ring, ring_push() shows the back end all that was put since the last time and tells whether it
 * wants an event. Responses come so:
 *
 *     do {
 *         if (ring_rsp_prod(&ring, &prod) < 0)
 *             break the device;
 *         while (ring.rsp_cons != prod) {
 *             ring_take_rsp(&ring, &rsp);
 *             check rsp, use rsp;
 *         }
 *     } while (ring_rearm(&ring, 1));
 *
 * Of what lies in the ring only rsp_prod, req_event and the responses are ever read, each once.
 * Source: xen/io/ring.h.
 */
#ifndef DRIVERS_RING_H
#define DRIVERS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/ring.h>

#include <platform/barrier.h>

#define RING_PAGES_MAX 16u /* what any back end offers today */

/* What every sring begins with; the entries follow at byte 64. */
struct ring_head {
    RING_IDX req_prod, req_event;
    RING_IDX rsp_prod, rsp_event;
    uint8_t pad[48];
};
_Static_assert(sizeof(struct ring_head) == 64, "as DEFINE_RING_TYPES lays it out");

struct ring {
    struct ring_head *head; /* shared with the back end; NULL: no ring */
    unsigned char *entries; /* shared as well */
    uint32_t entry_size;    /* bytes; of the larger of request and response */
    uint32_t nr_ents;       /* a power of two */

    /* Ours alone, running freely. The driver may read them; they change in ring_*() only. */
    uint32_t req_prod;   /* the next request goes here */
    uint32_t req_pushed; /* the back end has been shown those before this one */
    uint32_t rsp_cons;   /* the next response comes here */

    uint32_t pages;
    grant_ref_t gref[RING_PAGES_MAX]; /* for "ring-ref", "ring-ref0".. */
};

/* Entries of a ring of so many pages: the largest power of two that fits. */
uint32_t ring_size(uint32_t pages, uint32_t entry_size);

/*
 * Make an empty ring of 1, 2, 4, 8 or 16 pages (order 0 to 4) and let peer write it. entry_size is
 * sizeof(union foo_sring_entry). Returns 0, -ENOMEM or -ENOSPC (no grants), and then nothing is
 * left.
 */
int ring_create(struct ring *ring, domid_t peer, unsigned order, uint32_t entry_size);

/*
 * Give the ring up, whatever lies in it; harmless when there is none. Pages that the back end still
 * has mapped are kept until it lets go (iobuf_retire()).
 */
void ring_destroy(struct ring *ring);

/* Tests of wrap-around: where the indices of rings made from now on begin. Otherwise 0. */
extern uint32_t ring_first_index;

/* ---- Requests --------------------------------------------------------------------------- */

/* Requests put and not yet answered. */
static inline uint32_t ring_in_flight(const struct ring *ring)
{
    return ring->req_prod - ring->rsp_cons;
}

/* How many more requests there is room for. */
static inline uint32_t ring_free(const struct ring *ring)
{
    return ring->nr_ents - ring_in_flight(ring);
}

static inline void *ring_entry(const struct ring *ring, uint32_t index)
{
    return ring->entries + (size_t)(index & (ring->nr_ents - 1)) * ring->entry_size;
}

/*
 * Put *req, a request or what stands in its place (struct netif_extra_info), into the next slot.
 * Only while ring_free() > 0.
 */
#define ring_put_req(ring, req) ring_put_bytes((ring), (req), sizeof(*(req)))
static inline void ring_put_bytes(struct ring *ring, const void *req, size_t size)
{
    memcpy(ring_entry(ring, ring->req_prod++), req, size);
}

/* Are there requests that the back end has not been shown? */
static inline bool ring_unpushed(const struct ring *ring)
{
    return ring->req_prod != ring->req_pushed;
}

/* Show them. True: it waits for an event, so send one; that serves for all that were pushed. */
static inline bool ring_push(struct ring *ring)
{
    uint32_t old = ring->req_pushed;
    uint32_t new = ring->req_prod;

    if (old == new)
        return false;
    barrier_write(); /* the back end reads the requests after it has read the index */
    WRITE_ONCE(ring->head->req_prod, new);
    ring->req_pushed = new;
    barrier_full(); /* either it sees the index when it looks once more, or we see its req_event */
    return new - READ_ONCE(ring->head->req_event) < new - old;
}

/* ---- Responses -------------------------------------------------------------------------- */

/*
 * How far responses can be taken: up to *prod, not including it. -EIO when the back end claims to
 * have answered more than it was asked; then the ring must be left alone.
 */
int ring_rsp_prod_bad(void) __attribute__((cold));
static inline int ring_rsp_prod(const struct ring *ring, uint32_t *prod)
{
    *prod = READ_ONCE(ring->head->rsp_prod);
    barrier_read(); /* the back end wrote the responses before the index */
    if (*prod - ring->rsp_cons > ring->req_pushed - ring->rsp_cons)
        return ring_rsp_prod_bad();
    return 0;
}

/*
 * Copy the next response to *rsp: the only read of this entry. Only while rsp_cons is not yet the
 * prod of ring_rsp_prod(). The slot is free for a request from here on.
 */
#define ring_take_rsp(ring, rsp) ring_take_bytes((ring), (rsp), sizeof(*(rsp)))
static inline void ring_take_bytes(struct ring *ring, void *rsp, size_t size)
{
    memcpy(rsp, ring_entry(ring, ring->rsp_cons++), size);
    __asm__ volatile("" : : : "memory"); /* what is used later is the copy: nothing is read again */
}

/*
 * After all responses have been taken: ask for an event once `after` more (at least 1) have come.
 * True when so many are there already: there may be no event for them, so look again. A driver that
 * only wants its slots back asks for several at once, never for more than are in flight.
 */
static inline bool ring_rearm(struct ring *ring, uint32_t after)
{
    WRITE_ONCE(ring->head->rsp_event, ring->rsp_cons + after);
    barrier_full(); /* either the back end sees rsp_event when it adds one, or we see its index */
    return READ_ONCE(ring->head->rsp_prod) - ring->rsp_cons >= after;
}

#endif
