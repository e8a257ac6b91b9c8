/*
 * initrd: fill the root file system from the ramdisk that xl was given.
 */
#ifndef LIBC_GLUE_INITRD_H
#define LIBC_GLUE_INITRD_H

#include <stddef.h>

/*
 * Unpack an archive (cpio newc; gzip around it when initrd_inflate is there) below /. Plain contents are
 * not copied: the archive's memory stays in use for good. Errors are logged; what was unpacked
 * before stays. Returns 0 or a negative errno.
 */
int initrd_unpack(const void *archive, size_t len);

/*
 * Uncompress gzip data to *out (page-mapped memory, kept for good). Returns 0, -EINVAL for damaged
 * data, -ENOMEM. Defined where the inflater is linked in.
 */
int initrd_inflate(const void *data, size_t len, void **out, size_t *out_len) __attribute__((weak));

#endif
