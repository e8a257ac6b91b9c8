/*
 * inode: what a file system supplies to the VFS.
 *
 * A file system is a struct fs with a root inode and operations on inodes. The VFS walks paths,
 * crosses mounts, follows symbolic links and checks what POSIX says about names and kinds; the file
 * system does one step at a time, and need not check again.
 *
 * Locks, in the order in which they are taken:
 *   fs->tree      "tree": the names of this file system; held around every directory operation
 *   inode->data   "inode data": one file's content, size and attributes; held around read, write,
 *                 truncate, allocate, page, seek_data, set and stat
 * References are counted; whoever stores an inode pointer holds one.
 */
#ifndef LIBC_GLUE_INODE_H
#define LIBC_GLUE_INODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <runtime/list.h>
#include <runtime/sync.h>

#include "file.h"

#define VFS_NAME_MAX 255  /* bytes of one name */
#define VFS_PATH_MAX 4096 /* bytes of a path, with its NUL */

struct fs;
struct statvfs;

/* A part of a path: not NUL-terminated, without slashes. */
struct vfs_name {
    const char *text;
    size_t len;
};

/* What is to be created. */
struct inode_new {
    mode_t mode;         /* kind and permissions, umask applied */
    dev_t rdev;          /* S_IFCHR, S_IFBLK */
    const char *target;  /* S_IFLNK */
    size_t target_len;
};

enum { INODE_MODE = 1, INODE_OWNER = 2, INODE_GROUP = 4, INODE_ATIME = 8, INODE_MTIME = 16 };

struct inode_change {
    unsigned what; /* INODE_* */
    mode_t mode;   /* permissions only */
    uid_t uid;
    gid_t gid;
    struct timespec atime, mtime;
};

struct inode_ops {
    /* Directories, with fs->tree held. Names are checked: neither empty, nor "." or "..", nor long. */
    int (*lookup)(struct inode *dir, struct vfs_name name, struct inode **out);
    int (*parent)(struct inode *dir, struct inode **out); /* -ENOENT when removed */
    int (*create)(struct inode *dir, struct vfs_name name, const struct inode_new *what,
                  struct inode **out); /* -EEXIST; -ENOENT when dir is removed */
    int (*link)(struct inode *dir, struct vfs_name name, struct inode *inode);
    /* child is what the name stands for; -ENOTEMPTY for a directory with entries. */
    int (*unlink)(struct inode *dir, struct vfs_name name, struct inode *child);
    /* replaced is what the new name stands for, or NULL: -ENOTEMPTY if it has entries. */
    int (*rename)(struct inode *from_dir, struct vfs_name from, struct inode *child,
                  struct inode *to_dir, struct vfs_name to, struct inode *replaced);
    /* The name of child, a directory, in dir; NUL-terminated. */
    int (*name_of)(struct inode *dir, struct inode *child, char name[VFS_NAME_MAX + 1]);
    /* The first entry at or after position at, "." and ".." among them: 1, or 0 at the end. */
    int (*next_entry)(struct inode *dir, off_t at, struct file_entry *entry);

    /* Symbolic links. Returns the length of the target, of which at most size bytes are stored. */
    ssize_t (*readlink)(struct inode *inode, char *target, size_t size);

    /*
     * A regular file is about to be opened (flags: O_*), without locks: for content that is made when it
     * is asked for. May wait; 0, or why it cannot be opened. NULL: there is nothing to do.
     */
    int (*open)(struct inode *inode, int flags);

    /* Regular files, with inode->data held. */
    ssize_t (*read)(struct inode *inode, const struct iovec *iov, int n, off_t offset);
    /*
     * The same, but inode->data is given back by it, so that several threads can read at once:
     * whatever changes the content waits for them in the file system. NULL: read() will do.
     */
    ssize_t (*read_together)(struct inode *inode, const struct iovec *iov, int n, off_t offset);
    ssize_t (*write)(struct inode *inode, const struct iovec *iov, int n, off_t offset);
    int (*truncate)(struct inode *inode, off_t size);
    int (*allocate)(struct inode *inode, off_t offset, off_t len);
    /*
     * A file system that keeps content in pages, and can let them be mapped as they are: page number
     * index of the file, made if it is not there, and its own until truncate() or release(). out NULL
     * only asks whether it can: 0, or -EOPNOTSUPP. NULL: never.
     */
    int (*page)(struct inode *inode, uint64_t index, void **out);
    /* The start of the next data (or hole) at or after offset; -ENXIO beyond the end. */
    off_t (*seek_data)(struct inode *inode, off_t offset, bool hole);

    /* All kinds, with inode->data held. *out is zeroed. */
    int (*stat)(struct inode *inode, struct stat *out);
    int (*set)(struct inode *inode, const struct inode_change *change);

    /* All kinds, without locks. */
    int (*sync)(struct inode *inode, bool data_only);
    /* The last reference went, and with it perhaps the file. fs->tree may be held. */
    void (*release)(struct inode *inode);
};

struct inode {
    const struct inode_ops *ops;
    struct fs *fs;
    ino_t ino;
    mode_t kind;   /* S_IFMT's bits; never changes */
    dev_t rdev;    /* S_IFCHR, S_IFBLK */
    unsigned refs; /* atomic */
    struct mutex data;
    off_t size; /* regular files: bytes; protected by data */

    struct fs *mounted; /* on this directory; protected by the mutex "mounts" */

    /* Protected by the spinlock "flock": see file_lock.c. */
    unsigned flock_shared;
    struct file *flock_owner;

    struct mapping_set *mapped; /* what is in memory of it, if it is mapped: see mapping_file.h */

    void *fifo; /* the pipe behind a S_IFIFO that is open; protected by data: see fifo.c */
};

struct fs_ops {
    const char *type; /* "ramfs" */
    int (*statvfs)(struct fs *fs, struct statvfs *out);
    int (*sync)(struct fs *fs);
    void (*unmount)(struct fs *fs); /* free everything; no inode is referenced any more */
};

struct fs {
    const struct fs_ops *ops;
    const char *source; /* "/dev/xvda", "none" */
    dev_t dev;
    bool read_only;
    struct inode *root;
    struct mutex tree;

    /* Protected by the mutex "mounts". */
    struct list link;
    struct inode *covered; /* the directory it is mounted on, NULL for / */
};

static inline struct inode *inode_ref(struct inode *inode)
{
    __atomic_fetch_add(&inode->refs, 1, __ATOMIC_RELAXED);
    return inode;
}

/* NULL is allowed. */
static inline void inode_put(struct inode *inode)
{
    if (inode != NULL && __atomic_sub_fetch(&inode->refs, 1, __ATOMIC_ACQ_REL) == 0)
        inode->ops->release(inode);
}

static inline int inode_stat(struct inode *inode, struct stat *out)
{
    int error;

    mutex_lock(&inode->data);
    error = inode->ops->stat(inode, out);
    mutex_unlock(&inode->data);
    return error;
}

/* For as long as this lasts, the file system cannot be unmounted either: open files, the cwd. */
static inline struct inode *inode_hold(struct inode *inode)
{
    inode_ref(inode->fs->root);
    return inode_ref(inode);
}

static inline void inode_drop(struct inode *inode)
{
    if (inode != NULL) {
        struct inode *root = inode->fs->root;

        inode_put(inode);
        inode_put(root);
    }
}

#endif
