/*
 * netback: the other side of a vif, for tests and fuzzers on fakexen: the tool stack's nodes, a
 * back end's states, and its end of the rings. It is as strict as a real one about what it is sent.
 * Its parts are open, so that a test can lie.
 */
#ifndef TESTS_HOST_NETBACK_H
#define TESTS_HOST_NETBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fakexen.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>

#define NETBACK_FRONT "/local/domain/7/device/vif/0"
#define NETBACK_BACK "/local/domain/0/backend/vif/7/0"
#define NETBACK_QUEUES 2u
#define NETBACK_SLOTS 256u

struct netback_queue {
    struct netif_tx_sring *tx;
    struct netif_rx_sring *rx;
    grant_ref_t tx_gref, rx_gref;
    evtchn_port_t tx_port, rx_port;
    uint32_t tx_cons, tx_rsp; /* requests taken, answers given */
    uint32_t rx_cons;         /* requests taken and answered */
};

struct netback {
    domid_t dom; /* 0 */
    /* What it offers; set before netback_offer(). */
    bool no_copy, no_sg, gso4, gso6, no_csum, csum6, split, mcast;
    unsigned max_queues; /* 0: says nothing */
    const char *mac, *mtu, *ip, *trusted;
    bool keep_mapped; /* does not let go of what it was sent when it answers */

    unsigned n_queues;
    struct netback_queue q[NETBACK_QUEUES];
};

/* A frame that the guest sent, put together. */
struct netback_frame {
    unsigned n; /* slots with data */
    uint16_t id[XEN_NETIF_NR_SLOTS_MIN];
    uint16_t size[XEN_NETIF_NR_SLOTS_MIN];
    grant_ref_t gref[XEN_NETIF_NR_SLOTS_MIN];
    bool extra;
    struct netif_extra_info info;
    uint16_t flags; /* of the first */
    size_t len;
    uint8_t data[65536];
};

#define NETBACK_DEFAULTS                                         \
    {                                                            \
        .gso4 = true, .gso6 = true, .csum6 = true, .split = true \
    }

/* The tool stack's part, and InitWait. */
void netback_offer(struct netback *nb);
void netback_state(enum xenbus_state state);
enum xenbus_state netback_front_state(void);
/* A key of the front end's; NULL when it is not there. */
const char *netback_front_key(const char *key);
/* Read what the guest published and map the rings; and say Connected. */
void netback_map(struct netback *nb);
void netback_accept(struct netback *nb);
/* Let go of the rings. */
void netback_unmap(struct netback *nb);
/* The whole way to closed, as at xl network-detach; with remove the nodes go as well. */
void netback_close(struct netback *nb, bool remove);

/* Take one frame that the guest sent. False when there is none. */
bool netback_take(struct netback *nb, unsigned queue, struct netback_frame *frame);
/* Answer it. push: show the answer and notify. */
void netback_answer(struct netback *nb, unsigned queue, const struct netback_frame *frame,
                    int16_t status, bool push);
void netback_push_tx(struct netback *nb, unsigned queue);
/* Take and answer all; returns how many frames. */
unsigned netback_take_all(struct netback *nb);

/* One answer on the receive ring, with what lies in the page then; not yet shown. */
struct netif_rx_response *netback_rx_next(struct netback *nb, unsigned queue, const void *data,
                                          size_t len, uint16_t offset, uint16_t flags);
/* One extra info there. */
void netback_rx_extra(struct netback *nb, unsigned queue, const struct netif_extra_info *extra);
void netback_push_rx(struct netback *nb, unsigned queue);
/* How many pages are posted. */
unsigned netback_rx_posted(struct netback *nb, unsigned queue);
/* Deliver a whole frame in pages; gso_size 0: none. False when too few pages are posted. */
bool netback_deliver(struct netback *nb, unsigned queue, const void *data, size_t len,
                     uint16_t flags, uint8_t gso_type, uint16_t gso_size);

#endif
