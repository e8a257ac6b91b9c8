#include "net_heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <platform/memory.h>
#include <runtime/list.h>
#include <runtime/pages.h>

/*
 * A page of objects begins with this; all of them have one size, and those that are free are linked
 * through their first word. What is larger than half a page has pages of its own, from the heap.
 */
struct net_slab {
    struct list link; /* in the list of its size, while it has a free object */
    void *free;       /* those that were in use once */
    uint16_t size;    /* of an object; 0: one object of `pages` pages */
    uint16_t used;
    uint16_t fresh;   /* offset of the first object that was never used */
    uint32_t pages;
} __attribute__((aligned(16)));

#define NET_SLAB_ROOM (PAGE_SIZE - sizeof(struct net_slab))
#define NET_SLAB_SHARE(n) (NET_SLAB_ROOM / (n) & ~15ul)

static const uint16_t net_sizes[] = {
    NET_SLAB_SHARE(84), NET_SLAB_SHARE(42), NET_SLAB_SHARE(28), NET_SLAB_SHARE(21),
    NET_SLAB_SHARE(14), NET_SLAB_SHARE(10), NET_SLAB_SHARE(7),  NET_SLAB_SHARE(5),
    NET_SLAB_SHARE(4),  NET_SLAB_SHARE(3),  NET_SLAB_SHARE(2),
};
#define NET_SIZES (sizeof(net_sizes) / sizeof(net_sizes[0]))
_Static_assert(NET_SLAB_SHARE(84) == 48, "the least object is a word and room to spare");

#define NET_KEPT_MAX 64u /* free pages at hand: enough for a batch of large segments */
#define NET_LEAVE_SHARE 32u /* of the guest's pages, what is left to the program */
#define NET_STOCK 8u /* pages that are kept for small objects when there are no others */
#define NET_STOCK_SIZE NET_SLAB_SHARE(7) /* the largest of those */

static struct {
    struct list partly[NET_SIZES]; /* slabs with a free object */
    uint8_t size_of[NET_SLAB_SHARE(2) / 16 + 1]; /* by size / 16, rounded up: index of net_sizes */
    int ready;
    void *kept; /* free pages, linked through their first word */
    size_t n_kept;
    void *stock; /* the same, NET_STOCK of them unless memory is low */
    size_t n_stock;
    size_t n_pages;
} net_heap;

static void net_heap_prepare(void)
{
    size_t index = 0;

    for (size_t i = 0; i < sizeof(net_heap.size_of); i++) {
        if (i * 16 > net_sizes[index])
            index++;
        net_heap.size_of[i] = (uint8_t)index;
    }
    for (size_t i = 0; i < NET_SIZES; i++)
        list_init(&net_heap.partly[i]);
    net_heap.ready = 1;
    while (net_heap.n_stock < NET_STOCK) {
        void *page = pages_get_zeroed();

        if (page == NULL)
            break;
        net_heap.n_pages++;
        net_page_put(page);
    }
}

static bool net_may_take(size_t n)
{
    struct pages_stats stats;

    pages_get_stats(&stats);
    return stats.free >= n + stats.total / NET_LEAVE_SHARE;
}

bool net_heap_is_low(void)
{
    return net_heap.kept == NULL && !net_may_take(1);
}

bool net_heap_is_too_low(void)
{
    return net_heap_is_low() && (malloc_trim(0) == 0 || net_heap_is_low());
}

static void net_page_keep(void **list, size_t *n, void *page)
{
    *(void **)page = *list;
    *list = page;
    ++*n;
}

static void *net_page_of(void **list, size_t *n)
{
    void *page = *list;

    if (page != NULL) {
        *list = *(void **)page;
        --*n;
    }
    return page;
}

void *net_page_get(void)
{
    void *page = net_page_of(&net_heap.kept, &net_heap.n_kept);

    if (page != NULL)
        return page;
    if (!net_may_take(1))
        return NULL;
    page = pages_get_zeroed();
    if (page != NULL)
        net_heap.n_pages++;
    return page;
}

void net_page_put(void *page)
{
    if (net_heap.n_stock < NET_STOCK) {
        net_page_keep(&net_heap.stock, &net_heap.n_stock, page);
    } else if (net_heap.n_kept < NET_KEPT_MAX) {
        net_page_keep(&net_heap.kept, &net_heap.n_kept, page);
    } else {
        net_heap.n_pages--;
        pages_put(page);
    }
}

size_t net_heap_pages(void)
{
    return net_heap.n_pages;
}

static struct net_slab *net_slab_new(size_t index)
{
    struct net_slab *slab = net_page_get();

    if (slab == NULL && net_sizes[index] <= NET_STOCK_SIZE)
        slab = net_page_of(&net_heap.stock, &net_heap.n_stock);
    if (slab == NULL)
        return NULL;
    slab->free = NULL;
    slab->size = net_sizes[index];
    slab->used = 0;
    slab->fresh = sizeof(*slab);
    list_prepend(&net_heap.partly[index], &slab->link);
    return slab;
}

static bool net_slab_full(const struct net_slab *slab)
{
    return slab->free == NULL && slab->fresh + slab->size > (int)PAGE_SIZE;
}

/* Pages of its own, the rest of the last one zeroed. */
static void *net_large_get(size_t size)
{
    size_t pages = (sizeof(struct net_slab) + size + PAGE_SIZE - 1) / PAGE_SIZE;

    if (size > UINT32_MAX / 2 || !net_may_take(pages))
        return NULL;
    struct net_slab *slab = memalign(PAGE_SIZE, pages * PAGE_SIZE);
    if (slab == NULL)
        return NULL;
    slab->size = 0;
    slab->pages = (uint32_t)pages;
    net_heap.n_pages += pages;
    size_t end = sizeof(*slab) + size;
    memset((char *)slab + end, 0, pages * PAGE_SIZE - end);
    return slab + 1;
}

void *net_heap_get(size_t size)
{
    if (!net_heap.ready)
        net_heap_prepare();
    if (size > net_sizes[NET_SIZES - 1])
        return net_large_get(size);

    size_t index = net_heap.size_of[(size + 15) / 16];
    struct list *partly = &net_heap.partly[index];
    struct net_slab *slab = list_empty(partly) ? net_slab_new(index)
                                               : list_entry(partly->next, struct net_slab, link);
    if (slab == NULL)
        return NULL;
    void *object = slab->free;
    if (object != NULL) {
        slab->free = *(void **)object;
    } else {
        object = (char *)slab + slab->fresh;
        slab->fresh += slab->size;
    }
    slab->used++;
    if (net_slab_full(slab))
        list_remove(&slab->link);
    return object;
}

void *net_heap_get_zeroed(size_t n, size_t size)
{
    size_t all;
    void *memory = __builtin_mul_overflow(n, size, &all) ? NULL : net_heap_get(all);

    if (memory != NULL)
        memset(memory, 0, all);
    return memory;
}

void net_heap_put(void *memory)
{
    struct net_slab *slab = (struct net_slab *)((uintptr_t)memory & PAGE_MASK);

    if (memory == NULL)
        return;
    if (slab->size == 0) {
        net_heap.n_pages -= slab->pages;
        free(slab);
        return;
    }
    if (net_slab_full(slab))
        list_prepend(&net_heap.partly[net_heap.size_of[slab->size / 16]], &slab->link);
    *(void **)memory = slab->free;
    slab->free = memory;
    if (--slab->used == 0) {
        list_remove(&slab->link);
        net_page_put(slab);
    }
}
