/*
 * malloc: malloc and free, of what the thread keeps (heap_cache.h), else of newlib's heap.
 *
 * newlib itself, and its calloc, realloc and memalign, take from its heap. Both functions are in one
 * file as in newlib, so that a program with an allocator of its own gets neither.
 */
#include <reent.h>
#include <stdlib.h>

#include "heap_cache.h"

void *malloc(size_t size)
{
    void *block = heap_cache_take(size);

    if (block == NULL)
        block = _malloc_r(_REENT, size);
    /* What lies in pieces among kept blocks may be one piece without them. */
    if (block == NULL && heap_cache_flush())
        block = _malloc_r(_REENT, size);
    return block;
}

void free(void *block)
{
    if (block != NULL && !heap_cache_keep(block))
        _free_r(_REENT, block);
}
