/*
 * cpio: reading a cpio archive in the "newc" format, where it lies in memory.
 *
 * Owns nothing. Every number is checked against the archive's end before it is used. Several archives one
 * after the other, with zeroes between, count as one, as Linux has it for an initrd.
 * Source: the manual page cpio(5), "New ASCII Format"; Linux, Documentation/driver-api/early-userspace.
 */
#ifndef LIBC_GLUE_CPIO_H
#define LIBC_GLUE_CPIO_H

#include <stddef.h>
#include <stdint.h>

struct cpio_entry {
    const char *name; /* in the archive, NUL-terminated, name_len bytes without it */
    size_t name_len;
    const char *data; /* in the archive */
    size_t data_len;
    uint32_t ino, mode, uid, gid, nlink, mtime, dev_major, dev_minor, rdev_major, rdev_minor;
};

/*
 * Call visit for every entry but the trailers, in order, until it returns something else than 0.
 * Returns 0, what visit returned, or -EINVAL with *offset where the archive made no sense.
 */
int cpio_each(const void *archive, size_t len,
              int (*visit)(void *arg, const struct cpio_entry *entry), void *arg, size_t *offset);

#endif
