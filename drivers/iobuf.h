/*
 * iobuf: pages of ours that another domain may reach, each with its grant.
 *
 * Owns pools of such pages, one pool for each peer and mode, and the pages that a peer was asked to
 * let go of and has not yet. Everything may be called in any context; nothing waits.
 */
#ifndef DRIVERS_IOBUF_H
#define DRIVERS_IOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/grant_table.h>

#include <platform/gnttab.h>

#define IOBUF_NOT_GRANTED 0u /* a gref: real ones begin at 8 */

struct iobuf_pool;

struct iobuf {
    void *page;       /* PAGE_SIZE bytes */
    grant_ref_t gref; /* or IOBUF_NOT_GRANTED, after iobuf_revoke() */
    uint32_t user;    /* the holder's, for what it likes */
    struct iobuf_pool *pool;
    struct iobuf *next; /* the holder's while it holds it */
};

/*
 * A pool: at most `max` pages for one peer, taken from the page allocator when they are first
 * needed. NULL: no memory. It needs one page itself, and one more for every 127 buffers.
 */
struct iobuf_pool *iobuf_pool_create(domid_t peer, enum gnt_mode mode, unsigned max);

/*
 * The peer is gone or wanted no more. Buffers in the pool are revoked and freed; those that are out
 * stay usable as memory (iobuf_revoke() them before, if the peer shall write no more) and are freed
 * when they are put back. The pool goes with the last of them: do not use it any more.
 */
void iobuf_pool_close(struct iobuf_pool *pool);

/*
 * A buffer, granted; NULL when the pool's limit is reached, or memory or grants are used up. A new
 * page is zeroed; a used one holds what it held when it was put back, so a holder that writes into
 * it what the peer may not see wipes that first.
 */
struct iobuf *iobuf_get(struct iobuf_pool *pool);

/* Back to its pool, also after that was closed. The grant stays, for the next one. */
void iobuf_put(struct iobuf *buf);

/*
 * The peer reaches the page no more: what it holds may be checked and used in place. The buffer
 * stays with its holder, and iobuf_get() grants it anew when it comes round. -EBUSY: the peer has
 * it mapped.
 */
int iobuf_revoke(struct iobuf *buf);

/* Let the peer reach it again, if it does not: to post it once more without putting it back. */
int iobuf_grant(struct iobuf *buf);

/* Free what lies unused in the pool, but for `keep` buffers. */
void iobuf_pool_trim(struct iobuf_pool *pool, unsigned keep);

struct iobuf_pool_stats {
    unsigned out;    /* held by somebody */
    unsigned unused; /* in the pool, with their pages */
    unsigned max;
};
void iobuf_pool_get_stats(struct iobuf_pool *pool, struct iobuf_pool_stats *stats);

/*
 * End a grant and free its page, now or, if the peer has it mapped, as soon as iobuf_retry() finds
 * that it has let go. Until then the page is used by nobody. Should even the list of these have no
 * memory, page and reference are given up for good, and counted by gnttab.
 *
 * page  from the page allocator; or NULL: it is somebody else's, only the reference is ended. So
 *       does who granted data where it lies, when gnttab_revoke() says -EBUSY after the answer: a
 *       violation, as the peer still reaches memory that its owner will use for other things.
 */
void iobuf_retire(void *page, grant_ref_t gref);

/* Look at those again. xenbus calls it whenever a back end changes its state. */
void iobuf_retry(void);
/* How many wait. */
size_t iobuf_retired(void);

/*
 * The page (an address in the map of all memory, for gnttab_grant_page()) that lies under an
 * address anywhere in our memory: heap, stacks, the image or the map itself. NULL where nothing is
 * mapped.
 */
void *iobuf_page_of(const void *data);

#endif
