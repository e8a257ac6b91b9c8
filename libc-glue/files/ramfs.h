/*
 * ramfs: a file system in memory.
 *
 * Directories find a name in constant time however many they hold; files are sparse, in pages of the
 * page allocator; some memory is left for others when files fill it (-ENOSPC comes before the last
 * page). A file may begin as bytes that lie elsewhere (the initrd in place): they are copied page by
 * page when written.
 */
#ifndef LIBC_GLUE_RAMFS_H
#define LIBC_GLUE_RAMFS_H

#include "inode.h"

/* A new, empty one. 0, or -ENOMEM. */
int ramfs_new(struct fs **out);

/*
 * Let a new, empty regular file of a ramfs consist of these bytes, without copying them. They stay
 * unchanged and where they are for as long as the file system lives.
 */
void ramfs_set_content(struct inode *inode, const void *bytes, size_t len);

#endif
