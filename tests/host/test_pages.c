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

/* ---- runs of pages that were used before ---- */

#define MANY 40000u /* two groups of 32768, the second one begun */

/* By page number: handed out now; and whether it ever is (some are tables, one in 32768 is of bits). */
static unsigned char held[MANY], ours[MANY];

static size_t hold(void *page)
{
    size_t number = memory_number(page);

    CHECK(number >= memory_first_free() && number < stats.total);
    CHECK(!held[number]);
    held[number] = 1;
    return number;
}

static void let_go(size_t number)
{
    CHECK(held[number]);
    held[number] = 0;
    pages_put(memory_page(number));
}

/* Take all there is, so that from here on every free page is one that was put back. */
static void hold_everything(size_t pages)
{
    void *page;

    start(pages);
    memset(held, 0, sizeof(held));
    while ((page = pages_get()) != NULL)
        hold(page);
    memcpy(ours, held, sizeof(ours));
}

/* The longest row of free pages with addresses one after the other, by looking at each. */
static size_t longest_row(size_t from, size_t to)
{
    size_t longest = 0, row = 0;

    for (size_t i = from; i < to; i++) {
        bool joins = (char *)memory_page(i) == (char *)memory_page(i - 1) + PAGE_SIZE;

        row = held[i] || !ours[i] ? 0 : joins ? row + 1 : 1;
        longest = row > longest ? row : longest;
    }
    return longest;
}

/* A guest whose memory was all used once must still connect a ring of several pages. */
TEST(pages_put_back_one_by_one_are_a_run_again)
{
    hold_everything(2048);
    CHECK(pages_get_run(2) == NULL);
    for (size_t i = 0; i < 16; i++)
        let_go(1500 + (i * 7) % 16);
    let_go(1400);
    CHECK(pages_get_run(17) == NULL);
    CHECK(pages_get_run(16) == memory_page(1500));
    CHECK(pages_get_run(2) == NULL);
    CHECK(pages_get() == memory_page(1400));
    CHECK(pages_get() == NULL);
    fakexen_mark_clean();
}

/* The end of the builder's mapping again: neighbours by number, but not by address. */
TEST(a_run_of_pages_put_back_has_one_address_after_the_other)
{
    size_t border = memory_first_free();

    hold_everything(2048);
    while ((char *)memory_page(border + 1) == (char *)memory_page(border) + PAGE_SIZE)
        border++;
    for (size_t i = border - 5; i <= border + 5; i++)
        let_go(i);
    CHECK(pages_get_run(7) == NULL);
    CHECK(pages_get_run(6) == memory_page(border - 5));
    CHECK(pages_get_run(5) == memory_page(border + 1));
    fakexen_mark_clean();
}

TEST(runs_are_found_in_every_group_and_across_none)
{
    size_t first, second;

    hold_everything(MANY);
    CHECK(!ours[32768]); /* the bits of the second group */
    for (size_t i = 32500; i < 33200; i++)
        if (held[i])
            let_go(i);
    first = longest_row(32500, 32768);
    second = longest_row(32769, 33200);
    CHECK(first > 100 && second > first);
    CHECK(pages_get_run(second + 1) == NULL);
    CHECK(memory_number(pages_get_run(second)) > 32768);
    CHECK(memory_number(pages_get_run(first)) < 32768);
    CHECK(pages_get_run(first) == NULL);
    CHECK(pages_get_run(32768) == NULL);
    CHECK(pages_get_run(SIZE_MAX / 2) == NULL);
    fakexen_mark_clean();
}

/* While memory is not all reached, runs leave the pages that reaching more of it needs. */
TEST(runs_leave_the_stock_for_tables)
{
    start(5000);
    for (size_t n = 64; n != 0; n /= 2)
        while (pages_get_run_at_hand(n) != NULL)
            continue;
    CHECK(pages_get_for_table() != NULL);
    CHECK(pages_get_run(300) != NULL);
    fakexen_mark_clean();
}

static uint64_t dice_state = 88172645463325252u;

static size_t dice(size_t below)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (size_t)(dice_state % below);
}

/*
 * Hours of a guest: pages and runs come and go at random, while a model knows who holds what. A run is
 * refused only when there is none, no page is handed out twice, none is lost.
 */
TEST(a_long_life_of_pages_and_runs)
{
    enum { PAGES = 3000, STEPS = 100000 };
    size_t n = 0, refused = 0, runs = 0;

    hold_everything(PAGES);
    for (size_t i = 0; i < PAGES; i++)
        n += ours[i];
    for (size_t step = 0; step < STEPS; step++) {
        /* Between nearly full and nearly empty, and back. */
        size_t want_free = step / 2000 % 2 == 0 ? 20 : 80;
        size_t at = dice(PAGES);

        if (dice(100) < want_free) {
            if (held[at])
                let_go(at);
        } else if (dice(2) != 0) {
            void *page = pages_get();
            if (page != NULL)
                hold(page);
        } else {
            size_t length = 2 + dice(dice(8) == 0 ? 200 : 12);
            char *run = pages_get_run(length);

            runs += run != NULL;
            refused += run == NULL;
            for (size_t i = 0; i < length && run != NULL; i++) {
                CHECK(memory_page(memory_number(run) + i) == run + i * PAGE_SIZE);
                hold(run + i * PAGE_SIZE);
            }
            if (run == NULL)
                CHECK(longest_row(memory_first_free(), PAGES) < length);
        }
    }
    CHECK(runs > 1000 && refused > 1000);
    for (size_t i = 0; i < PAGES; i++)
        if (held[i])
            let_go(i);
    used();
    CHECK_EQ(stats.free, n);
    CHECK(pages_get_run(longest_row(memory_first_free(), PAGES)) != NULL);
    fakexen_mark_clean();
}
