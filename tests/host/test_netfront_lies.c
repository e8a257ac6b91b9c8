/*
 * netfront against a back end that lies. Whatever it does: one line in the log, the device is
 * broken, the sender and the stack are told, nothing outside the ring is touched, and all comes
 * back at the end.
 */
#include "test.h"

#include "net_rig.h"
#include "../../drivers/iobuf.h"

static const struct netfront_offload gso4 = { .csum_blank = true,
                                              .gso = NETFRONT_GSO_TCP4,
                                              .gso_size = 1448 };
static struct netback_frame frame, other;
static uint8_t *out; /* what is sent */
static uint8_t in[9000];

static void start(void)
{
    rig_start(0, false);
    rig_connect();
    out = rig_bytes(8000, 0);
}

static void finish(void)
{
    if (rig.back.q[0].tx != NULL)
        netback_unmap(&rig.back);
    netback_state(XenbusStateClosed);
    fakexen_store_write(NETBACK_FRONT, NULL);
    fakexen_run();
    CHECK(rig.lost && !rig.up);
    netfront_release(rig.nf);
    rig_free(out, 8000);
}

static unsigned count(const char *what)
{
    unsigned n = 0;

    for (const char *at = rig_log; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

/* It broke for this reason, said so once, and stays broken whatever comes. */
static void check_broken(const char *why)
{
    struct netfront_stats before, after;
    struct netif_tx_sring *tx = rig.back.q[0].tx;

    if (count(why) != 1 || count("vif/0: ") != 2)
        fakexen_fail(__FILE__, __LINE__, "the log should say \"%s\" once: %s", why, rig_log);
    CHECK(!rig.up && rig.downs == 1 && !rig.lost);
    CHECK_EQ(rig_send(out, 100, NULL), -EIO);
    CHECK_EQ(rig_send(out, 1000, NULL), -EIO);

    /* The ring is left alone for good. */
    netfront_get_stats(rig.nf, &before);
    uint32_t prod = tx->req_prod, event = tx->rsp_event;
    tx->rsp_prod += 100;
    rig.back.q[0].rx->rsp_prod += 100;
    CHECK_EQ(rig_poll(), 0);
    netfront_flush(rig.nf);
    CHECK(tx->req_prod == prod && tx->rsp_event == event);
    netfront_get_stats(rig.nf, &after);
    CHECK_EQ(after.notified, before.notified);
    CHECK_EQ(count("vif/0: "), 2);
    fakexen_run();
    CHECK(netback_front_state() == XenbusStateClosing ||
          netback_front_state() == XenbusStateClosed);
}

static void send_one(void)
{
    CHECK_EQ(rig_send(out, 3000, NULL), 0);
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
}

static void rx_broken(const char *why)
{
    netback_push_rx(&rig.back, 0);
    rig_poll();
    check_broken(why);
    finish();
}

static void tx_broken(const char *why)
{
    netback_push_tx(&rig.back, 0);
    rig_poll();
    check_broken(why);
    CHECK_EQ(rig.done, 1); /* the sender's memory comes back all the same */
    finish();
}

/* ---- What if it answers more than it was asked? ----------------------------------------- */

TEST(sending_answered_beyond_what_was_asked)
{
    start();
    send_one();
    rig.back.q[0].tx_rsp += 2;
    tx_broken("sending answered out of range");
}

TEST(sending_answered_backwards)
{
    start();
    send_one();
    rig.back.q[0].tx_rsp -= 1;
    tx_broken("sending answered out of range");
}

TEST(receiving_answered_beyond_what_was_asked)
{
    start();
    rig.back.q[0].rx_cons += 65;
    rx_broken("received answers out of range");
}

TEST(receiving_answered_half_a_world_ahead)
{
    start();
    rig.back.q[0].rx_cons += 0x80000000;
    netback_push_rx(&rig.back, 0);
    rig_poll();
    check_broken("received answers out of range");
    finish();
}

/* ---- What if it answers something else? ------------------------------------------------- */

TEST(an_id_out_of_range)
{
    start();
    send_one();
    frame.id[0] = 256;
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, false);
    tx_broken("sending answered for nothing in flight");
}

TEST(an_id_far_out_of_range)
{
    start();
    send_one();
    frame.id[0] = 65535;
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, false);
    tx_broken("sending answered for nothing in flight");
}

TEST(an_id_that_is_not_in_flight)
{
    start();
    send_one();
    frame.id[0] ^= 200;
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, false);
    tx_broken("sending answered for nothing in flight");
}

TEST(the_same_id_twice)
{
    start();
    send_one();
    CHECK_EQ(rig_send(out + 4096, 3000, NULL), 0);
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &other));
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, false);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    rig_poll();
    check_broken("sending answered for nothing in flight");
    CHECK_EQ(rig.done, 2);
    finish();
}

TEST(the_first_id_of_a_frame_twice)
{
    start();
    CHECK_EQ(rig_send(out + 1000, 6000, NULL), 0);
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
    frame.id[1] = frame.id[0];
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, false);
    tx_broken("sending answered for nothing in flight");
}

TEST(a_status_that_does_not_exist)
{
    start();
    send_one();
    netback_answer(&rig.back, 0, &frame, 2, false);
    tx_broken("sending answered with unknown status");
}

TEST(an_answer_to_no_extra_info)
{
    start();
    send_one();
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_NULL, false);
    tx_broken("empty answer to no extra info");
}

TEST(a_page_that_it_keeps_mapped_when_it_answers)
{
    start();
    rig.back.keep_mapped = true;
    send_one();
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    rig_poll();
    check_broken("sent page is still mapped by the back end");
    CHECK_EQ(rig.done, 0); /* it could read what the sender puts there next */
    fakexen_unmap(0, frame.gref[0]);
    rig_poll();
    CHECK_EQ(rig.done, 1);
    finish();
}

TEST(a_page_that_it_never_lets_go_of)
{
    start();
    rig.back.keep_mapped = true;
    send_one();
    finish();
    CHECK_EQ(rig.done, 0);
    fakexen_unmap(0, frame.gref[0]); /* too late for the sender; the grant ends when xenbus looks */
    netback_state(XenbusStateInitWait);
    iobuf_retry();
}

TEST(an_rx_answer_with_another_id)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, 0)->id ^= 1;
    rx_broken("received answer to nothing in flight");
}

TEST(an_rx_answer_with_a_huge_id)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, 0)->id = 65535;
    rx_broken("received answer to nothing in flight");
}

TEST(a_received_page_that_stays_mapped)
{
    start();
    grant_ref_t gref = rig.back.q[0].rx->ring[0].req.gref;
    CHECK(fakexen_map(0, gref, true) != NULL);
    netback_rx_next(&rig.back, 0, in, 100, 0, 0);
    netback_push_rx(&rig.back, 0);
    rig_poll();
    check_broken("received page is still mapped by the back end");
    fakexen_unmap(0, gref);
    finish();
}

/* ---- What if the data is not where it says? --------------------------------------------- */

TEST(a_size_beyond_the_page)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, 0)->status = 4097;
    rx_broken("received data beyond its page");
}

TEST(the_largest_size)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, 0)->status = 32767;
    rx_broken("received data beyond its page");
}

TEST(an_offset_beyond_the_page)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, 0)->offset = 65535;
    rx_broken("received data beyond its page");
}

TEST(offset_and_size_beyond_the_page_together)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, 0)->offset = 4096 - 99;
    rx_broken("received data beyond its page");
}

TEST(the_most_negative_status_is_a_lost_frame)
{
    struct netfront_stats stats;

    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, 0)->status = -32768;
    netback_push_rx(&rig.back, 0);
    CHECK_EQ(rig_poll(), 0);
    netfront_get_stats(rig.nf, &stats);
    CHECK_EQ(stats.rx_dropped, 1);
    CHECK(rig.up);
    CHECK(netback_deliver(&rig.back, 0, in, 5000, 0, 0, 0));
    CHECK_EQ(rig_poll(), 1);
    finish();
}

TEST(frames_longer_than_a_frame_can_be)
{
    struct netfront_stats stats;

    start();
    for (unsigned i = 0; i < 17; i++)
        netback_rx_next(&rig.back, 0, in, 4096, 0, i < 16 ? NETRXF_more_data : 0);
    netback_push_rx(&rig.back, 0);
    CHECK_EQ(rig_poll(), 0);
    netfront_get_stats(rig.nf, &stats);
    CHECK_EQ(stats.rx_dropped, 1);
    CHECK(rig.up);
    finish();
}

/* ---- What if a frame does not end? ------------------------------------------------------ */

TEST(more_data_at_the_rings_end)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, NETRXF_more_data);
    rx_broken("received frame without end");
}

TEST(more_data_in_too_many_slots)
{
    start();
    for (unsigned i = 0; i < 40; i++)
        netback_rx_next(&rig.back, 0, in, 10, 0, NETRXF_more_data);
    rx_broken("received frame in too many pieces");
}

TEST(more_data_without_data)
{
    start();
    for (unsigned i = 0; i < 64; i++)
        netback_rx_next(&rig.back, 0, in, 0, 0, NETRXF_more_data);
    rx_broken("received frame without end");
}

static void extra(uint8_t type, uint8_t flags, uint8_t gso, uint16_t size)
{
    struct netif_extra_info info = { .type = type, .flags = flags };

    info.u.gso.type = gso;
    info.u.gso.size = size;
    netback_rx_extra(&rig.back, 0, &info);
}

TEST(an_extra_info_that_is_not_there)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, NETRXF_extra_info);
    rx_broken("received extra info without end");
}

TEST(extra_infos_without_end)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, NETRXF_extra_info);
    extra(XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE, 0, 0);
    rx_broken("received extra info without end");
}

TEST(too_many_extra_infos)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, NETRXF_extra_info);
    for (unsigned i = 0; i < 20; i++)
        extra(XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE, 0, 0);
    rx_broken("received too many extra infos");
}

TEST(an_extra_info_of_another_kind)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, NETRXF_extra_info);
    extra(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 1, 1000);
    rx_broken("received extra info of unknown type");
}

TEST(a_gso_size_of_zero)
{
    start();
    netback_rx_next(&rig.back, 0, in, 4096, 0, NETRXF_extra_info);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, 0);
    rx_broken("received GSO size 0");
}

TEST(a_gso_type_that_does_not_exist)
{
    start();
    netback_rx_next(&rig.back, 0, in, 4096, 0, NETRXF_extra_info);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 9, 1000);
    rx_broken("received GSO of unknown type");
}

TEST(two_gso_sizes)
{
    start();
    netback_rx_next(&rig.back, 0, in, 4096, 0, NETRXF_extra_info);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE, XEN_NETIF_GSO_TYPE_TCPV4, 1000);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, 900);
    rx_broken("received two GSO sizes");
}

TEST(flags_that_were_not_offered)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, NETRXF_gso_prefix);
    rx_broken("received flags that were not offered");
}

TEST(extra_infos_behind_a_later_piece)
{
    start();
    netback_rx_next(&rig.back, 0, in, 100, 0, NETRXF_more_data);
    netback_rx_next(&rig.back, 0, in, 100, 0, NETRXF_extra_info);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, 1000);
    rx_broken("received flags that were not offered");
}

/* ---- What if it only makes noise? ------------------------------------------------------- */

TEST(a_storm_of_events_is_one_event)
{
    struct netfront_stats stats;

    start();
    rig.readies = 0;
    for (unsigned i = 0; i < 10000; i++) {
        fakexen_raise(rig.back.q[0].rx_port);
        fakexen_raise(rig.back.q[0].tx_port);
    }
    CHECK_EQ(rig.readies, 2); /* one for each port: masked until the next poll */
    CHECK_EQ(rig_poll(), 0);
    netfront_get_stats(rig.nf, &stats);
    CHECK(stats.events <= 4);
    CHECK(netback_deliver(&rig.back, 0, in, 1000, 0, 0, 0));
    CHECK_EQ(rig_poll(), 1);
    finish();
}

TEST(the_end_comes_while_frames_are_on_their_way)
{
    start();
    for (unsigned i = 0; i < 60; i++)
        CHECK_EQ(rig_send(out, 7000, &gso4), 0);
    netfront_flush(rig.nf);
    CHECK(netback_deliver(&rig.back, 0, in, 5000, 0, 0, 0));
    finish();
    CHECK_EQ(rig.done, 60); /* at the release */
}

/* ---- What if xenstore says odd things? -------------------------------------------------- */

static void offer_refused(const char *why)
{
    out = rig_bytes(8000, 0);
    netback_offer(&rig.back);
    CHECK_EQ(count(why), 1);
    CHECK(!rig.up && netback_front_state() != XenbusStateConnected);
    fakexen_store_write(NETBACK_FRONT, NULL);
    fakexen_run();
    if (rig.found)
        netfront_release(rig.nf);
    rig_free(out, 8000);
}

TEST(no_mac)
{
    rig.back.mac = "";
    rig_start(0, false);
    offer_refused("no valid MAC address");
}

TEST(a_mac_of_many)
{
    rig.back.mac = "01:00:5e:00:00:01";
    rig_start(0, false);
    offer_refused("no valid MAC address");
}

TEST(a_mac_that_goes_on)
{
    rig.back.mac = "00:16:3e:00:00:01:02";
    rig_start(0, false);
    offer_refused("no valid MAC address");
}

TEST(a_mac_that_is_too_long_to_read)
{
    rig.back.mac =
        "00:16:3e:00:00:01:00:16:3e:00:00:01:00:16:3e:00:00:01:00:16:3e:00:00:01:00:16:3e:00:"
        "00:01:00:16:3e:00:00:01:00:16:3e:00:00:01:00:16:3e:00:00:01";
    rig_start(0, false);
    offer_refused("no valid MAC address");
}

TEST(a_back_end_that_cannot_copy)
{
    rig.back.no_copy = true;
    rig_start(0, false);
    offer_refused("the back end has no rx-copy");
}

TEST(an_interface_that_nobody_wants)
{
    rig.refuse = true;
    rig_start(0, false);
    offer_refused("not wanted");
}

TEST(an_mtu_that_is_no_number)
{
    static const char *const odd[] = { "",      "x",     "-1",
                                       "67",    "99999", "18446744073709551617",
                                       "1500x", "0x5dc", "1 5" };

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        rig.back.mtu = odd[i];
        if (i == 0)
            rig_start(0, false);
        rig_connect();
        CHECK_EQ(netfront_caps(rig.nf)->mtu, 1500);
        netback_close(&rig.back, true);
        netfront_release(rig.nf);
        rig.found = rig.lost = false;
    }
}

TEST(features_that_are_no_flags)
{
    rig_start(0, false);
    netback_offer(&rig.back);
    fakexen_store_write(NETBACK_FRONT, NULL);
    fakexen_run();
    if (rig.found)
        netfront_release(rig.nf);
    rig.found = rig.lost = false;

    fakexen_store_stop(true);
    fakexen_store_write(NETBACK_BACK "/feature-sg", "2");
    fakexen_store_write(NETBACK_BACK "/feature-gso-tcpv4",
                        "11111111111111111111111111111111111111111"
                        "11111111111111111111111111111111111111111");
    fakexen_store_write(NETBACK_BACK "/feature-ipv6-csum-offload", NULL);
    fakexen_store_write(NETBACK_BACK "/feature-split-event-channels", "\xff");
    fakexen_store_write(NETBACK_FRONT "/backend", NETBACK_BACK);
    fakexen_store_write(NETBACK_FRONT "/backend-id", "0");
    fakexen_store_write(NETBACK_FRONT "/mac", "00:16:3e:01:02:03");
    fakexen_store_write(NETBACK_FRONT "/state", "1");
    fakexen_store_stop(false);
    fakexen_run();
    rig.back.split = false;
    netback_accept(&rig.back);
    CHECK(!netfront_caps(rig.nf)->scatter_gather && !netfront_caps(rig.nf)->gso4);
    CHECK(!netfront_caps(rig.nf)->tx_csum6);
    netback_close(&rig.back, true);
    netfront_release(rig.nf);
}

TEST(a_state_that_flaps)
{
    static const enum xenbus_state states[] = {
        XenbusStateClosing,      XenbusStateConnected, XenbusStateInitWait,     XenbusStateClosed,
        XenbusStateInitialising, XenbusStateUnknown,   XenbusStateReconfigured, XenbusStateInitWait,
        XenbusStateInitialised,  XenbusStateConnected, XenbusStateConnected,    XenbusStateInitWait,
    };
    unsigned x = 1;

    start();
    netback_unmap(&rig.back); /* from here on nobody is there */
    for (unsigned i = 0; i < 500; i++) {
        x = x * 1103515245 + 12345;
        netback_state(states[(x >> 16) % (sizeof(states) / sizeof(states[0]))]);
        if (x & 0x400000) {
            rig_send(out, 3000, NULL);
            rig_poll();
        }
    }
    rig.back.q[0].tx = NULL;
    finish();
}
