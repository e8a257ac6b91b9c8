#include "pagetable.h"

#include <stdbool.h>
#include <string.h>

#include <platform/runtime.h>

#include "hypercall.h"
#include "memory_priv.h"

#define PAGETABLE_BATCH 128u
#define MACHINE_TO_PHYS ((const xen_pfn_t *)MACH2PHYS_VIRT_START)

static struct {
    const uint64_t *root;
    struct mmu_update update[PAGETABLE_BATCH];
    unsigned queued;
} pagetable;

void pagetable_start(const uint64_t *root)
{
    pagetable.root = root;
}

/* Our mapping of the table that an entry points to. */
static const uint64_t *pagetable_of(uint64_t entry)
{
    return memory_page(MACHINE_TO_PHYS[pte_frame(entry)]);
}

const uint64_t *pagetable_find(uintptr_t va, unsigned level)
{
    const uint64_t *table = pagetable.root;

    for (unsigned at = 4; at > level; at--) {
        uint64_t entry = table[pagetable_index(va, at)];
        if ((entry & PTE_PRESENT) == 0)
            return NULL;
        table = pagetable_of(entry);
    }
    return table;
}

void pagetable_commit(bool flush)
{
    struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_LOCAL };
    multicall_entry_t call[2];
    unsigned calls = 0;

    if (pagetable.queued != 0)
        call[calls++] = (multicall_entry_t){
            .op = __HYPERVISOR_mmu_update,
            .args = { (xen_ulong_t)pagetable.update, pagetable.queued, 0, DOMID_SELF },
        };
    if (flush)
        call[calls++] = (multicall_entry_t){
            .op = __HYPERVISOR_mmuext_op,
            .args = { (xen_ulong_t)&op, 1, 0, DOMID_SELF },
        };
    if (calls == 0)
        return;
    pagetable.queued = 0;
    long error = hypercall_multicall(call, calls);
    for (unsigned i = 0; i < calls && error == 0; i++)
        error = (long)call[i].result;
    if (error != 0)
        runtime_panic("page tables: Xen refused an update", error);
}

void pagetable_set(const uint64_t *entry, uint64_t value)
{
    uintptr_t offset = (uintptr_t)entry & (PAGE_SIZE - 1);
    const void *table = (const void *)((uintptr_t)entry - offset);

    if (pagetable.queued == PAGETABLE_BATCH)
        pagetable_commit(false);
    pagetable.update[pagetable.queued++] = (struct mmu_update){
        .ptr =
            ((uint64_t)memory_machine_frame(table) << PAGE_SHIFT | offset) | MMU_NORMAL_PT_UPDATE,
        .val = value,
    };
}

void pagetable_link(uintptr_t va, void *table_page, unsigned level)
{
    const uint64_t *parent = pagetable_find(va, level + 1);
    uintptr_t page = (uintptr_t)table_page;
    const uint64_t *own = pagetable_find(page, 1);

    /* Xen accepts as a table only a page that is mapped writable nowhere. */
    pagetable_set(
        &own[pagetable_index(page, 1)],
        pte_make(memory_machine_frame(table_page), PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_NX));
    pagetable_set(&parent[pagetable_index(va, level + 1)],
                  pte_make(memory_machine_frame(table_page), PTE_TABLE));
    pagetable_commit(true);
}

const uint64_t *pagetable_ensure(uintptr_t va, unsigned level, void *(*table)(void))
{
    for (unsigned at = 3; at >= level; at--) {
        if (pagetable_find(va, at) != NULL)
            continue;
        void *page = table();
        if (page == NULL)
            return NULL;
        memset(page, 0, PAGE_SIZE);
        pagetable_link(va, page, at);
    }
    return pagetable_find(va, level);
}
