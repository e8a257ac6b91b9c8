/*
 * pages: the page allocator.
 *
 * Owns every page from memory_first_free() on, but for one in 32768, which it keeps for itself. Start-up
 * is O(1): pages never used lie above a mark, freed ones on a list. Usable from boot on, also in event
 * handlers. Pages come with undefined content.
 */
#ifndef RUNTIME_PAGES_H
#define RUNTIME_PAGES_H

#include <stddef.h>

/* One page, 4096 bytes, aligned; NULL when memory is used up. Never waits. */
void *pages_get(void);
void *pages_get_zeroed(void);
void pages_put(void *page);

/*
 * reclaim(n) is asked for n pages when they are used up, gives back what it can do without waiting, and
 * returns how many that were. It may be called in any context; one, for libc-glue's mapped files.
 */
void pages_set_reclaim(size_t (*reclaim)(size_t n));
/* Ask for it; 0 when there is nobody. */
size_t pages_reclaim(size_t n);

/*
 * A page for a page table: as pages_get(), but never makes further memory reachable, so that it can be
 * called while the tables are being changed. There is a small stock of such pages at all times.
 */
void *pages_get_for_table(void);

/*
 * n pages that lie one after the other in the map of all memory, or NULL when no n free ones do or n is
 * beyond 32767. Put them back one by one. Takes time with the memory in use, a bit for each page.
 */
void *pages_get_run(size_t n);
/* The same, but only of pages that cost nothing: never used, and within reach already. O(1). */
void *pages_get_run_at_hand(size_t n);
/* How many those are, the longest run at most. */
size_t pages_at_hand(void);

struct pages_stats {
    size_t total; /* pages of the domain */
    size_t boot;  /* taken by the image and what Xen put beside it */
    size_t used;  /* handed out now, page tables included */
    size_t free;
};
void pages_get_stats(struct pages_stats *stats);

void pages_start(void);

#endif
