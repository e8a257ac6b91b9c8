/*
 * mremap: a mapping of another size, in place if the addresses behind it are free.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <runtime/vmem.h>

#include "mapping_file.h"
#include "process/result.h"

/* A new mapping of n pages with the content of the first `old` ones at `at`, which go. */
static uintptr_t mremap_move(uintptr_t at, size_t old, size_t n, unsigned prot)
{
    uintptr_t to = vmem_map(0, n, prot != 0 ? MEMORY_READ | MEMORY_WRITE : 0);

    if (to == 0)
        return 0;
    if (prot != 0) {
        memcpy((void *)to, (const void *)at, old * PAGE_SIZE);
        vmem_protect(to, n, prot);
    }
    vmem_unmap(at, old);
    return to;
}

static long mremap_checked(uintptr_t at, size_t old, size_t n, int flags)
{
    uintptr_t start = memory_region_start(MEMORY_REGION_MMAP);
    uintptr_t end = start + memory_region_size(MEMORY_REGION_MMAP);
    unsigned prot;

    if (at % PAGE_SIZE != 0 || n == 0 || old == 0 || (flags & ~MREMAP_MAYMOVE) != 0)
        return -EINVAL;
    if (at < start || at >= end || old > (end - at) / PAGE_SIZE || !mapping_taken(at, 1))
        return -EFAULT;
    long file = mapping_file_remap(at, old, n, (flags & MREMAP_MAYMOVE) != 0);
    if (file != -ENOENT)
        return file;
    if (n < old)
        vmem_unmap(at + n * PAGE_SIZE, old - n);
    if (n <= old)
        return (long)at;
    memory_lookup(at, &prot);
    uintptr_t behind = at + old * PAGE_SIZE;
    if (n <= (end - at) / PAGE_SIZE && !mapping_taken(behind, n - old) &&
        vmem_map(behind, n - old, prot) != 0)
        return (long)at;
    if ((flags & MREMAP_MAYMOVE) == 0)
        return -ENOMEM;
    at = mremap_move(at, old, n, prot);
    return at != 0 ? (long)at : -ENOMEM;
}

void *mremap(void *address, size_t old_len, size_t new_len, int flags, ...)
{
    long at;

    mutex_lock(&mapping_mutex);
    at = mremap_checked((uintptr_t)address, mapping_pages(old_len), mapping_pages(new_len), flags);
    mutex_unlock(&mapping_mutex);
    return (void *)result(at);
}
