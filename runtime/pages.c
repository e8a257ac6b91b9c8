#include <runtime/pages.h>

#include <string.h>

#include <platform/memory.h>
#include <platform/spinlock.h>

#define PAGES_STOCK 8u /* reached pages kept for page tables while memory is not all reached */

struct pages_link {
    struct pages_link *next;
};

static struct {
    struct spinlock lock; /* protects all of this; taken inside "memory", never around it */
    struct pages_link *freed;
    size_t n_freed;
    size_t mark; /* pages from here on have never been used */
} pages = { .lock = SPINLOCK_INIT("pages") };

void *pages_get_for_table(void)
{
    void *page = NULL;
    bool was_masked = spin_lock(&pages.lock);

    if (pages.freed != NULL) {
        page = pages.freed;
        pages.freed = pages.freed->next;
        pages.n_freed--;
    } else if (pages.mark < memory_reached()) {
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
    return pages_get_for_table();
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
    struct pages_link *link = page;
    bool was_masked = spin_lock(&pages.lock);

    link->next = pages.freed;
    pages.freed = link;
    pages.n_freed++;
    spin_unlock(&pages.lock, was_masked);
}

/* When they do not lie in one piece, the first of them go to the list. The stock for page tables stays. */
void *pages_get_run_at_hand(size_t n)
{
    void *first = NULL;
    bool was_masked = spin_lock(&pages.lock);

    size_t keep = memory_reached() < memory_pages() && pages.n_freed < PAGES_STOCK ? PAGES_STOCK : 0;

    while (first == NULL && n + keep <= memory_reached() - pages.mark) {
        char *start = memory_page(pages.mark);

        if ((char *)memory_page(pages.mark + n - 1) == start + (n - 1) * PAGE_SIZE) {
            first = start;
            pages.mark += n;
        } else {
            struct pages_link *link = memory_page(pages.mark++);
            link->next = pages.freed;
            pages.freed = link;
            pages.n_freed++;
        }
    }
    spin_unlock(&pages.lock, was_masked);
    return first;
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
    while ((first = pages_get_run_at_hand(n)) == NULL) {
        if (n > memory_pages() || memory_reach(pages_get_for_table) != 0)
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
}
