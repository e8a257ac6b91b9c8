/*
 * calloc: of what the thread keeps (heap_cache.h) where that is enough, else of newlib's heap.
 */
#include <reent.h>
#include <stdlib.h>
#include <string.h>

#include "heap_cache.h"

void *calloc(size_t n, size_t size)
{
    size_t bytes;

    if (!__builtin_mul_overflow(n, size, &bytes)) {
        void *block = heap_cache_take(bytes);
        if (block != NULL)
            return memset(block, 0, bytes);
    }
    void *block = _calloc_r(_REENT, n, size);
    if (block == NULL && heap_cache_flush())
        block = _calloc_r(_REENT, n, size);
    return block;
}
