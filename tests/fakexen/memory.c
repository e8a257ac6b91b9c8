/*
 * Memory: platform/memory.h on the host. All machine frames are one file in memory: the domain's
 * pages first, then the frames of the grant table. Mapping a page somewhere maps its part of the file
 * there, so two addresses of one page really are one page.
 */
#include <platform/memory.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <platform/shared_pages.h>
#include <platform/start_info.h>

#include "fakexen_priv.h"
#include "layout.h"
#include "memory_priv.h"

#define MEMORY_FIRST_FREE 48u
#define MEMORY_BOOT_PAGES 128u /* what the builder has mapped: image, tables and spare */
#define MEMORY_STEP 512u
#define MEMORY_REGIONS 3u
#define MEMORY_SLOT_PAGES (LAYOUT_SLOT_SIZE / PAGE_SIZE)

static struct {
    int file;
    size_t pages, reached;
    char *all; /* every frame, for the other domains */
    size_t mapped;
} memory;

/* Page number + 1 of what is mapped at each page of a region, and its protection. */
static uint32_t memory_at[MEMORY_REGIONS][MEMORY_SLOT_PAGES];
static uint8_t memory_prot[MEMORY_REGIONS][MEMORY_SLOT_PAGES];
static bool memory_has_table[MEMORY_REGIONS][MEMORY_SLOT_PAGES / MEMORY_STEP];

static int memory_host_prot(unsigned prot)
{
    return ((prot & MEMORY_READ) != 0 ? PROT_READ : 0) |
           ((prot & MEMORY_WRITE) != 0 ? PROT_WRITE : 0) |
           ((prot & MEMORY_EXEC) != 0 ? PROT_EXEC : 0);
}

static void memory_place(uintptr_t va, size_t frame, size_t n, int prot)
{
    void *at = mmap((void *)va, n * PAGE_SIZE, prot, MAP_SHARED | MAP_FIXED, memory.file,
                    (off_t)(frame * PAGE_SIZE));

    FAKEXEN_CHECK(at == (void *)va);
}

static void memory_take_away(uintptr_t va, size_t n)
{
    void *at = mmap((void *)va, n * PAGE_SIZE, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

    FAKEXEN_CHECK(at == (void *)va);
}

void fakexen_memory_start(size_t pages)
{
    size_t frames = pages + FAKEXEN_GRANT_FRAMES;

    memory.pages = pages;
    memory.reached = MEMORY_BOOT_PAGES;
    memory.file = memfd_create("fakexen", MFD_CLOEXEC);
    FAKEXEN_CHECK(memory.file >= 0);
    FAKEXEN_CHECK(ftruncate(memory.file, (off_t)(frames * PAGE_SIZE)) == 0);
    memory.all = mmap(NULL, frames * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory.file, 0);
    FAKEXEN_CHECK(memory.all != MAP_FAILED);
    memory_place(LAYOUT_IMAGE_MIN, 0, MEMORY_BOOT_PAGES, PROT_READ | PROT_WRITE);
    memory_take_away(LAYOUT_MEMORY_MAP, pages);
    for (unsigned i = 0; i < MEMORY_REGIONS; i++)
        memory_take_away(memory_region_start((enum memory_region)i), MEMORY_SLOT_PAGES);
    memory_take_away(LAYOUT_GRANTS, FAKEXEN_GRANT_FRAMES);
}

/* ---- numbers and addresses ---- */

size_t memory_pages(void)
{
    return memory.pages;
}

size_t memory_first_free(void)
{
    return MEMORY_FIRST_FREE;
}

size_t memory_reached(void)
{
    return memory.reached;
}

void *memory_page(size_t number)
{
    uintptr_t base = number < MEMORY_BOOT_PAGES ? LAYOUT_IMAGE_MIN : LAYOUT_MEMORY_MAP;

    return (void *)(base + number * PAGE_SIZE);
}

size_t memory_number(const void *page)
{
    uintptr_t va = (uintptr_t)page;

    return (va - (va < LAYOUT_MEMORY_MAP ? LAYOUT_IMAGE_MIN : LAYOUT_MEMORY_MAP)) >> PAGE_SHIFT;
}

xen_pfn_t memory_machine_frame(const void *page)
{
    size_t number = memory_number(page);

    FAKEXEN_CHECK((uintptr_t)page % PAGE_SIZE == 0 && number < memory.reached);
    return FAKEXEN_MFN_BASE + number;
}

void *fakexen_frame(xen_pfn_t mfn)
{
    size_t frame = mfn - FAKEXEN_MFN_BASE;

    if (mfn < FAKEXEN_MFN_BASE || frame >= memory.pages + FAKEXEN_GRANT_FRAMES)
        return NULL;
    return memory.all + frame * PAGE_SIZE;
}

xen_pfn_t fakexen_grant_frame(unsigned index)
{
    return FAKEXEN_MFN_BASE + memory.pages + index;
}

/* Pages of the boot part that the tool stack fills, below MEMORY_FIRST_FREE. */
struct xenstore_domain_interface *fakexen_store(void)
{
    return memory_page(10);
}

struct xencons_interface *fakexen_console(void)
{
    return memory_page(11);
}

struct xencons_interface *shared_console_page(void)
{
    return start_is_dom0() || start_facts()->console_page_mfn == 0 ? NULL : fakexen_console();
}

struct xenstore_domain_interface *shared_store_page(void)
{
    return start_is_dom0() || start_facts()->store_mfn == 0 ? NULL : fakexen_store();
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

/* ---- mapping ---- */

int memory_reach(void *(*table)(void))
{
    size_t from = memory.reached;
    size_t to = (from / MEMORY_STEP + 1) * MEMORY_STEP;

    if (from >= memory.pages)
        return -ENOSPC;
    if (to > memory.pages)
        to = memory.pages;
    if (table() == NULL)
        return -ENOMEM;
    memory_place((uintptr_t)memory_page(from), from, to - from, PROT_READ | PROT_WRITE);
    memory.reached = to;
    return 0;
}

/* The region and the index in it of an address; false when it lies in none. */
static bool memory_locate(uintptr_t va, unsigned *region, size_t *index)
{
    for (unsigned i = 0; i < MEMORY_REGIONS; i++) {
        uintptr_t start = memory_region_start((enum memory_region)i);

        if (va >= start && va - start < LAYOUT_SLOT_SIZE) {
            *region = i;
            *index = (va - start) / PAGE_SIZE;
            return true;
        }
    }
    return false;
}

int memory_map(uintptr_t va, void *const pages[], size_t n, unsigned prot, void *(*table)(void))
{
    unsigned region;
    size_t index;

    FAKEXEN_CHECK(va % PAGE_SIZE == 0 && memory_locate(va, &region, &index));
    FAKEXEN_CHECK(n <= MEMORY_SLOT_PAGES - index);
    for (size_t i = index / MEMORY_STEP; i <= (index + n - 1) / MEMORY_STEP; i++) {
        if (!memory_has_table[region][i] && table() == NULL)
            return -ENOMEM;
        memory_has_table[region][i] = true;
    }
    for (size_t i = 0; i < n; i++) {
        size_t number = memory_number(pages[i]);

        FAKEXEN_CHECK(number >= MEMORY_FIRST_FREE && number < memory.reached);
        memory.mapped += memory_at[region][index + i] == 0;
        memory_at[region][index + i] = (uint32_t)number + 1;
        memory_prot[region][index + i] = (uint8_t)prot;
        memory_place(va + i * PAGE_SIZE, number, 1, memory_host_prot(prot));
    }
    return 0;
}

void memory_unmap(uintptr_t va, size_t n, void (*put)(void *page))
{
    unsigned region;
    size_t index;

    if (n == 0)
        return;
    FAKEXEN_CHECK(va % PAGE_SIZE == 0 && memory_locate(va, &region, &index));
    FAKEXEN_CHECK(n <= MEMORY_SLOT_PAGES - index);
    for (size_t i = 0; i < n; i++) {
        uint32_t number = memory_at[region][index + i];

        if (number == 0)
            continue;
        memory_at[region][index + i] = 0;
        memory_prot[region][index + i] = 0;
        memory.mapped--;
        memory_take_away(va + i * PAGE_SIZE, 1);
        if (put != NULL)
            put(memory_page(number - 1));
    }
}

int memory_protect(uintptr_t va, size_t n, unsigned prot)
{
    unsigned region;
    size_t index;

    FAKEXEN_CHECK(va % PAGE_SIZE == 0);
    if (!memory_locate(va, &region, &index)) {
        /* Where every page is mapped anyway. */
        FAKEXEN_CHECK(memory_number((void *)va) >= MEMORY_FIRST_FREE);
        FAKEXEN_CHECK(memory_number((void *)va) + n <= memory.reached);
        FAKEXEN_CHECK(mprotect((void *)va, n * PAGE_SIZE, memory_host_prot(prot)) == 0);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (memory_at[region][index + i] == 0)
            continue;
        memory_prot[region][index + i] = (uint8_t)prot;
        FAKEXEN_CHECK(mprotect((void *)(va + i * PAGE_SIZE), PAGE_SIZE, memory_host_prot(prot)) ==
                      0);
    }
    return 0;
}

void *memory_lookup(uintptr_t va, unsigned *prot)
{
    unsigned region;
    size_t index;

    if (prot != NULL)
        *prot = 0;
    if (!memory_locate(va, &region, &index) || memory_at[region][index] == 0)
        return NULL;
    if (prot != NULL)
        *prot = memory_prot[region][index];
    return memory_page(memory_at[region][index] - 1);
}

const char *memory_describe(uintptr_t va)
{
    return va < PAGE_SIZE ? "page 0" : "somewhere on the host";
}

int memory_map_machine(uintptr_t va, xen_pfn_t mfn, void *(*table)(void))
{
    size_t frame = mfn - FAKEXEN_MFN_BASE;

    FAKEXEN_CHECK(va >= LAYOUT_GRANTS && va < LAYOUT_GRANTS + FAKEXEN_GRANT_FRAMES * PAGE_SIZE);
    FAKEXEN_CHECK(frame >= memory.pages && frame < memory.pages + FAKEXEN_GRANT_FRAMES);
    if (va == LAYOUT_GRANTS && table() == NULL)
        return -ENOMEM;
    memory_place(va, frame, 1, PROT_READ | PROT_WRITE);
    return 0;
}

size_t fakexen_pages_mapped(void)
{
    return memory.mapped;
}

/* ---- does it fault? ---- */

static sigjmp_buf memory_fault;

static void memory_on_fault(int signal)
{
    (void)signal;
    siglongjmp(memory_fault, 1);
}

__attribute__((no_sanitize("address"))) bool fakexen_faults(uintptr_t address, bool write)
{
    struct sigaction action = { .sa_handler = memory_on_fault }, old_segv, old_bus;
    volatile char *at = (volatile char *)address;
    bool faulted;

    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
    faulted = sigsetjmp(memory_fault, 1) != 0;
    if (!faulted) {
        char byte = *at;
        if (write)
            *at = byte;
    }
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGBUS, &old_bus, NULL);
    return faulted;
}
