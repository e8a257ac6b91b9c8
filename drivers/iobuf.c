/*
 * A pool lies in a page of its own: its head, then an array of buffers; further pages of buffers
 * are chained behind it. Nothing of that is ever shared; only the buffers' pages are, which
 * therefore hold no link and no note of ours.
 */
#include "iobuf.h"

#include <errno.h>
#include <string.h>

#include <platform/memory.h>
#include <platform/spinlock.h>
#include <runtime/pages.h>

struct iobuf_slab {
    struct iobuf_slab *next;
    struct iobuf bufs[];
};

struct iobuf_pool {
    struct iobuf_slab *slabs; /* all pages of buffers but the one that this lies in */
    struct spinlock lock;     /* protects all of this, and the buffers that are in the pool */
    domid_t peer;
    enum gnt_mode mode;
    bool closed;
    unsigned max;
    unsigned out, unused;
    struct iobuf *free;  /* with a page */
    struct iobuf *blank; /* without */
    struct iobuf bufs[];
};

#define IOBUF_FIRST ((PAGE_SIZE - sizeof(struct iobuf_pool)) / sizeof(struct iobuf))
#define IOBUF_MORE ((PAGE_SIZE - sizeof(struct iobuf_slab)) / sizeof(struct iobuf))

/* Grants that their peers would not let go of, page by page; only the first page has room. */
struct iobuf_retired {
    void *page;
    grant_ref_t gref;
};

#define IOBUF_RETIRED_MAX ((PAGE_SIZE - 2 * sizeof(void *)) / sizeof(struct iobuf_retired))

struct iobuf_graveyard {
    struct iobuf_graveyard *next;
    size_t count;
    struct iobuf_retired retired[IOBUF_RETIRED_MAX];
};
_Static_assert(sizeof(struct iobuf_graveyard) <= PAGE_SIZE, "it fills one page");

static struct {
    struct spinlock lock; /* protects the list and what is in it */
    struct iobuf_graveyard *first;
} iobuf_retirees = { .lock = SPINLOCK_INIT("iobuf") };

/* ---- Pools ------------------------------------------------------------------------------ */

static void iobuf_add_blank(struct iobuf_pool *pool, struct iobuf *bufs, size_t n)
{
    while (n-- > 0) {
        bufs[n] = (struct iobuf){ .pool = pool, .next = pool->blank };
        pool->blank = &bufs[n];
    }
}

struct iobuf_pool *iobuf_pool_create(domid_t peer, enum gnt_mode mode, unsigned max)
{
    struct iobuf_pool *pool = pages_get_zeroed();

    if (pool == NULL)
        return NULL;
    pool->lock = (struct spinlock)SPINLOCK_INIT("iobuf pool");
    pool->peer = peer;
    pool->mode = mode;
    pool->max = max;
    iobuf_add_blank(pool, pool->bufs, IOBUF_FIRST);
    return pool;
}

/* A buffer without a page, taken off the pool's list; NULL without memory. Lock held. */
static struct iobuf *iobuf_take_blank(struct iobuf_pool *pool)
{
    if (pool->blank == NULL) {
        struct iobuf_slab *slab = pages_get();

        if (slab == NULL)
            return NULL;
        slab->next = pool->slabs;
        pool->slabs = slab;
        iobuf_add_blank(pool, slab->bufs, IOBUF_MORE);
    }
    struct iobuf *buf = pool->blank;
    pool->blank = buf->next;
    return buf;
}

static void iobuf_push(struct iobuf **list, struct iobuf *buf)
{
    buf->next = *list;
    *list = buf;
}

int iobuf_grant(struct iobuf *buf)
{
    if (buf->gref != IOBUF_NOT_GRANTED)
        return 0;
    return gnttab_grant_page(buf->pool->peer, buf->page, buf->pool->mode, &buf->gref);
}

struct iobuf *iobuf_get(struct iobuf_pool *pool)
{
    bool was_masked = spin_lock(&pool->lock);
    struct iobuf *buf = pool->free;

    if (buf != NULL) {
        pool->free = buf->next;
        pool->unused--;
    } else if (pool->out < pool->max && (buf = iobuf_take_blank(pool)) != NULL) {
        buf->page = pages_get_zeroed();
    }
    if (buf != NULL && (buf->page == NULL || iobuf_grant(buf) < 0)) {
        if (buf->page != NULL)
            pages_put(buf->page); /* never granted, or no more: nobody reaches it */
        buf->page = NULL;
        iobuf_push(&pool->blank, buf);
        buf = NULL;
    }
    if (buf != NULL) {
        pool->out++;
        buf->next = NULL;
        buf->user = 0;
    }
    spin_unlock(&pool->lock, was_masked);
    return buf;
}

/* Take a buffer's page from it. Lock held; the buffer is in no list. */
static void iobuf_strip(struct iobuf *buf)
{
    if (buf->gref == IOBUF_NOT_GRANTED)
        pages_put(buf->page);
    else
        iobuf_retire(buf->page, buf->gref);
    buf->page = NULL;
    buf->gref = IOBUF_NOT_GRANTED;
    iobuf_push(&buf->pool->blank, buf);
}

static void iobuf_pool_free(struct iobuf_pool *pool)
{
    for (struct iobuf_slab *slab = pool->slabs, *next; slab != NULL; slab = next) {
        next = slab->next;
        pages_put(slab);
    }
    pages_put(pool);
}

void iobuf_put(struct iobuf *buf)
{
    struct iobuf_pool *pool = buf->pool;
    bool was_masked = spin_lock(&pool->lock);

    pool->out--;
    if (pool->closed) {
        iobuf_strip(buf);
    } else {
        iobuf_push(&pool->free, buf);
        pool->unused++;
    }
    bool last = pool->closed && pool->out == 0;
    spin_unlock(&pool->lock, was_masked);
    if (last)
        iobuf_pool_free(pool);
}

int iobuf_revoke(struct iobuf *buf)
{
    int error = buf->gref == IOBUF_NOT_GRANTED ? 0 : gnttab_revoke(buf->gref);

    if (error == 0)
        buf->gref = IOBUF_NOT_GRANTED;
    return error;
}

/* Lock held. */
static void iobuf_trim(struct iobuf_pool *pool, unsigned keep)
{
    while (pool->unused > keep) {
        struct iobuf *buf = pool->free;

        pool->free = buf->next;
        pool->unused--;
        iobuf_strip(buf);
    }
}

void iobuf_pool_trim(struct iobuf_pool *pool, unsigned keep)
{
    bool was_masked = spin_lock(&pool->lock);

    iobuf_trim(pool, keep);
    spin_unlock(&pool->lock, was_masked);
}

void iobuf_pool_close(struct iobuf_pool *pool)
{
    bool was_masked = spin_lock(&pool->lock);

    pool->closed = true;
    iobuf_trim(pool, 0);
    bool last = pool->out == 0;
    spin_unlock(&pool->lock, was_masked);
    if (last)
        iobuf_pool_free(pool);
}

void iobuf_pool_get_stats(struct iobuf_pool *pool, struct iobuf_pool_stats *stats)
{
    bool was_masked = spin_lock(&pool->lock);

    stats->out = pool->out;
    stats->unused = pool->unused;
    stats->max = pool->max;
    spin_unlock(&pool->lock, was_masked);
}

/* ---- Grants that end later ---------------------------------------------------------------- */

void iobuf_retire(void *page, grant_ref_t gref)
{
    if (gnttab_revoke(gref) == 0) {
        if (page != NULL)
            pages_put(page);
        return;
    }
    bool was_masked = spin_lock(&iobuf_retirees.lock);
    struct iobuf_graveyard *yard = iobuf_retirees.first;

    if (yard == NULL || yard->count == IOBUF_RETIRED_MAX) {
        yard = pages_get();
        if (yard != NULL) {
            yard->next = iobuf_retirees.first;
            yard->count = 0;
            iobuf_retirees.first = yard;
        }
    }
    if (yard != NULL)
        yard->retired[yard->count++] = (struct iobuf_retired){ .page = page, .gref = gref };
    else
        gnttab_leak(gref);
    spin_unlock(&iobuf_retirees.lock, was_masked);
}

void iobuf_retry(void)
{
    bool was_masked = spin_lock(&iobuf_retirees.lock);
    struct iobuf_graveyard **at = &iobuf_retirees.first;

    while (*at != NULL) {
        struct iobuf_graveyard *yard = *at;

        for (size_t i = yard->count; i-- > 0;) {
            struct iobuf_retired ended = yard->retired[i];

            if (gnttab_revoke(ended.gref) < 0)
                continue;
            if (ended.page != NULL)
                pages_put(ended.page);
            yard->retired[i] = yard->retired[--yard->count];
        }
        if (yard->count == 0) {
            *at = yard->next;
            pages_put(yard);
        } else {
            at = &yard->next;
        }
    }
    spin_unlock(&iobuf_retirees.lock, was_masked);
}

size_t iobuf_retired(void)
{
    bool was_masked = spin_lock(&iobuf_retirees.lock);
    size_t n = 0;

    for (struct iobuf_graveyard *yard = iobuf_retirees.first; yard != NULL; yard = yard->next)
        n += yard->count;
    spin_unlock(&iobuf_retirees.lock, was_masked);
    return n;
}

void *iobuf_page_of(const void *data)
{
    void *page = (void *)((uintptr_t)data & PAGE_MASK);
    size_t number = memory_number(page);

    if (number < memory_reached() && memory_page(number) == page)
        return page; /* already such an address: no walk through the page tables */
    return memory_lookup((uintptr_t)page, NULL);
}
