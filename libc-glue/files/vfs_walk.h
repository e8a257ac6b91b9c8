/*
 * vfs_walk: one walk along a path, up to its last name, which callers treat each in their way.
 *
 *     error = vfs_walk_begin(&walk, at, path);
 *     do {
 *         error = vfs_walk_to_last(&walk);
 *         if (error == 0)
 *             error = vfs_walk_last(&walk, flags, &inode);
 *     } while (error == VFS_WALK_ON);
 *     vfs_walk_end(&walk);
 */
#ifndef LIBC_GLUE_VFS_WALK_H
#define LIBC_GLUE_VFS_WALK_H

#include "inode.h"

#define VFS_WALK_ON 1 /* the last name was a link that was followed: walk to the new last name */

struct vfs_walk {
    struct inode *dir; /* where rest begins; a reference */
    const char *rest;  /* what is not walked yet */
    char *buffer;      /* holds rest once a link was followed */
    unsigned links;    /* followed so far */

    /* After vfs_walk_to_last(), to be found in dir. */
    struct vfs_name last; /* empty when the path is only slashes */
    bool must_be_dir;     /* slashes follow it */
};

/* -ENOENT for an empty path, -ENAMETOOLONG, -ENOTDIR when at is no directory. */
int vfs_walk_begin(struct vfs_walk *walk, struct inode *at, const char *path);
int vfs_walk_to_last(struct vfs_walk *walk);
/* The inode of the last name. -ENOENT when there is none: the walk is still good for creating it. */
int vfs_walk_last(struct vfs_walk *walk, int flags, struct inode **out);
/* Always, also after errors. */
void vfs_walk_end(struct vfs_walk *walk);

/* "." or "..", or nothing. */
bool vfs_name_is_special(struct vfs_name name);
/* The directory above, across mounts; "/" for itself. */
int vfs_parent(struct inode *dir, struct inode **out);
struct inode *vfs_root(void); /* with a reference, or NULL */

#endif
