/*
 * net_heap: memory of the network stack.
 *
 * Whole pages that hold nothing but the network's own objects and data: the back end may read all
 * of a page that something is sent from. Pages come from the page allocator when they are needed,
 * and go back. The network leaves the last of the guest's memory to the program: it is then that
 * lwIP sees ERR_MEM, and frames are dropped, rather than the program's malloc() failing. Only a few
 * pages are its own for good, for small objects when there is nothing else: to answer ARP, to
 * acknowledge, to reset; else a guest that is out of memory could not hear that its peers are gone.
 * Protected by the mutex "network".
 */
#ifndef LIBC_GLUE_NET_HEAP_H
#define LIBC_GLUE_NET_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* For lwIP: objects of any size, aligned to 16 bytes; NULL when there is no memory. */
void *net_heap_get(size_t size);
void *net_heap_get_zeroed(size_t n, size_t size);
void net_heap_put(void *memory);

/* One page for data to be sent. Its content is undefined, but never other than the network's. */
void *net_page_get(void);
void net_page_put(void *page);

/* The guest's memory is nearly used up: time to keep no more of what comes. */
bool net_heap_is_low(void);
/* The same, for what would begin something: not before malloc has given back what it does not use. */
bool net_heap_is_too_low(void);

/* Pages in use now, those kept at hand included. */
size_t net_heap_pages(void);

#endif
