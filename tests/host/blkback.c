#include "blkback.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drivers/xenbus.h>
#include <platform/barrier.h>
#include <platform/gnttab.h>
#include <platform/memory.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/timer.h>

#define BLK_DOM 0

struct blk blk;
char blk_log[65536];

#define BLK_CHECK(what)                                             \
    do {                                                            \
        if (!(what))                                                \
            fakexen_fail(__FILE__, __LINE__, "blkback: %s", #what); \
    } while (0)

static void blk_log_write(const char *text, size_t len)
{
    size_t used = strlen(blk_log);

    if (used + len >= sizeof(blk_log)) /* a fuzzer's: the beginning is enough */
        return;
    memcpy(blk_log + used, text, len);
    blk_log[used + len] = '\0';
}

void boot_stage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void boot_stage(const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    log_vformat(text, sizeof(text), format, args);
    va_end(args);
    blk_log_write(text, strlen(text));
    blk_log_write("\n", 1);
}

unsigned blk_logged(const char *what)
{
    unsigned n = 0;

    for (const char *at = blk_log; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

/* ---- the room above -------------------------------------------------------------------------- */

static void blk_on_changed(struct block_device *device)
{
    BLK_CHECK(device == blk.device && blk.lost < blk.found);
    blk.changed++;
}

static void blk_on_found(struct block_device *device)
{
    BLK_CHECK(vcpu_upcalls_masked() && blk.found == blk.lost);
    blk.found++;
    blk.device = device;
    device->changed = blk_on_changed;
}

static void blk_on_lost(struct block_device *device)
{
    BLK_CHECK(device == blk.device && device->gone && blk.found == blk.lost + 1);
    BLK_CHECK(blk.ended == blk.n_ios); /* after every request has ended */
    blk.lost++;
    blk.device = NULL;
}

void blk_fill(unsigned char *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (unsigned char)(seed + i + (i >> 8) * 7);
}

static void blk_on_done(struct block_request *request, int status)
{
    struct blk_io *io = request->arg;

    BLK_CHECK(vcpu_upcalls_masked());
    BLK_CHECK(io->done++ == 0);
    io->status = status;
    blk.ended++;
    if (blk.on_end != NULL)
        blk.on_end(io);
}

struct blk_io *blk_io_new(enum block_op op, uint64_t sector, size_t len)
{
    struct blk_io *io = &blk.io[blk.n_ios++];

    BLK_CHECK(blk.n_ios <= BLK_IOS);
    memset(io, 0, sizeof(*io));
    io->len = len;
    io->data = len > 0 ? calloc(1, len) : NULL;
    io->pieces[0] = (struct block_piece){ .data = io->data, .len = len };
    io->request = (struct block_request){
        .op = op,
        .sector = sector,
        .pieces = io->pieces,
        .n = len > 0,
        .done = blk_on_done,
        .arg = io,
    };
    io->status = 1;
    return io;
}

void blk_submit(struct blk_io *io)
{
    block_submit(blk.device, &io->request);
}

struct blk_io *blk_read(uint64_t sector, size_t sectors)
{
    struct blk_io *io = blk_io_new(BLOCK_READ, sector, sectors * 512);

    blk_submit(io);
    return io;
}

struct blk_io *blk_write(uint64_t sector, size_t sectors, unsigned seed)
{
    struct blk_io *io = blk_io_new(BLOCK_WRITE, sector, sectors * 512);

    blk_fill(io->data, io->len, seed);
    blk_submit(io);
    return io;
}

struct blk_io *blk_flush(void)
{
    struct blk_io *io = blk_io_new(BLOCK_FLUSH, 0, 0);

    blk_submit(io);
    return io;
}

struct blk_io *blk_discard(uint64_t sector, uint64_t sectors)
{
    struct blk_io *io = blk_io_new(BLOCK_DISCARD, sector, 0);

    io->request.sectors = sectors;
    blk_submit(io);
    return io;
}

/* ---- the handshake --------------------------------------------------------------------------- */

static void blk_on_slice(void)
{
}

void blk_start(size_t pages)
{
    static struct log_sink sink = { .write = blk_log_write };
    static const struct block_listener listener = { .found = blk_on_found, .lost = blk_on_lost };

    blk.sectors = "8192";
    blk.sector_size = "512";
    blk.flush = true;
    blk.id = BLK_ID;
    fakexen_start(&(struct fakexen_options){ .pages = pages });
    pages_start();
    BLK_CHECK(gnttab_start(pages_get_for_table) == 0);
    log_add_sink(&sink);
    timer_start(blk_on_slice);
    BLK_CHECK(xenstore_start() == 0);
    vcpu_restore_upcalls(false);
    block_listen(&listener);
    BLK_CHECK(blkfront_start() == 0);
    fakexen_run();
    fakexen_advance(XENBUS_QUIET_NS); /* now it watches for disks */
    fakexen_run();
    BLK_CHECK(!blkfront_discovering());

    /* What stays for good: page tables, frames of the grant table. */
    static unsigned char *page[1600];
    static grant_ref_t grefs[1600];
    for (unsigned i = 0; i < 1600; i++) {
        page[i] = pages_get();
        BLK_CHECK(page[i] != NULL && gnttab_grant_page(0, page[i], GNT_RO, &grefs[i]) == 0);
    }
    for (unsigned i = 0; i < 1600; i++) {
        BLK_CHECK(gnttab_revoke(grefs[i]) == 0);
        pages_put(page[i]);
    }
    fakexen_mark_clean();
}

static void blk_key(const char *key, const char *value)
{
    if (value != NULL)
        fakedevice_set("vbd", blk.id, key, value);
}

void blk_offer(void)
{
    const char *keys[16] = { NULL };
    unsigned n = 0;

    if (blk.ring_order != NULL) {
        keys[n++] = "max-ring-page-order";
        keys[n++] = blk.ring_order;
    }
    if (blk.queues) {
        keys[n++] = "multi-queue-max-queues";
        keys[n++] = "4";
    }
    fakexen_store_stop(true); /* the tool stack writes it in one transaction */
    fakedevice_add("vbd", blk.id, BLK_DOM, keys);
    fakedevice_set_front("vbd", blk.id, "virtual-device", "51712");
    fakedevice_set_front("vbd", blk.id, "device-type", blk.type != NULL ? blk.type : "disk");
    fakexen_store_stop(false);
    fakexen_run();
}

enum xenbus_state blk_front_state(void)
{
    return fakedevice_front_state("vbd", blk.id);
}

void blk_state(enum xenbus_state state)
{
    fakedevice_state("vbd", blk.id, state);
    fakexen_run();
}

void blk_map(void)
{
    uint64_t order = fakedevice_front_uint("vbd", blk.id, "ring-page-order");
    char key[16];

    BLK_CHECK(blk_front_state() == XenbusStateInitialised ||
              blk_front_state() == XenbusStateConnected);
    BLK_CHECK(strcmp(fakedevice_front("vbd", blk.id, "protocol"), "x86_64-abi") == 0);
    blk.pages = order != UINT64_MAX ? 1u << order : 1;
    for (unsigned i = 0; i < blk.pages; i++) {
        snprintf(key, sizeof(key), blk.pages > 1 ? "ring-ref%u" : "ring-ref", i);
        blk.gref[i] = (grant_ref_t)fakedevice_front_uint("vbd", blk.id, key);
        blk.page[i] = fakexen_map(BLK_DOM, blk.gref[i], true);
        BLK_CHECK(blk.page[i] == blk.page[0] + i * PAGE_SIZE); /* as a back end maps them */
    }
    blk.port = (evtchn_port_t)fakedevice_front_uint("vbd", blk.id, "event-channel");
    blk.sring = (struct blkif_sring *)(void *)blk.page[0];
    blk.nr_ents = __CONST_RING_SIZE(blkif, blk.pages * PAGE_SIZE);
    blk.req_cons = blk.rsp_prod = blk.sring->rsp_prod;
}

void blk_unmap(void)
{
    for (unsigned i = 0; i < blk.pages; i++)
        fakexen_unmap(BLK_DOM, blk.gref[i]);
    blk.pages = 0;
    blk.sring = NULL;
}

void blk_set_disk(void)
{
    blk_key("sectors", blk.sectors);
    blk_key("sector-size", blk.sector_size);
    blk_key("info", blk.info != NULL ? blk.info : "0");
    blk_key("feature-flush-cache", blk.flush ? "1" : "0");
    blk_key("feature-barrier", blk.barrier ? "1" : "0");
    blk_key("feature-discard", blk.discard ? "1" : "0");
    blk_key("feature-persistent", blk.persistent ? "1" : "0");
    blk_key("feature-max-indirect-segments", blk.max_segments);
    blk_state(XenbusStateConnected);
}

void blk_accept(void)
{
    blk_map();
    blk_set_disk();
}

void blk_unplug(void)
{
    blk_state(XenbusStateClosing);
    if (blk.sring != NULL) {
        if (blk_front_state() == XenbusStateConnected)
            blk_serve();
        blk_unmap();
    }
    fakexen_run();
    BLK_CHECK(blk_front_state() == XenbusStateClosed);
    blk_state(XenbusStateClosed);
    fakedevice_remove("vbd", blk.id);
    fakexen_run();
    BLK_CHECK(blk.found == blk.lost);
    for (unsigned i = 0; i < blk.n_ios; i++)
        free(blk.io[i].data);
}

/* ---- the ring -------------------------------------------------------------------------------- */

static union blkif_sring_entry *blk_entry(uint32_t index)
{
    return &blk.sring->ring[index & (blk.nr_ents - 1)];
}

unsigned blk_pending(void)
{
    return blk.sring->req_prod - blk.req_cons;
}

static void blk_take_indirect(struct blk_req *req, const struct blkif_request_indirect *from)
{
    struct blkif_request_segment *list;

    req->indirect = true;
    req->operation = from->indirect_op;
    req->sector = from->sector_number;
    req->n = from->nr_segments;
    BLK_CHECK(req->n > BLKIF_MAX_SEGMENTS_PER_REQUEST && req->n <= 512);
    BLK_CHECK(blk.max_segments != NULL && req->n <= strtoul(blk.max_segments, NULL, 10));
    list = fakexen_map(BLK_DOM, from->indirect_grefs[0], false);
    BLK_CHECK(list != NULL);
    memcpy(req->seg, list, req->n * sizeof(*list));
    fakexen_unmap(BLK_DOM, from->indirect_grefs[0]);
}

bool blk_take(struct blk_req *req)
{
    union blkif_sring_entry entry;

    if (blk_pending() == 0)
        return false;
    BLK_CHECK(blk_pending() <= blk.nr_ents);
    entry = *blk_entry(blk.req_cons++);
    blk.sring->req_event = blk.req_cons + 1;
    memset(req, 0, sizeof(*req));
    req->id = entry.req.id;
    req->operation = entry.req.operation;
    req->sector = entry.req.sector_number;
    if (entry.req.operation == BLKIF_OP_DISCARD) {
        struct blkif_request_discard discard;

        memcpy(&discard, &entry, sizeof(discard));
        req->sectors = discard.nr_sectors;
        return true;
    }
    if (entry.req.operation == BLKIF_OP_INDIRECT) {
        struct blkif_request_indirect indirect;

        memcpy(&indirect, &entry, sizeof(indirect));
        req->id = indirect.id;
        blk_take_indirect(req, &indirect);
    } else {
        BLK_CHECK(entry.req.nr_segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST);
        req->n = entry.req.nr_segments;
        memcpy(req->seg, entry.req.seg, sizeof(entry.req.seg));
    }
    for (unsigned i = 0; i < req->n; i++) {
        BLK_CHECK(req->seg[i].first_sect <= req->seg[i].last_sect && req->seg[i].last_sect < 8);
        req->sectors += req->seg[i].last_sect - req->seg[i].first_sect + 1u;
    }
    if (req->n > blk.largest)
        blk.largest = req->n;
    return true;
}

static void blk_transfer(const struct blk_req *req)
{
    uint64_t at = req->sector;

    BLK_CHECK(req->n > 0 && at <= BLK_SECTORS && req->sectors <= BLK_SECTORS - at);
    for (unsigned i = 0; i < req->n; i++) {
        const struct blkif_request_segment *seg = &req->seg[i];
        size_t len = (seg->last_sect - seg->first_sect + 1u) * 512u;
        unsigned char *page = fakexen_map(BLK_DOM, seg->gref, req->operation == BLKIF_OP_READ);

        BLK_CHECK(page != NULL);
        page += seg->first_sect * 512u;
        if (req->operation == BLKIF_OP_READ)
            memcpy(page, blk.disk + at * 512, len);
        else
            memcpy(blk.disk + at * 512, page, len);
        if (!blk.keeps_mapped)
            fakexen_unmap(BLK_DOM, seg->gref);
        at += len / 512;
    }
}

int16_t blk_do(const struct blk_req *req)
{
    blk.served++;
    if (blk.fail > 0) {
        blk.fail--;
        return BLKIF_RSP_ERROR;
    }
    switch (req->operation) {
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
        blk_transfer(req);
        return BLKIF_RSP_OKAY;
    case BLKIF_OP_FLUSH_DISKCACHE:
        blk.flushes++;
        return blk.flush_status;
    case BLKIF_OP_WRITE_BARRIER:
        BLK_CHECK(req->n == 0 && blk.barrier);
        blk.barriers++;
        return BLKIF_RSP_OKAY;
    case BLKIF_OP_DISCARD:
        BLK_CHECK(req->sector <= BLK_SECTORS && req->sectors <= BLK_SECTORS - req->sector);
        blk.discards++;
        if (!blk.discard)
            return BLKIF_RSP_EOPNOTSUPP;
        memset(blk.disk + req->sector * 512, 0, req->sectors * 512);
        return BLKIF_RSP_OKAY;
    default:
        fakexen_fail(__FILE__, __LINE__, "operation %u", req->operation);
    }
}

void blk_answer(uint64_t id, uint8_t operation, int16_t status)
{
    blk_entry(blk.rsp_prod++)->rsp =
        (struct blkif_response){ .id = id, .operation = operation, .status = status };
}

void blk_push(void)
{
    blk.sring->rsp_prod = blk.rsp_prod;
    barrier_full();
    fakexen_raise(blk.port);
}

unsigned blk_serve_some(unsigned n)
{
    static struct blk_req req;
    unsigned served = 0;

    while (served < n && blk_take(&req)) {
        int16_t status = blk_do(&req);

        blk_answer(req.id, req.operation, status);
        served++;
    }
    if (served > 0)
        blk_push();
    return served;
}

unsigned blk_serve(void)
{
    unsigned total = 0, served;

    while ((served = blk_serve_some(BLK_TAKEN)) > 0)
        total += served;
    return total;
}
