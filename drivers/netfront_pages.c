/*
 * Pages for received data. Those that come back are kept for the next frames: what they hold came
 * from the back end, so they go to it again as they are, and only fresh ones cost a wipe. When
 * several back ends are at work, or one is not trusted, every page is wiped.
 */
#include "netfront_priv.h"

#include <string.h>

#include <runtime/pages.h>

#define NETFRONT_KEEP_MAX 256u
#define NETFRONT_KEEP_SHARE 64u /* one page of so many may lie idle here */

struct netfront_spare {
    struct netfront_spare *next;
};

static struct {
    struct spinlock lock; /* protects all of this */
    struct netfront_spare *first;
    size_t n;
    bool used; /* there is a back end */
    bool wipe;
    domid_t peer;
} netfront_pages = { .lock = SPINLOCK_INIT("netfront pages") };

void netfront_pages_for(domid_t peer, bool trusted)
{
    bool was_masked = spin_lock(&netfront_pages.lock);

    if (!trusted || (netfront_pages.used && netfront_pages.peer != peer))
        netfront_pages.wipe = true;
    netfront_pages.used = true;
    netfront_pages.peer = peer;
    spin_unlock(&netfront_pages.lock, was_masked);
}

void *netfront_page_get(void)
{
    bool was_masked = spin_lock(&netfront_pages.lock);
    struct netfront_spare *page = netfront_pages.first;
    bool wipe = netfront_pages.wipe;

    if (page != NULL) {
        netfront_pages.first = page->next;
        netfront_pages.n--;
    }
    spin_unlock(&netfront_pages.lock, was_masked);

    if (page == NULL)
        return pages_get_zeroed();
    if (wipe)
        memset(page, 0, PAGE_SIZE);
    else
        page->next = NULL;
    return page;
}

static size_t netfront_pages_keep(void)
{
    size_t keep = memory_pages() / NETFRONT_KEEP_SHARE;

    return keep < NETFRONT_KEEP_MAX ? keep : NETFRONT_KEEP_MAX;
}

void netfront_page_put(void *data)
{
    struct netfront_spare *page = (struct netfront_spare *)((uintptr_t)data & PAGE_MASK);
    bool was_masked = spin_lock(&netfront_pages.lock);
    bool keep = netfront_pages.n < netfront_pages_keep();

    if (keep) {
        page->next = netfront_pages.first;
        netfront_pages.first = page;
        netfront_pages.n++;
    }
    spin_unlock(&netfront_pages.lock, was_masked);
    if (!keep)
        pages_put(page);
}

void netfront_pages_trim(void)
{
    bool was_masked = spin_lock(&netfront_pages.lock);
    struct netfront_spare *page = netfront_pages.first;

    netfront_pages.first = NULL;
    netfront_pages.n = 0;
    spin_unlock(&netfront_pages.lock, was_masked);
    while (page != NULL) {
        struct netfront_spare *next = page->next;

        pages_put(page);
        page = next;
    }
}
