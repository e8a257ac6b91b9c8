/*
 * layout: where things lie in the guest's address space. Shared by C, assembly and the linker script.
 *
 *   slot 0   image, p2m list, start_info, rings, boot page tables: built by the tool stack
 *   slot 1   the map of all memory: page n at LAYOUT_MEMORY_MAP + n * 4096
 *   slot 2   heap     slot 3  mmap     slot 4  stacks     slot 5  frames of the grant table
 *
 * A slot is one entry of the top-level page table, 512 GiB. The image begins so that its read-only part
 * ends with a page table (2 MiB): what lies behind it then needs one entry, not one for each page, to be
 * without execution. Where that is differs from image to image (image_start), but it is never below
 * LAYOUT_IMAGE_MIN; page 0 and all of slot 0 below the image are never mapped.
 */
#ifndef PLATFORM_LAYOUT_H
#define PLATFORM_LAYOUT_H

#define LAYOUT_IMAGE_MIN  0x100000
#define LAYOUT_TABLE_SPAN 0x200000
#define LAYOUT_SLOT_SIZE  0x8000000000
#define LAYOUT_MEMORY_MAP 0x8000000000
#define LAYOUT_HEAP       0x10000000000
#define LAYOUT_MMAP       0x18000000000
#define LAYOUT_STACKS     0x20000000000
#define LAYOUT_GRANTS     0x28000000000

#define LAYOUT_BOOT_STACK_SIZE  0x4000 /* main runs on a stack of its own; this one serves boot and idle */
#define LAYOUT_EVENT_STACK_SIZE 0x4000

#endif
