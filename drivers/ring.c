#include "ring.h"

#include <errno.h>

#include <platform/gnttab.h>
#include <platform/memory.h>
#include <runtime/pages.h>

#include "iobuf.h"

uint32_t ring_first_index;

_Static_assert(RING_PAGES_MAX *PAGE_SIZE <= UINT32_MAX, "sizes are 32 bits");

uint32_t ring_size(uint32_t pages, uint32_t entry_size)
{
    uint32_t fit = (uint32_t)(pages * PAGE_SIZE - sizeof(struct ring_head)) / entry_size;
    uint32_t size = 1;

    while (size <= fit / 2)
        size *= 2;
    return size;
}

int ring_create(struct ring *ring, domid_t peer, unsigned order, uint32_t entry_size)
{
    uint32_t pages = 1u << order;
    unsigned char *base = NULL;
    int error = 0;

    iobuf_retry(); /* perhaps those of the ring before this one */
    memset(ring, 0, sizeof(*ring));
    if (pages <= RING_PAGES_MAX)
        base = pages == 1 ? pages_get() : pages_get_run(pages);
    if (base == NULL)
        return -ENOMEM;
    memset(base, 0, pages * PAGE_SIZE);

    for (; ring->pages < pages && error == 0; ring->pages++)
        error = gnttab_grant_page(peer, base + ring->pages * PAGE_SIZE, GNT_RW,
                                  &ring->gref[ring->pages]);
    if (error < 0) {
        ring->pages--; /* the one that failed */
        for (uint32_t i = ring->pages; i < pages; i++)
            pages_put(base + i * PAGE_SIZE);
        ring->head = (struct ring_head *)base;
        ring_destroy(ring);
        return error;
    }

    ring->head = (struct ring_head *)base;
    ring->entries = base + sizeof(struct ring_head);
    ring->entry_size = entry_size;
    ring->nr_ents = ring_size(pages, entry_size);
    ring->req_prod = ring->req_pushed = ring->rsp_cons = ring_first_index;
    ring->head->req_prod = ring->head->rsp_prod = ring_first_index;
    ring->head->req_event = ring->head->rsp_event = ring_first_index + 1;
    return 0;
}

void ring_destroy(struct ring *ring)
{
    for (uint32_t i = 0; i < ring->pages; i++)
        iobuf_retire((unsigned char *)ring->head + i * PAGE_SIZE, ring->gref[i]);
    memset(ring, 0, sizeof(*ring));
}

int ring_rsp_prod_bad(void)
{
    return -EIO;
}
