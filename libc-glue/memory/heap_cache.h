/*
 * heap_cache: small blocks that a thread has freed and keeps for its own next malloc.
 *
 * In front of newlib's heap, which all threads share behind one lock: what is taken from here and put
 * here needs neither the lock nor a search. A block kept here is one in use to newlib.
 */
#ifndef LIBC_GLUE_HEAP_CACHE_H
#define LIBC_GLUE_HEAP_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/* From main's thread, before the program: earlier there are contexts without variables of their own. */
void heap_cache_start(void) __attribute__((weak));

/* A block of size bytes at least, content undefined, or NULL when none is kept. */
void *heap_cache_take(size_t size);
/* Keep a block of malloc's. False when it is too large, or enough of its size are kept. */
bool heap_cache_keep(void *block);
/* Give newlib back what the calling thread keeps. False when that is nothing. */
bool heap_cache_flush(void);

#endif
