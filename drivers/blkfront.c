/*
 * The protocol: a ring of requests (read, write, flush, discard) for runs of 512-byte sectors,
 * whose data lies in pages that we grant; up to eleven are listed in the request itself, more in a
 * page of their own ("indirect"). Each request is answered once, in any order, with its id,
 * operation and status.
 *
 * Our pages stay granted for as long as the connection lasts, and data is copied: a back end that
 * offers feature-persistent never has to map one twice, and to another it makes no difference. One
 * queue is used, since one vCPU is; its ring has as many pages as both sides want.
 *
 * This file is the life of a disk: found, offered a ring, connected, resized, closed, gone. A back
 * end that begins again with InitWait gets a new ring, and all that had not ended is sent once
 * more. The life of a request is in blkfront_io.c.
 *
 * Source: xen/io/blkif.h.
 */
#include <drivers/blkfront.h>

#include <errno.h>
#include <string.h>

#include <xen/io/protocols.h>

#include <platform/memory.h>
#include <runtime/boot.h>
#include <runtime/log.h>
#include <runtime/pages.h>

#include "blkfront_priv.h"

#define BLKFRONT_SECTORS_MAX (INT64_MAX / BLOCK_SECTOR)
#define BLKFRONT_SECTOR_SIZE_MAX 4096u
#define BLKFRONT_POOL_MIN 64u
#define BLKFRONT_POOL_MAX 1024u
#define BLKFRONT_POOL_SHARE 16u /* at most this part of all memory */
#define BLKFRONT_POOL_STOCK 12u /* kept from the start: a full memory cannot stop the disk */

static struct xenbus_device *blkfront_create(const char *id, int *error);
static void blkfront_destroy(struct xenbus_device *dev);
static void blkfront_backend_changed(struct xenbus_device *dev, enum xenbus_state state);
static void blkfront_gone(struct xenbus_device *dev);
static void blkfront_resumed(struct xenbus_device *dev);
static void blkfront_offer(struct blkfront *bf);
static const char *blkfront_make_ring(struct blkfront *bf, unsigned order);
static void blkfront_connect(struct blkfront *bf);
static void blkfront_begin_close(struct blkfront *bf);
static void blkfront_die(struct blkfront *bf);

static const char *const blkfront_our_keys[] = { "device-type", NULL };

static const char *const blkfront_offered_keys[] = {
    "max-ring-page-order",
    "max-ring-pages",
    "multi-queue-max-queues",
    NULL,
};

static const char *const blkfront_connected_keys[] = {
    "sectors",
    "sector-size",
    "info",
    "feature-flush-cache",
    "feature-barrier",
    "feature-discard",
    "feature-max-indirect-segments",
    "feature-persistent",
    NULL,
};

static const struct xenbus_driver blkfront_driver = {
    .type = "vbd",
    .frontend_keys = blkfront_our_keys,
    .offered_keys = blkfront_offered_keys,
    .connected_keys = blkfront_connected_keys,
    .create = blkfront_create,
    .destroy = blkfront_destroy,
    .backend_changed = blkfront_backend_changed,
    .gone = blkfront_gone,
    .resumed = blkfront_resumed,
};

static struct xenbus_driver_state blkfront_state;
static bool blkfront_started;

static struct blkfront *blkfront_of_xenbus(struct xenbus_device *dev)
{
    return (struct blkfront *)((char *)dev - offsetof(struct blkfront, xenbus));
}

int blkfront_start(void)
{
    struct gnttab_stats grants;
    int error = 0;

    if (blkfront_started)
        return 0;
    blkfront_started = true;
    gnttab_get_stats(&grants);
    if (grants.max == 0) /* the first driver that needs it */
        error = gnttab_start(pages_get_for_table);
    return error == 0 ? xenbus_register(&blkfront_state, &blkfront_driver) : error;
}

bool blkfront_discovering(void)
{
    return blkfront_started && xenbus_discovering(&blkfront_state);
}

/* ---- Found ---------------------------------------------------------------------------------- */

static int blkfront_parse(const char *id, struct blkfront_name *name)
{
    uint64_t number = 0;

    for (const char *at = id; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || at - id >= 10)
            return -EINVAL;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    return blkfront_name(number, name);
}

static struct xenbus_device *blkfront_create(const char *id, int *error)
{
    struct blkfront_name name;
    struct blkfront *bf;

    _Static_assert(sizeof(*bf) <= PAGE_SIZE, "it lives in a page");
    *error = blkfront_parse(id, &name);
    if (*error != 0)
        return NULL;
    bf = pages_get_zeroed();
    if (bf == NULL) {
        *error = -ENOMEM;
        return NULL;
    }
    memcpy(bf->block.name, name.text, sizeof(bf->block.name));
    bf->block.major = name.major;
    bf->block.minor = name.minor;
    bf->block.is_partition = name.text[strlen(name.text) - 1] <= '9';
    bf->block.ops = &blkfront_block_ops;
    bf->lock.name = "blkfront";
    bf->state = BLKFRONT_IDLE;
    return &bf->xenbus;
}

/* One case for each state of the back end. */
static void blkfront_backend_changed(struct xenbus_device *dev, enum xenbus_state state)
{
    struct blkfront *bf = blkfront_of_xenbus(dev);

    switch (state) {
    case XenbusStateInitWait:
    case XenbusStateInitialised: /* without InitWait: it offers what every back end does */
        blkfront_offer(bf);
        break;
    case XenbusStateConnected:
        blkfront_connect(bf);
        break;
    case XenbusStateClosing:
        blkfront_begin_close(bf);
        break;
    case XenbusStateClosed:
    case XenbusStateUnknown:
        if (bf->state == BLKFRONT_IDLE)
            break;
        blkfront_die(bf);
        xenbus_publish(dev, XenbusStateClosed);
        break;
    default: /* Initialising and the like: it will go on by itself */
        break;
    }
}

/* ---- Offered -------------------------------------------------------------------------------- */

/*
 * A number that the back end may leave out; nonsense counts as left out, and xenbus has logged it.
 */
static uint64_t blkfront_option(struct blkfront *bf, const char *key, uint64_t max,
                                uint64_t otherwise)
{
    uint64_t value;

    return xenbus_read_uint(&bf->xenbus, XENBUS_THEIRS, key, 0, max, &value) == 0 ? value
                                                                                  : otherwise;
}

static unsigned blkfront_ring_order(struct blkfront *bf)
{
    uint64_t order = blkfront_option(bf, "max-ring-page-order", UINT32_MAX, 0);
    uint64_t pages = blkfront_option(bf, "max-ring-pages", UINT32_MAX, 1);

    if (order > BLKFRONT_RING_ORDER_MAX)
        order = BLKFRONT_RING_ORDER_MAX;
    while (order < BLKFRONT_RING_ORDER_MAX && (uint64_t)1 << (order + 1) <= pages)
        order++;
    return (unsigned)order;
}

/* Make a ring and publish it. */
static void blkfront_offer(struct blkfront *bf)
{
    struct xenbus_device *dev = &bf->xenbus;
    const char *type = xenbus_read_text(dev, XENBUS_OURS, "device-type");
    unsigned order = blkfront_ring_order(bf);
    const char *failed;
    bool was_masked;

    if (type != NULL && strcmp(type, "cdrom") == 0) {
        xenbus_break(dev, "a CD-ROM: only disks are supported");
        return;
    }
    if (bf->state == BLKFRONT_OFFERED)
        return;
    was_masked = spin_lock(&bf->lock);
    blkfront_disconnect(bf);
    blkfront_rewind(bf);
    failed = blkfront_make_ring(bf, order);
    bf->state = failed == NULL ? BLKFRONT_OFFERED : BLKFRONT_DEAD;
    blkfront_leave(bf, was_masked);
    if (failed != NULL) {
        xenbus_break(dev, failed);
        return;
    }

    if (bf->ring.pages == 1) {
        xenbus_put(dev, "ring-ref", "%u", bf->ring.gref[0]);
    }
    if (bf->ring.pages > 1 || bf->was_large) { /* what is published once can only be changed */
        bf->was_large = true;
        for (unsigned i = 0; i < bf->ring.pages; i++) {
            char key[16];

            log_format(key, sizeof(key), "ring-ref%u", i);
            xenbus_put(dev, key, "%u", bf->ring.gref[i]);
        }
        xenbus_put(dev, "ring-page-order", "%u", (unsigned)__builtin_ctz(bf->ring.pages));
        xenbus_put(dev, "num-ring-pages", "%u", bf->ring.pages);
    }
    xenbus_put(dev, "event-channel", "%u", bf->port);
    xenbus_put(dev, "protocol", "%s", XEN_IO_PROTO_ABI_NATIVE);
    xenbus_put(dev, "feature-persistent", "1");
    if (blkfront_option(bf, "multi-queue-max-queues", UINT32_MAX, 0) > 0)
        xenbus_put(dev, "multi-queue-num-queues", "1");
    xenbus_publish(dev, XenbusStateInitialised);
}

static unsigned blkfront_pool_size(void)
{
    struct pages_stats stats;

    pages_get_stats(&stats);
    size_t size = stats.total / BLKFRONT_POOL_SHARE;
    if (size < BLKFRONT_POOL_MIN)
        size = BLKFRONT_POOL_MIN;
    return (unsigned)(size < BLKFRONT_POOL_MAX ? size : BLKFRONT_POOL_MAX);
}

/* So many pages at hand, or it is not worth beginning. */
static bool blkfront_stock(struct iobuf_pool *pool)
{
    struct iobuf *held = NULL, *buf;
    unsigned n = 0;

    for (; n < BLKFRONT_POOL_STOCK && (buf = iobuf_get(pool)) != NULL; n++) {
        buf->next = held;
        held = buf;
    }
    while ((buf = held) != NULL) {
        held = buf->next;
        iobuf_put(buf);
    }
    return n == BLKFRONT_POOL_STOCK;
}

static bool blkfront_make_ios(struct blkfront *bf)
{
    for (uint32_t i = 0; i < bf->ring.nr_ents; i += BLKFRONT_IO_PER_PAGE) {
        struct blkfront_io **page = &bf->ios[i / BLKFRONT_IO_PER_PAGE];

        *page = pages_get_zeroed();
        if (*page == NULL)
            return false;
    }
    bf->unused = NULL;
    for (uint32_t i = bf->ring.nr_ents; i-- > 0;) {
        struct blkfront_io *io = blkfront_io_at(bf, i);

        io->id = (uint16_t)i;
        io->next = bf->unused;
        bf->unused = io;
    }
    return true;
}

/* Ring, port, buffers. NULL, or what could not be had; blkfront_disconnect() undoes all of it. */
static const char *blkfront_make_ring(struct blkfront *bf, unsigned order)
{
    domid_t peer = bf->xenbus.peer;

    /* Pages that lie side by side may be used up: then one has to do. */
    if (ring_create(&bf->ring, peer, order, sizeof(union blkif_sring_entry)) != 0 &&
        ring_create(&bf->ring, peer, 0, sizeof(union blkif_sring_entry)) != 0)
        return "no memory or grants for the ring";
    bf->pool = iobuf_pool_create(peer, GNT_RW, blkfront_pool_size());
    if (bf->pool == NULL || !blkfront_stock(bf->pool) || !blkfront_make_ios(bf)) {
        blkfront_disconnect(bf);
        return "no memory or grants for buffers";
    }
    if (evtchn_alloc_unbound(peer, blkfront_on_event, bf, &bf->port) != 0) {
        blkfront_disconnect(bf);
        return "no event channel";
    }
    return NULL;
}

void blkfront_disconnect(struct blkfront *bf)
{
    if (bf->port != 0)
        evtchn_close(bf->port);
    bf->port = 0;
    for (uint32_t i = 0; i < BLKFRONT_IO_PAGES * BLKFRONT_IO_PER_PAGE; i++) {
        if (bf->ios[i / BLKFRONT_IO_PER_PAGE] != NULL && blkfront_io_at(bf, i)->in_flight)
            blkfront_put_pages(blkfront_io_at(bf, i));
    }
    if (bf->pool != NULL)
        iobuf_pool_close(bf->pool);
    bf->pool = NULL;
    bf->unused = NULL;
    for (unsigned i = 0; i < BLKFRONT_IO_PAGES; i++) {
        if (bf->ios[i] != NULL)
            pages_put(bf->ios[i]);
        bf->ios[i] = NULL;
    }
    ring_destroy(&bf->ring);
}

/* ---- Connected ------------------------------------------------------------------------------ */

/* What the disk is. NULL, or why it cannot be used. */
static const char *blkfront_read_disk(struct blkfront *bf)
{
    struct xenbus_device *dev = &bf->xenbus;
    uint64_t sectors, sector_size, info = blkfront_option(bf, "info", UINT32_MAX, 0);

    if (xenbus_read_uint(dev, XENBUS_THEIRS, "sectors", 0, BLKFRONT_SECTORS_MAX, &sectors) != 0)
        return "no size that makes sense";
    if (xenbus_read_uint(dev, XENBUS_THEIRS, "sector-size", BLOCK_SECTOR, BLKFRONT_SECTOR_SIZE_MAX,
                         &sector_size) != 0 ||
        (sector_size & (sector_size - 1)) != 0)
        return "no sector size that makes sense";
    if (info & VDISK_CDROM)
        return "a CD-ROM: only disks are supported";
    bf->block.sector_size = (unsigned)sector_size;
    bf->block.sectors = sectors - sectors % (sector_size / BLOCK_SECTOR);
    bf->block.read_only = (info & VDISK_READONLY) != 0;
    bf->block.removable = (info & VDISK_REMOVABLE) != 0;
    return NULL;
}

static void blkfront_read_features(struct blkfront *bf)
{
    struct xenbus_device *dev = &bf->xenbus;
    bool flush = xenbus_read_flag(dev, XENBUS_THEIRS, "feature-flush-cache");
    uint64_t segments = blkfront_option(bf, "feature-max-indirect-segments", UINT32_MAX, 0);
    unsigned room = blkfront_pool_size() / 4; /* several requests at once */

    bf->has_barrier = xenbus_read_flag(dev, XENBUS_THEIRS, "feature-barrier");
    bf->use_barrier = bf->has_barrier && !flush;
    bf->block.can_flush = flush || bf->has_barrier;
    bf->block.can_discard = xenbus_read_flag(dev, XENBUS_THEIRS, "feature-discard");

    if (segments > BLKFRONT_SEGMENTS_MAX)
        segments = BLKFRONT_SEGMENTS_MAX;
    if (segments > room)
        segments = room;
    if (segments < BLKIF_MAX_SEGMENTS_PER_REQUEST)
        segments = BLKIF_MAX_SEGMENTS_PER_REQUEST;
    bf->segments = (unsigned)segments;
    bf->block.max_request = bf->segments * PAGE_SIZE;
    bf->block.depth = bf->ring.nr_ents;
}

static void blkfront_report(struct blkfront *bf)
{
    const struct block_device *block = &bf->block;

    boot_stage("%s: %lu MiB%s, sectors of %u, ring of %u, %u segments%s%s%s", block->name,
               (unsigned long)(block->sectors >> 11), block->read_only ? ", read-only" : "",
               block->sector_size, block->depth, bf->segments,
               !block->can_flush ? ""
               : bf->use_barrier ? ", barrier"
                                 : ", flush",
               block->can_discard ? ", discard" : "",
               xenbus_read_flag(&bf->xenbus, XENBUS_THEIRS, "feature-persistent") ? ", persistent"
                                                                                  : "");
}

static void blkfront_tell(struct blkfront *bf)
{
    if (bf->announced && bf->block.changed != NULL)
        bf->block.changed(&bf->block);
}

/* Connected already: only what may change is looked at. */
static void blkfront_look_again(struct blkfront *bf)
{
    uint64_t before = bf->block.sectors;
    unsigned sector_size = bf->block.sector_size;
    bool read_only = bf->block.read_only;
    bool was_masked = spin_lock(&bf->lock);
    const char *failed = blkfront_read_disk(bf);

    if (failed == NULL && bf->block.sector_size != sector_size)
        failed = "another sector size";
    spin_unlock(&bf->lock, was_masked);
    if (failed != NULL) {
        xenbus_break(&bf->xenbus, failed);
        return;
    }
    if (bf->block.sectors == before && bf->block.read_only == read_only)
        return;
    log_line(LOG_INFO, "%s: now %lu sectors%s", bf->block.name, (unsigned long)bf->block.sectors,
             bf->block.read_only ? ", read-only" : "");
    blkfront_tell(bf);
}

static void blkfront_connect(struct blkfront *bf)
{
    const char *failed;
    bool was_masked;

    if (bf->state == BLKFRONT_CONNECTED) {
        blkfront_look_again(bf);
        return;
    }
    if (bf->state == BLKFRONT_DRAINING)
        return;
    failed = bf->state != BLKFRONT_OFFERED ? "the back end connected to nothing" : NULL;
    if (failed == NULL)
        failed = blkfront_read_disk(bf);
    if (failed != NULL) {
        xenbus_break(&bf->xenbus, failed);
        return;
    }
    was_masked = spin_lock(&bf->lock);
    blkfront_read_features(bf);
    bf->block.gone = false;
    bf->state = BLKFRONT_CONNECTED;
    blkfront_leave(bf, was_masked);
    xenbus_publish(&bf->xenbus, XenbusStateConnected);

    blkfront_report(bf);
    if (bf->announced) {
        blkfront_tell(bf);
    } else {
        bf->announced = true;
        block_device_add(&bf->block);
    }
}

/* ---- Closed --------------------------------------------------------------------------------- */

/* The back end wants to go: let it answer what it has, then close. */
static void blkfront_begin_close(struct blkfront *bf)
{
    bool was_masked = spin_lock(&bf->lock);

    if (bf->state == BLKFRONT_CONNECTED) {
        bf->state = BLKFRONT_DRAINING;
        bf->drained = ring_in_flight(&bf->ring) == 0;
    } else if (bf->state != BLKFRONT_DRAINING) {
        bf->drained = true;
    }
    blkfront_leave(bf, was_masked);
}

void blkfront_drained(struct blkfront *bf)
{
    blkfront_die(bf);
    xenbus_publish(&bf->xenbus, XenbusStateClosed);
}

/* No ring any more, and no request that waits for one. */
static void blkfront_die(struct blkfront *bf)
{
    bool was_masked = spin_lock(&bf->lock);
    bool changed = !bf->block.gone;

    bf->state = BLKFRONT_DEAD;
    bf->block.gone = true;
    blkfront_disconnect(bf);
    blkfront_fail_all(bf);
    blkfront_leave(bf, was_masked);
    if (changed)
        blkfront_tell(bf);
}

static void blkfront_gone(struct xenbus_device *dev)
{
    blkfront_die(blkfront_of_xenbus(dev));
}

/* Elsewhere: a new back end's InitWait follows, and with its ring all goes out again. */
static void blkfront_resumed(struct xenbus_device *dev)
{
    struct blkfront *bf = blkfront_of_xenbus(dev);
    bool was_masked = spin_lock(&bf->lock);

    blkfront_disconnect(bf);
    blkfront_rewind(bf);
    bf->state = BLKFRONT_IDLE;
    blkfront_leave(bf, was_masked);
}

static void blkfront_destroy(struct xenbus_device *dev)
{
    struct blkfront *bf = blkfront_of_xenbus(dev);

    if (bf->announced) {
        log_line(LOG_INFO, "%s: unplugged", bf->block.name);
        block_device_remove(&bf->block);
    }
    pages_put(bf);
}
