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

/* Before main. */
void fs_type_add(struct fs_type *type);
/*
 * A file system of the type of that name over source, as type->open(); name NULL: of whichever type finds
 * one of its own there. -ENODEV: no such type.
 */
int fs_type_open(const char *name, const char *source, bool read_only, struct fs **out);

#endif
