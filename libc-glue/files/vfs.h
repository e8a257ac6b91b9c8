/*
 * vfs: from a path to an inode or an open file, over all mounted file systems.
 *
 * Owns the mounts, the working directory and the file mode mask. Usable once a root is mounted, which
 * happens before main in every program that this file is linked into (rootfs.c).
 *
 * at is the directory where a path without leading slash begins; NULL means the working directory.
 * Everything returns 0 or a negative errno as POSIX names it, and may wait.
 *
 * There is one user, root: permissions are stored and shown, and refuse nothing but what they
 * refuse root.
 */
#ifndef LIBC_GLUE_VFS_H
#define LIBC_GLUE_VFS_H

#include "inode.h"

/* Mount fs on the directory at path, or as the root when path is NULL. */
int vfs_mount(struct fs *fs, const char *path);
/* Let fs be the root instead of what is: that one and what is mounted in it are no longer to be seen. */
int vfs_mount_root(struct fs *fs);
/* -EBUSY while files are open, -EINVAL when path is not the root of a mount. */
int vfs_unmount(const char *path);
/* Write back what is not yet on its device, everywhere. */
int vfs_sync(void);
/* Visit every mount, the root first, with its path. */
int vfs_for_each_mount(int (*visit)(void *arg, struct fs *fs, const char *path), void *arg);

/* Flags of paths' ends. */
enum {
    VFS_NOFOLLOW = 1, /* a symbolic link at the end is meant itself */
    VFS_NOREPLACE = 2 /* vfs_rename: -EEXIST when the new name exists */
};

/* The inode at path, with a reference. */
int vfs_lookup(struct inode *at, const char *path, int flags, struct inode **out);

/*
 * As open(): a new file with one reference. flags are O_*; mode is used with O_CREAT, and the
 * file mode mask applied.
 */
int vfs_open(struct inode *at, const char *path, int flags, mode_t mode, struct file **out);
/* Open what the inode is, without a path; takes a reference of its own. */
int vfs_open_inode(struct inode *inode, int flags, struct file **out);

/* Create a node, directory, symbolic link... of which what->mode gives the kind. */
int vfs_create(struct inode *at, const char *path, const struct inode_new *what,
               struct inode **out /* may be NULL */);
int vfs_link(struct inode *from_at, const char *from, struct inode *to_at, const char *to, int flags);
/* One more name for an inode that the caller holds. */
int vfs_link_inode(struct inode *inode, struct inode *at, const char *path);
int vfs_unlink(struct inode *at, const char *path);
int vfs_rmdir(struct inode *at, const char *path);
int vfs_rename(struct inode *from_at, const char *from, struct inode *to_at, const char *to,
               int flags);
ssize_t vfs_readlink(struct inode *at, const char *path, char *target, size_t size);

int vfs_set_inode(struct inode *inode, const struct inode_change *change);
int vfs_truncate_inode(struct inode *inode, off_t size);

/* The working directory. */
int vfs_chdir(struct inode *dir);
struct inode *vfs_cwd(void); /* with a reference */
/* The absolute path of a directory. Returns its length, or -ERANGE, -ENOENT (removed). */
ssize_t vfs_path_of(struct inode *dir, char *path, size_t size);
/* The absolute path of path without links, "." and ".."; everything must exist. */
ssize_t vfs_realpath(const char *path, char *resolved, size_t size);

/* The file mode mask; vfs_umask() sets it and returns the old one. */
mode_t vfs_umask(mode_t mask);
mode_t vfs_get_umask(void);

#endif
