/*
 * netfront: the network interfaces of the tool stack's vif= line.
 *
 * Owns the rings, grants and ports of every vif. Frames go out by netfront_send() and come in by
 * netfront_poll(), from a thread of the room above: the event handler only tells that there is
 * something to do. Both ways work on memory in place: what is sent is granted where it lies, what
 * is received lies in pages that the receiver keeps as long as it likes.
 *
 * The room above holds one lock of its own around send, poll, join and release of one interface;
 * callbacks from events (struct netfront_events) come without it, and never wait.
 *
 * The back end reads the whole page in which sent data lies, unless the tool stack says trusted=0
 * for the vif: then everything is copied into pages that hold nothing else.
 * Source: xen/io/netif.h.
 */
#ifndef DRIVERS_NETFRONT_H
#define DRIVERS_NETFRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETFRONT_PIECES 18u /* the most slots that one frame may use, here and by every back end */
#define NETFRONT_FRAME_MAX 65535u

enum netfront_gso { NETFRONT_GSO_NONE, NETFRONT_GSO_TCP4, NETFRONT_GSO_TCP6 };

/* What a frame carries besides its bytes; the same in both directions. */
struct netfront_offload {
    /*
     * The TCP/UDP checksum holds the pseudo header's sum only: to be completed on a wire (sending),
     * good as it is (receiving).
     */
    bool csum_blank;
    /* Receiving: the payload's checksum has been checked, or the frame never left the host. */
    bool data_validated;
    enum netfront_gso gso; /* one large TCP segment, to be cut in pieces of gso_size on a wire */
    uint16_t gso_size;     /* payload bytes of each piece */
};

/*
 * A received page: data .. data + len of it are the frame's. It is the receiver's, until it gives
 * it back with netfront_page_put(); nobody else reaches it any more. The rest of the page may be
 * used as well, but nothing secret may be left there: the page serves the next frame as it is. Back
 * ends put the data at the page's begin, so there is room behind it: in a piece of up to 4032
 * bytes, at least the last 64 of the page.
 */
struct netfront_rx_piece {
    void *data;
    uint16_t len;
};

struct netfront_rx {
    struct netfront_rx_piece pieces[NETFRONT_PIECES]; /* the first: at least the Ethernet header */
    unsigned n;
    uint32_t len; /* all pieces together, at most NETFRONT_FRAME_MAX */
    struct netfront_offload offload;
};

/* A frame to send: any memory. It must stay as it is until done. */
struct netfront_tx_piece {
    const void *data;
    size_t len;
};

struct netfront;

struct netfront_tx {
    const struct netfront_tx_piece *pieces; /* not needed after netfront_send() returns */
    unsigned n;
    struct netfront_offload offload;
    /*
     * The back end needs the memory no more, whatever became of the frame. Called in
     * netfront_send() (short frames are copied), netfront_poll(), netfront_finish() or
     * netfront_release(), so under the caller's lock. It is no event that wakes anybody, unless
     * the ring was full. Never called for memory that a broken back end does not let
     * go of. NULL: not needed.
     */
    void (*done)(void *arg);
    void *arg;
};

struct netfront_caps {
    uint8_t mac[6];
    uint16_t mtu;        /* bytes of IP: the vif's mtu key, or 1500. May change: ready() then */
    bool scatter_gather; /* else one page for a frame */
    bool tx_csum4, tx_csum6;
    bool gso4, gso6;
    unsigned queues;
};

struct netfront_events {
    /*
     * A device was found; its caps follow with link(true). Returns the room above's own handle for
     * it. The index is that of device/vif/INDEX. ip is the vif's ip= (may be ""), valid during the
     * call.
     */
    void *(*found)(struct netfront *nf, unsigned index, const char *ip);
    /* Connected, or not any more (closed, broken). caps as they are now. */
    void (*link)(void *handle, bool up);
    /* Something to do: call netfront_poll() soon. */
    void (*ready)(void *handle);
    /* Unplugged: send and poll do nothing any more; netfront_release(), here or later, ends it. */
    void (*lost)(void *handle);
    /* netfront_join() is called for every multicast group that is wanted: drop the rest early. */
    bool joins;
};

/* Begin to look for interfaces; events: static. Returns 0 or a negative errno. Once. */
int netfront_start(const struct netfront_events *events);

/* False once every vif that was there at boot is connected or has failed. */
bool netfront_discovering(void);

/* After lost(): finish what was sent, free nf. With the caller's lock, or where nothing uses nf. */
void netfront_release(struct netfront *nf);

/* As they are while the link is up; when it was never up, only mac and mtu. */
const struct netfront_caps *netfront_caps(const struct netfront *nf);
const char *netfront_name(const struct netfront *nf); /* "vif/0", for messages */

/*
 * Queue one frame, without telling the back end yet: netfront_flush() does, once for a batch.
 * Returns 0; -EAGAIN: no room, ready() will be called when there is; -EMSGSIZE: longer than
 * NETFRONT_FRAME_MAX, or without scatter_gather than a page; -EINVAL: shorter than an Ethernet
 * header, or an offload that caps do not have; -ENOMEM; -EIO: link down or broken. Never waits.
 * After an error done is not called. A frame in more pieces than there are slots for is copied
 * together.
 */
int netfront_send(struct netfront *nf, const struct netfront_tx *frame);
void netfront_flush(struct netfront *nf);

/*
 * Do what there is to do: finish sent frames, hand up to budget received ones to input (which takes
 * over the pages, and may call netfront_send()), refill the ring. Returns how many were received;
 * less than budget means that ready() will be called for the next; else call again. Cheap when
 * there is nothing to do.
 */
unsigned netfront_poll(struct netfront *nf, unsigned budget,
                       void (*input)(void *handle, const struct netfront_rx *frame));

/*
 * Only the first of these: finish frames that were answered. Nothing tells of answers while the ring
 * has room, so who is about to look whether a frame is done begins with this.
 */
void netfront_finish(struct netfront *nf);

/* Give a received page back, by any address in it. Any context, also after the device went. */
void netfront_page_put(void *data);

/*
 * With events->joins: receive frames to this multicast address, or no more. Counted: as many leaves
 * as joins end it. In any state of the link; every back end that connects is told the list. Back
 * ends that cannot filter deliver all multicast. Returns 0, or -ENOSPC after some 60 groups.
 */
int netfront_join(struct netfront *nf, const uint8_t mac[6]);
void netfront_leave(struct netfront *nf, const uint8_t mac[6]);

struct netfront_stats {
    uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
    uint64_t rx_dropped; /* bad frames, or no memory */
    uint64_t tx_full;    /* sends refused for want of room */
    uint64_t notified, events;
};
void netfront_get_stats(const struct netfront *nf, struct netfront_stats *stats);

#endif
