/*
 * A disk's back end as an enemy: any bytes on the ring and in xenstore, any state at any time,
 * between requests of the room above. Every request ends exactly once and before the disk is lost;
 * answers that were honest all the time mean the right data; nothing is left when the directory is
 * gone.
 */
#include "fuzz.h"

#include "../host/blkback.h"

#include <platform/memory.h>
#include <runtime/pages.h>

#include "../../drivers/iobuf.h"

static bool lied;
static struct blk_req taken[BLK_TAKEN];
static unsigned n_taken;

static const char *const keys[] = {
    "sectors",
    "sector-size",
    "info",
    "feature-flush-cache",
    "feature-barrier",
    "feature-discard",
    "feature-max-indirect-segments",
    "max-ring-page-order",
    "max-ring-pages",
    "feature-persistent",
    "multi-queue-max-queues",
};

static const char *const values[] = {
    "0",    "1",    "2",     "3",          "4",          "8",
    "11",   "12",   "64",    "256",        "512",        "1024",
    "4096", "8192", "65536", "4294967295", "4294967296", "18446744073709551615",
    "-1",   "",     "x",     "512 ",
};

/* ---- the room above -------------------------------------------------------------------------- */

static void submit(struct fuzz_input *input)
{
    enum block_op op = (enum block_op)(fuzz_byte(input) % 5);
    uint64_t sector = fuzz_u16(input) % 0x2100;
    size_t len = (fuzz_u16(input) % 600) * 512;

    if (blk.device == NULL || blk.n_ios >= BLK_IOS - 2)
        return;
    if (op >= BLOCK_FLUSH)
        len = 0;
    struct blk_io *io = blk_io_new(op, sector, len);
    io->request.sectors = fuzz_u16(input);
    if (len > 0 && fuzz_byte(input) & 1) { /* in two pieces */
        size_t cut = 1 + fuzz_u16(input) % (len - 1);

        io->pieces[0].len = cut;
        io->pieces[1] = (struct block_piece){ io->data + cut, len - cut };
        io->request.n = 2;
    }
    if (len > 0)
        memset(io->data, 0x77, len);
    blk_submit(io);
}

/* ---- the back end ---------------------------------------------------------------------------- */

static void connect(struct fuzz_input *input)
{
    if (blk.sring != NULL || blk_front_state() != XenbusStateInitialised)
        return;
    blk_map();
    n_taken = 0;
    blk.persistent = fuzz_byte(input) & 1;
    blk_set_disk();
}

/* The ring may have been given up by the guest: then it is only memory that nobody looks at. */
static bool alive(void)
{
    const char *key = blk.pages > 1 ? "ring-ref0" : "ring-ref";

    return blk.sring != NULL && fakexen_port_open(blk.port) && blk.device != NULL &&
           !blk.device->gone && blk_front_state() == XenbusStateConnected &&
           fakedevice_front_uint("vbd", BLK_ID, key) == blk.gref[0];
}

static void serve(struct fuzz_input *input)
{
    unsigned n = fuzz_byte(input) % 40;

    if (!alive() || lied)
        return;
    while (n-- > 0 && n_taken < BLK_TAKEN && blk_pending() > 0 && blk_take(&taken[n_taken]))
        n_taken++;
    n = fuzz_byte(input) % 40;
    while (n-- > 0 && n_taken > 0) { /* in any order */
        unsigned i = fuzz_byte(input) % n_taken;
        int16_t status = blk_do(&taken[i]);

        blk_answer(taken[i].id, taken[i].operation, status);
        taken[i] = taken[--n_taken];
    }
    blk_push();
}

static void lie(struct fuzz_input *input)
{
    if (!alive())
        return;
    lied = true;
    switch (fuzz_byte(input) % 5) {
    case 0:
        blk_answer(fuzz_byte(input), fuzz_byte(input) % 8, (int16_t)(fuzz_byte(input) % 4 - 3));
        break;
    case 1:
        blk.rsp_prod += fuzz_u32(input);
        break;
    case 2:
        for (unsigned i = 0; i < 64; i++)
            blk.page[0][fuzz_u16(input) % (blk.pages * 4096)] = fuzz_byte(input);
        break;
    case 3:
        blk_answer((uint64_t)fuzz_u32(input) << 32 | fuzz_u32(input), fuzz_byte(input), 0);
        break;
    default:
        blk.rsp_prod -= fuzz_byte(input);
    }
    if (fuzz_byte(input) & 1)
        blk_push();
}

static void change(struct fuzz_input *input)
{
    const char *key = keys[fuzz_byte(input) % (sizeof(keys) / sizeof(keys[0]))];
    const char *value = values[fuzz_byte(input) % (sizeof(values) / sizeof(values[0]))];

    if (fakedevice_front("vbd", BLK_ID, "state") == NULL)
        return;
    lied = true;
    fakedevice_set("vbd", BLK_ID, key, fuzz_byte(input) & 1 ? value : NULL);
}

static void state(struct fuzz_input *input)
{
    if (fakedevice_front("vbd", BLK_ID, "state") == NULL)
        return;
    blk_state((enum xenbus_state)(fuzz_byte(input) % 9));
}

static void forget_ring(void)
{
    if (blk.sring != NULL)
        blk_unmap();
    n_taken = 0;
}

static void plug(struct fuzz_input *input)
{
    static const char *const orders[] = { NULL, "0", "1", "2", "4", "99", "x" };
    static const char *const segments[] = { NULL, "0", "11", "12", "32", "256", "1000000" };

    if (fakedevice_front("vbd", BLK_ID, "state") != NULL)
        return;
    lied = false;
    blk.ring_order = orders[fuzz_byte(input) % 7];
    blk.max_segments = segments[fuzz_byte(input) % 7];
    blk.flush = fuzz_byte(input) & 1;
    blk.barrier = fuzz_byte(input) & 1;
    blk.discard = fuzz_byte(input) & 1;
    blk.flush_status = blk.barrier && fuzz_byte(input) & 1 ? BLKIF_RSP_EOPNOTSUPP : 0;
    blk_offer();
}

static void unplug(void)
{
    forget_ring();
    if (fakedevice_front("vbd", BLK_ID, "state") != NULL)
        fakedevice_remove("vbd", BLK_ID);
    fakexen_run();
    FUZZ_CHECK(blk.found == blk.lost && blk.ended == blk.n_ios);
    for (unsigned i = 0; i < blk.n_ios; i++)
        free(blk.io[i].data);
    blk.n_ios = blk.ended = 0;
}

static void step(struct fuzz_input *input)
{
    switch (fuzz_byte(input) % 16) {
    case 0:
        unplug();
        break;
    case 1:
        plug(input);
        break;
    case 2:
        state(input);
        break;
    case 3:
        change(input);
        break;
    case 4:
        lie(input);
        break;
    case 5:
        if (blk.device != NULL)
            block_batch_begin(blk.device);
        submit(input);
        submit(input);
        submit(input);
        if (blk.device != NULL)
            block_batch_end(blk.device);
        break;
    case 6:
        if (blk.sring != NULL && fakexen_port_open(blk.port))
            fakexen_raise(blk.port);
        break;
    case 7:
        forget_ring();
        break;
    case 8:
    case 9:
        connect(input);
        break;
    case 10:
    case 11:
    case 12:
        serve(input);
        break;
    default:
        submit(input);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, data + size };
    static bool started;

    if (!started) {
        blk_start(65536);
        while (memory_reach(pages_get_for_table) == 0) /* so that no page table is made later */
            continue;
        fakexen_mark_clean();
        started = true;
    }
    lied = false;
    plug(&input);
    if (blk_front_state() == XenbusStateInitialised)
        connect(&input);
    while (fuzz_more(&input))
        step(&input);
    unplug();
    iobuf_retry();
    FUZZ_CHECK(iobuf_retired() == 0);
    fakexen_check_clean();
    return 0;
}
