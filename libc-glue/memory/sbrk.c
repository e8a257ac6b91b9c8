/*
 * sbrk: the heap's end, which malloc moves.
 */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include <runtime/vmem.h>

#include "process/result.h"

void *_sbrk(ptrdiff_t delta);

void *_sbrk(ptrdiff_t delta)
{
    uintptr_t end = vmem_heap_grow(delta);

    return end != 0 ? (void *)end : (void *)result(-ENOMEM);
}

extern __typeof__(_sbrk) sbrk __attribute__((weak, alias("_sbrk")));
