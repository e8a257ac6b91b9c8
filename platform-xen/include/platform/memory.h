/*
 * memory: all pages of the domain, by number, and the map in which each has one address.
 *
 * Owns the map of all memory. Pages are numbered 0 .. memory_pages()-1 (Xen: pseudo-physical frame
 * numbers). Those below memory_first_free() hold the image, the p2m list, start_info, rings and boot
 * tables. A page's address exists once memory_reach() has covered it: nothing here is proportional
 * to the memory's size at boot.
 * Source: xen/xen.h, "The initial domain layout"; xen/arch-x86/xen-x86_64.h.
 */
#ifndef PLATFORM_MEMORY_H
#define PLATFORM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* Regions of the address space, each aligned to 512 GiB; see platform-xen/layout.h for where. */
enum memory_region { MEMORY_REGION_HEAP, MEMORY_REGION_MMAP, MEMORY_REGION_STACKS };
uintptr_t memory_region_start(enum memory_region region);
size_t memory_region_size(enum memory_region region);

size_t memory_pages(void);
size_t memory_first_free(void);

/* How many pages, counted from 0, have an address now. Grows by memory_reach(). */
size_t memory_reached(void);

/*
 * Give further pages their addresses, in one large step (up to 512 pages).
 *
 * table   supplies a free, reached page for a page table; may be called a few times; NULL on none
 * Returns 0, -ENOMEM when table had none, -ENOSPC when all memory is reached already.
 */
int memory_reach(void *(*table)(void));

void *memory_page(size_t number);
size_t memory_number(const void *page);

/*
 * Map n of our pages at va, page by page, in as few hypercalls as possible.
 *
 * va     page-aligned, inside a region; what was mapped there is replaced
 * pages  addresses in the map of all memory
 * prot   MEMORY_READ with any of the others; 0 maps nothing (every access faults)
 * table  as for memory_reach()
 * Returns 0 or -ENOMEM, in which case nothing of the range is mapped. Never waits.
 */
#define MEMORY_READ  1u
#define MEMORY_WRITE 2u
#define MEMORY_EXEC  4u
int memory_map(uintptr_t va, void *const pages[], size_t n, unsigned prot, void *(*table)(void));

/*
 * Take the mappings away; the pages that were mapped come back through put (may be NULL), in order.
 * Addresses that are not mapped are passed over.
 */
void memory_unmap(uintptr_t va, size_t n, void (*put)(void *page));

/*
 * Change the protection of what is mapped in the range. With prot 0 every access faults, but the
 * pages stay in place with their content, for a later memory_protect() or memory_unmap().
 */
int memory_protect(uintptr_t va, size_t n, unsigned prot);

/* The page mapped at va in a region or the image, or NULL; prot out (may be NULL). */
void *memory_lookup(uintptr_t va, unsigned *prot);

/* What lies at an address, for crash reports: "page 0", "text", "read-only data", "data", ...; never NULL. */
const char *memory_describe(uintptr_t va);

#endif
