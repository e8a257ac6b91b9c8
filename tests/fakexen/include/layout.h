/*
 * layout: the names of platform-xen/layout.h with addresses that a Linux process can have, clear of
 * the sanitizers' shadow. Included before any source of platform-xen, as hypercall.h is.
 */
#ifndef PLATFORM_LAYOUT_H
#define PLATFORM_LAYOUT_H

#define LAYOUT_SLOT_SIZE 0x100000000 /* 4 GiB */
#define LAYOUT_IMAGE_MIN 0x200000000000
#define LAYOUT_MEMORY_MAP 0x210000000000
#define LAYOUT_HEAP 0x220000000000
#define LAYOUT_MMAP 0x230000000000
#define LAYOUT_STACKS 0x240000000000
#define LAYOUT_GRANTS 0x250000000000

#endif
