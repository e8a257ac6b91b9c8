/*
 * ring: a front end's view of a shared ring, the test being the back end: indices that wrap,
 * hold-off of notifications both ways, rings of several pages, and indices that lie.
 */
#include "test.h"

#include <platform/gnttab.h>
#include <platform/memory.h>
#include <platform/vcpu.h>
#include <runtime/pages.h>

#include <xen/io/blkif.h>
#include <xen/io/netif.h>

#include "ring.h"
#include "iobuf.h"

#define PEER 3

struct message {
    uint64_t id;
    uint64_t body;
};

static struct ring ring;
static struct ring_head *shared; /* the back end's view of it */

static void start_at(uint32_t index, unsigned order)
{
    fakexen_start(NULL);
    pages_start();
    CHECK_EQ(gnttab_start(pages_get_for_table), 0);
    grant_ref_t gref;
    CHECK_EQ(gnttab_grant_page(PEER, pages_get(), GNT_RO, &gref), 0); /* the table is mapped */
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
    ring_first_index = index;
    CHECK_EQ(ring_create(&ring, PEER, order, sizeof(struct message)), 0);
    shared = ring.head;
}

static void start(void)
{
    start_at(0, 0);
}

static void put(uint64_t id)
{
    struct message message = { .id = id, .body = ~id };

    CHECK(ring_free(&ring) > 0);
    ring_put_req(&ring, &message);
}

static struct message *entry(uint32_t index)
{
    return (struct message *)((char *)shared + 64) + index % ring.nr_ents;
}

/* The back end answers the next n requests, with their ids. */
static void answer(uint32_t n)
{
    while (n-- > 0) {
        entry(shared->rsp_prod)->body = 77;
        shared->rsp_prod++;
    }
}

/* Take everything; returns how many. */
static uint32_t take(void)
{
    uint32_t prod, n = 0;

    CHECK_EQ(ring_rsp_prod(&ring, &prod), 0);
    for (; ring.rsp_cons != prod; n++) {
        struct message rsp;
        ring_take_rsp(&ring, &rsp);
        CHECK_EQ(rsp.body, 77);
    }
    return n;
}

TEST(sizes_are_those_of_the_public_headers)
{
    CHECK_EQ(ring_size(1, sizeof(union netif_tx_sring_entry)), __CONST_RING_SIZE(netif_tx, 4096));
    CHECK_EQ(ring_size(1, sizeof(union netif_rx_sring_entry)), __CONST_RING_SIZE(netif_rx, 4096));
    CHECK_EQ(ring_size(1, sizeof(union blkif_sring_entry)), __CONST_RING_SIZE(blkif, 4096));
    CHECK_EQ(ring_size(16, sizeof(union blkif_sring_entry)), __CONST_RING_SIZE(blkif, 65536));
    CHECK_EQ(offsetof(struct netif_tx_sring, ring), sizeof(struct ring_head));
    CHECK_EQ(offsetof(struct netif_tx_sring, req_event), offsetof(struct ring_head, req_event));
    CHECK_EQ(offsetof(struct netif_tx_sring, rsp_prod), offsetof(struct ring_head, rsp_prod));
    CHECK_EQ(offsetof(struct netif_tx_sring, rsp_event), offsetof(struct ring_head, rsp_event));
}

TEST(a_new_ring_is_empty_and_the_peer_reaches_it)
{
    start();
    CHECK_EQ(ring.nr_ents, 128);
    CHECK_EQ(ring_free(&ring), 128);
    CHECK_EQ(take(), 0);
    CHECK(!ring_unpushed(&ring));
    struct ring_head *theirs = fakexen_map(PEER, ring.gref[0], true);
    CHECK(theirs != NULL);
    CHECK_EQ(theirs->req_event, 1);
    CHECK_EQ(theirs->rsp_event, 1);
    fakexen_unmap(PEER, ring.gref[0]);
    ring_destroy(&ring);
    ring_destroy(&ring); /* once more is harmless */
}

TEST(requests_are_seen_when_they_are_pushed)
{
    start();
    put(5);
    CHECK(ring_unpushed(&ring));
    CHECK_EQ(shared->req_prod, 0);
    CHECK(ring_push(&ring)); /* a new back end waits for the first */
    CHECK_EQ(shared->req_prod, 1);
    CHECK_EQ(entry(0)->id, 5);
    CHECK_EQ(ring_in_flight(&ring), 1);
    CHECK(!ring_push(&ring)); /* nothing new */
    ring_destroy(&ring);
}

TEST(a_back_end_that_is_awake_is_not_notified)
{
    start();
    put(0);
    CHECK(ring_push(&ring));
    put(1);
    CHECK(!ring_push(&ring)); /* req_event is behind: it has not asked again */
    shared->req_event = 4;    /* now it sleeps until the fourth */
    put(2);
    CHECK(!ring_push(&ring));
    put(3);
    CHECK(ring_push(&ring));
    put(4);
    CHECK(!ring_push(&ring));
    shared->req_event = 7;
    put(5);
    put(6);
    put(7);
    CHECK(ring_push(&ring)); /* the seventh is among several */
    ring_destroy(&ring);
}

TEST(responses_are_taken_once_and_free_their_slots)
{
    start();
    for (unsigned i = 0; i < 128; i++)
        put(i);
    CHECK_EQ(ring_free(&ring), 0);
    ring_push(&ring);
    answer(100);
    CHECK_EQ(take(), 100);
    CHECK_EQ(ring_free(&ring), 100);
    CHECK_EQ(ring_in_flight(&ring), 28);
    CHECK_EQ(take(), 0);
    ring_destroy(&ring);
}

TEST(indices_wrap)
{
    start_at(UINT32_MAX - 3, 0);
    CHECK_EQ(ring_free(&ring), 128);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 100; i++)
            put(i);
        CHECK(ring_push(&ring) || round > 0);
        answer(100);
        CHECK_EQ(take(), 100);
        CHECK_EQ(ring_free(&ring), 128);
        CHECK(!ring_rearm(&ring, 1));
        CHECK_EQ(shared->rsp_event, ring.rsp_cons + 1);
        shared->req_event = ring.req_prod + 1; /* it sleeps */
        put(0);
        CHECK(ring_push(&ring));
        answer(1);
        CHECK_EQ(take(), 1);
    }
    CHECK(ring.rsp_cons < 1000);
    ring_destroy(&ring);
}

TEST(rearming_sees_what_came_meanwhile)
{
    start();
    for (unsigned i = 0; i < 10; i++)
        put(i);
    ring_push(&ring);
    CHECK(!ring_rearm(&ring, 1));
    answer(1);
    CHECK(ring_rearm(&ring, 1));
    CHECK(!ring_rearm(&ring, 2));
    CHECK_EQ(shared->rsp_event, 2);
    answer(3);
    CHECK(ring_rearm(&ring, 4));
    CHECK(!ring_rearm(&ring, 5));
    CHECK_EQ(take(), 4);
    ring_destroy(&ring);
}

TEST(more_answers_than_questions_are_a_violation)
{
    uint32_t prod;

    start();
    put(0);
    put(1);
    ring_push(&ring);
    put(2); /* not shown yet: nobody can have answered it */
    shared->rsp_prod = 3;
    CHECK_EQ(ring_rsp_prod(&ring, &prod), -EIO);
    shared->rsp_prod = 2;
    CHECK_EQ(ring_rsp_prod(&ring, &prod), 0);
    entry(0)->body = entry(1)->body = 77;
    CHECK_EQ(take(), 2);
    static const uint32_t lies[] = { 1, 0, 3, UINT32_MAX, 0x80000000u, 130 };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) { /* backwards, and far ahead */
        shared->rsp_prod = lies[i];
        CHECK_EQ(ring_rsp_prod(&ring, &prod), -EIO);
    }
    ring_destroy(&ring);
}

TEST(what_the_back_end_writes_into_its_other_fields_changes_nothing)
{
    start();
    put(0);
    ring_push(&ring);
    shared->req_prod = 1000;
    memset(shared->pad, 0xff, sizeof(shared->pad));
    shared->rsp_event = 1000;
    CHECK_EQ(ring_free(&ring), 127);
    put(1);
    ring_push(&ring);
    CHECK_EQ(shared->req_prod, 2);
    answer(2);
    CHECK_EQ(take(), 2);
    ring_destroy(&ring);
}

TEST(several_pages_make_one_ring)
{
    start_at(UINT32_MAX - 700, 2);
    CHECK_EQ(ring.nr_ents, 512);
    CHECK_EQ(ring.pages, 4);
    for (unsigned i = 0; i < 512; i++)
        put(i);
    CHECK_EQ(ring_free(&ring), 0);
    ring_push(&ring);
    for (unsigned page = 0; page < 4; page++) {
        char *theirs = fakexen_map(PEER, ring.gref[page], true);
        CHECK(theirs != NULL);
        CHECK(memcmp(theirs, (char *)ring.head + page * 4096, 4096) == 0);
        fakexen_unmap(PEER, ring.gref[page]);
    }
    answer(512);
    CHECK_EQ(take(), 512);
    ring_destroy(&ring);
}

TEST(a_ring_without_grants_is_refused_and_leaves_nothing)
{
    struct ring other;
    grant_ref_t grefs[2048];
    unsigned n = 0;

    fakexen_limit_grant_frames(1);
    start();
    while (gnttab_grant_page(PEER, ring.head, GNT_RO, &grefs[n]) == 0)
        n++;
    CHECK_EQ(ring_create(&other, PEER, 0, 8), -ENOSPC);
    CHECK(other.head == NULL);
    gnttab_revoke(grefs[--n]);
    gnttab_revoke(grefs[--n]);
    CHECK_EQ(ring_create(&other, PEER, 2, 8), -ENOSPC); /* two of four */
    CHECK(other.head == NULL);
    CHECK_EQ(ring_create(&other, PEER, 1, 8), 0);
    ring_destroy(&other);
    while (n > 0)
        gnttab_revoke(grefs[--n]);
    ring_destroy(&ring);
    CHECK_EQ(ring_create(&other, PEER, 5, 8), -ENOMEM); /* more than any back end has */
}

TEST(pages_that_the_back_end_keeps_are_freed_when_it_lets_go)
{
    start_at(0, 1);
    grant_ref_t kept = ring.gref[1];
    CHECK(fakexen_map(PEER, kept, true) != NULL);
    ring_destroy(&ring);
    CHECK_EQ(iobuf_retired(), 1);
    iobuf_retry();
    CHECK_EQ(iobuf_retired(), 1);
    fakexen_unmap(PEER, kept);
    iobuf_retry();
    CHECK_EQ(iobuf_retired(), 0);
}
