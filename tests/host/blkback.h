/*
 * blkback: the back end of one disk, on fakexen: honest when asked to serve, and with every part of
 * the protocol at hand for tests that lie. Also the room above blkfront: requests and their ends.
 *
 *     blk_start(0);  blk_offer();  blk_accept();       connected: blk.device
 *     struct blk_io *io = blk_read(8, 16);             submitted
 *     blk_serve();                                     answered
 *     CHECK_EQ(io->status, 0);
 *     blk_unplug();                                    everything is given back
 */
#ifndef TESTS_HOST_BLKBACK_H
#define TESTS_HOST_BLKBACK_H

#include <fakedevice.h>
#include <fakexen.h>

#include <xen/io/blkif.h>

#include <drivers/blkfront.h>
#include <drivers/block.h>

#define BLK_ID 51712u /* xvda */
#define BLK_SECTORS 8192u
#define BLK_IOS 600u
#define BLK_TAKEN 512u

/* A request of the guest, as the back end read it: indirect ones are unfolded. */
struct blk_req {
    uint64_t id, sector, sectors;
    uint8_t operation;     /* READ, WRITE, FLUSH_DISKCACHE, WRITE_BARRIER, DISCARD */
    bool indirect;
    unsigned n;
    struct blkif_request_segment seg[512];
};

/* A request of the room above. */
struct blk_io {
    struct block_request request;
    struct block_piece pieces[4];
    unsigned char *data;
    size_t len;
    unsigned done; /* times that it ended */
    int status;
};

struct blk {
    /* What it offers, from blk_start() on: changed by tests before blk_offer() or blk_accept(). */
    const char *ring_order, *max_segments, *sectors, *sector_size, *info, *type;
    bool flush, barrier, discard, persistent, queues;
    unsigned id;
    bool keeps_mapped; /* pages stay mapped when a request was answered */

    /* The ring as it was mapped. */
    unsigned char *page[16];
    grant_ref_t gref[16];
    unsigned pages, nr_ents;
    evtchn_port_t port;
    struct blkif_sring *sring;
    uint32_t req_cons, rsp_prod;

    unsigned char disk[BLK_SECTORS * 512];
    unsigned fail; /* the next so many requests end with an error */
    int16_t flush_status;
    unsigned served, flushes, barriers, discards, largest; /* largest: segments */

    /* What the room above has seen. */
    struct block_device *device;
    unsigned found, lost, changed;

    struct blk_io io[BLK_IOS];
    unsigned n_ios, ended;
    void (*on_end)(struct blk_io *io);
};
extern struct blk blk;
extern char blk_log[65536];

/* A domain with so many pages (0: 2048), no disk yet, the search for disks over. */
void blk_start(size_t pages);
void blk_offer(void);
/* Map what the guest published, say Connected with what a disk needs. */
void blk_accept(void);
void blk_map(void);
void blk_unmap(void);
/* As blk_accept(), without mapping: keys and state only. */
void blk_set_disk(void);
void blk_state(enum xenbus_state state);
enum xenbus_state blk_front_state(void);
/* xl block-detach, an honest back end: what is in flight is served first. */
void blk_unplug(void);

/* Requests: data is filled for writes, zeroed for reads. They stay until the test's end. */
struct blk_io *blk_read(uint64_t sector, size_t sectors);
struct blk_io *blk_write(uint64_t sector, size_t sectors, unsigned seed);
struct blk_io *blk_flush(void);
struct blk_io *blk_discard(uint64_t sector, uint64_t sectors);
struct blk_io *blk_io_new(enum block_op op, uint64_t sector, size_t len);
void blk_submit(struct blk_io *io);
void blk_fill(unsigned char *data, size_t len, unsigned seed);

/* How many requests lie in the ring untaken; take one. */
unsigned blk_pending(void);
bool blk_take(struct blk_req *req);
/* Transfer it; the status for its answer. */
int16_t blk_do(const struct blk_req *req);
/* An answer, with any content; pushed by blk_push(), which sends the event. */
void blk_answer(uint64_t id, uint8_t operation, int16_t status);
void blk_push(void);
/* Take and do and answer up to n, then push. Returns how many. */
unsigned blk_serve_some(unsigned n);
/* Until there are no more. */
unsigned blk_serve(void);

unsigned blk_logged(const char *what);

#endif
