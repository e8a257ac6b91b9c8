/* gnttab: the real table, against a Xen that looks at its entries and domains that map pages. */
#include "test.h"

#include <platform/gnttab.h>
#include <platform/memory.h>
#include <runtime/pages.h>

#define PEER 0

static void start(void)
{
    fakexen_start(NULL);
    pages_start();
    CHECK_EQ(gnttab_start(pages_get_for_table), 0);
    fakexen_mark_clean();
}

static struct gnttab_stats stats(void)
{
    struct gnttab_stats now;

    gnttab_get_stats(&now);
    return now;
}

/* The first grant maps a frame of the table, which costs a page for the page table. */
static void start_with_frame(void)
{
    grant_ref_t gref;
    void *page;

    start();
    page = pages_get();
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RO, &gref), 0);
    CHECK_EQ(gnttab_revoke(gref), 0);
    pages_put(page);
    fakexen_mark_clean();
}

TEST(the_peer_sees_the_page)
{
    grant_ref_t gref;

    start_with_frame();
    char *page = pages_get_zeroed();
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RW, &gref), 0);
    CHECK(gref >= 8);
    CHECK_EQ(stats().in_use, 1);
    char *theirs = fakexen_map(PEER, gref, true);
    CHECK(theirs != NULL && theirs != page);
    strcpy(theirs, "written outside");
    CHECK_STR(page, "written outside");
    fakexen_unmap(PEER, gref);
    CHECK_EQ(gnttab_revoke(gref), 0);
    CHECK(fakexen_map(PEER, gref, false) == NULL);
    CHECK_EQ(stats().in_use, 0);
    pages_put(page);
}

TEST(a_read_only_grant_cannot_be_written)
{
    grant_ref_t gref;

    start_with_frame();
    void *page = pages_get();
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RO, &gref), 0);
    CHECK(fakexen_map(PEER, gref, true) == NULL);
    CHECK(fakexen_map(PEER, gref, false) != NULL);
    fakexen_unmap(PEER, gref);
    CHECK_EQ(gnttab_revoke(gref), 0);
    pages_put(page);
}

TEST(another_domain_sees_nothing)
{
    grant_ref_t gref;

    start_with_frame();
    void *page = pages_get();
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RW, &gref), 0);
    CHECK(fakexen_map(PEER + 1, gref, false) == NULL);
    CHECK_EQ(gnttab_revoke(gref), 0);
    pages_put(page);
}

TEST(what_the_peer_still_maps_cannot_be_revoked)
{
    grant_ref_t gref;

    start_with_frame();
    void *page = pages_get();
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RW, &gref), 0);
    CHECK(!gnttab_in_use(gref));
    fakexen_map(PEER, gref, true);
    CHECK(gnttab_in_use(gref));
    CHECK_EQ(gnttab_revoke(gref), -EBUSY);
    CHECK_EQ(stats().in_use, 1);
    fakexen_unmap(PEER, gref);
    CHECK_EQ(gnttab_revoke(gref), 0);
    pages_put(page);
}

TEST(a_reference_given_up_is_counted_and_never_used_again)
{
    grant_ref_t kept, gref;

    start_with_frame();
    void *page = pages_get();
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RW, &kept), 0);
    fakexen_map(PEER, kept, true);
    CHECK_EQ(gnttab_revoke(kept), -EBUSY);
    gnttab_leak(kept);
    CHECK_EQ(stats().leaked, 1);
    CHECK_EQ(stats().in_use, 0);
    void *other = pages_get();
    for (int i = 0; i < 600; i++) {
        CHECK_EQ(gnttab_grant_page(PEER, other, GNT_RO, &gref), 0);
        CHECK(gref != kept);
        CHECK_EQ(gnttab_revoke(gref), 0);
    }
    fakexen_mark_clean(); /* the leak is the point of this test */
}

TEST(the_table_grows_and_every_reference_is_another)
{
    static grant_ref_t refs[4000];
    static bool seen[8192];
    void *page;

    start();
    page = pages_get();
    for (size_t i = 0; i < 4000; i++) {
        CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RO, &refs[i]), 0);
        CHECK(refs[i] >= 8 && refs[i] < 8192 && !seen[refs[i]]);
        seen[refs[i]] = true;
    }
    CHECK_EQ(stats().capacity, 4096);
    CHECK_EQ(stats().in_use, 4000);
    CHECK_EQ(fakexen_grants_in_use(), 4000);
    for (size_t i = 0; i < 4000; i++)
        CHECK_EQ(gnttab_revoke(refs[i]), 0);
    CHECK_EQ(fakexen_grants_in_use(), 0);
    pages_put(page);
    fakexen_mark_clean(); /* but for the page table of the frames */
}

TEST(a_full_table_is_enospc)
{
    static grant_ref_t refs[1024];
    grant_ref_t gref = 99;
    size_t n = 0;
    int error;

    fakexen_start(NULL);
    fakexen_limit_grant_frames(2);
    pages_start();
    CHECK_EQ(gnttab_start(pages_get_for_table), 0);
    void *page = pages_get();
    while ((error = gnttab_grant_page(PEER, page, GNT_RO, &gref)) == 0)
        refs[n++] = gref;
    CHECK_EQ(error, -ENOSPC);
    CHECK_EQ(n, 1024 - 8);
    CHECK_EQ(stats().max, 1024);
    while (n > 0)
        CHECK_EQ(gnttab_revoke(refs[--n]), 0);
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RO, &gref), 0);
    CHECK_EQ(gnttab_revoke(gref), 0);
    pages_put(page);
    fakexen_mark_clean();
}

/* The reserved ones belong to the tool stack: their entries are never touched. */
TEST(reserved_references_are_left_alone)
{
    grant_ref_t gref;

    start_with_frame();
    for (grant_ref_t reserved = 0; reserved < 8; reserved++)
        CHECK(fakexen_map(PEER, reserved, false) == NULL);
    void *page = pages_get();
    for (int i = 0; i < 504; i++)
        CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RO, &gref), 0);
    CHECK_EQ(stats().capacity, 512);
    CHECK_EQ(gnttab_grant_page(PEER, page, GNT_RO, &gref), 0);
    CHECK_EQ(gref, 512); /* the 505th is in the second frame */
    fakexen_mark_clean();
}
