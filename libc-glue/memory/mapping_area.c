/* Areas: which addresses show which file; mmap, munmap, mprotect, mremap, msync, madvise of those. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <runtime/vmem.h>

#include "files/file.h"
#include "mapping_file.h"
#include "mapping_pages.h"

#define MAPPING_STEP 512u /* pages whose entries are changed at once */

/* Transfers must know of what is mapped here. */
static const char *const mapping_needs_pins __attribute__((used)) = &mapping_pin_is_linked;

/* ---- the list, with the lock held ---- */

struct mapping_area *mapping_area_after(uintptr_t va)
{
    list_for_each (link, &mapping.areas) {
        struct mapping_area *area = list_entry(link, struct mapping_area, link);

        if (mapping_area_end(area) > va)
            return area;
    }
    return NULL;
}

struct mapping_area *mapping_area_at(uintptr_t va)
{
    struct mapping_area *area = mapping_area_after(va);

    return area != NULL && area->start <= va && !area->gone ? area : NULL;
}

static void mapping_area_enter(struct mapping_area *area)
{
    struct mapping_area *next = mapping_area_after(area->start);

    list_insert_before(next != NULL ? &next->link : &mapping.areas, &area->link);
    list_append(&area->set->areas, &area->in_set);
}

/* What lies from `at` on becomes an area of its own: rest, a record that is not used yet. */
static void mapping_area_split(struct mapping_area *area, uintptr_t at, struct mapping_area *rest)
{
    struct list *link, *next;

    *rest = *area;
    rest->start = at;
    rest->first = mapping_area_index(area, at);
    rest->pages = (mapping_area_end(area) - at) / PAGE_SIZE;
    area->pages -= rest->pages;
    area->set->refs++;
    list_init(&rest->own);
    for (link = area->own.next; link != &area->own; link = next) {
        next = link->next;
        if (list_entry(link, struct mapping_page, use)->index >= at >> PAGE_SHIFT) {
            list_remove(link);
            list_append(&rest->own, link);
        }
    }
    mapping_area_enter(rest);
}

/* Make `at` a border between areas, if it lies within one. mapping_mutex is held, the lock is not. */
static int mapping_split_at(uintptr_t at)
{
    struct mapping_area *rest = malloc(sizeof(*rest)), *area;
    bool was_masked;

    if (rest == NULL)
        return -ENOMEM;
    was_masked = spin_lock(&mapping.lock);
    area = mapping_area_after(at);
    if (area != NULL && area->start < at) {
        mapping_area_split(area, at, rest);
        rest = NULL;
    }
    spin_unlock(&mapping.lock, was_masked);
    free(rest);
    return 0;
}

/* The first area that begins in [at, end), or NULL. Stays while mapping_mutex is held. */
static struct mapping_area *mapping_first_in(uintptr_t at, uintptr_t end)
{
    bool was_masked = spin_lock(&mapping.lock);
    struct mapping_area *area = mapping_area_after(at);

    spin_unlock(&mapping.lock, was_masked);
    return area != NULL && area->start < end ? area : NULL;
}

static bool mapping_any_in(uintptr_t at, uintptr_t end)
{
    return mapping_first_in(at, end) != NULL;
}

/* ---- unmapping ---- */

/* Nothing of the area stays in the page tables; in steps, so that nobody is kept waiting. */
static void mapping_area_unmap(struct mapping_area *area)
{
    for (size_t done = 0; done < area->pages; done += MAPPING_STEP) {
        size_t some = area->pages - done < MAPPING_STEP ? area->pages - done : MAPPING_STEP;
        bool was_masked = spin_lock(&mapping.lock);

        memory_unmap(area->start + done * PAGE_SIZE, some, NULL);
        spin_unlock(&mapping.lock, was_masked);
    }
}

static void mapping_area_drop_own(struct mapping_area *area)
{
    bool was_masked = spin_lock(&mapping.lock);

    while (!list_empty(&area->own)) {
        mapping_drop_copy(list_entry(area->own.next, struct mapping_page, use));
        spin_unlock(&mapping.lock, was_masked);
        was_masked = spin_lock(&mapping.lock);
    }
    spin_unlock(&mapping.lock, was_masked);
}

static void mapping_area_end_it(struct mapping_area *area)
{
    struct mapping_set *set = area->set;
    bool was_masked = spin_lock(&mapping.lock);

    area->gone = true;
    spin_unlock(&mapping.lock, was_masked);
    mapping_area_unmap(area);
    mapping_area_drop_own(area);
    was_masked = spin_lock(&mapping.lock);
    list_remove(&area->link);
    list_remove(&area->in_set);
    spin_unlock(&mapping.lock, was_masked);
    free(area);
    mapping_set_put(set);
}

int mapping_file_cut(uintptr_t at, size_t n)
{
    uintptr_t end = at + n * PAGE_SIZE;
    struct mapping_area *area;

    if (list_empty(&mapping.areas))
        return 0;
    if (mapping_split_at(at) < 0 || mapping_split_at(end) < 0)
        return -ENOMEM;
    while ((area = mapping_first_in(at, end)) != NULL)
        mapping_area_end_it(area);
    return 0;
}

/* ---- mapping ---- */

int mapping_file_map(uintptr_t *at, size_t n, unsigned protection, bool shared, struct file *file,
                     off_t offset)
{
    struct mapping_area *area;
    int error = mapping_set_start();
    bool was_masked;

    if (error < 0)
        return error;
    area = calloc(1, sizeof(*area));
    if (area == NULL)
        return -ENOMEM;
    error = mapping_set_get(file->inode, &area->set);
    if (error == 0) {
        *at = vmem_map(*at, n, 0);
        error = *at != 0 ? 0 : -ENOMEM;
    }
    if (error < 0) {
        if (area->set != NULL)
            mapping_set_put(area->set);
        free(area);
        return error;
    }
    list_init(&area->own);
    area->start = *at;
    area->pages = n;
    area->first = (uint64_t)offset / PAGE_SIZE;
    area->prot = protection;
    area->shared = shared;
    area->may_write = !shared || (file_flags(file) & O_ACCMODE) == O_RDWR;
    mapping_fault_start();
    was_masked = spin_lock(&mapping.lock);
    mapping_area_enter(area);
    spin_unlock(&mapping.lock, was_masked);
    return 0;
}

/* ---- mprotect ---- */

/* Give each page that is mapped its protection; those that are not get it when they are touched. */
static void mapping_area_protect(struct mapping_area *area, unsigned protection)
{
    bool was_masked = spin_lock(&mapping.lock);

    area->prot = protection;
    for (size_t i = 0; i < area->pages; i++) {
        uintptr_t va = area->start + i * PAGE_SIZE;
        struct mapping_page *page = NULL;
        unsigned prot = protection;

        if (i % MAPPING_STEP == MAPPING_STEP - 1) {
            spin_unlock(&mapping.lock, was_masked);
            was_masked = spin_lock(&mapping.lock);
        }
        if (memory_lookup(va, NULL) == NULL)
            continue;
        if (protection == 0) {
            memory_unmap(va, 1, NULL);
            continue;
        }
        if (area->shared && !area->set->direct)
            page = mapping_find(area->set, mapping_area_index(area, va));
        if (area->shared ? page != NULL && !page->dirty
                         : mapping_find(NULL, va >> PAGE_SHIFT) == NULL)
            prot &= ~MEMORY_WRITE;
        memory_protect(va, 1, prot);
    }
    spin_unlock(&mapping.lock, was_masked);
}

static int mapping_protect_in(uintptr_t at, uintptr_t end, unsigned protection)
{
    struct mapping_area *area;
    int error = 0;

    if (mapping_split_at(at) < 0 || mapping_split_at(end) < 0)
        return -ENOMEM;
    while (at < end && error == 0) {
        area = mapping_first_in(at, end);
        uintptr_t until = area != NULL ? area->start : end;

        if (at < until)
            error = vmem_protect(at, (until - at) / PAGE_SIZE, protection);
        if (error == 0 && area != NULL) {
            if ((protection & MEMORY_WRITE) != 0 && !area->may_write)
                return -EACCES;
            mapping_area_protect(area, protection);
            until = mapping_area_end(area);
        }
        at = until;
    }
    return error == -ENOENT ? -ENOMEM : error;
}

int mapping_file_protect(uintptr_t at, size_t n, unsigned protection)
{
    uintptr_t end = at + n * PAGE_SIZE;
    int error = -ENOENT;

    if (list_empty(&mapping.areas))
        return error;
    mutex_lock(&mapping_mutex);
    if (mapping_any_in(at, end))
        error = mapping_protect_in(at, end, protection);
    mutex_unlock(&mapping_mutex);
    return error;
}

/* ---- mremap ---- */

/* The area shows the same from `to` on, and its copies are there. */
static void mapping_area_move(struct mapping_area *area, uintptr_t to)
{
    bool was_masked;

    was_masked = spin_lock(&mapping.lock);
    memory_unmap(area->start, area->pages, NULL);
    list_for_each (link, &area->own) {
        struct mapping_page *copy = list_entry(link, struct mapping_page, use);

        mapping_move_copy(copy, to + ((copy->index << PAGE_SHIFT) - area->start));
    }
    list_remove(&area->link);
    list_remove(&area->in_set);
    area->start = to;
    mapping_area_enter(area);
    spin_unlock(&mapping.lock, was_masked);
}

static long mapping_area_remap(struct mapping_area *area, size_t n, bool may_move)
{
    uintptr_t at = area->start, end = mapping_area_end(area), to;
    size_t old = area->pages;
    bool was_masked;

    if (vmem_in_use(end, n - old) == VMEM_NONE && vmem_map(end, n - old, 0) != 0) {
        to = at;
    } else {
        to = may_move ? vmem_map(0, n, 0) : 0;
        if (to == 0)
            return -ENOMEM;
        mapping_area_move(area, to);
        vmem_unmap(at, old);
    }
    was_masked = spin_lock(&mapping.lock);
    area->pages = n;
    spin_unlock(&mapping.lock, was_masked);
    return (long)to;
}

long mapping_file_remap(uintptr_t at, size_t old, size_t n, bool may_move)
{
    uintptr_t end = at + old * PAGE_SIZE;
    struct mapping_area *area;
    int error;

    if (!mapping_any_in(at, end))
        return -ENOENT;
    if (mapping_split_at(at) < 0 || mapping_split_at(end) < 0)
        return -ENOMEM;
    area = mapping_first_in(at, end);
    if (area->start != at || mapping_area_end(area) != end)
        return -EFAULT; /* not one mapping */
    if (n > old)
        return mapping_area_remap(area, n, may_move);
    error = n < old ? mapping_file_cut(at + n * PAGE_SIZE, old - n) : 0;
    if (error == 0 && n < old)
        vmem_unmap(at + n * PAGE_SIZE, old - n);
    return error < 0 ? error : (long)at;
}

/* ---- msync, madvise, mincore ---- */

/* The set of the first shared area that ends after *at, below end, with a reference; *at: its end. */
static struct mapping_set *mapping_next_shared(uintptr_t *at, uintptr_t end)
{
    struct mapping_set *set = NULL;
    bool was_masked = spin_lock(&mapping.lock);
    struct mapping_area *area;

    while (set == NULL && (area = mapping_area_after(*at)) != NULL && area->start < end) {
        *at = mapping_area_end(area);
        if (area->shared && !area->set->direct) {
            set = area->set;
            set->refs++;
        }
    }
    spin_unlock(&mapping.lock, was_masked);
    return set;
}

int mapping_file_sync(uintptr_t at, size_t n, bool now)
{
    uintptr_t end = at + n * PAGE_SIZE;
    struct mapping_set *set;
    int error = 0;

    while (error == 0 && (set = mapping_next_shared(&at, end)) != NULL) {
        struct inode *inode = set->inode;

        mutex_lock(&inode->data);
        error = mapping_write_back(set);
        mutex_unlock(&inode->data);
        if (error == 0 && now && inode->ops->sync != NULL)
            error = inode->ops->sync(inode, false);
        mapping_set_put(set);
    }
    return error;
}

bool mapping_is_file(uintptr_t va, bool *resident)
{
    bool was_masked = spin_lock(&mapping.lock);
    struct mapping_area *area = mapping_area_at(va);

    *resident = area != NULL && (memory_lookup(va, NULL) != NULL ||
                                 mapping_find(area->set, mapping_area_index(area, va)) != NULL);
    spin_unlock(&mapping.lock, was_masked);
    return area != NULL;
}

bool mapping_file_forget(uintptr_t va)
{
    bool was_masked = spin_lock(&mapping.lock);
    struct mapping_area *area = mapping_area_at(va);

    if (area != NULL) {
        struct mapping_page *copy = mapping_find(NULL, va >> PAGE_SHIFT);

        if (copy != NULL)
            mapping_drop_copy(copy);
        else if (!area->shared)
            memory_unmap(va, 1, NULL);
    }
    spin_unlock(&mapping.lock, was_masked);
    return area != NULL;
}
