/* rootfs: the root file system; see rootfs.c. */
#ifndef LIBC_GLUE_ROOTFS_H
#define LIBC_GLUE_ROOTFS_H

/* Referring to it brings the root file system into the program. */
extern const char rootfs_is_linked;

#endif
