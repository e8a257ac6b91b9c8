/*
 * mapping: what the files of mmap() share.
 */
#ifndef LIBC_GLUE_MAPPING_H
#define LIBC_GLUE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platform/memory.h>
#include <runtime/sync.h>

/* Held by whoever asks what is mapped and acts on the answer. */
extern struct mutex mapping_mutex;

/* Pages of len bytes; 0 when len is 0 or too large for any address space. */
size_t mapping_pages(size_t len);

/* PROT_* to MEMORY_*; a page that can be written or run can be read. -EINVAL for other bits. */
int mapping_protection(int prot);

/* True when any of the n pages at `at` is mapped or reserved; false outside the region of mappings. */
bool mapping_taken(uintptr_t at, size_t n);

#endif
