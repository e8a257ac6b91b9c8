/*
 * gnttab: the grant table: which of our pages other domains may reach.
 *
 * Owns every grant reference from 8 on (0-7 are the tool stack's), the shared frames of the table,
 * which grow on demand, and the count of references that a peer would not let go of.
 * Source: xen/grant_table.h, version 1 entries.
 */
#ifndef PLATFORM_GNTTAB_H
#define PLATFORM_GNTTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/grant_table.h>
#include <xen/xen.h>

enum gnt_mode { GNT_RO, GNT_RW };

/*
 * Let one domain reach one page of ours.
 *
 * page   4096 bytes, page-aligned, from the page allocator; stays ours; holds nothing the peer may
 *        not see
 * mode   GNT_RO for data we send, GNT_RW for data we receive
 * gref   out: the reference to put on a ring
 * Returns 0, or -ENOSPC when the table is full. Never waits; fine in an event handler.
 * Undo with gnttab_revoke() before the page serves anything else.
 * Source: xen/grant_table.h, "Introducing a valid entry into the grant table".
 */
int gnttab_grant_page(domid_t peer, void *page, enum gnt_mode mode, grant_ref_t *gref);

/*
 * End a grant. Returns 0 and the reference is free, or -EBUSY when the peer still has the page
 * mapped: then the reference stays valid and the caller tries again later or gives page and
 * reference up with gnttab_leak().
 * Source: xen/grant_table.h, "Invalidating an unused entry".
 */
int gnttab_revoke(grant_ref_t gref);

/* Never use this reference again; the caller never reuses its page. Counted. */
void gnttab_leak(grant_ref_t gref);

/* True while the peer has the page mapped. */
bool gnttab_in_use(grant_ref_t gref);

struct gnttab_stats {
    size_t in_use;     /* references granted now */
    size_t capacity;   /* references the table holds now */
    size_t max;        /* references it may grow to */
    size_t leaked;     /* given up with gnttab_leak() */
};
void gnttab_get_stats(struct gnttab_stats *stats);

/*
 * Boot: learn the limits. The first frame is mapped by the first grant. page supplies pages for page
 * tables, as for memory_map(). Returns 0 or a negative errno.
 */
int gnttab_start(void *(*page)(void));

#endif
