/*
 * ramfs_data: the content of one file in memory: sparse pages in a tree of 512-fold nodes.
 *
 * A file of one page is that page; each level of nodes (a page each) multiplies by 512. What has no page
 * is read from the bytes the file began with, and beyond those as zeroes. Serialised by the owner.
 */
#ifndef LIBC_GLUE_RAMFS_DATA_H
#define LIBC_GLUE_RAMFS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define RAMFS_SIZE_MAX ((off_t)1 << 47)

struct ramfs_data {
    void *root;          /* NULL, a page of content (levels 0), or a node */
    unsigned levels;
    size_t pages;        /* of content, nodes not counted */
    const char *origin;  /* what the file began with, */
    size_t origin_len;   /* as far as it was not truncated */
};

/* Copy len bytes at offset to the pieces. The caller has looked at the size. */
void ramfs_data_read(const struct ramfs_data *data, off_t offset, size_t len,
                     const struct iovec *iov, int n);
/* Copy from the pieces. Returns how much, less than len when memory ran out. */
size_t ramfs_data_write(struct ramfs_data *data, off_t offset, size_t len, const struct iovec *iov,
                        int n);
/* Make pages for the range, zero where there was nothing. False when memory ran out. */
bool ramfs_data_allocate(struct ramfs_data *data, off_t offset, off_t len);
/* The page itself, made if it is not there; NULL when memory ran out. */
void *ramfs_data_get(struct ramfs_data *data, uint64_t index);
/* Forget everything from size on; what grows back reads as zeroes. */
void ramfs_data_truncate(struct ramfs_data *data, off_t size);
/* The first offset from offset on, below size, that has data (or none, for hole); else size. */
off_t ramfs_data_seek(const struct ramfs_data *data, off_t offset, off_t size, bool hole);

#endif
