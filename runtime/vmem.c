#include <runtime/vmem.h>

#include <errno.h>
#include <string.h>

#include <runtime/list.h>
#include <runtime/pages.h>
#include <runtime/sync.h>

#define VMEM_STACK_FEW 64u     /* pages that are mapped one by one rather than by a step of memory */
#define VMEM_STEP 256u         /* pages handled at a time: bounds the stack and the tables needed */
#define VMEM_HEAP_STEP_MIN 16u /* pages the heap grows by at least, when there are that many */
#define VMEM_STACK_CACHE 16u
#define VMEM_TABLES 4u /* pages that go into tables, at most, besides one for each step */

/* One stretch of addresses in use. Neighbours are joined, so that two never touch. */
struct vmem_range {
    struct list link;
    uintptr_t start, end;
};

struct vmem_space {
    struct mutex mutex; /* protects the ranges and what is mapped in them */
    enum memory_region region;
    struct list ranges; /* by address */
};

static struct vmem_space vmem_mmap = {
    .region = MEMORY_REGION_MMAP,
    .ranges = LIST_INIT(vmem_mmap.ranges),
};
static struct vmem_space vmem_stacks = {
    .region = MEMORY_REGION_STACKS,
    .ranges = LIST_INIT(vmem_stacks.ranges),
};

static struct {
    struct mutex mutex;
    uintptr_t end;    /* what sbrk returned last */
    uintptr_t mapped; /* pages are mapped up to here */
} vmem_heap;

/* Free range records, carved from pages that stay records for ever. */
static struct {
    struct mutex mutex;
    struct list free;
} vmem_records = { .free = LIST_INIT(vmem_records.free) };

/* Stacks of the usual size that nobody uses, kept mapped. */
static struct {
    struct mutex mutex;
    uintptr_t base[VMEM_STACK_CACHE];
    size_t pages[VMEM_STACK_CACHE];
    size_t n;
} vmem_stack_cache;

static struct vmem_range *vmem_record_get(void)
{
    struct vmem_range *record = NULL;

    mutex_lock(&vmem_records.mutex);
    if (list_empty(&vmem_records.free)) {
        struct vmem_range *fresh = pages_get();
        for (size_t i = 0; fresh != NULL && i < PAGE_SIZE / sizeof(*fresh); i++)
            list_append(&vmem_records.free, &fresh[i].link);
    }
    if (!list_empty(&vmem_records.free)) {
        record = list_entry(vmem_records.free.next, struct vmem_range, link);
        list_remove(&record->link);
    }
    mutex_unlock(&vmem_records.mutex);
    return record;
}

static void vmem_record_put(struct vmem_range *record)
{
    list_remove(&record->link);
    mutex_lock(&vmem_records.mutex);
    list_append(&vmem_records.free, &record->link);
    mutex_unlock(&vmem_records.mutex);
}

/* The first range that ends after `at`, or NULL. */
static struct vmem_range *vmem_range_after(struct vmem_space *space, uintptr_t at)
{
    list_for_each(link, &space->ranges)
    {
        struct vmem_range *range = list_entry(link, struct vmem_range, link);
        if (range->end > at)
            return range;
    }
    return NULL;
}

/* Lowest free stretch of n bytes, or 0. */
static uintptr_t vmem_find(struct vmem_space *space, size_t bytes)
{
    uintptr_t at = memory_region_start(space->region);
    uintptr_t end = at + memory_region_size(space->region);

    list_for_each(link, &space->ranges)
    {
        struct vmem_range *range = list_entry(link, struct vmem_range, link);
        if (range->start - at >= bytes)
            return at;
        at = range->end;
    }
    return end - at >= bytes ? at : 0;
}

/* Mark [start, end), of which nothing is in use, as used. */
static int vmem_claim(struct vmem_space *space, uintptr_t start, uintptr_t end)
{
    struct vmem_range *next = vmem_range_after(space, start);
    struct list *before = next != NULL ? &next->link : &space->ranges;
    struct vmem_range *prev =
        before->prev != &space->ranges ? list_entry(before->prev, struct vmem_range, link) : NULL;

    if (prev != NULL && prev->end == start) {
        prev->end = end;
        if (next != NULL && next->start == end) {
            prev->end = next->end;
            vmem_record_put(next);
        }
        return 0;
    }
    if (next != NULL && next->start == end) {
        next->start = start;
        return 0;
    }
    struct vmem_range *range = vmem_record_get();
    if (range == NULL)
        return -ENOMEM;
    range->start = start;
    range->end = end;
    list_insert_before(before, &range->link);
    return 0;
}

/* Mark [start, end) as free, whatever of it is in use. */
static int vmem_release(struct vmem_space *space, uintptr_t start, uintptr_t end)
{
    struct vmem_range *range;

    while ((range = vmem_range_after(space, start)) != NULL && range->start < end) {
        if (range->start < start && range->end > end) {
            struct vmem_range *rest = vmem_record_get();
            if (rest == NULL)
                return -ENOMEM;
            rest->start = end;
            rest->end = range->end;
            range->end = start;
            list_insert_before(range->link.next, &rest->link);
        } else if (range->start < start) {
            range->end = start;
        } else if (range->end > end) {
            range->start = end;
        } else {
            vmem_record_put(range);
        }
    }
    return 0;
}

/* Put zeroed pages behind n addresses that have none. All or nothing. */
static int vmem_back(uintptr_t at, size_t n, unsigned prot)
{
    void *pages[VMEM_STEP];
    struct pages_stats stats;
    size_t done = 0;

    size_t wanted = n + n / VMEM_STEP + VMEM_TABLES;

    pages_get_stats(&stats); /* refuse the impossible before zeroing all there is */
    if (wanted > stats.free && pages_reclaim(wanted - stats.free) != 0)
        pages_get_stats(&stats);
    if (n > stats.free)
        return -ENOMEM;
    while (done < n) {
        size_t want = n - done < VMEM_STEP ? n - done : VMEM_STEP;
        size_t got = 0;

        while (got < want && (pages[got] = pages_get_zeroed()) != NULL)
            got++;
        if (got < want ||
            memory_map(at + done * PAGE_SIZE, pages, got, prot, pages_get_for_table) != 0) {
            while (got > 0)
                pages_put(pages[--got]);
            memory_unmap(at, done, pages_put);
            return -ENOMEM;
        }
        done += got;
    }
    return 0;
}

static bool vmem_inside(const struct vmem_space *space, uintptr_t at, size_t n)
{
    uintptr_t start = memory_region_start(space->region);
    size_t size = memory_region_size(space->region);

    return at % PAGE_SIZE == 0 && at >= start && at - start <= size &&
           n <= (size - (at - start)) / PAGE_SIZE;
}

static uintptr_t vmem_map_in(struct vmem_space *space, uintptr_t at, size_t n, unsigned prot)
{
    size_t bytes = n * PAGE_SIZE;

    if (n == 0 || n > memory_region_size(space->region) / PAGE_SIZE ||
        (at != 0 && !vmem_inside(space, at, n)))
        return 0;
    mutex_lock(&space->mutex);
    if (at == 0) {
        at = vmem_find(space, bytes);
    } else {
        memory_unmap(at, n, pages_put);
        if (vmem_release(space, at, at + bytes) != 0)
            at = 0;
    }
    if (at != 0 && vmem_claim(space, at, at + bytes) != 0)
        at = 0;
    if (at != 0 && prot != 0 && vmem_back(at, n, prot) != 0) {
        vmem_release(space, at, at + bytes);
        at = 0;
    }
    mutex_unlock(&space->mutex);
    return at;
}

static int vmem_unmap_in(struct vmem_space *space, uintptr_t at, size_t n)
{
    if (!vmem_inside(space, at, n))
        return -EINVAL;
    mutex_lock(&space->mutex);
    int error = vmem_release(space, at, at + n * PAGE_SIZE);
    if (error == 0)
        memory_unmap(at, n, pages_put);
    mutex_unlock(&space->mutex);
    return error;
}

uintptr_t vmem_map(uintptr_t at, size_t n, unsigned prot)
{
    return vmem_map_in(&vmem_mmap, at, n, prot);
}

int vmem_unmap(uintptr_t at, size_t n)
{
    return vmem_unmap_in(&vmem_mmap, at, n);
}

int vmem_protect(uintptr_t at, size_t n, unsigned prot)
{
    int error = 0;

    if (!vmem_inside(&vmem_mmap, at, n))
        return -ENOENT;
    mutex_lock(&vmem_mmap.mutex);
    struct vmem_range *range = vmem_range_after(&vmem_mmap, at);
    if (range == NULL || range->start > at || range->end < at + n * PAGE_SIZE)
        error = -ENOENT;
    for (size_t i = 0; i < n && prot != 0 && error == 0;) {
        size_t bare = 0;

        while (i + bare < n && memory_lookup(at + (i + bare) * PAGE_SIZE, NULL) == NULL)
            bare++;
        if (bare != 0)
            error = vmem_back(at + i * PAGE_SIZE, bare, prot);
        i += bare + 1;
    }
    if (error == 0)
        error = memory_protect(at, n, prot);
    mutex_unlock(&vmem_mmap.mutex);
    return error;
}

enum vmem_use vmem_in_use(uintptr_t at, size_t n)
{
    enum vmem_use use = VMEM_NONE;
    struct vmem_range *range;

    if (!vmem_inside(&vmem_mmap, at, n))
        return use;
    mutex_lock(&vmem_mmap.mutex);
    range = vmem_range_after(&vmem_mmap, at);
    if (range != NULL && range->start < at + n * PAGE_SIZE)
        use = range->start <= at && range->end >= at + n * PAGE_SIZE ? VMEM_ALL : VMEM_SOME;
    mutex_unlock(&vmem_mmap.mutex);
    return use;
}

/*
 * A stack where its pages are mapped already: one change of an entry makes the guard, where addresses of
 * its own cost one for each page. Its guard holds a page; that is the price.
 */
static uintptr_t vmem_stack_in_place(size_t n)
{
    uintptr_t guard = (uintptr_t)pages_get_run_at_hand(n + 1);

    /* Making the next 2 MiB reachable still costs less than new addresses for each page. */
    if (guard == 0 && n > VMEM_STACK_FEW && memory_reach(pages_get_for_table) == 0)
        guard = (uintptr_t)pages_get_run_at_hand(n + 1);
    if (guard == 0)
        return 0;
    memory_protect(guard, 1, 0);
    return guard + PAGE_SIZE;
}

static uintptr_t vmem_stack_map(size_t n)
{
    /* One more page of addresses, at the bottom, stays without a page: the guard. */
    uintptr_t guard = vmem_map_in(&vmem_stacks, 0, n + 1, 0);

    if (guard == 0)
        return 0;
    if (vmem_back(guard + PAGE_SIZE, n, MEMORY_READ | MEMORY_WRITE) != 0) {
        vmem_unmap_in(&vmem_stacks, guard, n + 1);
        return 0;
    }
    return guard + PAGE_SIZE;
}

static void vmem_stack_give_back(uintptr_t base, size_t n)
{
    uintptr_t guard = base - PAGE_SIZE;

    if (guard - memory_region_start(MEMORY_REGION_STACKS) <
        memory_region_size(MEMORY_REGION_STACKS)) {
        vmem_unmap_in(&vmem_stacks, guard, n + 1);
        return;
    }
    memory_protect(guard, 1, MEMORY_READ | MEMORY_WRITE);
    for (size_t i = 0; i <= n; i++)
        pages_put((void *)(guard + i * PAGE_SIZE));
}

uintptr_t vmem_stack_create(size_t n)
{
    uintptr_t base = 0;

    mutex_lock(&vmem_stack_cache.mutex);
    for (size_t i = 0; i < vmem_stack_cache.n && base == 0; i++) {
        if (vmem_stack_cache.pages[i] == n) {
            base = vmem_stack_cache.base[i];
            vmem_stack_cache.n--;
            vmem_stack_cache.base[i] = vmem_stack_cache.base[vmem_stack_cache.n];
            vmem_stack_cache.pages[i] = vmem_stack_cache.pages[vmem_stack_cache.n];
        }
    }
    mutex_unlock(&vmem_stack_cache.mutex);
    if (base == 0)
        base = vmem_stack_in_place(n);
    return base != 0 ? base : vmem_stack_map(n);
}

void vmem_stack_destroy(uintptr_t base, size_t n)
{
    bool kept = false;

    mutex_lock(&vmem_stack_cache.mutex);
    if (vmem_stack_cache.n < VMEM_STACK_CACHE) {
        vmem_stack_cache.base[vmem_stack_cache.n] = base;
        vmem_stack_cache.pages[vmem_stack_cache.n++] = n;
        kept = true;
    }
    mutex_unlock(&vmem_stack_cache.mutex);
    if (!kept)
        vmem_stack_give_back(base, n);
}

/* Map the heap up to `end` at least: in growing steps while memory is plenty, exactly at the end. */
static int vmem_heap_reach(uintptr_t end)
{
    size_t need = (end - vmem_heap.mapped + PAGE_SIZE - 1) / PAGE_SIZE;
    size_t step = (vmem_heap.mapped - memory_region_start(MEMORY_REGION_HEAP)) / PAGE_SIZE / 8;

    if (step < VMEM_HEAP_STEP_MIN)
        step = VMEM_HEAP_STEP_MIN;
    if (step > VMEM_STEP)
        step = VMEM_STEP;
    if (step < need || vmem_back(vmem_heap.mapped, step, MEMORY_READ | MEMORY_WRITE) != 0) {
        step = need;
        if (vmem_back(vmem_heap.mapped, step, MEMORY_READ | MEMORY_WRITE) != 0)
            return -ENOMEM;
    }
    vmem_heap.mapped += step * PAGE_SIZE;
    return 0;
}

/* Give back the pages above `end`; what stays of its page is zeroed for the next growth. */
static void vmem_heap_shrink(uintptr_t end)
{
    uintptr_t keep = (end + PAGE_SIZE - 1) & PAGE_MASK;

    if (keep > end)
        memset((void *)end, 0, keep - end);
    memory_unmap(keep, (vmem_heap.mapped - keep) / PAGE_SIZE, pages_put);
    vmem_heap.mapped = keep;
}

uintptr_t vmem_heap_grow(intptr_t delta)
{
    uintptr_t start = memory_region_start(MEMORY_REGION_HEAP);
    uintptr_t old;

    mutex_lock(&vmem_heap.mutex);
    if (vmem_heap.end == 0)
        vmem_heap.end = vmem_heap.mapped = start;
    old = vmem_heap.end;
    if (delta < 0) {
        if (-(uintptr_t)delta > old - start) {
            old = 0;
        } else {
            vmem_heap.end = old + (uintptr_t)delta;
            vmem_heap_shrink(vmem_heap.end);
        }
    } else if ((size_t)delta > memory_region_size(MEMORY_REGION_HEAP) - (old - start) ||
               (old + (uintptr_t)delta > vmem_heap.mapped &&
                vmem_heap_reach(old + (uintptr_t)delta) != 0)) {
        old = 0;
    } else {
        vmem_heap.end = old + (uintptr_t)delta;
    }
    mutex_unlock(&vmem_heap.mutex);
    return old;
}
