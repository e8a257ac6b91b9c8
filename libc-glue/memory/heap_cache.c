#include "heap_cache.h"

#include <malloc.h>
#include <reent.h>
#include <stdint.h>

#include "threads/thread_end.h"

/* newlib's blocks have 24 bytes for the program, or 16 more, and so on. */
#define HEAP_CACHE_LEAST 24u
#define HEAP_CACHE_STEP 16u
#define HEAP_CACHE_BINS 64u
#define HEAP_CACHE_MOST (HEAP_CACHE_LEAST + (HEAP_CACHE_BINS - 1) * HEAP_CACHE_STEP)
#define HEAP_CACHE_KEEP 8u /* blocks of a size */
/* More of the smallest: they are the links of lists that a program fills and then empties. */
#define HEAP_CACHE_SMALL 3u /* bins */
#define HEAP_CACHE_KEEP_SMALL 64u

struct heap_block {
    struct heap_block *next;
};

struct heap_cache {
    struct heap_block *first[HEAP_CACHE_BINS];
    uint8_t room[HEAP_CACHE_BINS]; /* for so many more */
};

/*
 * Made when the thread first asks for a small block. Made at its first free, it would be the last thing
 * at the end of a full heap, and keep all that the program gives back from going back to the guest.
 */
static _Thread_local struct heap_cache *heap_cache;
static bool heap_cache_started;

void heap_cache_start(void)
{
    heap_cache_started = true;
}

static bool heap_cache_make(void)
{
    heap_cache = _calloc_r(_REENT, 1, sizeof(*heap_cache));
    if (heap_cache == NULL)
        return false;
    for (size_t bin = 0; bin < HEAP_CACHE_BINS; bin++)
        heap_cache->room[bin] = bin < HEAP_CACHE_SMALL ? HEAP_CACHE_KEEP_SMALL : HEAP_CACHE_KEEP;
    return true;
}

void *heap_cache_take(size_t size)
{
    if (size > HEAP_CACHE_MOST || !heap_cache_started)
        return NULL;
    if (heap_cache == NULL && !heap_cache_make())
        return NULL;
    size_t bin = size <= HEAP_CACHE_LEAST
                     ? 0
                     : (size - HEAP_CACHE_LEAST + HEAP_CACHE_STEP - 1) / HEAP_CACHE_STEP;
    struct heap_block *block = heap_cache->first[bin];
    if (block != NULL) {
        heap_cache->first[bin] = block->next;
        heap_cache->room[bin]++;
    }
    return block;
}

bool heap_cache_keep(void *memory)
{
    size_t bin = (malloc_usable_size(memory) - HEAP_CACHE_LEAST) / HEAP_CACHE_STEP;
    struct heap_block *block = memory;

    if (bin >= HEAP_CACHE_BINS || !heap_cache_started || heap_cache == NULL)
        return false;
    if (heap_cache->room[bin] == 0)
        return false;
    block->next = heap_cache->first[bin];
    heap_cache->first[bin] = block;
    heap_cache->room[bin]--;
    return true;
}

bool heap_cache_flush(void)
{
    struct heap_cache *cache;

    if (!heap_cache_started || (cache = heap_cache) == NULL)
        return false;
    heap_cache = NULL;
    for (size_t bin = 0; bin < HEAP_CACHE_BINS; bin++) {
        while (cache->first[bin] != NULL) {
            struct heap_block *block = cache->first[bin];

            cache->first[bin] = block->next;
            _free_r(_REENT, block);
        }
    }
    _free_r(_REENT, cache);
    return true;
}

void thread_end_heap(void)
{
    heap_cache_flush();
}
