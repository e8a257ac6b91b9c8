/*
 * block: what a block device is to the rooms above: asynchronous requests on numbered sectors.
 *
 * blkfront implements it for guests; tests implement it over image files. Owns nothing itself. A
 * request belongs to its submitter until done has run, which is in an event handler, or inside
 * submit itself: done never waits. Requests may complete in any order; whoever needs an order waits
 * for one before submitting the next, and BLOCK_FLUSH makes durable only what had completed when it
 * was submitted.
 */
#ifndef DRIVERS_BLOCK_H
#define DRIVERS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_SECTOR 512u /* bytes; the unit of sector numbers, whatever sector_size says */

enum block_op {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH,   /* all writes that have completed survive a loss of power; no pieces */
    BLOCK_DISCARD, /* the sectors' content is needed no more; no pieces */
};

/*
 * Where the data lies: any mapped memory, at any address and of any length but 0. Only the sum of a
 * request's pieces has to be a multiple of sector_size.
 */
struct block_piece {
    void *data;
    size_t len; /* bytes */
};

struct block_request {
    /* The submitter fills these; all of them stay valid until done. */
    enum block_op op;
    uint64_t sector;  /* the first; a multiple of sector_size / BLOCK_SECTOR, and so is sectors */
    uint64_t sectors; /* BLOCK_DISCARD's; for reads and writes the device fills in their sum */
    const struct block_piece *pieces;
    unsigned n; /* pieces */
    /*
     * Runs once: status is 0, -EIO (an error of the device, or it broke or went away), -EROFS,
     * -EOPNOTSUPP (flush or discard that the device does not know) or -EINVAL (outside the device,
     * misaligned).
     */
    void (*done)(struct block_request *request, int status);
    void *arg;
    /* The device's. */
    uint64_t base; /* added to sector: where a partition begins; 0 from block_submit() */
    struct block_request *next;
    void *device_data[6];
};

struct block_device {
    char name[16]; /* "xvda" */
    uint16_t major, minor; /* Linux's number of it, as programs know it; 0, 0: none */
    bool is_partition;     /* the tool stack calls it "xvda1": no partition table is looked for */
    const struct block_ops *ops;

    /* As they stand; sectors may change while the device lives (see changed). */
    uint64_t sectors;     /* capacity */
    unsigned sector_size; /* bytes: 512 or 4096, the least that can be written */
    size_t max_request;   /* bytes in one request that go out as one; longer ones are split */
    unsigned depth;       /* requests of a page that the device takes at once */
    bool read_only;
    bool removable;
    bool can_flush;       /* false: writes are durable when done, or the device cannot promise it */
    bool can_discard;
    bool gone;            /* unplugged or broken: every request ends with -EIO */

    /* Set by the room above, NULL without: sectors, gone or read_only changed. An event handler. */
    void (*changed)(struct block_device *device);
    void *owner; /* the room above's */
    struct block_device *next; /* block.c's */
};

struct block_ops {
    /* Takes any number of requests, never waits, any context; several may be under way. */
    void (*submit)(struct block_device *device, struct block_request *request);
    /*
     * Between these two a device may hold its notifications back, so that a batch costs one. They
     * nest; NULL: not needed.
     */
    void (*batch_begin)(struct block_device *device);
    void (*batch_end)(struct block_device *device);
};

static inline void block_submit(struct block_device *device, struct block_request *request)
{
    request->base = 0;
    device->ops->submit(device, request);
}

/* Around many block_submit(). */
static inline void block_batch_begin(struct block_device *device)
{
    if (device->ops->batch_begin != NULL)
        device->ops->batch_begin(device);
}

static inline void block_batch_end(struct block_device *device)
{
    if (device->ops->batch_end != NULL)
        device->ops->batch_end(device);
}

/*
 * Who hears of devices: at most one listener, told of those that are there already when it sets
 * itself. found and lost run in an event handler or in block_listen(); lost comes after every
 * request has ended, and the structure is gone when it returns.
 */
struct block_listener {
    void (*found)(struct block_device *device);
    void (*lost)(struct block_device *device);
};
void block_listen(const struct block_listener *listener);

/* For drivers; in event handlers, or before the first event. */
void block_device_add(struct block_device *device);
void block_device_remove(struct block_device *device);

#endif
