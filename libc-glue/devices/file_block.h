/*
 * file_block: block devices as open files.
 *
 * There is no cache in between: every read and write is a request to the device, straight from and
 * to the program's memory, whether the file was opened with O_DIRECT or not. What does not begin or
 * end at a sector's edge is read, changed and written back. Reads and writes wait without being
 * interruptible, as those of disks are everywhere.
 */
#ifndef LIBC_GLUE_FILE_BLOCK_H
#define LIBC_GLUE_FILE_BLOCK_H

#include <drivers/block.h>

#include "files/file.h"

/* A new file with one reference, over a device of disk.h, of which it takes a reference. */
int file_block_open(struct block_device *device, int flags, struct file **out);

/*
 * For aio.c: the device, when a transfer there can be submitted to it just so, and the caller holds
 * the file until it is done. NULL: not a block device, or not whole sectors: do it with a thread
 * that waits. A write is enclosed in file_block_write_begin(), which may wait for a moment, and
 * file_block_write_end(), which any context may call.
 */
struct block_device *file_block_async(struct file *file, off_t offset, size_t len)
    __attribute__((weak));
void file_block_write_begin(void) __attribute__((weak));
void file_block_write_more(void) __attribute__((weak)); /* within another one: does not wait */
void file_block_write_end(void) __attribute__((weak));
/* What a transfer of len bytes at offset comes down to at the device's end: less, 0, or -ENOSPC. */
ssize_t file_block_clip(struct block_device *device, off_t offset, size_t len, bool is_write)
    __attribute__((weak));

#endif
