/*
 * netfront, the plain path: an honest back end, whole rings, indices that wrap, closing and coming
 * back.
 */
#include "test.h"

#include <drivers/xenbus.h>

#include "net_rig.h"
#include "../../drivers/ring.h"

static const struct netfront_offload csum = { .csum_blank = true };
static const struct netfront_offload gso4 = { .csum_blank = true,
                                              .gso = NETFRONT_GSO_TCP4,
                                              .gso_size = 1448 };
static struct netback_frame frame;

static void start(void)
{
    rig_start(0, false);
    rig_connect();
}

/* Unplugged: nothing is left behind, which the runner checks. */
static void finish(void)
{
    netback_close(&rig.back, true);
    CHECK(rig.lost && !rig.up);
    netfront_release(rig.nf);
}

static void answer_all(void)
{
    netback_take_all(&rig.back);
    rig_poll();
}

TEST(it_connects_and_says_what_it_can)
{
    rig.back.ip = "10.1.2.3/24";
    rig.back.mtu = "9000";
    start();
    const struct netfront_caps *caps = netfront_caps(rig.nf);

    CHECK_EQ(rig.index, 0);
    CHECK_STR(rig.ip, "10.1.2.3/24");
    CHECK_STR(netfront_name(rig.nf), "vif/0");
    CHECK_EQ(caps->mtu, 9000);
    CHECK(memcmp(caps->mac, "\x00\x16\x3e\x01\x02\x03", 6) == 0);
    CHECK(caps->scatter_gather && caps->tx_csum4 && caps->tx_csum6 && caps->gso4 && caps->gso6);
    CHECK_STR(netback_front_key("feature-sg"), "1");
    CHECK_STR(netback_front_key("feature-gso-tcpv4"), "1");
    CHECK_STR(netback_front_key("feature-gso-tcpv6"), "1");
    CHECK_STR(netback_front_key("feature-ipv6-csum-offload"), "1");
    CHECK(netback_front_key("feature-no-csum-offload") == NULL);
    CHECK(netback_front_key("multi-queue-num-queues") == NULL);
    CHECK(netback_front_key("request-multicast-control") == NULL);
    CHECK(rig.back.q[0].tx_port != rig.back.q[0].rx_port);
    CHECK_EQ(netback_rx_posted(&rig.back, 0), 64);
    CHECK(!netfront_discovering());
    CHECK(strstr(rig_log, "vif/0: connected, 00:16:3e:01:02:03, mtu 9000, sg") != NULL);
    finish();
}

TEST(a_device_that_is_there_at_boot_is_waited_for)
{
    rig.at_boot = true;
    start();
    fakexen_advance(XENBUS_QUIET_NS); /* now it is seen when it goes */
    fakexen_run();
    fakexen_ignore_pages();
    finish();
    fakexen_mark_clean(); /* the watch on device/vif stays */
}

/* As the tool stack writes it; NULL removes it. */
static void set_mtu(const char *text)
{
    fakexen_store_write(NETBACK_FRONT "/mtu", text);
    fakexen_run();
}

TEST(the_mtu_may_change_while_it_is_up)
{
    static const char *const lies[] = { "67", "65522", "0", "-1", "", "1500 ", "0x5dc", "1e3",
                                        "18446744073709553116", "a number" };
    const struct netfront_caps *caps;
    unsigned readies;

    rig.back.mtu = "9000";
    start();
    caps = netfront_caps(rig.nf);
    CHECK_EQ(caps->mtu, 9000);
    readies = rig.readies;
    set_mtu("1400");
    CHECK_EQ(caps->mtu, 1400);
    CHECK(rig.readies > readies);
    readies = rig.readies;
    set_mtu("1400"); /* written again */
    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        set_mtu(lies[i]);
        CHECK_EQ(caps->mtu, 1400);
    }
    set_mtu(NULL);
    CHECK_EQ(caps->mtu, 1400);
    CHECK_EQ(rig.readies, readies);
    CHECK(strstr(rig_log, "vif/0: mtu is no number from 68 to 65521: left as it was") != NULL);
    set_mtu("68");
    CHECK_EQ(caps->mtu, 68);
    set_mtu("65521");
    CHECK_EQ(caps->mtu, 65521);
    netback_state(XenbusStateClosing); /* it is kept over another life of the back end */
    netback_unmap(&rig.back);
    netback_state(XenbusStateClosed);
    netback_state(XenbusStateInitWait);
    netback_accept(&rig.back);
    CHECK_EQ(caps->mtu, 65521);
    finish();
}

TEST(without_scatter_gather_a_page_is_the_most_of_any_mtu)
{
    rig.back.no_sg = true;
    rig.back.gso4 = rig.back.gso6 = false;
    start();
    CHECK_EQ(netfront_caps(rig.nf)->mtu, 1500);
    set_mtu("9000");
    CHECK_EQ(netfront_caps(rig.nf)->mtu, 4096 - 14);
    set_mtu("4000");
    CHECK_EQ(netfront_caps(rig.nf)->mtu, 4000);
    finish();
}

TEST(a_storm_of_mtus_is_read_as_fast_as_xenstore_answers)
{
    char text[8];
    unsigned requests;

    start();
    requests = fakexen_store_requests();
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "%u", 1000 + i);
        fakexen_store_write(NETBACK_FRONT "/mtu", text);
    }
    fakexen_run();
    CHECK_EQ(netfront_caps(rig.nf)->mtu, 1999);
    CHECK(fakexen_store_requests() - requests <= 1000);
    finish();
}

TEST(an_interface_goes_while_its_mtu_is_read)
{
    start();
    netback_unmap(&rig.back);
    fakexen_store_stop(true);
    fakexen_store_write(NETBACK_FRONT "/mtu", "1400");
    fakexen_store_write(NETBACK_FRONT, NULL);
    fakexen_store_stop(false);
    fakexen_run();
    CHECK(rig.lost);
    netfront_release(rig.nf);
}

TEST(a_poor_back_end_will_do)
{
    rig.back = (struct netback){ .no_sg = true, .gso4 = true, .no_csum = true, .mtu = "9000" };
    start();
    const struct netfront_caps *caps = netfront_caps(rig.nf);

    CHECK(!caps->scatter_gather && !caps->tx_csum4 && !caps->tx_csum6 && !caps->gso4 &&
          !caps->gso6);
    CHECK_EQ(caps->mtu, 4096 - 14);
    CHECK_STR(netback_front_key("event-channel"), netback_front_key("event-channel"));
    CHECK(netback_front_key("event-channel-tx") == NULL);

    uint8_t *bytes = rig_bytes(8000, 100);
    CHECK_EQ(rig_send(bytes, 5000, NULL), -EMSGSIZE);
    CHECK_EQ(rig_send(bytes, 100, &csum), -EINVAL);
    CHECK_EQ(rig_send(bytes + 3900, 1000, NULL), 0); /* over the end of a page: copied into one */
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK_EQ(frame.n, 1);
    CHECK_EQ(frame.len, 1000);
    CHECK(memcmp(frame.data, bytes + 3900, 1000) == 0);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    rig_poll();
    CHECK_EQ(rig.done, 1);
    rig_free(bytes, 8000);
    finish();
}

/* ---- Sending ---------------------------------------------------------------------------- */

TEST(a_short_frame_is_copied_and_done_at_once)
{
    uint8_t bytes[200];

    start();
    rig_fill(bytes, sizeof(bytes), 3);
    CHECK_EQ(rig_send(bytes, sizeof(bytes), NULL), 0);
    CHECK_EQ(rig.done, 1);
    memset(bytes, 0, sizeof(bytes));
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK_EQ(frame.n, 1);
    CHECK_EQ(frame.len, 200);
    CHECK_EQ(frame.flags, 0);
    rig_fill(bytes, sizeof(bytes), 3);
    CHECK(memcmp(frame.data, bytes, sizeof(bytes)) == 0);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    rig_poll();
    CHECK_EQ(rig.done, 1);
    finish();
}

TEST(a_frame_goes_out_in_place_and_slots_never_cross_a_page)
{
    start();
    uint8_t *bytes = rig_bytes(20000, 300);

    CHECK_EQ(rig_send(bytes, 20000, &gso4), 0);
    CHECK_EQ(rig.done, 0);
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK_EQ(frame.n, 5);
    CHECK_EQ(frame.len, 20000);
    CHECK(memcmp(frame.data, bytes, 20000) == 0);
    CHECK_EQ(frame.flags,
             NETTXF_csum_blank | NETTXF_data_validated | NETTXF_extra_info | NETTXF_more_data);
    CHECK_EQ(frame.info.u.gso.type, XEN_NETIF_GSO_TYPE_TCPV4);
    CHECK_EQ(frame.info.u.gso.size, 1448);
    /* In place: what is written now is what the back end reads. */
    bytes[17] = 0xaa;
    const uint8_t *page = fakexen_map(0, frame.gref[0], false);
    CHECK_EQ(page[300 + 17], 0xaa);
    fakexen_unmap(0, frame.gref[0]);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    rig_poll();
    CHECK_EQ(rig.done, 1);
    rig_free(bytes, 20000);
    finish();
}

TEST(headers_are_in_the_first_slot_wherever_they_lie)
{
    struct netfront_tx_piece pieces[4];

    start();
    uint8_t *bytes = rig_bytes(12000, 0);
    /* 14 bytes, 20 over the end of a page, 20, and the data. */
    pieces[0] = (struct netfront_tx_piece){ bytes + 10, 14 };
    pieces[1] = (struct netfront_tx_piece){ bytes + 4090, 20 };
    pieces[2] = (struct netfront_tx_piece){ bytes + 8000, 20 };
    pieces[3] = (struct netfront_tx_piece){ bytes + 5000, 2500 };
    CHECK_EQ(rig_send_pieces(pieces, 4, &csum), 0);
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame)); /* which checks it */
    CHECK_EQ(frame.n, 2);
    CHECK_EQ(frame.size[0], 256);
    CHECK_EQ(frame.len, 2554);
    CHECK(memcmp(frame.data, bytes + 10, 14) == 0);
    CHECK(memcmp(frame.data + 14, bytes + 4090, 20) == 0);
    CHECK(memcmp(frame.data + 34, bytes + 8000, 20) == 0);
    CHECK(memcmp(frame.data + 54, bytes + 5000, 2500) == 0);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);

    /* Every place of a page at which a frame can begin. */
    for (size_t at = 3700; at <= 4096; at++) {
        CHECK_EQ(rig_send(bytes + at, 1514, NULL), 0);
        netfront_flush(rig.nf);
        CHECK(netback_take(&rig.back, 0, &frame));
        CHECK_EQ(frame.len, 1514);
        CHECK(memcmp(frame.data, bytes + at, 1514) == 0);
        netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
        rig_poll();
    }
    rig_free(bytes, 12000);
    finish();
}

TEST(the_longest_frame_takes_all_slots)
{
    start();
    uint8_t *bytes = rig_bytes(65535, 2000);

    CHECK_EQ(rig_send(bytes, 65536, &gso4), -EMSGSIZE);
    CHECK_EQ(rig_send(bytes, 65535, &gso4), 0);
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK_EQ(frame.n, 17);
    CHECK_EQ(frame.len, 65535);
    CHECK(memcmp(frame.data, bytes, 65535) == 0);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    rig_poll();
    rig_free(bytes, 65535);
    finish();
}

TEST(too_many_pieces_are_copied_together)
{
    struct netfront_tx_piece pieces[45];

    start();
    uint8_t *bytes = rig_bytes(45 * 1448, 0);
    for (unsigned i = 0; i < 45; i++)
        pieces[i] = (struct netfront_tx_piece){ bytes + i * 1448, 1448 };
    CHECK_EQ(rig_send_pieces(pieces, 45, &gso4), 0);
    CHECK_EQ(rig.done, 1); /* a copy went */
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK_EQ(frame.n, (45 * 1448 + 4095) / 4096);
    CHECK_EQ(frame.len, 45 * 1448);
    CHECK(memcmp(frame.data, bytes, 45 * 1448) == 0);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_DROPPED, true);
    rig_poll();
    CHECK_EQ(rig.done, 1);
    rig_free(bytes, 45 * 1448);
    finish();
}

TEST(memory_without_a_page_of_ours_is_copied)
{
    static uint8_t bytes[3000]; /* fakexen has no page for it */

    start();
    rig_fill(bytes, sizeof(bytes), 9);
    CHECK_EQ(rig_send(bytes, sizeof(bytes), NULL), 0);
    CHECK_EQ(rig.done, 1);
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK(frame.len == sizeof(bytes) && memcmp(frame.data, bytes, sizeof(bytes)) == 0);
    answer_all();
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    rig_poll();
    finish();
}

TEST(an_untrusted_back_end_sees_only_what_is_sent)
{
    rig.back.trusted = "0";
    start();
    uint8_t *bytes = rig_bytes(3000, 500);

    CHECK_EQ(rig_send(bytes, 3000, NULL), 0);
    CHECK_EQ(rig.done, 1);
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK(frame.len == 3000 && memcmp(frame.data, bytes, 3000) == 0);
    const uint8_t *page = fakexen_map(0, frame.gref[0], false);
    for (size_t i = 3000; i < 4096; i++)
        CHECK_EQ(page[i], 0);
    fakexen_unmap(0, frame.gref[0]);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    rig_poll();
    rig_free(bytes, 3000);
    finish();
}

TEST(what_cannot_be_sent_is_said)
{
    struct netfront_offload odd = gso4;

    start();
    uint8_t *bytes = rig_bytes(3000, 0);
    CHECK_EQ(rig_send(bytes, 13, NULL), -EINVAL);
    CHECK_EQ(rig_send_pieces(NULL, 0, NULL), -EINVAL);
    odd.gso_size = 0;
    CHECK_EQ(rig_send(bytes, 3000, &odd), -EINVAL);
    odd = gso4;
    odd.csum_blank = false;
    CHECK_EQ(rig_send(bytes, 3000, &odd), -EINVAL);
    CHECK_EQ(rig.done, 0);
    rig_free(bytes, 3000);
    finish();
}

TEST(a_full_ring_refuses_and_tells_when_there_is_room)
{
    struct netfront_stats stats;
    unsigned sent = 0;
    int error;

    start();
    netfront_get_stats(rig.nf, &stats);
    uint64_t notified = stats.notified;
    uint8_t *bytes = rig_bytes(4000, 0);
    while ((error = rig_send(bytes, 4000, NULL)) == 0)
        sent++;
    CHECK_EQ(error, -EAGAIN);
    CHECK(sent >= 256 - 19 && sent <= 256);
    netfront_get_stats(rig.nf, &stats);
    CHECK_EQ(stats.tx_full, 1);
    CHECK_EQ(stats.notified - notified, 1); /* one event for all of them */
    CHECK_EQ(rig.done, 0);

    rig.readies = 0;
    for (unsigned i = 0; i < sent / 4; i++) {
        CHECK(netback_take(&rig.back, 0, &frame));
        netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    }
    CHECK_EQ(rig.readies, 0); /* room, but not enough to be worth an event */
    for (unsigned i = sent / 4; i < sent; i++) {
        CHECK(netback_take(&rig.back, 0, &frame));
        netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    }
    CHECK_EQ(rig.readies, 1);
    rig_poll();
    CHECK_EQ(rig.done, sent);
    CHECK_EQ(rig_send(bytes, 4000, NULL), 0);
    netfront_flush(rig.nf);
    answer_all();
    rig_free(bytes, 4000);
    finish();
}

TEST(answers_come_in_any_order)
{
    static struct netback_frame frames[8];

    start();
    uint8_t *bytes = rig_bytes(9000, 0);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(rig_send(bytes + i, 8192, i % 2 ? &gso4 : NULL), 0);
    netfront_flush(rig.nf);
    for (unsigned i = 0; i < 8; i++)
        CHECK(netback_take(&rig.back, 0, &frames[i]));
    for (unsigned i = 8; i-- > 0;)
        netback_answer(&rig.back, 0, &frames[i], i == 3 ? NETIF_RSP_ERROR : NETIF_RSP_OKAY, true);
    rig_poll();
    CHECK_EQ(rig.done, 8);
    rig_free(bytes, 9000);
    finish();
}

/* ---- Receiving -------------------------------------------------------------------------- */

TEST(a_frame_comes_in)
{
    static uint8_t bytes[1514];

    start();
    rig_fill(bytes, sizeof(bytes), 5);
    rig.readies = 0;
    CHECK(netback_deliver(&rig.back, 0, bytes, sizeof(bytes), NETRXF_data_validated, 0, 0));
    CHECK_EQ(rig.readies, 1);
    CHECK_EQ(rig_poll(), 1);
    CHECK(rig.len == sizeof(bytes) && memcmp(rig.data, bytes, rig.len) == 0);
    CHECK(rig.offload.data_validated && !rig.offload.csum_blank);
    CHECK_EQ(rig.offload.gso, NETFRONT_GSO_NONE);
    CHECK(netback_deliver(&rig.back, 0, bytes, 60, NETRXF_csum_blank, 0, 0));
    CHECK_EQ(rig_poll(), 1);
    CHECK(rig.offload.data_validated && rig.offload.csum_blank && rig.len == 60);
    finish();
}

TEST(a_large_segment_comes_in_whole)
{
    static uint8_t bytes[65535];

    start();
    rig_fill(bytes, sizeof(bytes), 7);
    for (unsigned i = 0; i < 100; i++) {
        size_t len = 65535 - i * 600;
        bool v6 = i % 2;

        bytes[0] = (uint8_t)i;
        CHECK(netback_deliver(&rig.back, 0, bytes, len, NETRXF_csum_blank,
                              v6 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4, 1400));
        CHECK_EQ(rig_poll(), 1);
        CHECK_EQ(rig.len, len);
        CHECK(memcmp(rig.data, bytes, len) == 0);
        CHECK_EQ(rig.offload.gso, v6 ? NETFRONT_GSO_TCP6 : NETFRONT_GSO_TCP4);
        CHECK_EQ(rig.offload.gso_size, 1400);
    }
    finish();
}

TEST(a_received_page_is_out_of_the_back_ends_reach)
{
    uint8_t bytes[100] = { 1 };

    start();
    grant_ref_t gref = rig.back.q[0].rx->ring[0].req.gref;
    netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0);
    rig.keep = true;
    CHECK_EQ(rig_poll(), 1);
    CHECK(fakexen_map(0, gref, false) == NULL);
    rig_put_held();
    finish();
}

TEST(events_are_few_and_pages_are_posted_in_batches)
{
    static uint8_t bytes[1514];
    struct netfront_stats stats;

    start();
    for (unsigned i = 0; i < 3000; i++)
        CHECK(netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0) || rig_poll() > 0);
    rig_poll();
    netfront_get_stats(rig.nf, &stats);
    CHECK(stats.rx_frames > 2900);
    CHECK(rig.readies < 100); /* one for each time that the ring was emptied */
    CHECK(stats.notified < 100);
    CHECK_EQ(stats.rx_dropped, 0);
    CHECK_EQ(netback_rx_posted(&rig.back, 0) >= 200, 0); /* 2048 pages: at most 64 are posted */
    finish();
}

/* As much at once as it takes, several times. */
static void deliver_bursts(void)
{
    static uint8_t bytes[60000];

    for (unsigned i = 0; i < 20; i++) {
        while (netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0))
            ;
        rig_poll();
    }
}

TEST(more_pages_are_posted_under_load)
{
    rig_start(16384, false);
    rig_connect();
    CHECK_EQ(netback_rx_posted(&rig.back, 0), 64);
    deliver_bursts();
    CHECK_EQ(netback_rx_posted(&rig.back, 0), 256);
    finish();
}

static void deliver_apart(unsigned frames, unsigned at_once)
{
    static uint8_t bytes[1000];

    for (unsigned i = 0; i < frames; i++) {
        CHECK(netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0));
        if (i % at_once == at_once - 1)
            rig_poll();
    }
}

TEST(fewer_pages_are_posted_when_the_load_is_gone)
{
    size_t free_before;
    struct pages_stats pages;

    rig_start(16384, false);
    rig_connect();
    deliver_apart(2000, 1);
    pages_get_stats(&pages);
    free_before = pages.free;
    for (unsigned again = 0; again < 3; again++) {
        deliver_bursts();
        deliver_apart(10000, 40); /* some load goes on: nothing changes */
        CHECK(netback_rx_posted(&rig.back, 0) > 256 - 256 / 8);
        deliver_apart(2000, 1);
        CHECK(netback_rx_posted(&rig.back, 0) <= 64);
        CHECK(netback_rx_posted(&rig.back, 0) > 64 - 64 / 8);
        pages_get_stats(&pages);
        CHECK(pages.free + 16 >= free_before);
    }
    finish();
}

TEST(no_memory_for_pages_passes)
{
    static uint8_t bytes[1000];
    static void *hog[4096];
    unsigned n = 0;

    start();
    fakexen_ignore_pages(); /* all memory becomes reachable */
    rig.keep = true;
    while (netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0))
        ;
    while ((hog[n] = pages_get()) != NULL)
        n++;
    rig_poll();
    CHECK_EQ(netback_rx_posted(&rig.back, 0), 0);
    rig.readies = 0;
    rig_put_held();
    while (n > 0)
        pages_put(hog[--n]);
    fakexen_advance(100000000);
    CHECK_EQ(rig.readies, 1); /* it looks again by itself */
    rig_poll();
    CHECK(netback_rx_posted(&rig.back, 0) >= 20);
    rig.keep = false;
    CHECK(netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0));
    CHECK_EQ(rig_poll(), 1);
    finish();
}

TEST(what_the_back_end_could_not_copy_is_dropped)
{
    static uint8_t bytes[5000];
    struct netfront_stats stats;

    start();
    netback_rx_next(&rig.back, 0, bytes, 100, 0, NETRXF_more_data);
    netback_rx_next(&rig.back, 0, bytes, 0, 0, NETRXF_more_data)->status = NETIF_RSP_ERROR;
    netback_rx_next(&rig.back, 0, bytes, 100, 0, 0);
    netback_push_rx(&rig.back, 0);
    CHECK_EQ(rig_poll(), 0);
    netback_rx_next(&rig.back, 0, bytes, 13, 0, 0); /* less than an Ethernet header */
    netback_push_rx(&rig.back, 0);
    CHECK_EQ(rig_poll(), 0);
    CHECK(netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0));
    CHECK_EQ(rig_poll(), 1);
    CHECK_EQ(rig.len, sizeof(bytes));
    netfront_get_stats(rig.nf, &stats);
    CHECK_EQ(stats.rx_dropped, 2);
    CHECK(rig.up);
    finish();
}

TEST(what_came_before_the_link_was_up_is_received)
{
    static uint8_t bytes[1000];

    rig_start(0, false);
    netback_offer(&rig.back);
    netback_map(&rig.back);
    CHECK(netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0));
    CHECK_EQ(rig_poll(), 0);
    rig.readies = 0;
    netback_state(XenbusStateConnected);
    CHECK(rig.up && rig.readies > 0);
    CHECK_EQ(rig_poll(), 1);
    finish();
}

/* ---- Life ------------------------------------------------------------------------------- */

TEST(indices_wrap)
{
    static uint8_t bytes[4000];

    ring_first_index = UINT32_MAX - 700;
    start();
    rig_fill(bytes, sizeof(bytes), 1);
    uint8_t *out = rig_bytes(6000, 77);
    for (unsigned i = 0; i < 1500; i++) {
        bytes[20] = (uint8_t)i;
        CHECK(
            netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, i % 3 ? 0 : 1, i % 3 ? 0 : 500));
        CHECK_EQ(rig_poll(), 1);
        CHECK(rig.len == sizeof(bytes) && memcmp(rig.data, bytes, rig.len) == 0);
        CHECK_EQ(rig_send(out, 1000 + i * 3, i % 5 ? NULL : &gso4), 0);
        netfront_flush(rig.nf);
        CHECK(netback_take(&rig.back, 0, &frame));
        CHECK(frame.len == 1000 + i * 3 && memcmp(frame.data, out, frame.len) == 0);
        netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    }
    rig_poll();
    CHECK_EQ(rig.done, 1500);
    CHECK(rig.back.q[0].tx_cons < 100000 && rig.back.q[0].rx_cons < 100000);
    rig_free(out, 6000);
    finish();
}

TEST(everything_comes_back_when_it_is_unplugged)
{
    static uint8_t bytes[9000];

    start();
    uint8_t *out = rig_bytes(6000, 0);
    CHECK_EQ(rig_send(out, 6000, NULL), 0);
    CHECK_EQ(rig_send(out, 100, NULL), 0);
    netfront_flush(rig.nf);
    CHECK(netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0));
    netback_close(&rig.back, true);
    CHECK(rig.lost);
    CHECK_EQ(rig_poll(), 0);
    CHECK_EQ(rig.done, 2); /* its memory comes back although nobody answered */
    CHECK_EQ(rig_send(out, 100, NULL), -EIO);
    netfront_flush(rig.nf);
    netfront_release(rig.nf);
    rig_free(out, 6000);
}

TEST(it_connects_again_when_the_back_end_comes_back)
{
    static uint8_t bytes[3000];

    start();
    uint8_t *out = rig_bytes(6000, 0);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(rig_send(out, 6000, NULL), 0);
        netfront_flush(rig.nf);
        netback_close(&rig.back, false);
        CHECK(!rig.up && !rig.lost);
        CHECK_EQ(rig_send(out, 100, NULL), -EIO);
        if (i % 2)
            rig_poll();
        netback_state(XenbusStateInitWait);
        netback_accept(&rig.back);
        CHECK(rig.up);
        rig_poll();
        CHECK_EQ(rig.done, i + 1);
        CHECK(netback_deliver(&rig.back, 0, bytes, sizeof(bytes), 0, 0, 0));
        CHECK_EQ(rig_poll(), 1);
    }
    CHECK_EQ(rig.ups, 6);
    CHECK_EQ(rig.downs, 5);
    rig_free(out, 6000);
    finish();
}

TEST(memory_that_the_back_end_still_reads_is_not_given_back)
{
    start();
    uint8_t *out = rig_bytes(1000, 0);
    rig.back.keep_mapped = true;
    CHECK_EQ(rig_send(out, 1000, NULL), 0);
    netfront_flush(rig.nf);
    CHECK(netback_take(&rig.back, 0, &frame));
    netback_close(&rig.back, false);
    rig_poll();
    CHECK_EQ(rig.done, 0);
    fakexen_unmap(0, frame.gref[0]);
    rig_poll();
    CHECK_EQ(rig.done, 1);
    rig_free(out, 1000);
    netback_state(XenbusStateInitWait);
    netback_accept(&rig.back);
    finish();
}

TEST(groups_are_told_to_the_back_end)
{
    static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
    static const uint8_t mdns[6] = { 1, 0, 0x5e, 0, 0, 0xfb };

    rig.back.mcast = true;
    rig_start(0, true);
    rig_connect();
    CHECK_STR(netback_front_key("request-multicast-control"), "1");
    CHECK_EQ(netfront_join(rig.nf, all_nodes), 0);
    CHECK_EQ(netfront_join(rig.nf, mdns), 0);
    CHECK_EQ(netfront_join(rig.nf, mdns), 0);
    netfront_leave(rig.nf, mdns);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK_EQ(frame.info.type, XEN_NETIF_EXTRA_TYPE_MCAST_ADD);
    CHECK(memcmp(frame.info.u.mcast.addr, all_nodes, 6) == 0);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK(memcmp(frame.info.u.mcast.addr, mdns, 6) == 0);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_ERROR, true);
    CHECK(!netback_take(&rig.back, 0, &frame));
    netfront_leave(rig.nf, mdns);
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK_EQ(frame.info.type, XEN_NETIF_EXTRA_TYPE_MCAST_DEL);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    rig_poll();

    netback_close(&rig.back, false);
    netback_state(XenbusStateInitWait);
    netback_accept(&rig.back); /* and it is told again */
    CHECK(netback_take(&rig.back, 0, &frame));
    CHECK_EQ(frame.info.type, XEN_NETIF_EXTRA_TYPE_MCAST_ADD);
    CHECK(memcmp(frame.info.u.mcast.addr, all_nodes, 6) == 0);
    netback_answer(&rig.back, 0, &frame, NETIF_RSP_OKAY, true);
    CHECK(!netback_take(&rig.back, 0, &frame));
    finish();
}
