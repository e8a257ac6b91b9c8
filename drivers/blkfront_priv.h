/*
 * blkfront_priv: what blkfront.c (the life of a disk) and blkfront_io.c (the life of a request)
 * share.
 */
#ifndef DRIVERS_BLKFRONT_PRIV_H
#define DRIVERS_BLKFRONT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

#include <drivers/blkfront.h>
#include <drivers/block.h>
#include <drivers/xenbus.h>
#include <platform/evtchn.h>
#include <platform/spinlock.h>

#include "iobuf.h"
#include "ring.h"

#define BLKFRONT_RING_ORDER_MAX 2u /* 128 requests */
#define BLKFRONT_IO_PER_PAGE 64u
#define BLKFRONT_IO_PAGES 2u
#define BLKFRONT_SEGMENTS_MAX 256u /* of a page each, so 1 MiB in one indirect request */

enum blkfront_state {
    BLKFRONT_IDLE,      /* no ring */
    BLKFRONT_OFFERED,   /* our ring is published, the back end has yet to connect */
    BLKFRONT_CONNECTED,
    BLKFRONT_DRAINING,  /* the back end wants to close: what is in flight may end */
    BLKFRONT_DEAD,      /* closed, unplugged or broken: every request ends with -EIO */
};

/* A place in the list of requests: so many bytes of its request come before it. */
struct blkfront_cursor {
    struct block_request *request;
    unsigned piece;
    size_t offset; /* in the piece */
    size_t before; /* in the request */
};

/* One request on the ring. */
struct blkfront_io {
    bool in_flight;
    uint8_t operation;            /* BLKIF_OP_* as the answer must repeat it */
    uint16_t id;                  /* its own number: see blkfront_io_at() */
    uint32_t len;                 /* what it carries: so many bytes; 0: a flush or discard */
    struct blkfront_cursor start; /* from here on, perhaps of several requests */
    struct iobuf *data;           /* pages in order; all full but perhaps the last */
    struct iobuf *indirect;       /* the page that lists them, or NULL */
    struct blkfront_io *next;     /* unused ones */
};
_Static_assert(sizeof(struct blkfront_io) * BLKFRONT_IO_PER_PAGE <= 4096, "they fill pages");

/* What we note in a request while it is ours: struct block_request, device_data. */
struct blkfront_work {
    struct block_request *prev;
    size_t left; /* bytes not answered yet; 1 for a flush or discard */
    int status;  /* the first error */
};
_Static_assert(sizeof(struct blkfront_work) <= sizeof(((struct block_request *)0)->device_data),
               "it lies in the request");

struct blkfront {
    struct block_device block; /* what others see of the disk */
    struct xenbus_device xenbus;
    bool announced; /* the room above knows of it */
    bool was_large; /* a ring of several pages was published */

    struct spinlock lock; /* protects what follows, and the fields of block that change */
    enum blkfront_state state;

    struct ring ring;
    evtchn_port_t port; /* 0: none */
    struct iobuf_pool *pool;
    struct blkfront_io *ios[BLKFRONT_IO_PAGES]; /* as many as the ring has entries */
    struct blkfront_io *unused;

    unsigned segments;   /* that one request may have */
    bool has_barrier, use_barrier; /* the fallback for a flush */
    bool flush_reported;           /* that there is none: once is enough */

    struct block_request *first, *last; /* requests that have not ended, in the order they came */
    struct blkfront_cursor unsent;      /* where sending goes on; request NULL: all were sent */
    unsigned hold;                      /* batches under way: nothing is sent until they end */

    /* For blkfront_leave(): work that is done without the lock. */
    struct block_request *ended, *ended_last;
    const char *broken; /* why, until xenbus was told */
    bool drained;       /* BLKFRONT_DRAINING, and nothing is in flight any more */
};

static inline struct blkfront_io *blkfront_io_at(struct blkfront *bf, uint32_t id)
{
    return &bf->ios[id / BLKFRONT_IO_PER_PAGE][id % BLKFRONT_IO_PER_PAGE];
}

/* ---- blkfront.c ---- */

/*
 * The ring is not to be used any more: give back what belongs to the connection. With the lock
 * held.
 */
void blkfront_disconnect(struct blkfront *bf);
/* Nothing is in flight any more and the back end wants to close. Without the lock. */
void blkfront_drained(struct blkfront *bf);

/* ---- blkfront_io.c ---- */

extern const struct block_ops blkfront_block_ops;

void blkfront_on_event(evtchn_port_t port, void *arg);

/* The rest with the lock held; blkfront_leave() releases it. */

/* Give back the pages of a ring request. */
void blkfront_put_pages(struct blkfront_io *io);
/* Send what waits, as far as the ring goes. */
void blkfront_send_all(struct blkfront *bf);
/* Everything that has not ended will be sent once more, by a new ring. */
void blkfront_rewind(struct blkfront *bf);
/* End every request with -EIO. */
void blkfront_fail_all(struct blkfront *bf);
/* Release the lock, and call whoever has to be called: the done of requests that ended. */
void blkfront_leave(struct blkfront *bf, bool was_masked);

#endif
