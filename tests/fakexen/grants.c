/* The grant table from Xen's side and from the other domains'. */
#include <errno.h>
#include <string.h>

#include <platform/barrier.h>
#include <platform/gnttab.h>

#include "fakexen_priv.h"
#include "hypercall.h"

#define GRANTS_PER_FRAME (FAKEXEN_PAGE_SIZE / sizeof(struct grant_entry_v1))
#define GRANTS_MAX (FAKEXEN_GRANT_FRAMES * GRANTS_PER_FRAME)

static unsigned grants_frames;
static unsigned grants_frames_max = FAKEXEN_GRANT_FRAMES;
static struct {
    unsigned readers, writers;
} grants_mapped[GRANTS_MAX];

static long grants_setup_table(struct gnttab_setup_table *op)
{
    xen_pfn_t *frames;

    if (op->dom != DOMID_SELF)
        return -EPERM;
    if (op->nr_frames > grants_frames_max) {
        op->status = GNTST_general_error;
        return 0;
    }
    if (op->nr_frames > grants_frames)
        grants_frames = op->nr_frames;
    frames = op->frame_list.p;
    for (unsigned i = 0; i < op->nr_frames; i++)
        frames[i] = fakexen_grant_frame(i);
    op->status = GNTST_okay;
    return 0;
}

long hypercall_grant_table_op(unsigned command, void *ops, unsigned n)
{
    struct gnttab_query_size *size = ops;

    FAKEXEN_CHECK(n == 1);
    switch (command) {
    case GNTTABOP_setup_table:
        return grants_setup_table(ops);
    case GNTTABOP_query_size:
        size->nr_frames = 1;
        size->max_nr_frames = grants_frames_max;
        size->status = GNTST_okay;
        return 0;
    default:
        return -ENOSYS;
    }
}

void fakexen_limit_grant_frames(unsigned frames)
{
    grants_frames_max = frames;
}

static struct grant_entry_v1 *grants_entry(grant_ref_t gref)
{
    struct grant_entry_v1 *frame;

    if (gref / GRANTS_PER_FRAME >= grants_frames)
        return NULL;
    frame = fakexen_frame(fakexen_grant_frame((unsigned)(gref / GRANTS_PER_FRAME)));
    return &frame[gref % GRANTS_PER_FRAME];
}

void *fakexen_map(domid_t dom, grant_ref_t gref, bool writable)
{
    struct grant_entry_v1 *entry = grants_entry(gref);
    uint16_t flags;

    if (entry == NULL)
        return NULL;
    flags = READ_ONCE(entry->flags);
    if ((flags & GTF_type_mask) != GTF_permit_access || entry->domid != dom)
        return NULL;
    if (writable && (flags & GTF_readonly) != 0)
        return NULL;
    grants_mapped[gref].readers++;
    grants_mapped[gref].writers += writable;
    entry->flags = flags | GTF_reading | (writable ? GTF_writing : 0);
    void *page = fakexen_frame(entry->frame);
    FAKEXEN_CHECK(page != NULL);
    return page;
}

void fakexen_unmap(domid_t dom, grant_ref_t gref)
{
    struct grant_entry_v1 *entry = grants_entry(gref);

    FAKEXEN_CHECK(entry != NULL && entry->domid == dom && grants_mapped[gref].readers > 0);
    if (grants_mapped[gref].writers > 0 && --grants_mapped[gref].writers == 0)
        entry->flags &= (uint16_t)~GTF_writing;
    if (--grants_mapped[gref].readers == 0)
        entry->flags &= (uint16_t)~GTF_reading;
}

unsigned fakexen_grants_in_use(void)
{
    unsigned n = 0;

    for (grant_ref_t gref = 0; gref < grants_frames * GRANTS_PER_FRAME; gref++)
        n += (grants_entry(gref)->flags & GTF_type_mask) != GTF_invalid;
    return n;
}
