/*
 * netfront_priv: what the files of netfront share.
 *
 * netfront.c          life: devices found and lost, the handshake, ports, queues
 * netfront_tx.c       frames out
 * netfront_tx_done.c  the answers to them
 * netfront_rx.c       frames in
 * netfront_pages.c    the pages that received data lies in
 * netfront_mcast.c    the list of multicast groups
 */
#ifndef DRIVERS_NETFRONT_PRIV_H
#define DRIVERS_NETFRONT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include <drivers/netfront.h>
#include <drivers/xenbus.h>
#include <platform/evtchn.h>
#include <platform/gnttab.h>
#include <platform/memory.h>
#include <platform/spinlock.h>
#include <platform/vcpu.h>
#include <runtime/timer.h>

#include "ring.h"

#ifndef NETFRONT_QUEUES
#define NETFRONT_QUEUES VCPU_MAX /* one for each vCPU in use; a test compiles it with more */
#endif
#define NETFRONT_SLOTS 256u /* entries of a ring of one page, of either kind */
#define NETFRONT_GROUPS 64u /* Linux's back end holds no more */

#define NETFRONT_ETH_HEAD 14u
/* Frames up to this are copied; it is also the most of a longer one's head that is. */
#define NETFRONT_COPY 256u
/* The headers of every protocol that the back end may look into lie in the first slot. */
#define NETFRONT_HEAD 128u
#define NETFRONT_COPY_PAGES (NETFRONT_SLOTS * NETFRONT_COPY / PAGE_SIZE)
#define NETFRONT_NO_ID UINT16_MAX
#define NETFRONT_TX_SLOTS (NETFRONT_PIECES + 1) /* of the ring, for the longest frame */

_Static_assert(NETFRONT_PIECES == XEN_NETIF_NR_SLOTS_MIN, "what every back end takes");
_Static_assert(NETFRONT_FRAME_MAX == XEN_NETIF_MAX_TX_SIZE, "the largest size on the ring");

struct netfront_queue;

enum netfront_tx_state {
    NETFRONT_TX_FREE,
    NETFRONT_TX_SENT, /* the back end has it */
    NETFRONT_TX_HELD, /* answered, but others of its frame are not, and it keeps their count */
    NETFRONT_TX_OLD,  /* an earlier back end had it; waits for netfront_tx_reclaim() */
};

/*
 * One request that carries data, found by its id. A frame is known by the id of its first request.
 */
struct netfront_tx_slot {
    void *page;       /* ours, holds a copy; NULL: gref is for the sender's memory */
    grant_ref_t gref; /* ends with the request; 0: none, the bytes lie in the id's copy space */
    union {
        uint16_t first; /* the frame that it belongs to */
        uint16_t next;  /* while free: the next free id */
    };
    uint8_t state; /* enum netfront_tx_state */
    uint8_t left;  /* of the first: requests of the frame that are not answered yet */
};

/* By the same id, of frames that somebody waits for. */
struct netfront_tx_frame {
    void (*done)(void *arg);
    void *arg;
};

struct netfront_tx_queue {
    struct ring ring;
    struct netfront_tx_slot *slot; /* NETFRONT_SLOTS of each, in pages of their own */
    struct netfront_tx_frame *frame;
    uint16_t free; /* first free id */
    uint16_t n_free;
    uint32_t extras; /* answers of status NULL that are to come */
    unsigned old;    /* slots in state NETFRONT_TX_OLD */
    bool waiting;    /* a sender was refused: ready() is owed to it */

    /* NETFRONT_COPY bytes for each id, granted for as long as the connection lasts. */
    struct {
        unsigned char *page; /* NULL: never used yet */
        grant_ref_t gref;
    } copy[NETFRONT_COPY_PAGES];
};

/* By the slot of the ring: a request and its answer are in the same one. */
struct netfront_rx_slot {
    void *page; /* NULL: not posted */
    grant_ref_t gref;
};

struct netfront_rx_queue {
    struct ring ring;
    struct netfront_rx_slot *slot; /* NETFRONT_SLOTS, in a page of their own */
    uint32_t prod;                 /* answers known to be there, up to this one */
    unsigned target;               /* pages to have posted; follows the load */
    unsigned turn, most_at_once;   /* answers since the last look at that */
    struct timer hungry;           /* armed while memory was short for too few posted pages */
};

struct netfront_queue {
    struct netfront *nf;
    unsigned index;
    struct netfront_tx_queue tx;
    struct netfront_rx_queue rx;
    evtchn_port_t tx_port, rx_port; /* the same without split channels; 0: none */
    bool masked;                    /* by our handler; netfront_poll() unmasks */
};

struct netfront_group {
    uint8_t mac[6];
    uint16_t joins;
    bool told; /* this back end has it on its list */
};

struct netfront {
    struct xenbus_device dev;

    /* Fixed once found. */
    unsigned index;
    void *handle; /* of the room above; NULL: it does not know of us */

    /* Protected by the lock: event handlers change it while a thread works. */
    struct spinlock lock;
    bool connected;     /* there are rings */
    bool up;            /* and the back end serves them */
    bool link_told;     /* what the room above knows of that */
    bool trusted;       /* it may read what lies beside the data */
    bool lost;          /* nothing but netfront_release() comes any more */
    const char *broken; /* a violation that is not reported yet */
    unsigned n_queues;
    uint16_t mtu; /* by the tool stack; caps.mtu may be less */
    struct netfront_caps caps;
    struct netfront_stats stats;
    struct netfront_queue queue[NETFRONT_QUEUES];

    bool mcast_control; /* the back end filters */
    bool mcast_dirty;   /* its list is not as it should be */
    struct netfront_group group[NETFRONT_GROUPS];
};

/* No part is larger than a page: devices may come and go as often as they like. */
_Static_assert(sizeof(struct netfront) <= PAGE_SIZE, "it is a page");
_Static_assert(sizeof(struct netfront_tx_slot) * NETFRONT_SLOTS <= PAGE_SIZE, "they are a page");
_Static_assert(sizeof(struct netfront_tx_frame) * NETFRONT_SLOTS <= PAGE_SIZE, "they are a page");
_Static_assert(sizeof(struct netfront_rx_slot) * NETFRONT_SLOTS <= PAGE_SIZE, "they are a page");

extern const struct netfront_events *netfront_events;

/*
 * The lock. A violation found under it is only noted, by netfront_break(), after which nothing
 * touches the rings; netfront_unlock() then reports it. netfront_break() returns -EIO.
 */
bool netfront_lock(struct netfront *nf);
void netfront_unlock(struct netfront *nf, bool was_masked);
int netfront_break(struct netfront *nf, const char *why) __attribute__((cold));
/* Tell the room above that there is something to do. Without the lock. */
void netfront_ready(struct netfront *nf);

/* All these with the lock held. */
int netfront_tx_connect(struct netfront_queue *q);
void netfront_tx_disconnect(struct netfront_queue *q);
/* Once for each queue: 0 or -ENOMEM; free also undoes an init that failed. */
int netfront_tx_init(struct netfront_queue *q);
void netfront_tx_free(struct netfront_queue *q);
void netfront_tx_free_id(struct netfront_tx_queue *tx, uint16_t id);
/* Is there room now for a sender that was refused? Forgets it then. */
bool netfront_tx_has_room(struct netfront_queue *q);
/* A request that only carries an extra info. False: no room. */
bool netfront_tx_control(struct netfront_queue *q, const struct netif_extra_info *extra);
/* Show the back end what was put into the ring. */
void netfront_tx_push(struct netfront_queue *q);
int netfront_rx_connect(struct netfront_queue *q);
void netfront_rx_disconnect(struct netfront_queue *q);
int netfront_rx_init(struct netfront_queue *q);
void netfront_rx_free(struct netfront_queue *q);
/* Post pages if enough are missing. */
void netfront_rx_refill(struct netfront_queue *q);
/* The next frame: 1, 0 when there is none, or -EIO. */
int netfront_rx_take(struct netfront_queue *q, struct netfront_rx *frame);

/*
 * Without the lock, in the thread of the room above: finish what was answered, calling done, and
 * ask for an event when it is worth one.
 */
void netfront_tx_reap(struct netfront_queue *q);
/* What earlier back ends had; at the end of the device, give up what they do not let go of. */
void netfront_tx_reclaim(struct netfront_queue *q, bool give_up);

void *netfront_page_get(void);
/* Who may see what is in the pages from now on. */
void netfront_pages_for(domid_t peer, bool trusted);
/* Free those that are not in use. */
void netfront_pages_trim(void);

/* With the lock held: a back end that knows no group; put what it is to know on the ring. */
void netfront_mcast_connect(struct netfront *nf);
void netfront_mcast_tell(struct netfront *nf);

#endif
