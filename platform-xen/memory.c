#include <platform/memory.h>

#include <errno.h>
#include <string.h>

#include <platform/runtime.h>
#include <platform/shared_pages.h>
#include <platform/spinlock.h>
#include <platform/start_info.h>

#include "hypercall.h"
#include "layout.h"
#include "memory_priv.h"
#include "pagetable.h"
#include "shared_info.h"

#define MEMORY_BUILDER_STEP (4ul << 20)    /* the builder maps up to a multiple of this, */
#define MEMORY_BUILDER_SPARE (512ul << 10) /* with at least this much to spare */
#define MACHINE_TO_PHYS ((const xen_pfn_t *)MACH2PHYS_VIRT_START)

/* guest.lds */
extern const char image_start[], text_end[], rodata_end[], image_end[];

/* Where page 0 of the domain is mapped. */
#define MEMORY_IMAGE ((uintptr_t)image_start)

static struct {
    struct spinlock lock; /* protects the page tables, the p2m list and `reached` */
    const xen_pfn_t *p2m;
    size_t pages;
    size_t boot_end;   /* pages below are mapped by the builder in slot 0 */
    size_t first_free; /* pages below are in use since boot */
    size_t reached;
} memory = { .lock = SPINLOCK_INIT("memory") };

size_t memory_pages(void)
{
    return memory.pages;
}

size_t memory_first_free(void)
{
    return memory.first_free;
}

size_t memory_reached(void)
{
    return memory.reached;
}

void *memory_page(size_t number)
{
    uintptr_t base = number < memory.boot_end ? MEMORY_IMAGE : LAYOUT_MEMORY_MAP;

    return (void *)(base + (number << PAGE_SHIFT));
}

size_t memory_number(const void *page)
{
    uintptr_t va = (uintptr_t)page;

    return (va - (va < LAYOUT_MEMORY_MAP ? MEMORY_IMAGE : LAYOUT_MEMORY_MAP)) >> PAGE_SHIFT;
}

xen_pfn_t memory_machine_frame(const void *page)
{
    return memory.p2m[memory_number(page)];
}

void *memory_boot_page(xen_pfn_t mfn)
{
    size_t number = MACHINE_TO_PHYS[mfn];

    if (number >= memory.boot_end || memory.p2m[number] != mfn)
        return NULL;
    return memory_page(number);
}

struct xencons_interface *shared_console_page(void)
{
    const struct start_facts *facts = start_facts();

    return start_is_dom0() || facts->console_page_mfn == 0
               ? NULL
               : memory_boot_page(facts->console_page_mfn);
}

struct xenstore_domain_interface *shared_store_page(void)
{
    const struct start_facts *facts = start_facts();

    return start_is_dom0() || facts->store_mfn == 0 ? NULL : memory_boot_page(facts->store_mfn);
}

uintptr_t memory_region_start(enum memory_region region)
{
    static const uintptr_t start[] = {
        [MEMORY_REGION_HEAP] = LAYOUT_HEAP,
        [MEMORY_REGION_MMAP] = LAYOUT_MMAP,
        [MEMORY_REGION_STACKS] = LAYOUT_STACKS,
    };

    return start[region];
}

size_t memory_region_size(enum memory_region region)
{
    (void)region;
    return LAYOUT_SLOT_SIZE;
}

static uint64_t memory_flags(unsigned prot)
{
    uint64_t flags = PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;

    if ((prot & MEMORY_WRITE) != 0)
        flags |= PTE_WRITE;
    if ((prot & MEMORY_EXEC) == 0)
        flags |= PTE_NX;
    return flags;
}

/*
 * A page that is mapped but may not be touched keeps its number in an entry that is not present. All
 * bits of the number are inverted: such an address lies beyond any machine's memory, so the processor
 * cannot be led to it (L1TF), and Xen accepts the entry.
 */
static uint64_t memory_concealed(size_t number)
{
    return ~(uint64_t)(number << PAGE_SHIFT) & PTE_ADDRESS;
}

/* The page behind an entry, present or concealed; NULL when there is none. */
static void *memory_of_entry(uint64_t entry)
{
    if ((entry & PTE_PRESENT) != 0)
        return memory_page(MACHINE_TO_PHYS[pte_frame(entry)]);
    if (entry != 0)
        return memory_page((~entry & PTE_ADDRESS) >> PAGE_SHIFT);
    return NULL;
}

/* Map pages first .. in a new L1 table, which costs one hypercall for all of them. */
int memory_reach(void *(*table)(void))
{
    int error = 0;
    bool was_masked = spin_lock(&memory.lock);
    size_t from = memory.reached;
    size_t to = (from / PAGETABLE_ENTRIES + 1) * PAGETABLE_ENTRIES;
    uintptr_t va = LAYOUT_MEMORY_MAP + (from << PAGE_SHIFT);
    uint64_t *l1 = NULL;

    if (to > memory.pages)
        to = memory.pages;
    if (from >= to)
        error = -ENOSPC;
    else if (pagetable_ensure(va, 2, table) == NULL || (l1 = table()) == NULL)
        error = -ENOMEM;
    if (error == 0) {
        memset(l1, 0, PAGE_SIZE);
        for (size_t n = from; n < to; n++)
            l1[n % PAGETABLE_ENTRIES] =
                pte_make(memory.p2m[n], memory_flags(MEMORY_READ | MEMORY_WRITE));
        pagetable_link(va, l1, 1);
        memory.reached = to;
    }
    spin_unlock(&memory.lock, was_masked);
    return error;
}

/* Entries [from, to) of one L1 table, filled in place when the table is new. */
static int memory_map_in_table(uintptr_t va, void *const pages[], size_t n, uint64_t flags,
                               void *(*table)(void))
{
    unsigned index = pagetable_index(va, 1);
    const uint64_t *l1 = pagetable_find(va, 1);

    if (l1 != NULL) {
        for (size_t i = 0; i < n; i++)
            pagetable_set(&l1[index + i], pte_make(memory_machine_frame(pages[i]), flags));
        return 0;
    }
    uint64_t *fresh;
    if (pagetable_ensure(va, 2, table) == NULL || (fresh = table()) == NULL)
        return -ENOMEM;
    memset(fresh, 0, PAGE_SIZE);
    for (size_t i = 0; i < n; i++)
        fresh[index + i] = pte_make(memory_machine_frame(pages[i]), flags);
    pagetable_link(va, fresh, 1);
    return 0;
}

/* How many of n pages from va lie in the same L1 table. */
static size_t memory_in_table(uintptr_t va, size_t n)
{
    size_t room = PAGETABLE_ENTRIES - pagetable_index(va, 1);

    return n < room ? n : room;
}

int memory_map(uintptr_t va, void *const pages[], size_t n, unsigned prot, void *(*table)(void))
{
    int error = 0;
    bool was_masked = spin_lock(&memory.lock);
    size_t done = 0;

    while (done < n && error == 0) {
        size_t some = memory_in_table(va + (done << PAGE_SHIFT), n - done);

        error = memory_map_in_table(va + (done << PAGE_SHIFT), pages + done, some,
                                    memory_flags(prot), table);
        if (error == 0)
            done += some;
    }
    pagetable_commit(true);
    spin_unlock(&memory.lock, was_masked);
    if (error != 0)
        memory_unmap(va, done, NULL);
    return error;
}

int memory_map_machine(uintptr_t va, xen_pfn_t mfn, void *(*table)(void))
{
    bool was_masked = spin_lock(&memory.lock);
    const uint64_t *l1 = pagetable_ensure(va, 1, table);

    if (l1 != NULL) {
        pagetable_set(&l1[pagetable_index(va, 1)],
                      pte_make(mfn, memory_flags(MEMORY_READ | MEMORY_WRITE)));
        pagetable_commit(true);
    }
    spin_unlock(&memory.lock, was_masked);
    return l1 != NULL ? 0 : -ENOMEM;
}

/* Unmap up to a table's worth; pages[] receives what was there. */
static size_t memory_unmap_some(uintptr_t va, size_t n, void *pages[])
{
    bool was_masked = spin_lock(&memory.lock);
    const uint64_t *l1 = pagetable_find(va, 1);
    unsigned index = pagetable_index(va, 1);
    size_t found = 0;

    for (size_t i = 0; l1 != NULL && i < n; i++) {
        void *page = memory_of_entry(l1[index + i]);
        if (page == NULL)
            continue;
        pages[found++] = page;
        pagetable_set(&l1[index + i], 0);
    }
    if (found != 0)
        pagetable_commit(true);
    spin_unlock(&memory.lock, was_masked);
    return found;
}

void memory_unmap(uintptr_t va, size_t n, void (*put)(void *page))
{
    enum { MEMORY_UNMAP_STEP = 64 };
    void *pages[MEMORY_UNMAP_STEP];

    while (n != 0) {
        size_t some = memory_in_table(va, n < MEMORY_UNMAP_STEP ? n : MEMORY_UNMAP_STEP);
        size_t found = memory_unmap_some(va, some, pages);

        for (size_t i = 0; i < found && put != NULL; i++)
            put(pages[i]);
        va += some << PAGE_SHIFT;
        n -= some;
    }
}

int memory_protect(uintptr_t va, size_t n, unsigned prot)
{
    bool was_masked = spin_lock(&memory.lock);

    while (n != 0) {
        size_t some = memory_in_table(va, n);
        const uint64_t *l1 = pagetable_find(va, 1);
        unsigned index = pagetable_index(va, 1);

        for (size_t i = 0; l1 != NULL && i < some; i++) {
            void *page = memory_of_entry(l1[index + i]);
            if (page == NULL)
                continue;
            pagetable_set(&l1[index + i],
                          prot == 0 ? memory_concealed(memory_number(page))
                                    : pte_make(memory_machine_frame(page), memory_flags(prot)));
        }
        va += some << PAGE_SHIFT;
        n -= some;
    }
    pagetable_commit(true);
    spin_unlock(&memory.lock, was_masked);
    return 0;
}

void *memory_lookup(uintptr_t va, unsigned *prot)
{
    bool was_masked = spin_lock(&memory.lock);
    const uint64_t *l1 = pagetable_find(va, 1);
    uint64_t entry = l1 != NULL ? l1[pagetable_index(va, 1)] : 0;

    spin_unlock(&memory.lock, was_masked);
    if (prot != NULL) {
        *prot = (entry & PTE_PRESENT) == 0 ? 0 : MEMORY_READ;
        if ((entry & PTE_PRESENT) != 0 && (entry & PTE_WRITE) != 0)
            *prot |= MEMORY_WRITE;
        if ((entry & PTE_PRESENT) != 0 && (entry & PTE_NX) == 0)
            *prot |= MEMORY_EXEC;
    }
    return memory_of_entry(entry);
}

const char *memory_describe(uintptr_t va)
{
    if (va < PAGE_SIZE)
        return "page 0, a null pointer";
    if (va < MEMORY_IMAGE)
        return "below the image, never mapped";
    if (va < (uintptr_t)text_end)
        return "text";
    if (va < (uintptr_t)rodata_end)
        return "read-only data";
    if (va < (uintptr_t)image_end)
        return "data";
    if (va < MEMORY_IMAGE + (memory.first_free << PAGE_SHIFT))
        return "what Xen put beside the image";
    if (va < MEMORY_IMAGE + (memory.boot_end << PAGE_SHIFT))
        return "memory";
    if (va < LAYOUT_MEMORY_MAP)
        return "above the memory that Xen mapped, never mapped";
    if (va < LAYOUT_HEAP)
        return "the map of all memory";
    if (va < LAYOUT_MMAP)
        return "the heap";
    if (va < LAYOUT_STACKS)
        return "mapped memory";
    if (va < LAYOUT_GRANTS)
        return "a thread's stack";
    if (va < LAYOUT_GRANTS + LAYOUT_SLOT_SIZE)
        return "the grant table";
    return "an address that is never mapped";
}

/*
 * The builder mapped all of slot 0 readable, writable and executable. Text becomes read-only, read-only
 * data neither writable nor executable, page by page; at their end begins a new page table (layout.h),
 * and one entry for each 2 MiB forbids execution of all else.
 */
static void memory_protect_image(void)
{
    uintptr_t end = MEMORY_IMAGE + (memory.boot_end << PAGE_SHIFT);
    uintptr_t va = MEMORY_IMAGE;
    const uint64_t *table = NULL;

    for (; va < (uintptr_t)rodata_end; va += PAGE_SIZE) {
        if (table == NULL || pagetable_index(va, 1) == 0)
            table = pagetable_find(va, 1);
        const uint64_t *entry = &table[pagetable_index(va, 1)];
        uint64_t value = *entry & ~PTE_WRITE;

        pagetable_set(entry, va < (uintptr_t)text_end ? value : value | PTE_NX);
    }
    for (; va < end; va += PAGETABLE_L2_SPAN) {
        const uint64_t *entry = &pagetable_find(va, 2)[pagetable_index(va, 2)];

        pagetable_set(entry, *entry | PTE_NX);
    }
    pagetable_commit(true);
}

void shared_info_map(void)
{
    long error = hypercall_update_va_mapping(
        (uintptr_t)&shared_info_page,
        start_facts()->shared_info | memory_flags(MEMORY_READ | MEMORY_WRITE), UVMF_INVLPG);

    if (error != 0)
        runtime_panic("shared_info: Xen refused to map it", error);
}

void memory_start(void)
{
    const struct start_facts *facts = start_facts();
    /* After the tables comes the builder's boot stack, one page, which we have left. */
    uintptr_t tables_end = facts->pt_base + facts->nr_pt_frames * PAGE_SIZE;
    uintptr_t mapped_end =
        (tables_end + PAGE_SIZE + MEMORY_BUILDER_SPARE + MEMORY_BUILDER_STEP - 1) &
        ~(MEMORY_BUILDER_STEP - 1);

    memory.p2m = (const xen_pfn_t *)facts->mfn_list;
    memory.pages = facts->nr_pages;
    memory.boot_end = (mapped_end - MEMORY_IMAGE) >> PAGE_SHIFT;
    if (memory.boot_end > memory.pages)
        memory.boot_end = memory.pages;
    memory.first_free = (tables_end - MEMORY_IMAGE) >> PAGE_SHIFT;
    memory.reached = memory.boot_end;
    pagetable_start((const uint64_t *)facts->pt_base);
    memory_protect_image();
}
