/* pages: every page once, all of memory to the last page, and nothing proportional at the start. */
#include "test.h"

#include <platform/memory.h>
#include <runtime/pages.h>

static struct pages_stats stats;

static void start(size_t pages)
{
    fakexen_start(&(struct fakexen_options){ .pages = pages });
    pages_start();
    pages_get_stats(&stats);
    fakexen_mark_clean();
}

static size_t used(void)
{
    pages_get_stats(&stats);
    return stats.used;
}

TEST(at_the_start_nothing_is_used)
{
    start(2048);
    CHECK_EQ(stats.total, 2048);
    CHECK_EQ(stats.boot, memory_first_free());
    CHECK_EQ(stats.used, 0);
    CHECK_EQ(stats.free, 2048 - stats.boot);
}

TEST(a_page_put_back_is_given_again)
{
    start(2048);
    void *page = pages_get();
    CHECK_EQ(used(), 1);
    CHECK_EQ((uintptr_t)page % PAGE_SIZE, 0);
    pages_put(page);
    CHECK_EQ(used(), 0);
    CHECK(pages_get() == page);
    pages_put(page);
}

TEST(a_zeroed_page_is_zero)
{
    static const char zero[4096];

    start(2048);
    void *page = pages_get();
    memset(page, 0xff, PAGE_SIZE);
    pages_put(page);
    page = pages_get_zeroed();
    CHECK(memcmp(page, zero, sizeof(zero)) == 0);
    pages_put(page);
}

/* Every page is one page: writing its number into each and reading all of them back. */
TEST(all_of_memory_is_given_out_and_no_page_twice)
{
    static size_t *pages[5000];
    size_t n = 0;

    start(5000);
    while ((pages[n] = pages_get()) != NULL) {
        CHECK(memory_number(pages[n]) >= memory_first_free());
        *pages[n] = n;
        n++;
    }
    for (size_t i = 0; i < n; i++)
        CHECK_EQ(*pages[i], i);
    used();
    CHECK_EQ(stats.free, 0);
    CHECK_EQ(stats.used, stats.total - stats.boot);
    size_t tables = stats.used - n; /* 5000 pages: ten page tables of 512 */
    CHECK(tables >= 9 && tables <= 11);
    CHECK(pages_get() == NULL);
    CHECK(pages_get_zeroed() == NULL);
    CHECK(pages_get_for_table() == NULL);
    for (size_t i = 0; i < n; i++)
        pages_put(pages[i]);
    CHECK_EQ(used(), tables);
    for (size_t i = 0; i < n; i++)
        CHECK(pages_get() != NULL);
    CHECK(pages_get() == NULL);
    fakexen_mark_clean();
}

/* Reaching takes pages for tables: they must be there although every reached page is in use. */
TEST(there_is_always_a_page_for_a_table)
{
    start(5000);
    for (int i = 0; i < 4000; i++)
        CHECK(pages_get() != NULL);
    CHECK(pages_get_for_table() != NULL);
    fakexen_mark_clean();
}

TEST(a_run_is_in_one_piece)
{
    start(4096);
    for (size_t n = 1; n <= 300; n += 23) {
        char *run = pages_get_run(n);
        CHECK(run != NULL);
        for (size_t i = 0; i < n; i++)
            CHECK_EQ(memory_number(run + i * PAGE_SIZE), memory_number(run) + i);
        memset(run, 0x5a, n * PAGE_SIZE);
        for (size_t i = 0; i < n; i++)
            pages_put(run + i * PAGE_SIZE);
    }
    CHECK(pages_get_run(100000) == NULL);
    used();
    CHECK(stats.used < 10); /* page tables */
    fakexen_mark_clean();
}

/* The end of the builder's mapping is where addresses jump: a run must not lie across it. */
TEST(what_a_run_skips_is_not_lost)
{
    size_t before, n = 0;

    start(2048);
    before = stats.free;
    CHECK(pages_get_run(200) != NULL);
    used();
    while (pages_get() != NULL)
        n++;
    CHECK(n + 200 + 6 >= before);
    fakexen_mark_clean();
}
