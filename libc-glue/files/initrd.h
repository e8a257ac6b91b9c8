/*
 * initrd: fill the root file system from the ramdisk that xl was given.
 */
#ifndef LIBC_GLUE_INITRD_H
#define LIBC_GLUE_INITRD_H

#include <stddef.h>

/*
 * Unpack an archive (cpio newc) below /. Contents are not copied: the archive's memory stays in use
 * for good. Errors are logged; what was unpacked before stays. Returns 0 or a negative errno.
 *
 * Xen's domain builder uncompresses gzip when it loads the module of a PV guest, and hands over as
 * it is what it could not uncompress: gzip data that comes here is damaged.
 * Source: Xen, tools/libs/guest/xg_dom_core.c, xc_dom_build_module().
 */
int initrd_unpack(const void *archive, size_t len);

#endif
