/* What reading and writing must know of pages in memory: see mapping_pages.h. */
#include <string.h>

#include "files/file.h"
#include "mapping_file.h"
#include "mapping_pages.h"

/* Visit the pages that are here of a range; pinned, without the lock. Only dirty ones, if so asked. */
static void mapping_each_page(struct inode *inode, off_t offset, size_t len, bool only_dirty,
                              void (*visit)(struct mapping_page *page, size_t at, size_t part,
                                            size_t done, const struct iovec *iov, int n),
                              const struct iovec *iov, int n)
{
    size_t done = 0;

    while (done < len) {
        uint64_t at = (uint64_t)offset + done;
        size_t part = PAGE_SIZE - at % PAGE_SIZE;
        struct mapping_set *set = inode->mapped;
        struct mapping_page *page = NULL;
        bool was_masked;

        if (part > len - done)
            part = len - done;
        was_masked = spin_lock(&mapping.lock);
        if (set != NULL && (!only_dirty || !list_empty(&set->dirty)))
            page = mapping_find(set, at / PAGE_SIZE);
        else
            len = 0; /* nothing to be found */
        if (page != NULL && (page->dirty || !only_dirty))
            page->pins++;
        else
            page = NULL;
        spin_unlock(&mapping.lock, was_masked);
        if (page != NULL) {
            visit(page, at % PAGE_SIZE, part, done, iov, n);
            was_masked = spin_lock(&mapping.lock);
            page->pins--;
            spin_unlock(&mapping.lock, was_masked);
        }
        done += part;
    }
}

static void mapping_put_newer(struct mapping_page *page, size_t at, size_t part, size_t done,
                              const struct iovec *iov, int n)
{
    iov_put(iov, n, done, (char *)page->page + at, part);
}

void mapping_pages_read(struct inode *inode, const struct iovec *iov, int n, off_t offset,
                        size_t len)
{
    mapping_each_page(inode, offset, len, true, mapping_put_newer, iov, n);
}

static void mapping_take_written(struct mapping_page *page, size_t at, size_t part, size_t done,
                                 const struct iovec *iov, int n)
{
    iov_take(iov, n, done, (char *)page->page + at, part);
    if (part == PAGE_SIZE)
        page->backed = true;
}

void mapping_pages_wrote(struct inode *inode, const struct iovec *iov, int n, off_t offset,
                         size_t len)
{
    mapping_each_page(inode, offset, len, false, mapping_take_written, iov, n);
}

/* Lock held: pages from `first` on are no longer the file's. */
static void mapping_cut_pages(struct mapping_set *set, struct list *list, uint64_t first)
{
    struct list *link, *next;

    for (link = list->next; link != list; link = next) {
        struct mapping_page *page = list_entry(link, struct mapping_page, in_set);

        next = link->next;
        if (page->index < first)
            continue;
        if (page->pins > 0) /* a transfer is on its way into it, where nobody will look */
            memset(page->page, 0, PAGE_SIZE);
        else
            mapping_drop(page);
    }
    (void)set;
}

static void mapping_cut_area(struct mapping_area *area, uint64_t first)
{
    struct list *link, *next;

    for (link = area->own.next; link != &area->own; link = next) {
        struct mapping_page *copy = list_entry(link, struct mapping_page, use);

        next = link->next;
        if (mapping_area_index(area, copy->index << PAGE_SHIFT) >= first)
            mapping_drop_copy(copy);
    }
    if (area->set->direct && first < area->first + area->pages) {
        uint64_t from = first > area->first ? first - area->first : 0;

        memory_unmap(area->start + from * PAGE_SIZE, area->pages - from, NULL);
    }
}

void mapping_pages_truncate(struct inode *inode, off_t size)
{
    off_t from = size < inode->size ? size : inode->size;
    uint64_t first = ((uint64_t)from + PAGE_SIZE - 1) / PAGE_SIZE;
    bool was_masked = spin_lock(&mapping.lock);
    struct mapping_set *set = inode->mapped;

    if (set != NULL) {
        struct mapping_page *last = mapping_find(set, (uint64_t)from / PAGE_SIZE);

        /* What comes after the end is zero, also when it becomes a part of the file again. */
        if (last != NULL && from % (off_t)PAGE_SIZE != 0)
            memset((char *)last->page + from % (off_t)PAGE_SIZE, 0,
                   PAGE_SIZE - (size_t)(from % (off_t)PAGE_SIZE));
        mapping_cut_pages(set, &set->clean, first);
        mapping_cut_pages(set, &set->dirty, first);
        list_for_each (link, &set->areas)
            mapping_cut_area(list_entry(link, struct mapping_area, in_set), first);
    }
    spin_unlock(&mapping.lock, was_masked);
}

int mapping_pages_flush(struct inode *inode)
{
    struct mapping_set *set = inode->mapped;

    return set != NULL ? mapping_write_back(set) : 0;
}

int mapping_pages_sync(struct inode *inode)
{
    struct mapping_set *set = mapping_set_of(inode);
    int error;

    if (set == NULL)
        return 0;
    mutex_lock(&inode->data);
    error = mapping_write_back(set);
    mutex_unlock(&inode->data);
    mapping_set_put(set);
    return error;
}

int mapping_pages_sync_all(void)
{
    static unsigned rounds; /* atomic */
    unsigned round = __atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
    int error = 0;

    for (;;) {
        struct mapping_set *set = NULL;
        bool was_masked = spin_lock(&mapping.lock);
        int one;

        list_for_each (link, &mapping.sets) {
            struct mapping_set *next = list_entry(link, struct mapping_set, link);

            if (next->round != round && !list_empty(&next->dirty))
                set = next;
        }
        if (set != NULL) {
            set->round = round;
            set->refs++;
        }
        spin_unlock(&mapping.lock, was_masked);
        if (set == NULL)
            return error;
        mutex_lock(&set->inode->data);
        one = mapping_write_back(set);
        mutex_unlock(&set->inode->data);
        mapping_set_put(set);
        if (error == 0)
            error = one;
    }
}

void mapping_pages_at_exit(void)
{
    mapping_pages_sync_all();
}
