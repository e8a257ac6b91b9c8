/*
 * realloc: of what the thread keeps (heap_cache.h) where nothing is to be moved, else of newlib's heap.
 */
#include <reent.h>
#include <stdlib.h>

#include "heap_cache.h"

void *realloc(void *old, size_t size)
{
    void *block = old == NULL ? heap_cache_take(size) : NULL;

    if (block == NULL)
        block = _realloc_r(_REENT, old, size);
    if (block == NULL && size != 0 && heap_cache_flush())
        block = _realloc_r(_REENT, old, size);
    return block;
}
