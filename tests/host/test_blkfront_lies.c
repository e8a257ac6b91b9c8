/*
 * blkfront against a back end that lies. Whatever it does: one line in the log, the device is
 * broken, every request ends once with EIO, nothing but the ring's own indices is believed, and all
 * comes back at the end.
 */
#include "test.h"

#include "blkback.h"

#include <drivers/xenbus.h>
#include <platform/gnttab.h>
#include <platform/memory.h>
#include <runtime/pages.h>

#include "../../drivers/iobuf.h"

static struct blk_req req;

static void start_connected(void)
{
    blk_start(0);
    blk_offer();
    blk_accept();
    CHECK_EQ(blk.found, 1);
}

static void finish(void)
{
    if (blk.sring != NULL)
        blk_unmap();
    blk_state(XenbusStateClosed);
    fakedevice_remove("vbd", blk.id);
    fakexen_run();
    iobuf_retry();
    CHECK_EQ(blk.lost, blk.found);
    for (unsigned i = 0; i < blk.n_ios; i++)
        free(blk.io[i].data);
}

/* It broke for this reason, said so once, ended everything, and stays broken whatever comes. */
static void check_broken(const char *why)
{
    if (blk_logged(why) != 1 || blk_logged("vbd/51712: ") != 1)
        fakexen_fail(__FILE__, __LINE__, "the log should say \"%s\" once: %s", why, blk_log);
    CHECK_EQ(blk.ended, blk.n_ios);
    CHECK(blk.device->gone);
    CHECK_EQ(blk_read(0, 8)->status, -EIO);
    CHECK_EQ(blk_flush()->status, -EIO);

    uint32_t prod = blk.sring->req_prod, event = blk.sring->rsp_event;
    blk.sring->rsp_prod += 5;
    CHECK(!fakexen_port_open(blk.port));
    CHECK_EQ(blk_write(8, 8, 1)->status, -EIO);
    CHECK(blk.sring->req_prod == prod && blk.sring->rsp_event == event);
    CHECK_EQ(blk_logged("vbd/51712: "), 1);
    fakexen_run();
    CHECK(blk_front_state() == XenbusStateClosing || blk_front_state() == XenbusStateClosed);
    finish();
}

/* ---- on the ring ---------------------------------------------------------------------------- */

TEST(an_unknown_id_breaks_the_device)
{
    start_connected();
    struct blk_io *io = blk_read(0, 8);
    blk_answer(31, BLKIF_OP_READ, BLKIF_RSP_OKAY);
    blk_push();
    CHECK_EQ(io->status, -EIO);
    check_broken("response to nothing in flight");
}

TEST(an_id_beyond_every_table_breaks_the_device)
{
    start_connected();
    blk_read(0, 8);
    blk_answer(UINT64_MAX, BLKIF_OP_READ, BLKIF_RSP_OKAY);
    blk_push();
    check_broken("response to nothing in flight");
}

TEST(an_id_that_wraps_an_index_breaks_the_device)
{
    start_connected();
    blk_read(0, 8);
    blk_answer((uint64_t)1 << 32, BLKIF_OP_READ, BLKIF_RSP_OKAY);
    blk_push();
    check_broken("response to nothing in flight");
}

TEST(a_response_twice_breaks_the_device)
{
    start_connected();
    struct blk_io *io = blk_read(0, 8), *second = blk_read(100, 8);
    CHECK(blk_take(&req));
    blk_answer(req.id, req.operation, blk_do(&req));
    blk_answer(req.id, req.operation, BLKIF_RSP_OKAY);
    blk_push();
    CHECK_EQ(io->status, 0);
    CHECK_EQ(second->status, -EIO);
    check_broken("response to nothing in flight");
}

TEST(another_operation_breaks_the_device)
{
    start_connected();
    blk_read(0, 8);
    CHECK(blk_take(&req));
    blk_answer(req.id, BLKIF_OP_WRITE, BLKIF_RSP_OKAY);
    blk_push();
    check_broken("another operation");
}

/* Only a request that was indirect may be answered as one. */
TEST(an_indirect_answer_to_a_direct_request_breaks_the_device)
{
    start_connected();
    blk_read(0, 8);
    CHECK(blk_take(&req));
    blk_answer(req.id, BLKIF_OP_INDIRECT, BLKIF_RSP_OKAY);
    blk_push();
    check_broken("another operation");
}

TEST(an_indirect_request_may_be_answered_as_indirect)
{
    blk_start(0);
    blk.max_segments = "64";
    blk_offer();
    blk_accept();
    struct blk_io *io = blk_read(0, 200);
    CHECK(blk_take(&req));
    CHECK(req.indirect);
    CHECK_EQ(blk_do(&req), 0);
    blk_answer(req.id, BLKIF_OP_INDIRECT, BLKIF_RSP_OKAY);
    blk_push();
    CHECK_EQ(io->status, 0);
    blk_unplug();
}

/* Some status that nobody defined: it is no success, and that is all that counts. */
TEST(a_status_without_a_meaning_is_an_error)
{
    static const int16_t odd[] = { 1, 2, -3, -2, 32767, -32768, 100 };

    start_connected();
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct blk_io *io = blk_read(0, 8);

        CHECK(blk_take(&req));
        blk_answer(req.id, req.operation, odd[i]);
        blk_push();
        CHECK_EQ(io->status, -EIO);
    }
    CHECK_EQ(blk_logged("broken"), 0);
    blk_unplug();
}

TEST(a_response_before_any_request_breaks_the_device)
{
    start_connected();
    blk_answer(0, BLKIF_OP_READ, BLKIF_RSP_OKAY);
    blk_push();
    check_broken("response index out of range");
}

TEST(a_response_to_a_request_that_is_only_prepared_breaks_the_device)
{
    start_connected();
    block_batch_begin(blk.device);
    blk_read(0, 8);
    blk_answer(0, BLKIF_OP_READ, BLKIF_RSP_OKAY);
    blk_push();
    block_batch_end(blk.device);
    check_broken("response index out of range");
}

TEST(a_producer_that_jumps_breaks_the_device)
{
    start_connected();
    blk_read(0, 8);
    blk_read(100, 8);
    blk.rsp_prod += 3;
    blk_push();
    check_broken("response index out of range");
}

TEST(a_producer_that_jumps_far_breaks_the_device)
{
    start_connected();
    blk_read(0, 8);
    blk.rsp_prod += 1u << 31;
    blk_push();
    check_broken("response index out of range");
}

TEST(a_producer_that_goes_back_breaks_the_device)
{
    start_connected();
    blk_read(0, 8);
    blk_serve();
    blk_read(0, 8);
    blk.rsp_prod--;
    blk_push();
    check_broken("response index out of range");
}

/* What we wrote into the ring is not read back. */
TEST(requests_rewritten_by_the_back_end_mean_nothing)
{
    start_connected();
    struct blk_io *io = blk_write(0, 8, 3);
    CHECK(blk_take(&req));
    memset(blk.page[0] + 64, 0xff, PAGE_SIZE - 64);
    blk.sring->req_prod = 12345;
    blk.sring->rsp_event = 54321;
    blk_answer(req.id, req.operation, blk_do(&req));
    blk_push();
    CHECK_EQ(io->status, 0);
    CHECK_EQ(blk_logged("broken"), 0);
    finish();
}

TEST(events_without_end_change_nothing)
{
    start_connected();
    struct blk_io *io = blk_read(0, 8);
    for (unsigned i = 0; i < 10000; i++)
        fakexen_raise(blk.port);
    CHECK_EQ(io->done, 0);
    CHECK_EQ(blk_serve(), 1);
    CHECK_EQ(io->status, 0);
    blk_unplug();
}

/* ---- grants --------------------------------------------------------------------------------- */

/*
 * The pages of a connection are not used for anything else until the back end has let go of them.
 */
TEST(pages_that_stay_mapped_are_kept_apart)
{
    start_connected();
    struct blk_io *io = blk_write(0, 8, 3);
    CHECK(blk_take(&req));
    CHECK_EQ(blk_do(&req), 0);
    unsigned char *spy = fakexen_map(0, req.seg[0].gref, true);
    CHECK(spy != NULL);
    blk_answer(req.id, req.operation, BLKIF_RSP_OKAY);
    blk_push();
    CHECK_EQ(io->status, 0);
    blk_unmap();
    fakedevice_remove("vbd", blk.id);
    fakexen_run();
    CHECK(iobuf_retired() > 0);
    fakexen_unmap(0, req.seg[0].gref);
    iobuf_retry();
    CHECK_EQ(iobuf_retired(), 0);
    free(io->data);
}

/*
 * A request ends with what its answer found: later changes of a page that is still shared are not
 * seen.
 */
TEST(data_is_copied_when_the_answer_comes)
{
    start_connected();
    memset(blk.disk, 7, 4096);
    struct blk_io *io = blk_read(0, 8);
    CHECK(blk_take(&req));
    CHECK_EQ(blk_do(&req), 0);
    unsigned char *spy = fakexen_map(0, req.seg[0].gref, true);
    blk_answer(req.id, req.operation, BLKIF_RSP_OKAY);
    blk_push();
    memset(spy, 9, 4096);
    CHECK_EQ(io->data[0], 7);
    fakexen_unmap(0, req.seg[0].gref);
    blk_unplug();
}

/* No page of ours holds anything but what was read from or written to this disk. */
TEST(shared_pages_show_nothing_else)
{
    start_connected();
    for (unsigned i = 0; i < 64; i++) { /* memory full of secrets */
        unsigned char *page = pages_get();
        memset(page, 0x5e, PAGE_SIZE);
        pages_put(page);
    }
    struct blk_io *io = blk_io_new(BLOCK_WRITE, 0, 512);
    memset(io->data, 1, 512);
    blk_submit(io);
    CHECK(blk_take(&req));
    unsigned char *page = fakexen_map(0, req.seg[0].gref, false);
    for (unsigned i = 512; i < PAGE_SIZE; i++)
        CHECK_EQ(page[i], 0);
    fakexen_unmap(0, req.seg[0].gref);
    blk_answer(req.id, req.operation, blk_do(&req));
    blk_push();
    blk_unplug();
}

/* ---- in xenstore ---------------------------------------------------------------------------- */

static void refused(const char *why)
{
    blk_offer();
    blk_accept();
    CHECK_EQ(blk.found, 0);
    CHECK_EQ(blk_logged(why), 1);
    fakexen_run();
    CHECK(blk_front_state() == XenbusStateClosing || blk_front_state() == XenbusStateClosed);
    finish();
}

#define SECTOR_SIZE_TEST(name, value)               \
    TEST(name)                                      \
    {                                               \
        blk_start(0);                               \
        blk.sector_size = (value);                  \
        refused("no sector size that makes sense"); \
    }
SECTOR_SIZE_TEST(a_sector_size_of_0_is_refused, "0")
SECTOR_SIZE_TEST(a_sector_size_of_3_is_refused, "3")
SECTOR_SIZE_TEST(a_sector_size_of_513_is_refused, "513")
SECTOR_SIZE_TEST(a_sector_size_of_768_is_refused, "768")
SECTOR_SIZE_TEST(a_sector_size_of_8192_is_refused, "8192")
SECTOR_SIZE_TEST(a_sector_size_that_wraps_is_refused, "4294967808")
SECTOR_SIZE_TEST(a_sector_size_in_words_is_refused, "many")
SECTOR_SIZE_TEST(a_negative_sector_size_is_refused, "-512")
SECTOR_SIZE_TEST(an_empty_sector_size_is_refused, "")
SECTOR_SIZE_TEST(a_missing_sector_size_is_refused, NULL)

#define SECTORS_TEST(name, value)            \
    TEST(name)                               \
    {                                        \
        blk_start(0);                        \
        blk.sectors = (value);               \
        refused("no size that makes sense"); \
    }
SECTORS_TEST(two_to_the_64_less_1_sectors_are_refused, "18446744073709551615")
SECTORS_TEST(two_to_the_64_sectors_are_refused, "18446744073709551616")
SECTORS_TEST(more_sectors_than_an_offset_can_tell_are_refused, "18014398509481984")
SECTORS_TEST(sectors_in_words_are_refused, "lots")
SECTORS_TEST(hexadecimal_sectors_are_refused, "0x1000")
SECTORS_TEST(negative_sectors_are_refused, "-1")
SECTORS_TEST(sectors_with_blanks_are_refused, " 8192")
SECTORS_TEST(missing_sectors_are_refused, NULL)

TEST(a_disk_of_the_most_sectors_is_taken)
{
    blk_start(0);
    blk.sectors = "18014398509481983";
    blk_offer();
    blk_accept();
    CHECK_EQ(blk.found, 1);
    CHECK_EQ(blk.device->sectors, 18014398509481983);
    CHECK_EQ(blk_read(18014398509481983, 1)->status, -EINVAL);
    CHECK_EQ(blk_read(UINT64_MAX, 1)->status, -EINVAL);
    blk_unplug();
}

TEST(a_disk_without_sectors_is_taken_and_every_transfer_is_outside_of_it)
{
    blk_start(0);
    blk.sectors = "0";
    blk_offer();
    blk_accept();
    CHECK_EQ(blk.found, 1);
    CHECK_EQ(blk_read(0, 1)->status, -EINVAL);
    blk_unplug();
}

/* Half a sector at the end of 4096 is none. */
TEST(sectors_that_are_no_whole_number_of_large_ones_are_cut)
{
    blk_start(0);
    blk.sector_size = "4096";
    blk.sectors = "8191";
    blk_offer();
    blk_accept();
    CHECK_EQ(blk.device->sectors, 8184);
    blk_unplug();
}

/* Optional keys that make no sense count as not there. */
TEST(nonsense_in_optional_keys_is_passed_over)
{
    blk_start(0);
    blk.ring_order = "four";
    blk.max_segments = "-1";
    blk.info = "none";
    blk_offer();
    blk_accept();
    CHECK_EQ(blk.found, 1);
    CHECK_EQ(blk.pages, 1);
    CHECK_EQ(blk.device->max_request, 11 * 4096);
    struct blk_io *io = blk_read(0, 1000);
    blk_serve();
    CHECK_EQ(io->status, 0);
    blk_unplug();
}

TEST(enormous_offers_are_taken_in_measure)
{
    blk_start(0);
    blk.ring_order = "4294967295";
    blk.max_segments = "4294967295";
    blk_offer();
    blk_accept();
    CHECK_EQ(blk.found, 1);
    CHECK_EQ(blk.pages, 4);
    CHECK(blk.device->max_request <= 256 * 4096);
    struct blk_io *io = blk_read(0, 4000);
    blk_serve();
    CHECK_EQ(io->status, 0);
    blk_unplug();
}

TEST(another_sector_size_while_it_runs_breaks_the_device)
{
    start_connected();
    blk_read(0, 8);
    blk.sector_size = "4096";
    blk_set_disk();
    check_broken("another sector size");
}

TEST(a_size_without_sense_while_it_runs_breaks_the_device)
{
    start_connected();
    blk_read(0, 8);
    blk.sectors = "18446744073709551615";
    blk_set_disk();
    check_broken("no size that makes sense");
}

TEST(connected_before_we_offered_anything_connects_nothing)
{
    blk_start(0);
    fakexen_store_stop(true);
    fakedevice_add("vbd", blk.id, 0, NULL);
    fakedevice_set("vbd", blk.id, "sectors", "8192");
    fakedevice_set("vbd", blk.id, "sector-size", "512");
    fakedevice_set("vbd", blk.id, "state", "4");
    fakexen_store_stop(false);
    fakexen_run();
    CHECK_EQ(blk.found, 0);
    finish();
}

TEST(states_that_do_not_exist_break_nothing_else)
{
    start_connected();
    struct blk_io *io = blk_read(0, 8);
    fakedevice_set("vbd", blk.id, "state", "77");
    fakexen_run();
    if (!blk.device->gone)
        blk_serve();
    CHECK_EQ(io->done, 1);
    finish();
}

TEST(a_state_that_flaps_leaves_nothing_behind)
{
    static const enum xenbus_state states[] = {
        XenbusStateInitWait,      XenbusStateConnected, XenbusStateInitWait,
        XenbusStateClosing,       XenbusStateClosed,    XenbusStateInitWait,
        XenbusStateInitialised,   XenbusStateConnected, XenbusStateConnected,
        XenbusStateReconfiguring, XenbusStateClosed,    XenbusStateInitialising,
    };

    start_connected();
    for (unsigned i = 0; i < 500; i++) {
        if (i % 50 == 0 && blk.device != NULL)
            blk_read(0, 8);
        blk_state(states[(i * 7 + i / 12) % 12]);
    }
    finish();
}

/* It closes, and comes back without the device being made anew: the same disk works again. */
TEST(a_back_end_that_closes_and_comes_back_is_connected_again)
{
    start_connected();
    struct blk_io *io = blk_write(0, 8, 1), *lost = blk_write(100, 8, 1);
    blk_serve_some(1);
    blk_unmap();
    blk_state(XenbusStateClosed);
    CHECK_EQ(io->status, 0);
    CHECK_EQ(lost->status, -EIO);
    CHECK(blk.device->gone);
    fakexen_run();
    CHECK_EQ(blk_front_state(), XenbusStateClosed);
    blk_state(XenbusStateInitWait);
    if (blk_front_state() == XenbusStateInitialised) {
        blk_accept();
        CHECK(!blk.device->gone);
        CHECK_EQ(blk.found, 1);
        io = blk_write(0, 8, 1);
        blk_serve();
        CHECK_EQ(io->status, 0);
    }
    finish();
}

/*
 * ---- want of memory and of grants -------------------------------------------------------------
 */

TEST(without_grants_a_disk_is_refused_and_nothing_is_left)
{
    blk_start(0);
    static grant_ref_t grefs[40000];
    unsigned char *page = pages_get();
    unsigned n = 0;

    while (n < 40000 && gnttab_grant_page(0, page, GNT_RO, &grefs[n]) == 0)
        n++;
    blk_offer();
    fakexen_run();
    CHECK_EQ(blk.found, 0);
    CHECK_EQ(blk_logged("no memory or grants"), 1);
    while (n > 0)
        CHECK_EQ(gnttab_revoke(grefs[--n]), 0);
    pages_put(page);
    fakedevice_remove("vbd", blk.id);
    fakexen_run();
}

/* Memory runs out while the disk works: what it has suffices to go on. */
TEST(a_full_memory_does_not_stop_the_disk)
{
    static void *held[4096];
    unsigned n = 0;

    start_connected();
    while ((held[n] = pages_get()) != NULL)
        n++;
    struct blk_io *write = blk_write(0, 4000, 6), *read = blk_read(5000, 1000);
    blk_serve();
    CHECK_EQ(write->status, 0);
    CHECK_EQ(read->status, 0);
    while (n > 0)
        pages_put(held[--n]);
    blk_unplug();
}
