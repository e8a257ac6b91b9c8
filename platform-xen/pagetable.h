/*
 * pagetable: the four levels of tables, as Xen lets a PV guest change them.
 *
 * Owns the batch of pending changes. Tables are read through our own read-only mapping of them; every
 * change is a hypercall. Entries hold machine addresses. Serialised by the lock "memory" of memory.c.
 * Source: xen/xen.h, HYPERVISOR_mmu_update; xen/arch-x86/xen-x86_64.h.
 */
#ifndef PLATFORM_PAGETABLE_H
#define PLATFORM_PAGETABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>

#include <platform/memory.h>

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    (1ull << 1)
#define PTE_USER     (1ull << 2)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY    (1ull << 6)
#define PTE_NX       (1ull << 63)
#define PTE_ADDRESS  0x000ffffffffff000ull

#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

#define PAGETABLE_ENTRIES   512u
#define PAGETABLE_L2_SPAN   (1ull << 21) /* bytes one L2 entry covers */

static inline uint64_t pte_make(xen_pfn_t mfn, uint64_t flags)
{
    return (uint64_t)mfn << PAGE_SHIFT | flags;
}

static inline xen_pfn_t pte_frame(uint64_t pte)
{
    return (pte & PTE_ADDRESS) >> PAGE_SHIFT;
}

static inline unsigned pagetable_index(uintptr_t va, unsigned level)
{
    return (unsigned)(va >> (PAGE_SHIFT + 9 * (level - 1))) % PAGETABLE_ENTRIES;
}

/* root is the L4 table. */
void pagetable_start(const uint64_t *root);

/*
 * The table of the given level (1: the one that holds page entries) for va, or NULL when there is
 * none. Read-only for us.
 */
const uint64_t *pagetable_find(uintptr_t va, unsigned level);

/*
 * Make sure the L2 table for va exists, or the L1 table (level 1). Returns it, or NULL when
 * `table` had no page. A new table is empty.
 */
const uint64_t *pagetable_ensure(uintptr_t va, unsigned level, void *(*table)(void));

/*
 * Hang a filled L1 table into its place. table_page: zeroed or filled by the caller, writable until
 * now and read-only from here on. The L2 table for va exists, its entry is empty.
 */
void pagetable_link(uintptr_t va, void *table_page, unsigned level);

/* Queue a change of one entry; entry points into a table found above. */
void pagetable_set(const uint64_t *entry, uint64_t value);

/* Carry out what is queued; flush says to forget cached translations too. */
void pagetable_commit(bool flush);

#endif
