/*
 * fs_type: file systems that live on devices register here by name, and are found by mount().
 */
#ifndef LIBC_GLUE_FS_TYPE_H
#define LIBC_GLUE_FS_TYPE_H

#include "inode.h"

struct fs_type {
    struct fs_type *next;
    const char *name; /* "ext4" */
    /* A file system over source ("/dev/xvda"), not mounted yet. 0 or a negative errno. */
    int (*open)(const char *source, bool read_only, struct fs **out);
};

/* Before main: from a BOOT_PART. */
void fs_type_add(struct fs_type *type);

#endif
