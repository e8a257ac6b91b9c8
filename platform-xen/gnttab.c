#include <platform/gnttab.h>

#include <errno.h>

#include <platform/barrier.h>
#include <platform/memory.h>
#include <platform/spinlock.h>

#include "hypercall.h"
#include "layout.h"
#include "memory_priv.h"

#define GNTTAB_RESERVED 8u /* console, xenstore and what the tool stack adds */
#define GNTTAB_PER_FRAME (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define GNTTAB_FRAMES_MAX 256u /* our own bound; xl's default limit is 64 */

/*
 * A free entry has flags 0, which Xen ignores, and in its frame field the number of the next free
 * one: only Xen and we can write the table, so the list needs no memory of its own.
 */
static struct {
    struct spinlock lock; /* protects all of this and every entry's allocation */
    struct grant_entry_v1 *entry;
    uint32_t free; /* 0 ends the list: entry 0 is reserved */
    uint32_t frames, frames_max;
    size_t in_use, leaked;
    void *(*table_page)(void);
} gnttab = { .lock = SPINLOCK_INIT("gnttab"), .entry = (void *)LAYOUT_GRANTS };

/* Map one more frame of the table and put its entries on the free list. */
static int gnttab_grow(void)
{
    xen_pfn_t frames[GNTTAB_FRAMES_MAX];
    struct gnttab_setup_table op = { .dom = DOMID_SELF, .nr_frames = gnttab.frames + 1 };
    uint32_t from = gnttab.frames * GNTTAB_PER_FRAME;
    uint32_t to = from + GNTTAB_PER_FRAME;

    if (gnttab.frames >= gnttab.frames_max)
        return -ENOSPC;
    set_xen_guest_handle(op.frame_list, frames);
    long error = hypercall_grant_table_op(GNTTABOP_setup_table, &op, 1);
    if (error != 0 || op.status != GNTST_okay)
        return -ENOSPC;
    error = memory_map_machine((uintptr_t)&gnttab.entry[from], frames[gnttab.frames],
                               gnttab.table_page);
    if (error != 0)
        return (int)error;
    gnttab.frames++;
    for (uint32_t ref = to; ref-- > (from < GNTTAB_RESERVED ? GNTTAB_RESERVED : from);) {
        gnttab.entry[ref].frame = gnttab.free;
        gnttab.free = ref;
    }
    return 0;
}

int gnttab_grant_page(domid_t peer, void *page, enum gnt_mode mode, grant_ref_t *gref)
{
    bool was_masked = spin_lock(&gnttab.lock);
    int error = gnttab.free != 0 ? 0 : gnttab_grow();

    if (error == 0) {
        struct grant_entry_v1 *entry = &gnttab.entry[gnttab.free];

        *gref = gnttab.free;
        gnttab.free = entry->frame;
        gnttab.in_use++;
        entry->frame = (uint32_t)memory_machine_frame(page);
        entry->domid = peer;
        barrier_write(); /* Xen looks at the rest only once flags says permit */
        WRITE_ONCE(entry->flags, GTF_permit_access | (mode == GNT_RO ? GTF_readonly : 0));
    }
    spin_unlock(&gnttab.lock, was_masked);
    return error;
}

bool gnttab_in_use(grant_ref_t gref)
{
    return (READ_ONCE(gnttab.entry[gref].flags) & (GTF_reading | GTF_writing)) != 0;
}

int gnttab_revoke(grant_ref_t gref)
{
    struct grant_entry_v1 *entry = &gnttab.entry[gref];
    uint16_t flags = READ_ONCE(entry->flags);

    do {
        if ((flags & (GTF_reading | GTF_writing)) != 0)
            return -EBUSY;
    } while (!__atomic_compare_exchange_n(&entry->flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    bool was_masked = spin_lock(&gnttab.lock);
    entry->frame = gnttab.free;
    gnttab.free = gref;
    gnttab.in_use--;
    spin_unlock(&gnttab.lock, was_masked);
    return 0;
}

void gnttab_leak(grant_ref_t gref)
{
    bool was_masked = spin_lock(&gnttab.lock);

    (void)gref;
    gnttab.in_use--;
    gnttab.leaked++;
    spin_unlock(&gnttab.lock, was_masked);
}

void gnttab_get_stats(struct gnttab_stats *stats)
{
    bool was_masked = spin_lock(&gnttab.lock);

    stats->in_use = gnttab.in_use;
    stats->capacity = gnttab.frames * GNTTAB_PER_FRAME;
    stats->max = gnttab.frames_max * GNTTAB_PER_FRAME;
    stats->leaked = gnttab.leaked;
    spin_unlock(&gnttab.lock, was_masked);
}

int gnttab_start(void *(*page)(void))
{
    struct gnttab_query_size op = { .dom = DOMID_SELF };
    long error = hypercall_grant_table_op(GNTTABOP_query_size, &op, 1);

    if (error != 0 || op.status != GNTST_okay)
        return -ENODEV;
    gnttab.table_page = page;
    gnttab.frames_max = op.max_nr_frames < GNTTAB_FRAMES_MAX ? op.max_nr_frames : GNTTAB_FRAMES_MAX;
    return 0;
}
