/* vmem: addresses with pages behind them, real faults included, and no page lost. */
#include "test.h"

#include <platform/memory.h>
#include <runtime/pages.h>
#include <runtime/vmem.h>

#define RW (MEMORY_READ | MEMORY_WRITE)

/* Page tables and range records stay when what needed them is gone. */
#define OVERHEAD 16u

static void start(size_t pages)
{
    fakexen_start(&(struct fakexen_options){ .pages = pages });
    pages_start();
    fakexen_ignore_pages();
}

static size_t used(void)
{
    struct pages_stats stats;

    pages_get_stats(&stats);
    return stats.used;
}

static bool readable(uintptr_t at)
{
    return !fakexen_faults(at, false);
}

static bool writable(uintptr_t at)
{
    return !fakexen_faults(at, true);
}

static bool all_zero(uintptr_t at, size_t n)
{
    const char *bytes = (const char *)at;

    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

TEST(a_mapping_is_zeroed_memory)
{
    start(2048);
    uintptr_t at = vmem_map(0, 10, RW);
    CHECK(at >= memory_region_start(MEMORY_REGION_MMAP));
    CHECK(all_zero(at, 10 * PAGE_SIZE));
    memset((void *)at, 0xff, 10 * PAGE_SIZE);
    CHECK_EQ(vmem_unmap(at, 10), 0);
    CHECK(!readable(at));
    uintptr_t again = vmem_map(0, 10, RW);
    CHECK_EQ(again, at);
    CHECK(all_zero(again, 10 * PAGE_SIZE));
    CHECK_EQ(vmem_unmap(again, 10), 0);
    CHECK_EQ(fakexen_pages_mapped(), 0);
    CHECK(used() <= OVERHEAD);
}

TEST(mappings_do_not_overlap)
{
    uintptr_t at[20];

    start(2048);
    for (size_t i = 0; i < 20; i++) {
        at[i] = vmem_map(0, i + 1, RW);
        memset((void *)at[i], (int)i + 1, (i + 1) * PAGE_SIZE);
    }
    for (size_t i = 0; i < 20; i++) {
        CHECK_EQ(*(char *)at[i], i + 1);
        CHECK_EQ(((char *)at[i])[(i + 1) * PAGE_SIZE - 1], i + 1);
        CHECK_EQ(vmem_unmap(at[i], i + 1), 0);
    }
    CHECK_EQ(fakexen_pages_mapped(), 0);
}

TEST(protection_is_real)
{
    start(2048);
    uintptr_t at = vmem_map(0, 3, RW);
    strcpy((char *)at + PAGE_SIZE, "kept");
    CHECK_EQ(vmem_protect(at + PAGE_SIZE, 1, MEMORY_READ), 0);
    CHECK(writable(at) && writable(at + 2 * PAGE_SIZE));
    CHECK(readable(at + PAGE_SIZE) && !writable(at + PAGE_SIZE));
    CHECK_EQ(vmem_protect(at + PAGE_SIZE, 1, 0), 0);
    CHECK(!readable(at + PAGE_SIZE));
    CHECK_EQ(vmem_protect(at + PAGE_SIZE, 1, RW), 0);
    CHECK_STR((char *)at + PAGE_SIZE, "kept");
    CHECK_EQ(vmem_unmap(at, 3), 0);
}

TEST(reserved_addresses_cost_no_pages)
{
    start(2048);
    size_t before = used();
    uintptr_t at = vmem_map(0, 100000, 0); /* far more than there is memory */
    CHECK(at != 0);
    CHECK(used() - before <= 1);
    CHECK(!readable(at));
    CHECK_EQ(vmem_protect(at + 5000 * PAGE_SIZE, 2, RW), 0);
    CHECK(writable(at + 5001 * PAGE_SIZE));
    CHECK(!readable(at + 5002 * PAGE_SIZE));
    CHECK(all_zero(at + 5000 * PAGE_SIZE, 2 * PAGE_SIZE));
    CHECK_EQ(vmem_unmap(at, 100000), 0);
    CHECK_EQ(fakexen_pages_mapped(), 0);
}

TEST(a_fixed_address_replaces_what_was_there)
{
    start(2048);
    uintptr_t at = vmem_map(0, 4, RW);
    memset((void *)at, 1, 4 * PAGE_SIZE);
    size_t mapped = fakexen_pages_mapped();
    CHECK_EQ(vmem_map(at + PAGE_SIZE, 2, RW), at + PAGE_SIZE);
    CHECK_EQ(fakexen_pages_mapped(), mapped);
    CHECK_EQ(*(char *)at, 1);
    CHECK(all_zero(at + PAGE_SIZE, 2 * PAGE_SIZE));
    CHECK_EQ(*(char *)(at + 3 * PAGE_SIZE), 1);
    CHECK_EQ(vmem_unmap(at, 4), 0);
    CHECK_EQ(fakexen_pages_mapped(), 0);
}

TEST(a_hole_in_a_mapping_is_free_again)
{
    start(2048);
    uintptr_t at = vmem_map(0, 10, RW);
    CHECK_EQ(vmem_unmap(at + 4 * PAGE_SIZE, 2), 0);
    CHECK(readable(at + 3 * PAGE_SIZE) && !readable(at + 4 * PAGE_SIZE));
    CHECK(!readable(at + 5 * PAGE_SIZE) && readable(at + 6 * PAGE_SIZE));
    CHECK_EQ(vmem_protect(at + 3 * PAGE_SIZE, 4, RW), -ENOENT);
    CHECK_EQ(vmem_map(0, 2, RW), at + 4 * PAGE_SIZE);
    CHECK_EQ(vmem_protect(at, 10, RW), 0);
    CHECK_EQ(vmem_unmap(at, 10), 0);
    CHECK_EQ(vmem_unmap(at, 10), 0); /* nothing there is no error, as for munmap() */
}

TEST(addresses_outside_the_region_are_refused)
{
    start(2048);
    uintptr_t region = memory_region_start(MEMORY_REGION_MMAP);
    size_t pages = memory_region_size(MEMORY_REGION_MMAP) / PAGE_SIZE;

    CHECK_EQ(vmem_map(0x1000, 1, RW), 0);
    CHECK_EQ(vmem_map(region + 1, 1, RW), 0);
    CHECK_EQ(vmem_map(region, 0, RW), 0);
    CHECK_EQ(vmem_map(0, pages + 1, 0), 0);
    CHECK_EQ(vmem_map(0, SIZE_MAX / 2, 0), 0);
    CHECK_EQ(vmem_map(region + (pages - 1) * PAGE_SIZE, 2, RW), 0);
    CHECK_EQ(vmem_unmap(region - PAGE_SIZE, 1), -EINVAL);
    CHECK_EQ(vmem_unmap(region, SIZE_MAX), -EINVAL);
    CHECK_EQ(vmem_protect(region, 1, RW), -ENOENT);
}

TEST(too_much_is_refused_and_nothing_is_kept)
{
    struct pages_stats stats;

    start(1024);
    uintptr_t at = vmem_map(0, 1, RW);
    size_t before = used();
    CHECK_EQ(vmem_map(0, 1024, RW), 0);
    pages_get_stats(&stats); /* exactly what there is: but then no page is left for a page table */
    CHECK_EQ(vmem_map(0, stats.free, RW), 0);
    CHECK(used() - before <= OVERHEAD);
    uintptr_t most = vmem_map(0, 900, RW);
    CHECK(most != 0);
    memset((void *)most, 1, 900 * PAGE_SIZE);
    CHECK_EQ(vmem_unmap(most, 900), 0);
    CHECK_EQ(vmem_unmap(at, 1), 0);
}

TEST(below_a_stack_lies_a_guard)
{
    start(2048);
    uintptr_t base = vmem_stack_create(4);
    uintptr_t second = vmem_stack_create(4);
    CHECK(writable(base) && writable(base + 4 * PAGE_SIZE - 1));
    CHECK(!readable(base - 1));
    CHECK(!readable(second - 1));
    CHECK(second - base >= 5 * PAGE_SIZE || base - second >= 5 * PAGE_SIZE);
    vmem_stack_destroy(base, 4);
    CHECK_EQ(vmem_stack_create(4), base); /* kept for the next */
    vmem_stack_destroy(base, 4);
    vmem_stack_destroy(second, 4);
}

TEST(only_so_many_stacks_are_kept)
{
    uintptr_t stacks[40];

    start(2048);
    size_t before = used();
    for (size_t i = 0; i < 40; i++)
        CHECK((stacks[i] = vmem_stack_create(8)) != 0);
    CHECK(used() - before >= 40 * 8);
    for (size_t i = 0; i < 40; i++)
        vmem_stack_destroy(stacks[i], 8);
    CHECK(used() - before >= 16 * 8 && used() - before <= 16 * 9 + OVERHEAD);
}

/* Once all memory has been in use, pages lie in no order, and a stack gets addresses of its own. */
TEST(a_stack_of_scattered_pages)
{
    static void *pages[2048];
    size_t n = 0;

    start(2048);
    while ((pages[n] = pages_get()) != NULL)
        n++;
    while (n > 0)
        pages_put(pages[--n]);
    uintptr_t base = vmem_stack_create(4);
    CHECK(base - memory_region_start(MEMORY_REGION_STACKS) <
          memory_region_size(MEMORY_REGION_STACKS));
    CHECK(writable(base) && writable(base + 4 * PAGE_SIZE - 1));
    CHECK(!readable(base - 1));
    vmem_stack_destroy(base, 4);
}

TEST(the_heap_grows_and_is_zeroed)
{
    start(2048);
    uintptr_t start_at = vmem_heap_grow(0);
    CHECK_EQ(start_at, memory_region_start(MEMORY_REGION_HEAP));
    CHECK_EQ(vmem_heap_grow(100), start_at);
    CHECK_EQ(vmem_heap_grow(100000), start_at + 100);
    CHECK_EQ(vmem_heap_grow(0), start_at + 100100);
    CHECK(all_zero(start_at, 100100));
    memset((void *)start_at, 0xff, 100100);
    CHECK_EQ(vmem_heap_grow(-100050), start_at + 100100);
    CHECK_EQ(vmem_heap_grow(0), start_at + 50);
    CHECK(!readable(start_at + 100000));
    CHECK_EQ(vmem_heap_grow(100000), start_at + 50);
    CHECK(all_zero(start_at + 50, 100000));
    CHECK_EQ(*(unsigned char *)(start_at + 49), 0xff);
}

TEST(the_heap_does_not_shrink_below_its_start)
{
    start(2048);
    uintptr_t start_at = vmem_heap_grow(5000);
    CHECK_EQ(vmem_heap_grow(-5001), 0);
    CHECK_EQ(vmem_heap_grow(INTPTR_MIN), 0);
    CHECK_EQ(vmem_heap_grow(-5000), start_at + 5000);
    CHECK_EQ(vmem_heap_grow(0), start_at);
}

TEST(the_heap_reaches_the_last_page)
{
    struct pages_stats stats;
    size_t n = 0;
    uintptr_t at;

    start(3000);
    while ((at = vmem_heap_grow(PAGE_SIZE)) != 0) {
        *(char *)at = 1;
        n++;
    }
    pages_get_stats(&stats);
    CHECK_EQ(stats.free, 0);
    CHECK(n > 2900);
    CHECK_EQ(vmem_heap_grow(1), 0);
    CHECK(vmem_heap_grow(-(intptr_t)(100 * PAGE_SIZE)) != 0);
    CHECK(vmem_heap_grow(100 * PAGE_SIZE) != 0);
    CHECK_EQ(vmem_heap_grow(INTPTR_MAX), 0);
}

/* A random life of mappings, checked against a map of what each page must hold. */
TEST(any_mixture_of_calls_keeps_every_page_in_place)
{
    static unsigned char want[512]; /* 0: no page */
    uint64_t random = 88172645463325252u;

    start(4096);
    uintptr_t at = vmem_map(0, 512, 0);
    for (int i = 0; i < 3000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t from = random % 512, n = 1 + (random >> 20) % 20;
        n = n < 512 - from ? n : 512 - from;
        uintptr_t here = at + from * PAGE_SIZE;

        if ((random >> 40) % 3 == 0) {
            CHECK_EQ(vmem_unmap(here, n), 0);
            memset(want + from, 0, n);
        } else {
            CHECK_EQ(vmem_map(here, n, RW), here);
            for (size_t j = 0; j < n; j++) {
                want[from + j] = (unsigned char)(1 + i % 255);
                *(unsigned char *)(here + j * PAGE_SIZE) = want[from + j];
            }
        }
        if (i % 100 != 0)
            continue;
        size_t mapped = 0;
        for (size_t j = 0; j < 512; j++) {
            bool present = memory_lookup(at + j * PAGE_SIZE, NULL) != NULL;
            CHECK_EQ(present, want[j] != 0);
            CHECK(!present || *(unsigned char *)(at + j * PAGE_SIZE) == want[j]);
            mapped += present;
        }
        CHECK_EQ(fakexen_pages_mapped(), mapped);
    }
    CHECK_EQ(vmem_unmap(at, 512), 0);
    CHECK_EQ(fakexen_pages_mapped(), 0);
    CHECK(used() <= OVERHEAD);
}

TEST(addresses_in_use_are_known)
{
    start(2048);
    uintptr_t at = vmem_map(0, 10, RW);
    CHECK_EQ(vmem_in_use(at, 10), VMEM_ALL);
    CHECK_EQ(vmem_in_use(at + 9 * PAGE_SIZE, 2), VMEM_SOME);
    CHECK_EQ(vmem_in_use(at + 10 * PAGE_SIZE, 2), VMEM_NONE);
    CHECK_EQ(vmem_map(at + 20 * PAGE_SIZE, 5, 0), at + 20 * PAGE_SIZE);
    CHECK_EQ(vmem_in_use(at + 20 * PAGE_SIZE, 5), VMEM_ALL); /* reserved */
    CHECK_EQ(vmem_in_use(at, 25), VMEM_SOME);
    CHECK_EQ(vmem_in_use(at + 10 * PAGE_SIZE, 10), VMEM_NONE);
    CHECK_EQ(vmem_map(at + 10 * PAGE_SIZE, 10, RW), at + 10 * PAGE_SIZE);
    CHECK_EQ(vmem_in_use(at, 25), VMEM_ALL);
    CHECK_EQ(vmem_in_use(0x1000, 1), VMEM_NONE);
    CHECK_EQ(vmem_unmap(at, 25), 0);
    CHECK_EQ(vmem_in_use(at, 25), VMEM_NONE);
}

/* Somebody who holds pages that he can do without. */
static void *kept[600];
static size_t n_kept, asked;

static size_t give_back(size_t n)
{
    size_t given = 0;

    asked++;
    while (given < n && n_kept > 0) {
        pages_put(kept[--n_kept]);
        given++;
    }
    return given;
}

TEST(memory_that_can_be_had_back_is_asked_for)
{
    struct pages_stats stats;
    uintptr_t at;

    start(1024);
    pages_set_reclaim(give_back);
    while (n_kept < 600)
        kept[n_kept++] = pages_get();
    pages_get_stats(&stats);
    CHECK_EQ(asked, 0);
    at = vmem_map(0, stats.free + 300, RW);
    CHECK(at != 0 && asked == 1 && n_kept < 300 && n_kept > 200);
    CHECK_EQ(vmem_map(0, 600, RW), 0);
    while (n_kept > 0)
        CHECK(pages_get() != NULL);
    while (pages_get() != NULL)
        ;
    CHECK_EQ(vmem_unmap(at, stats.free + 300), 0);
    pages_set_reclaim(NULL);
}
