/*
 * malloc_trim: what the calling thread keeps (heap_cache.h) goes back to newlib's heap first, so that its
 * end is free and can go back to the guest.
 */
#include <malloc.h>
#include <reent.h>

#include "heap_cache.h"

int malloc_trim(size_t pad)
{
    heap_cache_flush();
    return _malloc_trim_r(_REENT, pad);
}
