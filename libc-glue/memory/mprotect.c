/*
 * mprotect: of mappings, and of the program's own image and heap.
 */
#include <errno.h>
#include <sys/mman.h>

#include <runtime/vmem.h>

#include "mapping_file.h"
#include "process/result.h"

/* There are none in a program that maps no file. */
extern __typeof__(mapping_file_protect) mapping_file_protect __attribute__((weak));

/* Outside the mappings only what is there can be protected. */
static int mprotect_other(uintptr_t at, size_t n, unsigned prot)
{
    for (size_t i = 0; i < n; i++) {
        if (memory_lookup(at + i * PAGE_SIZE, NULL) == NULL)
            return -ENOMEM;
    }
    return memory_protect(at, n, prot);
}

static int mprotect_checked(uintptr_t at, size_t len, int prot)
{
    size_t n = mapping_pages(len);
    int protection = mapping_protection(prot);
    int error;

    if (at % PAGE_SIZE != 0 || protection < 0)
        return -EINVAL;
    if (len == 0)
        return 0;
    if (n == 0)
        return -ENOMEM;
    error = mapping_file_protect != NULL ? mapping_file_protect(at, n, (unsigned)protection)
                                         : -ENOENT;
    if (error == -ENOENT)
        error = vmem_protect(at, n, (unsigned)protection);
    return error != -ENOENT ? error : mprotect_other(at, n, (unsigned)protection);
}

int mprotect(void *address, size_t len, int prot)
{
    return (int)result(mprotect_checked((uintptr_t)address, len, prot));
}
