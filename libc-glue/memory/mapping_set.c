/* The pages of mapped files: found, filled, made dirty, written back, dropped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/shutdown.h>

#include "files/file.h"
#include "mapping_file.h"

#define MAPPING_WINDOW 32u /* pages read or written at once */
#define MAPPING_ROUNDS 64u /* of making room, before one takes what there is */

/* What mapped files leave to the rest of the program: 1/16 of memory, within these bounds. */
#define MAPPING_RESERVE_PART 16u
#define MAPPING_RESERVE_MIN  160u
#define MAPPING_RESERVE_MAX  2048u
#define MAPPING_DIRTY_PART   8u /* of memory may be dirty */
#define MAPPING_IDLE_PART    4u /* of the pages are on trial, unmapped */

struct mapping_state mapping = {
    .lock = SPINLOCK_INIT("mappings"),
    .areas = LIST_INIT(mapping.areas),
    .sets = LIST_INIT(mapping.sets),
    .active = LIST_INIT(mapping.active),
    .idle = LIST_INIT(mapping.idle),
};

static struct mapping_page **mapping_table; /* by key and index; of a power of two of buckets */
static unsigned mapping_table_bits;
static struct list mapping_records = LIST_INIT(mapping_records); /* free ones, by `use` */

/* ---- records, with the lock held ---- */

static struct mapping_page *mapping_record_get(void)
{
    struct mapping_page *record;

    if (list_empty(&mapping_records)) {
        struct mapping_page *fresh = pages_get();

        for (size_t i = 0; fresh != NULL && i < PAGE_SIZE / sizeof(*fresh); i++)
            list_append(&mapping_records, &fresh[i].use);
    }
    if (list_empty(&mapping_records))
        return NULL;
    record = list_entry(mapping_records.next, struct mapping_page, use);
    list_remove(&record->use);
    memset(record, 0, sizeof(*record));
    list_init(&record->use);
    list_init(&record->in_set);
    return record;
}

static struct mapping_page **mapping_bucket(const struct mapping_set *key, uint64_t index)
{
    uint64_t hash = ((uintptr_t)key / sizeof(struct mapping_set) + index) * 0x9e3779b97f4a7c15u;

    return &mapping_table[hash >> (64 - mapping_table_bits)];
}

struct mapping_page *mapping_find(struct mapping_set *key, uint64_t index)
{
    struct mapping_page *page = *mapping_bucket(key, index);

    while (page != NULL && (page->key != key || page->index != index))
        page = page->hash_next;
    return page;
}

static void mapping_enter(struct mapping_page *page, struct mapping_set *key, uint64_t index)
{
    struct mapping_page **bucket = mapping_bucket(key, index);

    page->key = key;
    page->index = index;
    page->hash_next = *bucket;
    *bucket = page;
}

static void mapping_leave(struct mapping_page *page)
{
    struct mapping_page **at = mapping_bucket(page->key, page->index);

    while (*at != page)
        at = &(*at)->hash_next;
    *at = page->hash_next;
}

/* ---- private copies, with the lock held ---- */

struct mapping_page *mapping_copy(struct mapping_area *area, uintptr_t va, const void *content)
{
    struct mapping_page *copy = mapping_record_get();

    if (copy == NULL)
        return NULL;
    copy->page = pages_get();
    if (copy->page == NULL) {
        list_append(&mapping_records, &copy->use);
        return NULL;
    }
    memcpy(copy->page, content, PAGE_SIZE);
    mapping_enter(copy, NULL, va >> PAGE_SHIFT);
    list_append(&area->own, &copy->use);
    return copy;
}

void mapping_drop_copy(struct mapping_page *copy)
{
    memory_unmap(copy->index << PAGE_SHIFT, 1, NULL);
    mapping_leave(copy);
    list_remove(&copy->use);
    pages_put(copy->page);
    list_append(&mapping_records, &copy->use);
}

void mapping_move_copy(struct mapping_page *copy, uintptr_t va)
{
    memory_unmap(copy->index << PAGE_SHIFT, 1, NULL);
    mapping_leave(copy);
    mapping_enter(copy, NULL, va >> PAGE_SHIFT);
}

/* ---- pages of files, with the lock held ---- */

/* Do something to each place where a page is, or may be, mapped; not where a copy hides it. */
static void mapping_each_place(struct mapping_page *page,
                               void (*visit)(struct mapping_area *area, uintptr_t va))
{
    list_for_each (link, &page->key->areas) {
        struct mapping_area *area = list_entry(link, struct mapping_area, in_set);
        uint64_t at = page->index - area->first;
        uintptr_t va = area->start + at * PAGE_SIZE;

        if (page->index >= area->first && at < area->pages &&
            (area->shared || mapping_find(NULL, va >> PAGE_SHIFT) == NULL))
            visit(area, va);
    }
}

static void mapping_unmap_place(struct mapping_area *area, uintptr_t va)
{
    (void)area;
    memory_unmap(va, 1, NULL);
}

static void mapping_protect_place(struct mapping_area *area, uintptr_t va)
{
    if (area->shared && (area->prot & MEMORY_WRITE) != 0 && memory_lookup(va, NULL) != NULL)
        memory_protect(va, 1, area->prot & ~MEMORY_WRITE);
}

/* It is used: the last to be dropped. */
void mapping_touch(struct mapping_page *page)
{
    mapping.n_idle -= page->is_idle;
    page->is_idle = false;
    list_remove(&page->use);
    list_append(&mapping.active, &page->use);
}

void mapping_soil(struct mapping_page *page)
{
    if (page->dirty)
        return;
    page->dirty = true;
    mapping.n_dirty++;
    list_remove(&page->in_set);
    list_append(&page->key->dirty, &page->in_set);
}

static void mapping_clean(struct mapping_page *page)
{
    mapping.n_dirty -= page->dirty;
    page->dirty = false;
    list_remove(&page->in_set);
    list_append(&page->key->clean, &page->in_set);
}

void mapping_drop(struct mapping_page *page)
{
    mapping_each_place(page, mapping_unmap_place);
    mapping_leave(page);
    mapping.n_dirty -= page->dirty;
    mapping.n_idle -= page->is_idle;
    mapping.n_pages--;
    list_remove(&page->use);
    list_remove(&page->in_set);
    pages_put(page->page);
    list_append(&mapping_records, &page->use);
}

/* ---- room ---- */

/* Unmap some of those longest untouched: if they are touched once more, they are wanted. */
static void mapping_put_on_trial(size_t n)
{
    size_t tries = mapping.n_pages - mapping.n_idle;

    if (tries > n)
        tries = n;
    while (tries-- > 0 && mapping.n_idle <= mapping.n_pages / MAPPING_IDLE_PART) {
        struct mapping_page *page = list_entry(mapping.active.next, struct mapping_page, use);

        list_remove(&page->use);
        if (page->pins > 0) {
            list_append(&mapping.active, &page->use);
            continue;
        }
        mapping_each_place(page, mapping_unmap_place);
        page->is_idle = true;
        mapping.n_idle++;
        list_append(&mapping.idle, &page->use);
    }
}

/* Drop up to n clean pages. Returns how many; *dirty: the set of one that must be written first. */
static size_t mapping_evict(size_t n, struct mapping_set **dirty)
{
    size_t dropped = 0;
    struct list *link, *next;

    mapping_put_on_trial(n + MAPPING_WINDOW);
    for (link = mapping.idle.next; link != &mapping.idle && dropped < n; link = next) {
        struct mapping_page *page = list_entry(link, struct mapping_page, use);

        next = link->next;
        if (page->dirty)
            *dirty = page->key;
        if (page->pins > 0 || page->dirty)
            continue;
        mapping_drop(page);
        dropped++;
    }
    return dropped;
}

/* For whoever finds memory used up, in any context. */
static size_t mapping_reclaim(size_t n)
{
    struct mapping_set *dirty;
    size_t dropped = 0, some;

    if (mapping.lock.held) /* it is us, looking for a page */
        return 0;
    do {
        size_t wanted = n - dropped < MAPPING_WINDOW ? n - dropped : MAPPING_WINDOW;
        bool was_masked = spin_lock(&mapping.lock);

        some = mapping_evict(wanted, &dirty);
        spin_unlock(&mapping.lock, was_masked);
        dropped += some;
    } while (dropped < n && some > 0);
    return dropped;
}

static size_t mapping_reserve(size_t total)
{
    size_t reserve = total / MAPPING_RESERVE_PART;

    if (reserve < MAPPING_RESERVE_MIN)
        return MAPPING_RESERVE_MIN;
    return reserve > MAPPING_RESERVE_MAX ? MAPPING_RESERVE_MAX : reserve;
}

/* One step: true when there may be more to do. */
static bool mapping_make_some_room(size_t n)
{
    struct mapping_set *dirty = NULL;
    struct pages_stats stats;
    size_t dropped = 0;
    bool was_masked = spin_lock(&mapping.lock);

    pages_get_stats(&stats);
    n += mapping_reserve(stats.total);
    if (stats.free < n)
        dropped = mapping_evict(n - stats.free, &dirty);
    if (dropped > 0)
        dirty = NULL;
    else if (mapping.n_dirty > stats.total / MAPPING_DIRTY_PART) {
        list_for_each (link, &mapping.sets) {
            struct mapping_set *set = list_entry(link, struct mapping_set, link);

            if (!list_empty(&set->dirty))
                dirty = set;
        }
    }
    if (dirty != NULL)
        dirty->refs++;
    spin_unlock(&mapping.lock, was_masked);
    if (dirty != NULL) {
        mutex_lock(&dirty->inode->data);
        if (mapping_write_back(dirty) < 0)
            dropped = 0;
        mutex_unlock(&dirty->inode->data);
        mapping_set_put(dirty);
        return true;
    }
    return dropped > 0 && stats.free + dropped < n;
}

void mapping_make_room(size_t n)
{
    for (unsigned i = 0; i < MAPPING_ROUNDS && mapping_make_some_room(n); i++)
        ;
}

/* ---- filling, with inode->data held ---- */

static uint64_t mapping_file_pages(const struct inode *inode)
{
    return ((uint64_t)inode->size + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* How many pages to read: more and more of a file that is read from front to back. */
static unsigned mapping_window(struct mapping_set *set, uint64_t index)
{
    uint64_t left = mapping_file_pages(set->inode) - index;

    if (index != set->next || set->window == 0)
        set->window = 1;
    else if (set->window < MAPPING_WINDOW)
        set->window *= 2;
    return set->window < left ? set->window : (unsigned)left;
}

/* Up to n pages without content, for what is not here from index on. */
static unsigned mapping_fill_begin(struct mapping_set *set, uint64_t index, unsigned n,
                                   struct mapping_page *pages[], struct iovec *iov)
{
    bool was_masked = spin_lock(&mapping.lock);
    unsigned got = 0;

    while (got < n && mapping_find(set, index + got) == NULL) {
        struct mapping_page *page = mapping_record_get();

        if (page == NULL)
            break;
        page->page = pages_get();
        if (page->page == NULL) {
            list_append(&mapping_records, &page->use);
            break;
        }
        pages[got] = page;
        iov[got++] = (struct iovec){ .iov_base = page->page, .iov_len = PAGE_SIZE };
    }
    spin_unlock(&mapping.lock, was_masked);
    return got;
}

int mapping_fill(struct mapping_set *set, uint64_t index)
{
    struct mapping_page *pages[MAPPING_WINDOW];
    struct iovec iov[MAPPING_WINDOW];
    struct inode *inode = set->inode;
    unsigned n = mapping_window(set, index);
    size_t done = 0;
    ssize_t some = 1;
    bool was_masked;

    n = mapping_fill_begin(set, index, n, pages, iov);
    if (n == 0)
        return -ENOMEM;
    set->next = index + n;
    while (done < n * PAGE_SIZE && some > 0) {
        struct iovec rest = { .iov_base = (char *)pages[done / PAGE_SIZE]->page + done % PAGE_SIZE,
                              .iov_len = PAGE_SIZE - done % PAGE_SIZE };

        some = inode->ops->read(inode, done == 0 ? iov : &rest, done == 0 ? (int)n : 1,
                                (off_t)(index * PAGE_SIZE + done));
        if (some > 0)
            done += (size_t)some;
    }
    for (; done < n * PAGE_SIZE && some == 0; done += PAGE_SIZE - done % PAGE_SIZE)
        memset((char *)pages[done / PAGE_SIZE]->page + done % PAGE_SIZE, 0,
               PAGE_SIZE - done % PAGE_SIZE);
    was_masked = spin_lock(&mapping.lock);
    for (unsigned i = 0; i < n; i++) {
        if (some < 0) {
            pages_put(pages[i]->page);
            list_append(&mapping_records, &pages[i]->use);
            continue;
        }
        mapping_enter(pages[i], set, index + i);
        list_append(&set->clean, &pages[i]->in_set);
        list_append(&mapping.active, &pages[i]->use);
        mapping.n_pages++;
    }
    spin_unlock(&mapping.lock, was_masked);
    return some < 0 ? (int)some : 0;
}

/* ---- writing back, with inode->data held ---- */

/* The next dirty pages that follow each other, no longer dirty, and pinned. Lock held. */
static unsigned mapping_take_dirty(struct list *from, struct mapping_page *pages[])
{
    unsigned n = 0;

    while (n < MAPPING_WINDOW && !list_empty(from)) {
        struct mapping_page *page = list_entry(from->next, struct mapping_page, in_set);

        if (n > 0 && page->index != pages[n - 1]->index + 1)
            break;
        if (page->pins == 0) {
            mapping_each_place(page, mapping_protect_place);
            mapping_clean(page);
        } else { /* somebody writes to it: it stays as it is, and is written once more later */
            list_remove(&page->in_set);
            list_append(&page->key->dirty, &page->in_set);
        }
        page->pins++;
        pages[n++] = page;
    }
    return n;
}

static int mapping_write_pages(struct inode *inode, struct mapping_page *const pages[], unsigned n)
{
    uint64_t offset = pages[0]->index * PAGE_SIZE, size = (uint64_t)inode->size, done = 0;
    uint64_t len = n * PAGE_SIZE;

    if (offset >= size)
        return 0;
    if (len > size - offset)
        len = size - offset;
    while (done < len) {
        struct iovec iov[MAPPING_WINDOW];
        unsigned used = 0;
        ssize_t some;

        for (uint64_t at = done; at < len; used++) {
            size_t part = PAGE_SIZE - at % PAGE_SIZE;

            iov[used].iov_base = (char *)pages[at / PAGE_SIZE]->page + at % PAGE_SIZE;
            iov[used].iov_len = part < len - at ? part : len - at;
            at += iov[used].iov_len;
        }
        some = inode->ops->write(inode, iov, (int)used, (off_t)(offset + done));
        if (some <= 0)
            return some < 0 ? (int)some : -EIO;
        done += (uint64_t)some;
    }
    return 0;
}

int mapping_write_back(struct mapping_set *set)
{
    struct mapping_page *pages[MAPPING_WINDOW];
    struct list writing;
    int error = 0;
    bool was_masked = spin_lock(&mapping.lock);

    list_init(&writing);
    while (!list_empty(&set->dirty)) {
        struct list *link = set->dirty.next;

        list_remove(link);
        list_append(&writing, link);
    }
    while (!list_empty(&writing)) {
        unsigned n = error == 0 ? mapping_take_dirty(&writing, pages) : 0;

        if (error < 0) { /* the rest stays dirty */
            struct list *link = writing.next;

            list_remove(link);
            list_append(&set->dirty, link);
            continue;
        }
        spin_unlock(&mapping.lock, was_masked);
        error = mapping_write_pages(set->inode, pages, n);
        was_masked = spin_lock(&mapping.lock);
        while (n-- > 0) {
            pages[n]->pins--;
            pages[n]->backed = true;
            if (error < 0)
                mapping_soil(pages[n]);
        }
    }
    spin_unlock(&mapping.lock, was_masked);
    return error;
}

/* ---- sets ---- */

struct mapping_set *mapping_set_of(struct inode *inode)
{
    bool was_masked = spin_lock(&mapping.lock);
    struct mapping_set *set = inode->mapped;

    if (set != NULL)
        set->refs++;
    spin_unlock(&mapping.lock, was_masked);
    return set;
}

static void mapping_set_init(struct mapping_set *set, struct inode *inode)
{
    /* At exit, before file systems end: their hooks were added before, and the last one runs first. */
    static struct shutdown_hook hook = { .name = "mappings", .fn = mapping_pages_at_exit };
    static bool hooked; /* protected by mapping_mutex */

    set->inode = inode_hold(inode);
    set->refs = 1;
    list_init(&set->areas);
    list_init(&set->clean);
    list_init(&set->dirty);
    mutex_lock(&inode->data);
    set->direct = inode->ops->page != NULL && inode->ops->page(inode, 0, NULL) == 0;
    mutex_unlock(&inode->data);
    if (inode->ops->sync != NULL && !hooked) {
        hooked = true;
        shutdown_add_hook(&hook);
    }
}

int mapping_set_get(struct inode *inode, struct mapping_set **out)
{
    struct mapping_set *set = mapping_set_of(inode);
    bool was_masked;

    if (set == NULL) {
        set = calloc(1, sizeof(*set));
        if (set == NULL)
            return -ENOMEM;
        mapping_set_init(set, inode);
        was_masked = spin_lock(&mapping.lock);
        list_append(&mapping.sets, &set->link);
        inode->mapped = set; /* only here, and mapping_mutex is held: nobody was faster */
        spin_unlock(&mapping.lock, was_masked);
    }
    *out = set;
    return 0;
}

/* Lock held: nobody refers to it any more. */
static void mapping_set_end(struct mapping_set *set)
{
    struct list *both[] = { &set->clean, &set->dirty };

    for (int i = 0; i < 2; i++)
        while (!list_empty(both[i]))
            mapping_drop(list_entry(both[i]->next, struct mapping_page, in_set));
    list_remove(&set->link);
    set->inode->mapped = NULL;
}

void mapping_set_put(struct mapping_set *set)
{
    struct inode *inode = set->inode;
    bool last, was_masked = spin_lock(&mapping.lock);

    last = set->refs == 1;
    set->refs -= !last;
    spin_unlock(&mapping.lock, was_masked);
    if (!last)
        return;
    mutex_lock(&inode->data);
    if (mapping_write_back(set) < 0)
        log_line(LOG_ERROR, "mmap: what was written to a mapped file is lost: inode %llu",
                 (unsigned long long)inode->ino);
    was_masked = spin_lock(&mapping.lock);
    last = --set->refs == 0;
    if (last)
        mapping_set_end(set);
    spin_unlock(&mapping.lock, was_masked);
    mutex_unlock(&inode->data);
    if (last) {
        free(set);
        inode_drop(inode);
    }
}

/* ---- the beginning ---- */

int mapping_set_start(void)
{
    unsigned bits = 8;

    if (mapping_table != NULL)
        return 0;
    while ((size_t)4 << bits < memory_pages())
        bits++;
    mapping_table = calloc((size_t)1 << bits, sizeof(*mapping_table));
    if (mapping_table == NULL)
        return -ENOMEM;
    mapping_table_bits = bits;
    pages_set_reclaim(mapping_reclaim);
    return 0;
}
