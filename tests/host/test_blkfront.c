/*
 * blkfront with an honest back end: the handshake, requests of every kind and size, full rings,
 * errors of the disk, changes while it runs, plugging and unplugging. The lies are in
 * test_blkfront_lies.c.
 */
#include "test.h"

#include "blkback.h"

#include <drivers/xenbus.h>
#include <platform/gnttab.h>
#include <platform/memory.h>

#include "../../drivers/ring.h"

static void start(void)
{
    blk_start(0);
}

static void connect(void)
{
    blk_offer();
    blk_accept();
    CHECK_EQ(blk_front_state(), XenbusStateConnected);
    CHECK_EQ(blk.found, 1);
}

static void start_connected(void)
{
    start();
    connect();
}

/* Memory enough for requests of 1 MiB. */
static void start_large(void)
{
    blk_start(16384);
    blk.ring_order = "4";
    blk.max_segments = "256";
    connect();
}

/* What lies on the disk there is what blk_fill() made of seed. */
static bool disk_has(uint64_t sector, size_t len, unsigned seed)
{
    static unsigned char all[BLK_SECTORS * 512];

    blk_fill(all, len, seed);
    return memcmp(blk.disk + sector * 512, all, len) == 0;
}

static bool io_has(const struct blk_io *io, unsigned seed)
{
    static unsigned char all[BLK_SECTORS * 512];

    blk_fill(all, io->len, seed);
    return memcmp(io->data, all, io->len) == 0;
}

/* ---- the handshake -------------------------------------------------------------------------- */

TEST(a_disk_connects_and_is_announced_with_what_it_is)
{
    start_connected();
    CHECK_STR(blk.device->name, "xvda");
    CHECK_EQ(blk.device->major, 202);
    CHECK_EQ(blk.device->minor, 0);
    CHECK_EQ(blk.device->sectors, 8192);
    CHECK_EQ(blk.device->sector_size, 512);
    CHECK_EQ(blk.device->depth, 32);
    CHECK_EQ(blk.device->max_request, 11 * 4096);
    CHECK(blk.device->can_flush && !blk.device->can_discard);
    CHECK(!blk.device->read_only && !blk.device->gone && !blk.device->is_partition);
    CHECK(fakedevice_front("vbd", BLK_ID, "ring-ref") != NULL);
    CHECK_STR(fakedevice_front("vbd", BLK_ID, "feature-persistent"), "1");
    CHECK(fakedevice_front("vbd", BLK_ID, "multi-queue-num-queues") == NULL);
    blk_unplug();
    CHECK_EQ(blk.lost, 1);
}

TEST(several_ring_pages_and_one_of_several_queues_are_used_when_offered)
{
    start();
    blk.ring_order = "4";
    blk.queues = true;
    blk.max_segments = "256";
    connect();
    CHECK_EQ(blk.pages, 4);
    CHECK_EQ(blk.nr_ents, 128);
    CHECK_EQ(blk.device->depth, 128);
    CHECK(fakedevice_front("vbd", BLK_ID, "ring-ref") == NULL);
    CHECK_STR(fakedevice_front("vbd", BLK_ID, "multi-queue-num-queues"), "1");
    blk_write(0, 64, 3);
    CHECK_EQ(blk_serve(), 1);
    CHECK(disk_has(0, 64 * 512, 3));
    blk_unplug();
}

TEST(a_ring_order_of_one_makes_two_pages)
{
    start();
    blk.ring_order = "1";
    connect();
    CHECK_EQ(blk.pages, 2);
    CHECK_EQ(blk.device->depth, 64);
    blk_unplug();
}

TEST(virtual_device_numbers_have_the_names_that_xl_gave_them)
{
    static const struct {
        uint64_t number;
        const char *name;
        unsigned major, minor;
    } known[] = {
        { 51712, "xvda", 202, 0 },
        { 51713, "xvda1", 202, 1 },
        { 51728, "xvdb", 202, 16 },
        { 51712 + 15 * 16, "xvdp", 202, 240 },
        { (1u << 28) + (16 << 8), "xvdq", 0, 0 },
        { (1u << 28) + (26 << 8), "xvdaa", 0, 0 },
        { (1u << 28) + (27 << 8) + 3, "xvdab3", 0, 0 },
        { 768, "hda", 3, 0 },
        { 832, "hdb", 3, 64 },
        { 5632, "hdc", 22, 0 },
        { 5696, "hdd", 22, 64 },
        { 769, "hda1", 3, 1 },
        { 2048, "sda", 8, 0 },
        { 2048 + 33, "sdc1", 8, 33 },
    };
    struct blkfront_name name;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        CHECK_EQ(blkfront_name(known[i].number, &name), 0);
        CHECK_STR(name.text, known[i].name);
        CHECK_EQ(name.major, known[i].major);
        CHECK_EQ(name.minor, known[i].minor);
    }
    CHECK_EQ(blkfront_name(0, &name), -EINVAL);
    CHECK_EQ(blkfront_name(768 + 128, &name), -EINVAL);
    CHECK_EQ(blkfront_name(1u << 29, &name), -EINVAL);
    CHECK_EQ(blkfront_name((1u << 29) - 1, &name), 0);
    CHECK_EQ(blkfront_name(UINT64_MAX, &name), -EINVAL);
}

TEST(a_cdrom_is_refused_in_words)
{
    start();
    blk.type = "cdrom";
    blk_offer();
    CHECK_EQ(blk.found, 0);
    CHECK_EQ(blk_logged("a CD-ROM: only disks are supported"), 1);
    CHECK_EQ(blk_front_state(), XenbusStateClosed);
    fakedevice_remove("vbd", blk.id);
    fakexen_run();
}

TEST(a_cdrom_that_shows_itself_only_when_connected_is_refused_too)
{
    start();
    blk.info = "1";
    blk_offer();
    blk_accept();
    CHECK_EQ(blk.found, 0);
    CHECK_EQ(blk_logged("a CD-ROM"), 1);
    blk_unmap();
    fakedevice_remove("vbd", blk.id);
    fakexen_run();
}

TEST(a_read_only_disk_reads_and_refuses_to_write)
{
    start();
    blk.info = "4";
    connect();
    CHECK(blk.device->read_only);
    struct blk_io *write = blk_write(0, 8, 1), *discard = blk_discard(0, 8), *read = blk_read(0, 8);
    CHECK_EQ(write->status, -EROFS);
    CHECK_EQ(discard->status, -EROFS);
    CHECK_EQ(blk_serve(), 1);
    CHECK_EQ(read->status, 0);
    blk_unplug();
}

/* ---- transfers ------------------------------------------------------------------------------ */

TEST(what_was_written_is_read_again)
{
    start_connected();
    struct blk_io *write = blk_write(100, 8, 7);
    CHECK_EQ(write->done, 0);
    CHECK_EQ(blk_serve(), 1);
    CHECK_EQ(write->status, 0);
    CHECK(disk_has(100, 4096, 7));
    struct blk_io *read = blk_read(100, 8);
    CHECK_EQ(blk_serve(), 1);
    CHECK_EQ(read->status, 0);
    CHECK(io_has(read, 7));
    blk_unplug();
}

TEST(one_sector_is_one_sector)
{
    start_connected();
    memset(blk.disk, 0xee, sizeof(blk.disk));
    blk_write(11, 1, 9);
    blk_serve();
    CHECK(disk_has(11, 512, 9));
    CHECK_EQ(blk.disk[11 * 512 - 1], 0xee);
    CHECK_EQ(blk.disk[12 * 512], 0xee);
    blk_unplug();
}

/* Longer than a request may be: several requests, one end. */
TEST(a_long_transfer_is_split)
{
    start_connected();
    struct blk_io *write = blk_write(1, 1001, 5);
    CHECK_EQ(blk_pending(), 12); /* of 88 sectors each */
    CHECK_EQ(blk_serve_some(11), 11);
    CHECK_EQ(write->done, 0);
    CHECK_EQ(blk_serve(), 1);
    CHECK_EQ(write->status, 0);
    CHECK(disk_has(1, 1001 * 512, 5));
    struct blk_io *read = blk_read(1, 1001);
    blk_serve();
    CHECK(io_has(read, 5));
    blk_unplug();
}

TEST(indirect_requests_carry_what_the_back_end_allows)
{
    start();
    blk.ring_order = "2";
    blk.max_segments = "32";
    connect();
    CHECK_EQ(blk.device->max_request, 32 * 4096);
    struct blk_io *write = blk_write(8, 3 * 256 + 100, 5);
    CHECK_EQ(blk_pending(), 4);
    CHECK_EQ(blk_serve(), 4);
    CHECK_EQ(blk.largest, 32);
    CHECK_EQ(write->status, 0);
    CHECK(disk_has(8, write->len, 5));
    struct blk_io *read = blk_read(8, 3 * 256 + 100);
    blk_serve();
    CHECK(io_has(read, 5));
    blk_unplug();
}

TEST(pieces_of_any_length_and_address_make_one_request)
{
    start_connected();
    struct blk_io *io = blk_io_new(BLOCK_WRITE, 3, 8192);
    blk_fill(io->data, io->len, 77);
    io->pieces[0] = (struct block_piece){ io->data, 1 };
    io->pieces[1] = (struct block_piece){ io->data + 1, 4099 };
    io->pieces[2] = (struct block_piece){ io->data + 4100, 8192 - 4100 };
    io->request.n = 3;
    blk_submit(io);
    CHECK_EQ(io->request.sectors, 16);
    CHECK_EQ(blk_serve(), 1);
    CHECK(disk_has(3, 8192, 77));

    struct blk_io *back = blk_io_new(BLOCK_READ, 3, 8192);
    memcpy(back->pieces, io->pieces, sizeof(back->pieces));
    for (int i = 0; i < 3; i++)
        back->pieces[i].data = back->data + ((unsigned char *)io->pieces[i].data - io->data);
    back->request.n = 3;
    blk_submit(back);
    CHECK_EQ(blk_serve(), 1);
    CHECK(io_has(back, 77));
    blk_unplug();
}

TEST(what_cannot_be_is_refused_at_once)
{
    start();
    blk.sector_size = "4096";
    connect();
    CHECK_EQ(blk.device->sector_size, 4096);
    CHECK_EQ(blk_read(8190, 8)->status, -EINVAL);
    CHECK_EQ(blk_read(4, 8)->status, -EINVAL);
    CHECK_EQ(blk_read(8, 7)->status, -EINVAL);
    CHECK_EQ(blk_read(8192, 8)->status, -EINVAL);
    CHECK_EQ(blk_read(UINT64_MAX - 7, 8)->status, -EINVAL);
    CHECK_EQ(blk_discard(0, 8193)->status, -EINVAL);
    CHECK_EQ(blk_discard(8, UINT64_MAX - 7)->status, -EINVAL);
    struct blk_io *none = blk_io_new(BLOCK_READ, 0, 0);
    blk_submit(none);
    CHECK_EQ(none->status, 0);
    struct blk_io *odd = blk_io_new((enum block_op)77, 0, 4096);
    blk_submit(odd);
    CHECK_EQ(odd->status, -EINVAL);
    CHECK_EQ(blk_pending(), 0);
    struct blk_io *good = blk_read(8184, 8);
    CHECK_EQ(blk_serve(), 1);
    CHECK_EQ(good->status, 0);
    blk_unplug();
}

TEST(a_partition_s_base_is_added)
{
    start_connected();
    struct blk_io *io = blk_io_new(BLOCK_WRITE, 5, 512);
    blk_fill(io->data, 512, 3);
    io->request.base = 1000;
    blk.device->ops->submit(blk.device, &io->request);
    blk_serve();
    CHECK(disk_has(1005, 512, 3));
    io = blk_io_new(BLOCK_WRITE, 8191, 512);
    io->request.base = 1;
    blk.device->ops->submit(blk.device, &io->request);
    CHECK_EQ(io->status, -EINVAL);
    io = blk_io_new(BLOCK_WRITE, 5, 512);
    io->request.base = UINT64_MAX - 2;
    blk.device->ops->submit(blk.device, &io->request);
    CHECK_EQ(io->status, -EINVAL);
    blk_unplug();
}

/* ---- queues --------------------------------------------------------------------------------- */

TEST(a_full_ring_holds_requests_back_and_answers_let_them_go)
{
    start_connected();
    for (unsigned i = 0; i < 100; i++)
        blk_write(i * 16, 8, i);
    CHECK_EQ(blk_pending(), 32);
    CHECK_EQ(blk_serve_some(5), 5);
    CHECK_EQ(blk.ended, 5);
    CHECK_EQ(blk_pending(), 32);
    CHECK_EQ(blk_serve(), 95);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(blk.io[i].status, 0);
        CHECK(disk_has(i * 16, 4096, i));
    }
    blk_unplug();
}

TEST(answers_come_in_any_order)
{
    static struct blk_req req[16];

    start_connected();
    for (unsigned i = 0; i < 512 * 16; i++)
        blk.disk[i * 512] = (unsigned char)i;
    for (unsigned i = 0; i < 16; i++)
        blk_read(i * 32, 1);
    for (unsigned i = 0; i < 16; i++)
        CHECK(blk_take(&req[i]));
    for (unsigned i = 16; i-- > 0;) {
        CHECK_EQ(blk_do(&req[i]), 0);
        blk_answer(req[i].id, req[i].operation, 0);
        blk_push();
        CHECK_EQ(blk.io[i].done, 1);
        CHECK_EQ(blk.io[i].data[0], (i * 32) & 0xff);
    }
    blk_unplug();
}

TEST(the_indices_wrap)
{
    start();
    ring_first_index = UINT32_MAX - 40;
    connect();
    for (unsigned i = 0; i < 200; i++) {
        blk_write(i * 8, 8, i);
        if (i % 3 == 2)
            blk_serve();
    }
    blk_serve();
    CHECK_EQ(blk.ended, 200);
    for (unsigned i = 0; i < 200; i++)
        CHECK(disk_has(i * 8, 4096, i));
    blk_unplug();
}

TEST(a_batch_is_one_notification_and_neighbours_go_out_together)
{
    start_large();
    unsigned before = fakexen_notified(blk.port);
    block_batch_begin(blk.device);
    block_batch_begin(blk.device);
    for (unsigned i = 0; i < 40; i++)
        blk_write(i * 8, 8, i);
    block_batch_end(blk.device);
    CHECK_EQ(blk_pending(), 0);
    block_batch_end(blk.device);
    CHECK_EQ(blk_pending(), 1); /* 40 adjacent pages in one indirect request */
    CHECK_EQ(fakexen_notified(blk.port), before + 1);
    CHECK_EQ(blk_serve(), 1);
    for (unsigned i = 0; i < 40; i++) {
        CHECK_EQ(blk.io[i].status, 0);
        CHECK(disk_has(i * 8, 4096, i));
    }
    /* Merged requests may be of different lengths, and the limit may lie within one. */
    block_batch_begin(blk.device);
    uint64_t at = 1000;
    for (unsigned i = 0; i < 9; i++) {
        blk_read(at, 100 * (i + 1));
        at += 100 * (i + 1);
    }
    block_batch_end(blk.device);
    for (unsigned i = 0; i < sizeof(blk.disk); i++)
        blk.disk[i] = (unsigned char)(i * 31 + i / 4096);
    CHECK_EQ(blk_pending(), 3); /* 4500 sectors, 2048 in each */
    blk_serve();
    at = 1000;
    for (unsigned i = 0; i < 9; i++) {
        CHECK_EQ(blk.io[40 + i].status, 0);
        CHECK(memcmp(blk.io[40 + i].data, blk.disk + at * 512, blk.io[40 + i].len) == 0);
        at += 100 * (i + 1);
    }
    blk_unplug();
}

TEST(what_is_not_adjacent_or_of_another_kind_is_not_merged)
{
    start_large();
    block_batch_begin(blk.device);
    blk_write(0, 8, 1);
    blk_read(8, 8);
    blk_read(17, 8);
    blk_flush();
    blk_read(25, 8);
    blk_read(33, 8);
    block_batch_end(blk.device);
    CHECK_EQ(blk_pending(), 5);
    blk_serve();
    CHECK_EQ(blk.ended, 6);
    blk_unplug();
}

/* The notification is left out while the back end has not yet come to look. */
TEST(requests_behind_others_need_no_notification)
{
    start_connected();
    unsigned before = fakexen_notified(blk.port);
    blk_read(0, 8);
    blk_read(100, 8);
    blk_read(200, 8);
    CHECK_EQ(fakexen_notified(blk.port), before + 1);
    blk_serve();
    blk_unplug();
}

static void resubmit(struct blk_io *io)
{
    if (blk.n_ios < 300)
        blk_read((blk.n_ios * 8) % 4096, 8);
    (void)io;
}

TEST(done_may_submit_more)
{
    start_connected();
    blk.on_end = resubmit;
    for (unsigned i = 0; i < 20; i++)
        blk_read(i * 16, 8);
    blk_serve();
    CHECK_EQ(blk.n_ios, 300);
    CHECK_EQ(blk.ended, 300);
    blk_unplug();
}

/*
 * 2048 pages of memory, a sixteenth of them for buffers: a request has to wait for others' pages.
 */
TEST(transfers_larger_than_all_buffers_go_through)
{
    start();
    blk.ring_order = "4";
    blk.max_segments = "256";
    connect();
    CHECK_EQ(blk.device->max_request, 32 * 4096);
    blk_write(0, 4000, 1);
    blk_write(4000, 4000, 2);
    blk_serve();
    CHECK_EQ(blk.ended, 2);
    CHECK(disk_has(0, 4000 * 512, 1) && disk_has(4000, 4000 * 512, 2));
    blk_unplug();
}

/* ---- flush and discard ---------------------------------------------------------------------- */

TEST(a_flush_reaches_the_back_end)
{
    start_connected();
    struct blk_io *io = blk_flush();
    CHECK_EQ(io->done, 0);
    blk_serve();
    CHECK_EQ(io->status, 0);
    CHECK_EQ(blk.flushes, 1);
    blk_unplug();
}

TEST(a_barrier_stands_in_for_a_flush)
{
    start();
    blk.flush = false;
    blk.barrier = true;
    connect();
    CHECK(blk.device->can_flush);
    struct blk_io *io = blk_flush();
    blk_serve();
    CHECK_EQ(io->status, 0);
    CHECK_EQ(blk.barriers, 1);
    blk_unplug();
}

TEST(a_flush_that_is_not_supported_after_all_becomes_a_barrier)
{
    start();
    blk.barrier = true;
    blk.flush_status = BLKIF_RSP_EOPNOTSUPP;
    connect();
    struct blk_io *io = blk_flush(), *second = blk_flush();
    blk_serve();
    CHECK_EQ(io->status, 0);
    CHECK_EQ(second->status, 0);
    CHECK_EQ(blk.barriers, 2);
    blk_flush();
    blk_serve();
    CHECK_EQ(blk.flushes, 2);
    CHECK_EQ(blk.barriers, 3);
    blk_unplug();
}

TEST(without_either_each_flush_says_so_and_the_log_once)
{
    start();
    blk.flush_status = BLKIF_RSP_EOPNOTSUPP;
    connect();
    struct blk_io *io = blk_flush();
    blk_serve();
    CHECK_EQ(io->status, -EOPNOTSUPP);
    CHECK(!blk.device->can_flush);
    CHECK_EQ(blk_flush()->status, -EOPNOTSUPP);
    CHECK_EQ(blk_flush()->status, -EOPNOTSUPP);
    CHECK_EQ(blk_logged("cannot flush"), 1);
    blk_write(0, 8, 1);
    CHECK_EQ(blk_serve(), 1);
    blk_unplug();
}

TEST(discard_goes_out_when_it_is_offered)
{
    start();
    blk.discard = true;
    connect();
    memset(blk.disk, 1, sizeof(blk.disk));
    struct blk_io *io = blk_discard(8, 4000);
    blk_serve();
    CHECK_EQ(io->status, 0);
    CHECK(blk.disk[8 * 512 - 1] == 1 && blk.disk[8 * 512] == 0);
    CHECK(blk.disk[4008 * 512 - 1] == 0 && blk.disk[4008 * 512] == 1);
    blk.discard = false; /* the disk below changed its mind */
    io = blk_discard(8, 8);
    blk_serve();
    CHECK_EQ(io->status, -EOPNOTSUPP);
    CHECK_EQ(blk_discard(8, 8)->status, -EOPNOTSUPP);
    CHECK_EQ(blk.discards, 2);
    blk_unplug();
}

/* ---- errors --------------------------------------------------------------------------------- */

TEST(an_error_hurts_only_its_request)
{
    start_connected();
    struct blk_io *good = blk_read(0, 8), *bad = blk_read(100, 300), *other = blk_write(1000, 8, 4);
    blk_serve_some(1);
    blk.fail = 1;
    blk_serve();
    CHECK_EQ(good->status, 0);
    CHECK_EQ(bad->status, -EIO);
    CHECK_EQ(other->status, 0);
    CHECK(!blk.device->gone);
    CHECK_EQ(blk_logged("broken"), 0);
    bad = blk_read(100, 300);
    blk_serve();
    CHECK_EQ(bad->status, 0);
    blk_unplug();
}

TEST(an_error_of_a_merged_request_is_every_one_s)
{
    start_large();
    block_batch_begin(blk.device);
    for (unsigned i = 0; i < 4; i++)
        blk_write(i * 8, 8, i);
    block_batch_end(blk.device);
    blk.fail = 1;
    blk_serve();
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(blk.io[i].status, -EIO);
    blk_unplug();
}

/* ---- changes -------------------------------------------------------------------------------- */

TEST(a_new_size_is_seen)
{
    start();
    blk.sectors = "4096";
    connect();
    CHECK_EQ(blk_read(4096, 8)->status, -EINVAL);
    blk.sectors = "8192";
    blk_set_disk();
    CHECK_EQ(blk.device->sectors, 8192);
    CHECK_EQ(blk.changed, 1);
    struct blk_io *io = blk_read(4096, 8);
    blk_serve();
    CHECK_EQ(io->status, 0);
    blk_set_disk(); /* nothing new */
    CHECK_EQ(blk.changed, 1);
    blk_unplug();
}

/* What was in flight is answered before the guest lets go; what comes later ends with EIO. */
TEST(unplugging_lets_what_is_in_flight_end)
{
    start_connected();
    for (unsigned i = 0; i < 40; i++)
        blk_write(i * 16, 8, i);
    blk_state(XenbusStateClosing);
    CHECK_EQ(blk_front_state(), XenbusStateConnected);
    struct blk_io *late = blk_read(0, 8);
    CHECK_EQ(late->done, 0);
    CHECK_EQ(blk_serve(), 32);
    fakexen_run();
    CHECK_EQ(blk_front_state(), XenbusStateClosed);
    for (unsigned i = 0; i < 32; i++)
        CHECK_EQ(blk.io[i].status, 0);
    for (unsigned i = 32; i < 41; i++)
        CHECK_EQ(blk.io[i].status, -EIO);
    CHECK(blk.device->gone);
    CHECK_EQ(blk_read(0, 8)->status, -EIO);
    blk_unplug();
}

TEST(a_directory_that_vanishes_ends_everything)
{
    start_connected();
    struct blk_io *io = blk_write(0, 8, 1), *second = blk_write(100, 800, 1);
    blk_unmap();
    fakedevice_remove("vbd", blk.id);
    fakexen_run();
    CHECK_EQ(blk.lost, 1);
    CHECK_EQ(io->status, -EIO);
    CHECK_EQ(second->status, -EIO);
    free(io->data);
    free(second->data);
}

TEST(a_disk_comes_while_the_guest_runs_and_another_after_it)
{
    start_connected();
    blk_unplug();
    blk.n_ios = blk.ended = 0;
    blk.id = 51728;
    blk_offer();
    blk_accept();
    CHECK_EQ(blk.found, 2);
    CHECK_STR(blk.device->name, "xvdb");
    struct blk_io *io = blk_read(0, 8);
    blk_serve();
    CHECK_EQ(io->status, 0);
    blk_unplug();
}

/*
 * The back end ended and came back: a new ring, and whatever had not been answered goes out once
 * more.
 */
TEST(after_a_resume_what_was_in_flight_is_sent_again)
{
    start_connected();
    for (unsigned i = 0; i < 50; i++)
        blk_write(i * 100, 100, i); /* two requests each: the last ones wait */
    CHECK_EQ(blk_serve_some(7), 7);
    CHECK_EQ(blk.ended, 3);
    memset(blk.disk, 0, sizeof(blk.disk)); /* but for what was acknowledged, it may have lost all */
    blk_unmap();
    fakedevice_set_front("vbd", blk.id, "state", "1");
    fakedevice_set("vbd", blk.id, "state", "2");
    xenbus_resume();
    fakexen_run();
    CHECK_EQ(blk_front_state(), XenbusStateInitialised);
    CHECK(!blk.device->gone);
    blk_accept();
    CHECK_EQ(blk_front_state(), XenbusStateConnected);
    CHECK_EQ(blk.found, 1);
    blk_serve();
    CHECK_EQ(blk.ended, 50);
    for (unsigned i = 0; i < 50; i++)
        CHECK_EQ(blk.io[i].status, 0);
    for (unsigned i = 3; i < 50; i++)
        CHECK(disk_has(i * 100, 100 * 512, i));
    blk_unplug();
}

/*
 * A back end that keeps the pages it has seen: they are used again, and given back when it lets go.
 */
TEST(persistent_pages_are_used_again)
{
    struct gnttab_stats before, after;

    start();
    blk.persistent = true;
    connect();
    blk_write(0, 8, 1);
    blk_serve();
    gnttab_get_stats(&before);
    for (unsigned i = 0; i < 100; i++) {
        blk_write(i, 8, i);
        blk_serve();
    }
    gnttab_get_stats(&after);
    CHECK_EQ(after.in_use, before.in_use);
    blk_unplug();
}
