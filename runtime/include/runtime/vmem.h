/*
 * vmem: ranges of addresses with pages behind them: stacks with guards, mmap, the heap's sbrk.
 *
 * Owns the three address regions above the image and the map of all memory. Everything is backed
 * when it is asked for: what was granted never fails at the first touch.
 */
#ifndef RUNTIME_VMEM_H
#define RUNTIME_VMEM_H

#include <stddef.h>
#include <stdint.h>

#include <platform/memory.h>

/*
 * n pages of zeroed memory at a free address (or exactly at `at`, replacing what is there, when it is
 * not 0). prot 0 reserves the addresses without pages. Returns the address, or 0 when memory or
 * addresses ran out.
 */
uintptr_t vmem_map(uintptr_t at, size_t n, unsigned prot);
int vmem_unmap(uintptr_t at, size_t n);
/* Reserved addresses get their pages here. Returns 0, -ENOMEM, or -ENOENT outside any mapping. */
int vmem_protect(uintptr_t at, size_t n, unsigned prot);

/* Of n pages of addresses for mappings: are they mapped or reserved? Elsewhere: none is. */
enum vmem_use { VMEM_NONE, VMEM_SOME, VMEM_ALL };
enum vmem_use vmem_in_use(uintptr_t at, size_t n);

/*
 * A thread's stack: n pages of undefined content, a guard page below. Returns the lowest usable address
 * or 0.
 */
uintptr_t vmem_stack_create(size_t n);
void vmem_stack_destroy(uintptr_t base, size_t n);

/*
 * Move the end of the heap by delta bytes; new memory is zeroed. Returns the previous end, or 0
 * when memory is used up. Serialised by its own lock.
 */
uintptr_t vmem_heap_grow(intptr_t delta);

#endif
