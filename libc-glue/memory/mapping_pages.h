/*
 * mapping_pages: what reading and writing a file must know of its pages in memory (mapping_file.h).
 *
 * Weak: called only for an inode whose `mapped` is set, which nothing sets in a program that maps
 * no file. inode->data is held where it says so.
 */
#ifndef LIBC_GLUE_MAPPING_PAGES_H
#define LIBC_GLUE_MAPPING_PAGES_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct file;
struct inode;

/* len bytes from offset were read into the pieces: put what is newer in memory over them. Held. */
void mapping_pages_read(struct inode *inode, const struct iovec *iov, int n, off_t offset,
                        size_t len) __attribute__((weak));
/* len bytes from the pieces were written at offset: the pages show them too. Held. */
void mapping_pages_wrote(struct inode *inode, const struct iovec *iov, int n, off_t offset,
                         size_t len) __attribute__((weak));
/* The file is about to get this size. Held. */
void mapping_pages_truncate(struct inode *inode, off_t size) __attribute__((weak));
/* What was written in memory, to the file system; 0 or a negative errno. Held. */
int mapping_pages_flush(struct inode *inode) __attribute__((weak));
/* The same, not held; of all files. */
int mapping_pages_sync(struct inode *inode) __attribute__((weak));
int mapping_pages_sync_all(void) __attribute__((weak));

/*
 * mapping_pin.c: transfers between a file and memory that shows one. The pages are made to stay before
 * the transfer takes any lock, as many at a time as is good.
 */
typedef ssize_t (*mapping_transfer_t)(void *arg, const struct iovec *iov, int n);

/* Is any of this memory a file's? */
bool mapping_pin_needed(const struct iovec *iov, int n) __attribute__((weak));
/*
 * Call transfer(arg, ...) for the pieces, in parts, until all is done or it transfers less than it was
 * given. into: it writes to the memory. -EFAULT when that is not allowed.
 */
ssize_t mapping_pinned(const struct iovec *iov, int n, bool into, mapping_transfer_t transfer,
                       void *arg) __attribute__((weak));
/* file_read() or file_write() in such parts. into: file_read(). */
ssize_t mapping_transfer(struct file *file, bool into, const struct iovec *iov, int n,
                         const off_t *offset) __attribute__((weak));

#endif
