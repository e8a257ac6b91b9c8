/*
 * Freed pages are on a list, last in, first out, threaded through the pages themselves. A bit for each
 * says which pages those are, so that freed neighbours can be found again as a run: the list gives one
 * page in O(1), a search of the bits gives many. The bits of a group of pages lie in the group's first
 * page, which becomes that when the mark arrives there; only for the group in which the domain's free
 * memory begins, whose first page is not ours, they lie beside the rest of the state.
 */
#include <runtime/pages.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <platform/memory.h>
#include <platform/spinlock.h>
#include <runtime/list.h>

#define PAGES_STOCK 8u /* reached pages kept for page tables while memory is not all reached */
#define PAGES_GROUP (PAGE_SIZE * 8)
#define PAGES_WORD_BITS 64u
#define PAGES_WORDS (PAGES_GROUP / PAGES_WORD_BITS)

static struct {
    struct spinlock lock; /* protects all of this; taken inside "memory", never around it */
    struct list freed;
    size_t n_freed;
    size_t mark;        /* pages from here on have never been used */
    size_t first_group; /* the one whose bits are not in its first page, but: */
} pages = { .lock = SPINLOCK_INIT("pages"), .freed = LIST_INIT(pages.freed) };

static uint64_t
    pages_first_bits[PAGES_WORDS]; /* apart: zeros that need no room in the image's file */

static uint64_t *pages_bits(size_t group)
{
    return group == pages.first_group ? pages_first_bits : memory_page(group * PAGES_GROUP);
}

/* Change the page's bit between free and not. */
static void pages_flip(size_t number)
{
    size_t at = number % PAGES_GROUP;

    pages_bits(number / PAGES_GROUP)[at / PAGES_WORD_BITS] ^= (uint64_t)1 << at % PAGES_WORD_BITS;
}

static void pages_add(void *page)
{
    list_prepend(&pages.freed, page);
    pages.n_freed++;
    pages_flip(memory_number(page));
}

static void pages_take(void *page)
{
    list_remove(page);
    pages.n_freed--;
    pages_flip(memory_number(page));
}

/* How many pages are reached and have never been used. The first of a group is made its bits here. */
static size_t pages_never_used(void)
{
    if (pages.mark % PAGES_GROUP == 0 && pages.mark < memory_reached())
        memset(memory_page(pages.mark++), 0, PAGE_SIZE);
    return memory_reached() - pages.mark;
}

static size_t (*pages_reclaimer)(size_t n);

void pages_set_reclaim(size_t (*reclaim)(size_t n))
{
    pages_reclaimer = reclaim;
}

size_t pages_reclaim(size_t n)
{
    return pages_reclaimer != NULL ? pages_reclaimer(n) : 0;
}

void *pages_get_for_table(void)
{
    void *page = NULL;
    bool was_masked = spin_lock(&pages.lock);

    if (!list_empty(&pages.freed)) {
        page = pages.freed.next;
        pages_take(page);
    } else if (pages_never_used() != 0) {
        page = memory_page(pages.mark++);
    }
    spin_unlock(&pages.lock, was_masked);
    return page;
}

/* Reached pages that nobody uses. */
static size_t pages_stock(void)
{
    return pages.n_freed + memory_reached() - pages.mark;
}

void *pages_get(void)
{
    if (pages_stock() <= PAGES_STOCK && memory_reached() < memory_pages())
        memory_reach(pages_get_for_table);
    void *page = pages_get_for_table();
    if (page == NULL && pages_reclaim(1) != 0)
        page = pages_get_for_table();
    return page;
}

void *pages_get_zeroed(void)
{
    void *page = pages_get();

    if (page != NULL)
        memset(page, 0, PAGE_SIZE);
    return page;
}

void pages_put(void *page)
{
    bool was_masked = spin_lock(&pages.lock);

    pages_add(page);
    spin_unlock(&pages.lock, was_masked);
}

/* Do n pages have addresses in one piece, and their bits in one place? */
static bool pages_together(size_t first, size_t n)
{
    const char *start = memory_page(first);

    return first / PAGES_GROUP == (first + n - 1) / PAGES_GROUP &&
           (const char *)memory_page(first + n - 1) == start + (n - 1) * PAGE_SIZE;
}

/* When they do not lie in one piece, the first of them go to the list. */
static void *pages_run_never_used(size_t n)
{
    while (n <= pages_never_used()) {
        size_t first = pages.mark;

        if (pages_together(first, n)) {
            pages.mark += n;
            return memory_page(first);
        }
        pages_add(memory_page(pages.mark++));
    }
    return NULL;
}

/* Only pages that cost nothing; the stock for page tables stays. */
void *pages_get_run_at_hand(size_t n)
{
    bool was_masked = spin_lock(&pages.lock);
    size_t keep =
        memory_reached() < memory_pages() && pages.n_freed < PAGES_STOCK ? PAGES_STOCK : 0;
    void *first = NULL;

    if (n < PAGES_GROUP && n + keep <= pages_never_used())
        first = pages_run_never_used(n);
    spin_unlock(&pages.lock, was_masked);
    return first;
}

/* The number of the first of n freed pages in a row, within a group; 0 (never free) when there are none. */
static size_t pages_find_run(size_t group, size_t n)
{
    const uint64_t *bits = pages_bits(group);
    size_t row = 0;

    for (size_t at = 0; at < PAGES_GROUP; at++) {
        uint64_t word = bits[at / PAGES_WORD_BITS];

        row = (word >> at % PAGES_WORD_BITS & 1) != 0 ? row + 1 : 0;
        if (row >= n && pages_together(group * PAGES_GROUP + at + 1 - n, n))
            return group * PAGES_GROUP + at + 1 - n;
        if (word == 0)
            at |= PAGES_WORD_BITS - 1;
    }
    return 0;
}

static void *pages_get_run_freed(size_t n)
{
    bool was_masked = spin_lock(&pages.lock);
    size_t keep = memory_reached() < memory_pages() ? PAGES_STOCK : 0;
    size_t first = 0;

    if (n <= pages.n_freed && n + keep <= pages_stock())
        for (size_t group = pages.first_group; group * PAGES_GROUP < pages.mark && first == 0;
             group++)
            first = pages_find_run(group, n);
    for (size_t i = 0; i < n && first != 0; i++)
        pages_take(memory_page(first + i));
    spin_unlock(&pages.lock, was_masked);
    return first != 0 ? memory_page(first) : NULL;
}

size_t pages_at_hand(void)
{
    return memory_reached() - pages.mark;
}

void *pages_get_run(size_t n)
{
    void *first;

    if (n == 1)
        return pages_get();
    while ((first = pages_get_run_at_hand(n)) == NULL && (first = pages_get_run_freed(n)) == NULL) {
        if (n >= PAGES_GROUP || n > memory_pages() || memory_reach(pages_get_for_table) != 0)
            return NULL;
    }
    return first;
}

void pages_get_stats(struct pages_stats *stats)
{
    bool was_masked = spin_lock(&pages.lock);

    stats->total = memory_pages();
    stats->boot = memory_first_free();
    stats->free = pages.n_freed + memory_pages() - pages.mark;
    stats->used = stats->total - stats->boot - stats->free;
    spin_unlock(&pages.lock, was_masked);
}

void pages_start(void)
{
    pages.mark = memory_first_free();
    pages.first_group = pages.mark / PAGES_GROUP;
}
