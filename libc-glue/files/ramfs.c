#include "ramfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include <platform/clock.h>
#include <runtime/pages.h>

#include "devices/device.h"
#include "ramfs_data.h"
#include "ramfs_dir.h"

#define RAMFS_PAGE       4096
#define RAMFS_DOT        0 /* positions of a directory: ".", "..", then slot numbers */
#define RAMFS_DOT_DOT    1
#define RAMFS_FIRST_SLOT 2
#define RAMFS_DAY_S      86400

struct ramfs_inode {
    struct inode inode;

    /* Protected by inode.data. */
    mode_t permissions;
    uid_t uid;
    gid_t gid;
    struct timespec atime, mtime, ctime;
    unsigned links;

    /* A directory's: protected by fs->tree. parent is NULL once it is removed. */
    struct ramfs_inode *parent;
    struct ramfs_entry *entry; /* its own, in parent; NULL for the root */

    union {
        struct ramfs_data data; /* S_IFREG; protected by inode.data */
        struct ramfs_dir dir;   /* S_IFDIR; protected by fs->tree */
        char *target;           /* S_IFLNK; never changes */
    };
};

struct ramfs {
    struct fs fs;
    ino_t last_ino; /* atomic */
    size_t inodes;  /* atomic */
};

static const struct inode_ops ramfs_ops;

static struct ramfs_inode *ramfs_of(struct inode *inode)
{
    return (struct ramfs_inode *)inode;
}

static struct ramfs *ramfs_fs(struct inode *inode)
{
    return (struct ramfs *)inode->fs;
}

static struct timespec ramfs_now(void)
{
    uint64_t ns = clock_realtime_ns();

    return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000u),
                              .tv_nsec = (long)(ns % 1000000000u) };
}

/* ---- inodes ---- */

static struct ramfs_inode *ramfs_inode_new(struct ramfs *fs, const struct inode_new *what)
{
    struct ramfs_inode *node = calloc(1, sizeof(*node));

    if (node == NULL)
        return NULL;
    node->inode.ops = &ramfs_ops;
    node->inode.fs = &fs->fs;
    node->inode.kind = what->mode & S_IFMT;
    node->inode.rdev = what->rdev;
    node->inode.refs = 1;
    node->permissions = what->mode & 07777;
    node->links = 1;
    node->atime = node->mtime = node->ctime = ramfs_now();
    if (S_ISDIR(what->mode)) {
        node->links = 2;
        ramfs_dir_init(&node->dir);
    } else if (S_ISLNK(what->mode)) {
        node->target = malloc(what->target_len + 1);
        if (node->target == NULL) {
            free(node);
            return NULL;
        }
        memcpy(node->target, what->target, what->target_len);
        node->target[what->target_len] = '\0';
        node->inode.size = (off_t)what->target_len;
    }
    node->inode.ino = __atomic_add_fetch(&fs->last_ino, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&fs->inodes, 1, __ATOMIC_RELAXED);
    return node;
}

static void ramfs_release(struct inode *inode)
{
    struct ramfs_inode *node = ramfs_of(inode);

    if (S_ISREG(inode->kind))
        ramfs_data_truncate(&node->data, 0);
    else if (S_ISDIR(inode->kind))
        ramfs_dir_free(&node->dir);
    else if (S_ISLNK(inode->kind))
        free(node->target);
    __atomic_fetch_sub(&ramfs_fs(inode)->inodes, 1, __ATOMIC_RELAXED);
    free(node);
}

/* Change the link count, which changes ctime. */
static void ramfs_relink(struct ramfs_inode *node, int by)
{
    mutex_lock(&node->inode.data);
    node->links += (unsigned)by;
    node->ctime = ramfs_now();
    mutex_unlock(&node->inode.data);
}

/* The entries of a directory changed, by so many subdirectories. */
static void ramfs_dir_changed(struct ramfs_inode *dir, int subdirs)
{
    mutex_lock(&dir->inode.data);
    dir->links += (unsigned)subdirs;
    dir->mtime = dir->ctime = ramfs_now();
    mutex_unlock(&dir->inode.data);
}

/* ---- directories ---- */

static int ramfs_lookup(struct inode *dir, struct vfs_name name, struct inode **out)
{
    struct ramfs_entry *entry = ramfs_dir_find(&ramfs_of(dir)->dir, name);

    if (entry == NULL)
        return -ENOENT;
    *out = inode_ref(entry->inode);
    return 0;
}

static int ramfs_parent(struct inode *dir, struct inode **out)
{
    struct ramfs_inode *parent = ramfs_of(dir)->parent;

    if (parent == NULL)
        return -ENOENT;
    *out = inode_ref(&parent->inode);
    return 0;
}

/* Put node under a free name of dir; the entry keeps a reference of its own. */
static int ramfs_enter(struct ramfs_inode *dir, struct vfs_name name, struct ramfs_inode *node)
{
    struct ramfs_entry *entry;

    if (dir->parent == NULL)
        return -ENOENT; /* removed while it was in use */
    entry = ramfs_dir_insert(&dir->dir, name, &node->inode);
    if (entry == NULL)
        return -ENOSPC;
    inode_ref(&node->inode);
    if (S_ISDIR(node->inode.kind)) {
        node->parent = dir;
        node->entry = entry;
    }
    return 0;
}

static int ramfs_create(struct inode *dir, struct vfs_name name, const struct inode_new *what,
                        struct inode **out)
{
    struct ramfs_inode *parent = ramfs_of(dir), *node;
    int error;

    if (ramfs_dir_find(&parent->dir, name) != NULL)
        return -EEXIST;
    node = ramfs_inode_new(ramfs_fs(dir), what);
    if (node == NULL)
        return -ENOSPC;
    error = ramfs_enter(parent, name, node);
    if (error < 0) {
        inode_put(&node->inode);
        return error;
    }
    ramfs_dir_changed(parent, S_ISDIR(what->mode) ? 1 : 0);
    *out = &node->inode;
    return 0;
}

static int ramfs_link(struct inode *dir, struct vfs_name name, struct inode *inode)
{
    struct ramfs_inode *node = ramfs_of(inode);
    int error;

    if (ramfs_dir_find(&ramfs_of(dir)->dir, name) != NULL)
        return -EEXIST;
    if (node->links == 0)
        return -ENOENT; /* unlinked meanwhile */
    error = ramfs_enter(ramfs_of(dir), name, node);
    if (error < 0)
        return error;
    ramfs_relink(node, 1);
    ramfs_dir_changed(ramfs_of(dir), 0);
    return 0;
}

/* A directory lost its name for good. */
static void ramfs_orphan(struct ramfs_inode *node)
{
    node->parent = NULL;
    node->entry = NULL;
}

static int ramfs_unlink(struct inode *dir, struct vfs_name name, struct inode *child)
{
    struct ramfs_inode *parent = ramfs_of(dir), *node = ramfs_of(child);
    bool is_dir = S_ISDIR(child->kind);

    if (is_dir && node->dir.entries > 0)
        return -ENOTEMPTY;
    ramfs_dir_remove(&parent->dir, ramfs_dir_find(&parent->dir, name));
    if (is_dir)
        ramfs_orphan(node);
    ramfs_relink(node, is_dir ? -2 : -1);
    ramfs_dir_changed(parent, is_dir ? -1 : 0);
    inode_put(child); /* the entry's */
    return 0;
}

static int ramfs_rename(struct inode *from_dir, struct vfs_name from, struct inode *child,
                        struct inode *to_dir, struct vfs_name to, struct inode *replaced)
{
    struct ramfs_inode *source = ramfs_of(from_dir), *dest = ramfs_of(to_dir);
    struct ramfs_inode *node = ramfs_of(child);
    bool is_dir = S_ISDIR(child->kind);
    int error;

    if (replaced != NULL) {
        struct ramfs_entry *entry = ramfs_dir_find(&dest->dir, to);

        if (is_dir && ramfs_of(replaced)->dir.entries > 0)
            return -ENOTEMPTY;
        entry->inode = inode_ref(child); /* readers see the old or the new file, never none */
        if (is_dir)
            ramfs_orphan(ramfs_of(replaced));
        ramfs_relink(ramfs_of(replaced), is_dir ? -2 : -1);
        inode_put(replaced);
        ramfs_dir_remove(&source->dir, ramfs_dir_find(&source->dir, from));
        if (is_dir) {
            node->parent = dest;
            node->entry = entry;
        }
    } else {
        struct ramfs_entry *old = ramfs_dir_find(&source->dir, from);

        error = ramfs_enter(dest, to, node);
        if (error < 0)
            return error;
        ramfs_dir_remove(&source->dir, old);
    }
    inode_put(child); /* the old entry's; the new one has its own */
    ramfs_relink(node, 0);
    ramfs_dir_changed(source, is_dir ? -1 : 0);
    ramfs_dir_changed(dest, is_dir && replaced == NULL ? 1 : 0);
    return 0;
}

static int ramfs_name_of(struct inode *dir, struct inode *child, char name[VFS_NAME_MAX + 1])
{
    struct ramfs_entry *entry = ramfs_of(child)->entry;

    (void)dir;
    if (entry == NULL)
        return -ENOENT;
    memcpy(name, entry->name, (size_t)entry->len + 1);
    return 0;
}

static int ramfs_next_entry(struct inode *dir, off_t at, struct file_entry *out)
{
    struct ramfs_inode *node = ramfs_of(dir);
    struct ramfs_entry *entry;

    if (at < RAMFS_FIRST_SLOT) {
        struct inode *of = at == RAMFS_DOT || node->parent == NULL ? dir : &node->parent->inode;

        strcpy(out->name, at == RAMFS_DOT ? "." : "..");
        out->ino = of->ino;
        out->type = S_IFDIR >> 12;
        out->next = at + 1;
        return 1;
    }
    entry = ramfs_dir_at(&node->dir, (size_t)at - RAMFS_FIRST_SLOT);
    if (entry == NULL)
        return 0;
    memcpy(out->name, entry->name, (size_t)entry->len + 1);
    out->ino = entry->inode->ino;
    out->type = (unsigned char)(entry->inode->kind >> 12);
    out->next = (off_t)entry->slot + RAMFS_FIRST_SLOT + 1;
    return 1;
}

static ssize_t ramfs_readlink(struct inode *inode, char *target, size_t size)
{
    size_t len = (size_t)inode->size;

    memcpy(target, ramfs_of(inode)->target, len < size ? len : size);
    return (ssize_t)len;
}

/* ---- regular files ---- */

/* As Linux's relatime: a reader can tell whether it was read since it changed, at little cost. */
static void ramfs_accessed(struct ramfs_inode *node)
{
    struct timespec now;

    if (node->atime.tv_sec > node->mtime.tv_sec && node->atime.tv_sec > node->ctime.tv_sec &&
        clock_realtime_ns() / 1000000000u < (uint64_t)node->atime.tv_sec + RAMFS_DAY_S)
        return;
    now = ramfs_now();
    node->atime = now;
}

static void ramfs_modified(struct ramfs_inode *node)
{
    node->mtime = node->ctime = ramfs_now();
    node->permissions &= ~(mode_t)(S_ISUID | S_ISGID);
}

static ssize_t ramfs_read(struct inode *inode, const struct iovec *iov, int n, off_t offset)
{
    struct ramfs_inode *node = ramfs_of(inode);
    size_t len = (size_t)iov_length(iov, n);

    if (offset >= inode->size || len == 0)
        return 0;
    if (len > (uint64_t)(inode->size - offset))
        len = (size_t)(inode->size - offset);
    ramfs_data_read(&node->data, offset, len, iov, n);
    ramfs_accessed(node);
    return (ssize_t)len;
}

static ssize_t ramfs_write(struct inode *inode, const struct iovec *iov, int n, off_t offset)
{
    struct ramfs_inode *node = ramfs_of(inode);
    size_t len = (size_t)iov_length(iov, n), done;

    if (len == 0)
        return 0;
    if (offset >= RAMFS_SIZE_MAX)
        return -EFBIG;
    if (len > (uint64_t)(RAMFS_SIZE_MAX - offset))
        len = (size_t)(RAMFS_SIZE_MAX - offset);
    done = ramfs_data_write(&node->data, offset, len, iov, n);
    if (done == 0)
        return -ENOSPC;
    if (offset + (off_t)done > inode->size)
        inode->size = offset + (off_t)done;
    ramfs_modified(node);
    return (ssize_t)done;
}

static int ramfs_truncate(struct inode *inode, off_t size)
{
    struct ramfs_inode *node = ramfs_of(inode);

    if (size > RAMFS_SIZE_MAX)
        return -EFBIG;
    if (size < inode->size)
        ramfs_data_truncate(&node->data, size);
    inode->size = size;
    ramfs_modified(node);
    return 0;
}

static int ramfs_allocate(struct inode *inode, off_t offset, off_t len)
{
    struct ramfs_inode *node = ramfs_of(inode);

    if (offset > RAMFS_SIZE_MAX || len > RAMFS_SIZE_MAX - offset)
        return -EFBIG;
    if (!ramfs_data_allocate(&node->data, offset, len))
        return -ENOSPC;
    if (offset + len > inode->size)
        inode->size = offset + len;
    ramfs_modified(node);
    return 0;
}

/* A file of the initrd begins as bytes that lie anywhere: it has no pages of its own there. */
static int ramfs_page(struct inode *inode, uint64_t index, void **out)
{
    struct ramfs_inode *node = ramfs_of(inode);

    if (out == NULL)
        return node->data.origin_len == 0 ? 0 : -EOPNOTSUPP;
    *out = ramfs_data_get(&node->data, index);
    return *out != NULL ? 0 : -ENOSPC;
}

static off_t ramfs_seek_data(struct inode *inode, off_t offset, bool hole)
{
    off_t at = ramfs_data_seek(&ramfs_of(inode)->data, offset, inode->size, hole);

    return at == inode->size && !hole ? -ENXIO : at;
}

void ramfs_set_content(struct inode *inode, const void *bytes, size_t len)
{
    struct ramfs_inode *node = ramfs_of(inode);

    mutex_lock(&inode->data);
    node->data.origin = bytes;
    node->data.origin_len = len;
    inode->size = (off_t)len;
    mutex_unlock(&inode->data);
}

/* ---- attributes ---- */

static int ramfs_stat(struct inode *inode, struct stat *out)
{
    struct ramfs_inode *node = ramfs_of(inode);

    out->st_dev = inode->fs->dev;
    out->st_ino = inode->ino;
    out->st_mode = inode->kind | node->permissions;
    out->st_nlink = (nlink_t)node->links;
    out->st_uid = node->uid;
    out->st_gid = node->gid;
    out->st_rdev = inode->rdev;
    out->st_size = S_ISDIR(inode->kind) ? RAMFS_PAGE : inode->size;
    out->st_atim = node->atime;
    out->st_mtim = node->mtime;
    out->st_ctim = node->ctime;
    out->st_blksize = RAMFS_PAGE;
    if (S_ISREG(inode->kind))
        out->st_blocks = (blkcnt_t)((node->data.pages * RAMFS_PAGE + node->data.origin_len + 511) /
                                    512);
    return 0;
}

static int ramfs_set(struct inode *inode, const struct inode_change *change)
{
    struct ramfs_inode *node = ramfs_of(inode);

    if (change->what & INODE_MODE)
        node->permissions = change->mode & 07777;
    if (change->what & INODE_OWNER)
        node->uid = change->uid;
    if (change->what & INODE_GROUP)
        node->gid = change->gid;
    if (change->what & INODE_ATIME)
        node->atime = change->atime;
    if (change->what & INODE_MTIME)
        node->mtime = change->mtime;
    node->ctime = ramfs_now();
    return 0;
}

static const struct inode_ops ramfs_ops = {
    .lookup = ramfs_lookup,
    .parent = ramfs_parent,
    .create = ramfs_create,
    .link = ramfs_link,
    .unlink = ramfs_unlink,
    .rename = ramfs_rename,
    .name_of = ramfs_name_of,
    .next_entry = ramfs_next_entry,
    .readlink = ramfs_readlink,
    .read = ramfs_read,
    .write = ramfs_write,
    .truncate = ramfs_truncate,
    .allocate = ramfs_allocate,
    .page = ramfs_page,
    .seek_data = ramfs_seek_data,
    .stat = ramfs_stat,
    .set = ramfs_set,
    .release = ramfs_release,
};

/* ---- the file system ---- */

static int ramfs_statvfs(struct fs *fs, struct statvfs *out)
{
    struct pages_stats stats;

    pages_get_stats(&stats);
    out->f_bsize = out->f_frsize = RAMFS_PAGE;
    out->f_blocks = stats.total;
    out->f_bfree = out->f_bavail = stats.free;
    out->f_files = stats.total;
    out->f_ffree = out->f_favail = stats.free;
    out->f_fsid = fs->dev;
    out->f_namemax = VFS_NAME_MAX;
    return 0;
}

/* Remove one leaf below dir: go down first entries. */
static void ramfs_remove_leaf(struct ramfs_inode *dir)
{
    struct ramfs_entry *entry = ramfs_dir_at(&dir->dir, 0);
    struct ramfs_inode *child = ramfs_of(entry->inode);

    while (S_ISDIR(child->inode.kind) && child->dir.entries > 0) {
        dir = child;
        entry = ramfs_dir_at(&dir->dir, 0);
        child = ramfs_of(entry->inode);
    }
    ramfs_dir_remove(&dir->dir, entry);
    inode_put(&child->inode);
}

static void ramfs_unmount(struct fs *fs)
{
    struct ramfs_inode *root = ramfs_of(fs->root);

    while (root->dir.entries > 0)
        ramfs_remove_leaf(root);
    inode_put(fs->root);
    free(fs);
}

static const struct fs_ops ramfs_fs_ops = {
    .type = "ramfs",
    .statvfs = ramfs_statvfs,
    .unmount = ramfs_unmount,
};

int ramfs_new(struct fs **out)
{
    static unsigned last_minor; /* atomic */
    struct inode_new what = { .mode = S_IFDIR | 0755 };
    struct ramfs *fs = calloc(1, sizeof(*fs));
    struct ramfs_inode *root;

    if (fs == NULL)
        return -ENOMEM;
    fs->fs.ops = &ramfs_fs_ops;
    fs->fs.source = "none";
    fs->fs.dev = DEVICE_NUMBER(0, __atomic_add_fetch(&last_minor, 1, __ATOMIC_RELAXED) & 0xff);
    root = ramfs_inode_new(fs, &what);
    if (root == NULL) {
        free(fs);
        return -ENOMEM;
    }
    root->parent = root;
    fs->fs.root = &root->inode;
    *out = &fs->fs;
    return 0;
}
