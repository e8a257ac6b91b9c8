/*
 * iobuf: pools of granted pages, and peers that keep what they were asked to give back.
 */
#include "test.h"

#include <platform/gnttab.h>
#include <platform/memory.h>
#include <platform/vcpu.h>
#include <runtime/pages.h>

#include "iobuf.h"

#define PEER 3

static void start(void)
{
    grant_ref_t gref;

    fakexen_start(NULL);
    pages_start();
    CHECK_EQ(gnttab_start(pages_get_for_table), 0);
    CHECK_EQ(gnttab_grant_page(PEER, pages_get(), GNT_RO, &gref), 0); /* the table is mapped */
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
}

TEST(a_buffer_is_a_zeroed_page_that_the_peer_reaches)
{
    start();
    struct iobuf_pool *pool = iobuf_pool_create(PEER, GNT_RW, 10);
    struct iobuf *buf = iobuf_get(pool);
    char *theirs = fakexen_map(PEER, buf->gref, true);
    CHECK(theirs != NULL);
    for (unsigned i = 0; i < 4096; i++)
        CHECK_EQ(theirs[i], 0);
    theirs[7] = 'x';
    CHECK_EQ(((char *)buf->page)[7], 'x');
    fakexen_unmap(PEER, buf->gref);
    iobuf_put(buf);
    iobuf_pool_close(pool);
}

TEST(a_read_only_pool_cannot_be_written)
{
    start();
    struct iobuf_pool *pool = iobuf_pool_create(PEER, GNT_RO, 10);
    struct iobuf *buf = iobuf_get(pool);
    CHECK(fakexen_map(PEER, buf->gref, true) == NULL);
    CHECK(fakexen_map(PEER + 1, buf->gref, false) == NULL);
    iobuf_put(buf);
    iobuf_pool_close(pool);
}

TEST(a_buffer_keeps_its_grant_from_one_use_to_the_next)
{
    start();
    struct iobuf_pool *pool = iobuf_pool_create(PEER, GNT_RW, 10);
    struct iobuf *buf = iobuf_get(pool);
    grant_ref_t gref = buf->gref;
    void *page = buf->page;
    iobuf_put(buf);
    buf = iobuf_get(pool);
    CHECK_EQ(buf->gref, gref);
    CHECK(buf->page == page);
    iobuf_put(buf);
    iobuf_pool_close(pool);
}

TEST(a_revoked_buffer_is_ours_alone_and_is_granted_again)
{
    start();
    struct iobuf_pool *pool = iobuf_pool_create(PEER, GNT_RW, 10);
    struct iobuf *buf = iobuf_get(pool);
    grant_ref_t gref = buf->gref;
    CHECK(fakexen_map(PEER, gref, true) != NULL);
    CHECK_EQ(iobuf_revoke(buf), -EBUSY);
    CHECK_EQ(buf->gref, gref);
    fakexen_unmap(PEER, gref);
    CHECK_EQ(iobuf_revoke(buf), 0);
    CHECK_EQ(iobuf_revoke(buf), 0);
    CHECK(fakexen_map(PEER, gref, true) == NULL);
    iobuf_put(buf);
    buf = iobuf_get(pool);
    CHECK(buf->gref != IOBUF_NOT_GRANTED);
    CHECK_EQ(iobuf_revoke(buf), 0);
    CHECK_EQ(iobuf_grant(buf), 0);
    CHECK_EQ(iobuf_grant(buf), 0);
    CHECK(fakexen_map(PEER, buf->gref, true) != NULL);
    fakexen_unmap(PEER, buf->gref);
    iobuf_put(buf);
    iobuf_pool_close(pool);
}

/* Page tables that are made for this much stay: they are made before the pages are counted. */
static void reach(unsigned n)
{
    static struct iobuf *bufs[1000];
    struct iobuf_pool *pool = iobuf_pool_create(PEER, GNT_RW, n);

    for (unsigned i = 0; i < n; i++)
        CHECK((bufs[i] = iobuf_get(pool)) != NULL);
    for (unsigned i = 0; i < n; i++)
        iobuf_put(bufs[i]);
    iobuf_pool_close(pool);
    fakexen_mark_clean();
}

TEST(a_pool_has_a_limit)
{
    static struct iobuf *bufs[300];
    struct iobuf_pool_stats stats;

    start();
    reach(400);
    struct iobuf_pool *pool = iobuf_pool_create(PEER, GNT_RW, 300); /* in three pages of buffers */
    for (unsigned i = 0; i < 300; i++)
        CHECK((bufs[i] = iobuf_get(pool)) != NULL);
    CHECK(iobuf_get(pool) == NULL);
    iobuf_pool_get_stats(pool, &stats);
    CHECK_EQ(stats.out, 300);
    CHECK_EQ(stats.unused, 0);
    for (unsigned i = 0; i < 300; i++)
        iobuf_put(bufs[i]);
    iobuf_pool_get_stats(pool, &stats);
    CHECK_EQ(stats.unused, 300);
    iobuf_pool_trim(pool, 20);
    iobuf_pool_get_stats(pool, &stats);
    CHECK_EQ(stats.unused, 20);
    for (unsigned i = 0; i < 300; i++)
        CHECK((bufs[i] = iobuf_get(pool)) != NULL);
    for (unsigned i = 0; i < 300; i++)
        iobuf_put(bufs[i]);
    iobuf_pool_close(pool);
}

TEST(a_closed_pool_waits_for_the_last_of_its_buffers)
{
    start();
    struct iobuf_pool *pool = iobuf_pool_create(PEER, GNT_RW, 10);
    struct iobuf *a = iobuf_get(pool), *b = iobuf_get(pool);
    iobuf_revoke(a);
    iobuf_pool_close(pool);
    memset(a->page, 1, 4096);
    iobuf_put(a);
    memset(b->page, 1, 4096);
    iobuf_put(b); /* the sanitizer and the check of what is left tell the rest */
}

TEST(no_memory_and_no_grants_are_no_buffer)
{
    static grant_ref_t grefs[1024];
    unsigned n = 0;

    fakexen_limit_grant_frames(1);
    start();
    struct iobuf_pool *pool = iobuf_pool_create(PEER, GNT_RW, 1000);
    void *page = pages_get();
    while (gnttab_grant_page(PEER, page, GNT_RO, &grefs[n]) == 0)
        n++;
    CHECK(iobuf_get(pool) == NULL);
    gnttab_revoke(grefs[--n]);
    struct iobuf *buf = iobuf_get(pool);
    CHECK(buf != NULL);
    CHECK(iobuf_get(pool) == NULL);
    /* A buffer that lost its grant, and there is none to be had when it comes round. */
    CHECK_EQ(iobuf_revoke(buf), 0);
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RO, &grefs[n++]), 0);
    iobuf_put(buf);
    CHECK(iobuf_get(pool) == NULL);
    while (n > 0)
        gnttab_revoke(grefs[--n]);
    CHECK((buf = iobuf_get(pool)) != NULL);
    iobuf_put(buf);

    void *all = NULL, *one;
    iobuf_pool_trim(pool, 0);
    while ((one = pages_get()) != NULL) {
        *(void **)one = all;
        all = one;
    }
    CHECK(iobuf_get(pool) == NULL);
    CHECK(iobuf_pool_create(PEER, GNT_RO, 1) == NULL);
    while (all != NULL) {
        one = all;
        all = *(void **)one;
        pages_put(one);
    }
    CHECK((buf = iobuf_get(pool)) != NULL);
    iobuf_put(buf);
    pages_put(page);
    iobuf_pool_close(pool);
    fakexen_ignore_pages(); /* memory was reached, and its tables stay */
}

TEST(pages_that_a_peer_keeps_are_used_by_nobody_until_it_lets_go)
{
    static grant_ref_t kept[600];
    static void *pages[600];
    static struct iobuf *bufs[600];
    struct iobuf_pool *pool;

    start();
    reach(1000);
    pool = iobuf_pool_create(PEER, GNT_RW, 600); /* more than one page of them */
    for (unsigned i = 0; i < 600; i++) {
        bufs[i] = iobuf_get(pool);
        kept[i] = bufs[i]->gref;
        pages[i] = bufs[i]->page;
        CHECK(fakexen_map(PEER, kept[i], true) != NULL);
    }
    for (unsigned i = 0; i < 600; i++)
        iobuf_put(bufs[i]);
    iobuf_pool_close(pool);
    CHECK_EQ(iobuf_retired(), 600);
    for (unsigned i = 0; i < 50; i++) {
        void *page = pages_get();
        for (unsigned j = 0; j < 600; j++)
            CHECK(page != pages[j]);
        memset(page, 0, 4096);
        pages_put(page);
    }
    for (unsigned i = 0; i < 600; i += 2)
        fakexen_unmap(PEER, kept[i]);
    iobuf_retry();
    CHECK_EQ(iobuf_retired(), 300);
    for (unsigned i = 1; i < 600; i += 2)
        fakexen_unmap(PEER, kept[i]);
    iobuf_retry();
    CHECK_EQ(iobuf_retired(), 0);
}

TEST(a_reference_to_somebody_elses_page_is_ended_alone)
{
    grant_ref_t gref;
    char *page;

    start();
    page = pages_get();
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RO, &gref), 0);
    CHECK(fakexen_map(PEER, gref, false) != NULL);
    iobuf_retire(NULL, gref);
    CHECK_EQ(iobuf_retired(), 1);
    fakexen_unmap(PEER, gref);
    iobuf_retry();
    CHECK_EQ(iobuf_retired(), 0);
    pages_put(page);
}

TEST(the_page_under_an_address_is_found)
{
    char *page, *heap = (char *)memory_region_start(MEMORY_REGION_HEAP);
    void *pages[1];

    start();
    pages[0] = page = pages_get();
    CHECK(iobuf_page_of(page) == page);
    CHECK(iobuf_page_of(page + 4095) == page);
    CHECK_EQ(memory_map((uintptr_t)heap, pages, 1, MEMORY_READ | MEMORY_WRITE, pages_get_for_table),
             0);
    CHECK(iobuf_page_of(heap + 17) == page);
    CHECK(iobuf_page_of(heap + 4096) == NULL);
    CHECK(iobuf_page_of(NULL) == NULL);
    memory_unmap((uintptr_t)heap, 1, pages_put);
    fakexen_ignore_pages();
}
