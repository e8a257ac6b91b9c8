/* What the VFS asks of an inode: see inode.h. Each is one operation of transaction.c. */
#include <stdlib.h>
#include <sys/statvfs.h>

#include <platform/clock.h>

#include "ext_priv.h"

#define EXT_OP_CREDITS 40 /* metadata blocks that an operation on names may change */
#define EXT_OP_SPARE 12   /* free blocks that it may need: splits, mapping blocks */
#define EXT_LINKS_MAX 65000u
#define EXT_FAST_LINK 60u /* bytes of a symbolic link that fit into the inode, with a NUL */
#define EXT_DAY_S 86400

static struct ext2_inode *ext_raw(struct ext_inode *node)
{
    return (struct ext2_inode *)&node->raw;
}

/* ---- looking ---- */

static int ext_lookup(struct inode *dir, struct vfs_name name, struct inode **out)
{
    struct ext_fs *ext = ext_of(dir->fs);
    struct ext_inode *node;
    ext2_ino_t ino;
    int error;

    mutex_lock(&ext->lock);
    error = ext_dir_find(ext, ext_node(dir), name, &ino, NULL);
    if (error == 0)
        error = ext_inode_get(ext, ino, &node);
    ext_judge(ext, error);
    mutex_unlock(&ext->lock);
    if (error < 0)
        return error;
    if (node->raw.i_links_count == 0 && !ext->fs.read_only) {
        inode_put(&node->inode);
        return -EBADMSG; /* a name for something that is gone */
    }
    *out = &node->inode;
    return 0;
}

static int ext_parent(struct inode *dir, struct inode **out)
{
    if (ext_node(dir)->raw.i_links_count == 0)
        return -ENOENT;
    return ext_lookup(dir, (struct vfs_name){ "..", 2 }, out);
}

static int ext_name_of(struct inode *dir, struct inode *child, char name[VFS_NAME_MAX + 1])
{
    struct ext_fs *ext = ext_of(dir->fs);
    int error;

    mutex_lock(&ext->lock);
    error = ext_dir_name_of(ext, ext_node(dir), (ext2_ino_t)child->ino, name);
    mutex_unlock(&ext->lock);
    return error;
}

static int ext_next_entry(struct inode *dir, off_t at, struct file_entry *entry)
{
    struct ext_fs *ext = ext_of(dir->fs);
    int found;

    mutex_lock(&ext->lock);
    found = ext_node(dir)->raw.i_links_count == 0
                ? 0
                : ext_dir_next(ext, ext_node(dir), (uint64_t)at, entry);
    ext_judge(ext, found);
    mutex_unlock(&ext->lock);
    return found;
}

/* ---- link counts ---- */

static bool ext_may_link(struct ext_fs *ext, const struct ext_inode *node)
{
    if (node->raw.i_links_count < EXT_LINKS_MAX)
        return true;
    return S_ISDIR(node->inode.kind) && ext2fs_has_feature_dir_nlink(ext->e2->super);
}

/* One link more; a directory with too many subdirectories counts as 1 for good. */
static void ext_relink(struct ext_inode *node, int by)
{
    unsigned links = node->raw.i_links_count;

    if (S_ISDIR(node->inode.kind) && links == 1 && by != 0)
        by = 0;
    links += (unsigned)by;
    if (S_ISDIR(node->inode.kind) && links >= EXT_LINKS_MAX)
        links = 1;
    node->raw.i_links_count = (__u16)links;
    ext_touch(node, EXT_TIME_C);
    ext_inode_dirty(node, true);
}

static void ext_dir_touched(struct ext_inode *dir)
{
    ext_touch(dir, EXT_TIME_M | EXT_TIME_C);
    ext_inode_dirty(dir, true);
}

/* Without a name, and with no more links than that: it goes with its last reference. */
static int ext_drop_link(struct ext_fs *ext, struct ext_inode *node)
{
    if (S_ISDIR(node->inode.kind) && (ext->journal.present || node->raw.i_links_count <= 2)) {
        node->raw.i_links_count = 0;
        ext_touch(node, EXT_TIME_C);
    } else if (node->raw.i_links_count > 0) {
        ext_relink(node, -1);
    }
    return node->raw.i_links_count == 0 ? ext_orphan_add(ext, node) : 0;
}

/* ---- creating ---- */

static void ext_init_extents(struct ext_fs *ext, struct ext_inode *node)
{
    struct ext3_extent_header *header = (void *)node->raw.i_block;

    if (!ext2fs_has_feature_extents(ext->e2->super))
        return;
    node->raw.i_flags |= EXT4_EXTENTS_FL;
    *header = (struct ext3_extent_header){ .eh_magic = EXT3_EXT_MAGIC, .eh_max = 4 };
}

static int ext_init_symlink(struct ext_fs *ext, struct ext_inode *node,
                            const struct inode_new *what)
{
    struct ext_buf *buf;
    uint64_t block;
    unsigned one = 1;
    int error;

    if (what->target_len < EXT_FAST_LINK) {
        memcpy(node->raw.i_block, what->target, what->target_len);
        ext_inode_set_size(node, what->target_len);
        return 0;
    }
    if (what->target_len >= ext->block_size)
        return -ENAMETOOLONG;
    ext_init_extents(ext, node);
    error = ext_map_alloc(ext, node, 0, &one, false, &block);
    if (error == 0)
        error = ext_get_new(ext, block, &buf);
    if (error < 0)
        return error;
    memset(buf->data, 0, ext->block_size);
    memcpy(buf->data, what->target, what->target_len);
    ext_dirty_data(ext, buf, (ext2_ino_t)node->inode.ino, true);
    ext_put(buf);
    ext_inode_set_size(node, what->target_len);
    return 0;
}

static int ext_init_node(struct ext_fs *ext, struct ext_inode *node, struct ext_inode *dir,
                         const struct inode_new *what)
{
    unsigned major = (unsigned)(what->rdev >> 8), minor = (unsigned)(what->rdev & 0xff);

    switch (what->mode & S_IFMT) {
    case S_IFREG:
        ext_init_extents(ext, node);
        return 0;
    case S_IFDIR:
        ext_init_extents(ext, node);
        node->raw.i_links_count = 2;
        return ext_dir_init(ext, node, (ext2_ino_t)dir->inode.ino);
    case S_IFLNK:
        return ext_init_symlink(ext, node, what);
    case S_IFCHR:
    case S_IFBLK:
        if (major < 256)
            node->raw.i_block[0] = major << 8 | minor;
        else
            node->raw.i_block[1] = major << 8 | minor;
        node->inode.rdev = what->rdev;
        return 0;
    default:
        return 0;
    }
}

/*
 * With the lock held. *out has a reference even on errors, unless it is NULL: without links then.
 */
static int ext_create_locked(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name,
                             const struct inode_new *what, struct ext_inode **out)
{
    ext2_ino_t ino;
    int error = ext_dir_find(ext, dir, name, &ino, NULL);

    *out = NULL;
    if (error == 0)
        return -EEXIST;
    if (error != -ENOENT)
        return error;
    if (dir->raw.i_links_count == 0)
        return -ENOENT; /* removed while it was in use */
    if (S_ISDIR(what->mode) && !ext_may_link(ext, dir))
        return -EMLINK;
    if (!ext_have_blocks(ext, EXT_OP_SPARE, true))
        return -ENOSPC;
    error = ext_alloc_inode(ext, dir, what->mode, &ino);
    if (error < 0)
        return error;
    error = ext_inode_new(ext, ino, what->mode, out);
    if (error < 0) {
        ext_free_inode(ext, ino, S_ISDIR(what->mode));
        return error;
    }
    error = ext_init_node(ext, *out, dir, what);
    if (error == 0)
        error = ext_dir_add(ext, dir, name, ino, what->mode);
    if (error < 0) {
        (*out)->raw.i_links_count = 0;
        ext_inode_dirty(*out, true);
        return error;
    }
    if (S_ISDIR(what->mode))
        ext_relink(dir, 1);
    ext_dir_touched(dir);
    return 0;
}

static int ext_create(struct inode *dir, struct vfs_name name, const struct inode_new *what,
                      struct inode **out)
{
    struct ext_fs *ext = ext_of(dir->fs);
    struct ext_inode *node;
    int error = ext_begin(ext, EXT_OP_CREDITS);

    if (error < 0)
        return error;
    error = ext_create_locked(ext, ext_node(dir), name, what, &node);
    ext_judge(ext, error);
    ext_end(ext);
    if (error == 0)
        *out = &node->inode;
    else if (node != NULL)
        inode_put(&node->inode); /* this frees it */
    return error;
}

static int ext_link(struct inode *to, struct vfs_name name, struct inode *inode)
{
    struct ext_fs *ext = ext_of(to->fs);
    struct ext_inode *dir = ext_node(to), *node = ext_node(inode);
    ext2_ino_t ino;
    int error = ext_begin(ext, EXT_OP_CREDITS);

    if (error < 0)
        return error;
    error = ext_dir_find(ext, dir, name, &ino, NULL);
    if (error == 0)
        error = -EEXIST;
    else if (error == -ENOENT && dir->raw.i_links_count > 0 && node->raw.i_links_count > 0)
        error = ext_may_link(ext, node) ? 0 : -EMLINK;
    if (error == 0 && !ext_have_blocks(ext, EXT_OP_SPARE, true))
        error = -ENOSPC;
    if (error == 0)
        error = ext_dir_add(ext, dir, name, (ext2_ino_t)inode->ino, inode->kind);
    if (error == 0) {
        ext_relink(node, 1);
        ext_dir_touched(dir);
    }
    ext_judge(ext, error);
    ext_end(ext);
    return error;
}

/* ---- removing and renaming ---- */

static int ext_check_empty(struct ext_fs *ext, struct ext_inode *node)
{
    int empty;

    if (!S_ISDIR(node->inode.kind))
        return 0;
    empty = ext_dir_is_empty(ext, node);
    return empty < 0 ? empty : empty ? 0 : -ENOTEMPTY;
}

static int ext_unlink(struct inode *from, struct vfs_name name, struct inode *child)
{
    struct ext_fs *ext = ext_of(from->fs);
    struct ext_inode *dir = ext_node(from), *node = ext_node(child);
    int error = ext_begin(ext, EXT_OP_CREDITS);

    if (error < 0)
        return error;
    error = ext_check_empty(ext, node);
    if (error == 0)
        error = ext_dir_remove(ext, dir, name);
    if (error == 0) {
        error = ext_order(ext);
        if (error == 0)
            error = ext_drop_link(ext, node);
        if (S_ISDIR(child->kind))
            ext_relink(dir, -1);
        ext_dir_touched(dir);
        if (error < 0)
            ext_abort(ext, "unlink", error); /* half of it is done */
    }
    ext_judge(ext, error);
    ext_end(ext);
    return error;
}

/* A directory that moved has another one above it. */
static int ext_move_dir(struct ext_fs *ext, struct ext_inode *node, struct ext_inode *from,
                        struct ext_inode *to, bool replaces)
{
    int error;

    if (!replaces && from != to)
        ext_relink(to, 1);
    if (replaces || from != to)
        ext_relink(from, -1);
    if (from == to)
        return 0;
    error = ext_dir_replace(ext, node, (struct vfs_name){ "..", 2 }, (ext2_ino_t)to->inode.ino,
                            S_IFDIR);
    return error;
}

/*
 * Without a journal the disk sees the file under both names for a while, and if that is how it
 * ends, it must not go with the first of them.
 */
static int ext_rename_count(struct ext_fs *ext, struct ext_inode *node, int by)
{
    if (ext->journal.present)
        return 0;
    node->raw.i_links_count = (__u16)(node->raw.i_links_count + by);
    ext_inode_dirty(node, true);
    return by > 0 ? ext_order(ext) : 0;
}

static int ext_rename_locked(struct ext_fs *ext, struct ext_inode *from, struct vfs_name old,
                             struct ext_inode *node, struct ext_inode *to, struct vfs_name name,
                             struct ext_inode *replaced)
{
    ext2_ino_t ino = (ext2_ino_t)node->inode.ino;
    mode_t kind = node->inode.kind;
    int error = replaced != NULL ? ext_check_empty(ext, replaced) : 0;

    if (error < 0)
        return error;
    if (to->raw.i_links_count == 0)
        return -ENOENT;
    if (S_ISDIR(kind) && from != to && replaced == NULL && !ext_may_link(ext, to))
        return -EMLINK;
    if (!ext_have_blocks(ext, EXT_OP_SPARE, true))
        return -ENOSPC;
    error = ext_rename_count(ext, node, 1);
    if (error < 0)
        return error;
    error = replaced != NULL ? ext_dir_replace(ext, to, name, ino, kind)
                             : ext_dir_add(ext, to, name, ino, kind);
    if (error < 0) {
        ext_rename_count(ext, node, -1);
        return error;
    }
    error = ext_order(ext);
    if (error == 0)
        error = ext_dir_remove(ext, from, old);
    if (error == 0)
        error = ext_order(ext);
    if (error == 0)
        error = ext_rename_count(ext, node, -1);
    if (error == 0 && S_ISDIR(kind))
        error = ext_move_dir(ext, node, from, to, replaced != NULL);
    if (error == 0 && replaced != NULL)
        error = ext_drop_link(ext, replaced);
    if (error == 0) {
        ext_touch(node, EXT_TIME_C);
        ext_inode_dirty(node, true);
        ext_dir_touched(from);
        ext_dir_touched(to);
    }
    return error < 0 ? ext_abort(ext, "rename", error) : 0; /* half of it is done */
}

static int ext_rename(struct inode *from_dir, struct vfs_name from, struct inode *child,
                      struct inode *to_dir, struct vfs_name to, struct inode *replaced)
{
    struct ext_fs *ext = ext_of(from_dir->fs);
    int error = ext_begin(ext, 2 * EXT_OP_CREDITS);

    if (error < 0)
        return error;
    error = ext_rename_locked(ext, ext_node(from_dir), from, ext_node(child), ext_node(to_dir), to,
                              replaced != NULL ? ext_node(replaced) : NULL);
    ext_judge(ext, error);
    ext_end(ext);
    return error;
}

/* ---- symbolic links ---- */

static ssize_t ext_readlink(struct inode *inode, char *target, size_t size)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);
    size_t len = (size_t)inode->size;
    struct ext_buf *buf;
    uint64_t block;
    uint32_t n;
    bool unwritten;
    int error;

    if (len < EXT_FAST_LINK && !(node->raw.i_flags & EXT4_EXTENTS_FL)) {
        memcpy(target, node->raw.i_block, len < size ? len : size);
        return (ssize_t)len;
    }
    if (len >= ext->block_size)
        return -EBADMSG;
    mutex_lock(&ext->lock);
    error = ext_map(ext, node, 0, &block, &n, &unwritten);
    if (error == 0)
        error = block != 0 ? ext_get(ext, block, &buf) : -EBADMSG;
    if (error == 0) {
        memcpy(target, buf->data, len < size ? len : size);
        ext_put(buf);
    }
    mutex_unlock(&ext->lock);
    return error == 0 ? (ssize_t)len : error;
}

/* ---- content ---- */

/* As Linux's relatime: a reader can tell whether it was read since it changed, at little cost. */
static void ext_accessed(struct ext_fs *ext, struct ext_inode *node)
{
    time_t read = ext_get_time(node, EXT_TIME_A).tv_sec;

    if (!ext->writes)
        return;
    if (read > ext_get_time(node, EXT_TIME_M).tv_sec &&
        read > ext_get_time(node, EXT_TIME_C).tv_sec &&
        clock_realtime_ns() / 1000000000u < (uint64_t)read + EXT_DAY_S)
        return;
    ext_touch(node, EXT_TIME_A);
}

static void ext_modified(struct ext_inode *node)
{
    node->raw.i_mode &= (__u16) ~(S_ISUID | S_ISGID);
    ext_touch(node, EXT_TIME_M | EXT_TIME_C);
}

/* With the lock held. */
static ssize_t ext_read_locked(struct ext_fs *ext, struct inode *inode, const struct iovec *iov,
                               int n, off_t offset)
{
    size_t len = (size_t)iov_length(iov, n);
    ssize_t done;

    if (offset >= inode->size || len == 0)
        return 0;
    if (len > (uint64_t)(inode->size - offset))
        len = (size_t)(inode->size - offset);
    done = ext_data_read(ext, ext_node(inode), iov, n, (uint64_t)offset, len);
    if (done > 0)
        ext_accessed(ext, ext_node(inode));
    ext_judge(ext, (int)(done < 0 ? done : 0));
    return done;
}

static ssize_t ext_read(struct inode *inode, const struct iovec *iov, int n, off_t offset)
{
    struct ext_fs *ext = ext_of(inode->fs);
    ssize_t done;

    mutex_lock(&ext->lock);
    done = ext_read_locked(ext, inode, iov, n, offset);
    mutex_unlock(&ext->lock);
    return done;
}

static ssize_t ext_read_together(struct inode *inode, const struct iovec *iov, int n, off_t offset)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);
    ssize_t done;

    mutex_lock(&ext->lock);
    node->readers++;
    mutex_unlock(&inode->data);
    done = ext_read_locked(ext, inode, iov, n, offset);
    if (--node->readers == 0 && node->awaited)
        ext_read_ended(ext);
    mutex_unlock(&ext->lock);
    return done;
}

/* inode->data is held, so no more of them come. Before anything of their content changes. */
static void ext_await_readers(struct ext_fs *ext, struct ext_inode *node)
{
    if (__atomic_load_n(&node->readers, __ATOMIC_RELAXED) == 0)
        return;
    mutex_lock(&ext->lock);
    node->awaited = true;
    while (node->readers > 0)
        ext_await_read(ext);
    node->awaited = false;
    mutex_unlock(&ext->lock);
}

/* The first byte that the file cannot have. */
static uint64_t ext_size_max(struct ext_fs *ext, const struct ext_inode *node)
{
    if (node->raw.i_flags & EXT4_EXTENTS_FL)
        return (uint64_t)(UINT32_MAX - 1) * ext->block_size;
    if (!ext2fs_has_feature_huge_file(ext->e2->super) && ext->block_size == 4096)
        return 2ull << 40;
    return ext_map_table_max(ext) * ext->block_size;
}

/* Files of 2 GiB and more are a feature that the superblock tells of. */
static void ext_note_large(struct ext_fs *ext, uint64_t size)
{
    if (size > INT32_MAX && !ext2fs_has_feature_large_file(ext->e2->super)) {
        ext2fs_set_feature_large_file(ext->e2->super);
        ext->super_dirty = true;
    }
}

static ssize_t ext_write(struct inode *inode, const struct iovec *iov, int n, off_t offset)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);
    size_t len = (size_t)iov_length(iov, n);
    uint64_t max = ext_size_max(ext, node);
    ssize_t done;

    if (len == 0)
        return 0;
    if ((uint64_t)offset >= max)
        return -EFBIG;
    if (len > max - (uint64_t)offset)
        len = (size_t)(max - (uint64_t)offset);
    ext_await_readers(ext, node);
    done = ext_begin(ext, EXT_OP_CREDITS);
    if (done < 0)
        return done;
    done = ext_data_write(ext, node, iov, n, (uint64_t)offset, len);
    if (done > 0) {
        ext_modified(node);
        ext_note_large(ext, ext_inode_size(node));
    }
    ext_judge(ext, (int)(done < 0 ? done : 0));
    ext_end(ext);
    return done;
}

static int ext_truncate(struct inode *inode, off_t size)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);
    int error;

    if ((uint64_t)size > ext_size_max(ext, node))
        return -EFBIG;
    ext_await_readers(ext, node);
    error = ext_begin(ext, 2 * EXT_OP_CREDITS);
    if (error < 0)
        return error;
    error = ext_data_truncate(ext, node, (uint64_t)size);
    if (error == 0) {
        ext_modified(node);
        ext_note_large(ext, (uint64_t)size);
    }
    ext_judge(ext, error);
    ext_end(ext);
    return error;
}

/* One run of blocks for allocate(): empty ones in an extent tree, zeroes in a table. */
static int ext_allocate_run(struct ext_fs *ext, struct ext_inode *node, uint32_t logical,
                            unsigned *n)
{
    bool unwritten = (node->raw.i_flags & EXT4_EXTENTS_FL) != 0;
    uint64_t block;
    int error;

    if (!unwritten && *n > 64)
        *n = 64;
    error = ext_map_alloc(ext, node, logical, n, unwritten, &block);
    for (unsigned i = 0; error == 0 && !unwritten && i < *n; i++) {
        struct ext_buf *buf;

        error = ext_get_new(ext, block + i, &buf);
        if (error == 0) {
            memset(buf->data, 0, ext->block_size);
            ext_dirty_data(ext, buf, (ext2_ino_t)node->inode.ino, true);
            ext_put(buf);
        }
    }
    return error;
}

static int ext_allocate(struct inode *inode, off_t offset, off_t len)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);
    uint64_t end, last, at;
    int error;

    if ((uint64_t)offset > ext_size_max(ext, node) ||
        (uint64_t)len > ext_size_max(ext, node) - (uint64_t)offset)
        return -EFBIG;
    end = (uint64_t)offset + (uint64_t)len;
    last = (end + ext->block_size - 1) / ext->block_size;
    ext_await_readers(ext, node);
    error = ext_begin(ext, EXT_OP_CREDITS);
    if (error < 0)
        return error;
    for (at = (uint64_t)offset / ext->block_size; at < last && error == 0;) {
        uint64_t block;
        uint32_t n;
        unsigned run;
        bool unwritten;

        error = ext_more(ext, EXT_OP_CREDITS);
        if (error == 0)
            error = ext_map(ext, node, (uint32_t)at, &block, &n, &unwritten);
        if (error < 0)
            break;
        run = n < last - at ? n : (unsigned)(last - at);
        if (block == 0) {
            if (!ext_have_blocks(ext, last - at > run ? run : last - at, true) ||
                !ext_have_blocks(ext, EXT_OP_SPARE, true))
                error = -ENOSPC;
            else
                error = ext_allocate_run(ext, node, (uint32_t)at, &run);
        }
        at += run;
    }
    if (error == 0 && end > ext_inode_size(node))
        error = ext_data_truncate(ext, node, end);
    if (error == 0) {
        ext_modified(node);
        ext_note_large(ext, end);
    }
    ext_judge(ext, error);
    ext_end(ext);
    return error;
}

static off_t ext_seek_data(struct inode *inode, off_t offset, bool hole)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);
    uint64_t at = (uint64_t)offset, size = (uint64_t)inode->size;
    int error = 0;

    mutex_lock(&ext->lock);
    while (at < size) {
        uint64_t block;
        uint32_t n;
        bool unwritten;

        error = ext_map(ext, node, (uint32_t)(at / ext->block_size), &block, &n, &unwritten);
        if (error < 0 || (block == 0 || unwritten) == hole)
            break;
        at = (at / ext->block_size + n) * ext->block_size;
    }
    mutex_unlock(&ext->lock);
    if (error < 0)
        return error;
    if (at >= size)
        return hole ? (off_t)size : -ENXIO;
    return (off_t)at;
}

/* ---- attributes ---- */

static int ext_stat(struct inode *inode, struct stat *out)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);

    mutex_lock(&ext->lock);
    out->st_dev = inode->fs->dev;
    out->st_ino = inode->ino;
    out->st_mode = node->raw.i_mode;
    out->st_nlink = node->raw.i_links_count;
    out->st_uid = inode_uid(node->raw);
    out->st_gid = inode_gid(node->raw);
    out->st_rdev = inode->rdev;
    out->st_size = inode->size;
    out->st_atim = ext_get_time(node, EXT_TIME_A);
    out->st_mtim = ext_get_time(node, EXT_TIME_M);
    out->st_ctim = ext_get_time(node, EXT_TIME_C);
    out->st_blksize = (blksize_t)ext->block_size;
    out->st_blocks = (blkcnt_t)ext2fs_get_stat_i_blocks(ext->e2, ext_raw(node));
    mutex_unlock(&ext->lock);
    return 0;
}

static int ext_set(struct inode *inode, const struct inode_change *change)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);
    int error = ext_begin(ext, EXT_OP_CREDITS);

    if (error < 0)
        return error;
    if (change->what & INODE_MODE)
        node->raw.i_mode = (__u16)(inode->kind | (change->mode & 07777));
    if (change->what & INODE_OWNER) {
        node->raw.i_uid = (__u16)change->uid;
        node->raw.osd2.linux2.l_i_uid_high = (__u16)((uint32_t)change->uid >> 16);
    }
    if (change->what & INODE_GROUP) {
        node->raw.i_gid = (__u16)change->gid;
        node->raw.osd2.linux2.l_i_gid_high = (__u16)((uint32_t)change->gid >> 16);
    }
    if (change->what & INODE_ATIME)
        ext_set_time(node, EXT_TIME_A, change->atime);
    if (change->what & INODE_MTIME)
        ext_set_time(node, EXT_TIME_M, change->mtime);
    ext_touch(node, EXT_TIME_C);
    ext_end(ext);
    return 0;
}

/* ---- fsync ---- */

static int ext_sync(struct inode *inode, bool data_only)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);
    unsigned told = __atomic_load_n(&node->told, __ATOMIC_RELAXED); /* before anybody is, now */
    int error, lost;

    mutex_lock(&ext->lock);
    if (!ext->writes) {
        error = ext->aborted ? -EIO : 0;
    } else {
        ext->flight.flushes = true;
        if ((data_only ? node->data_tid : node->tid) == ext->journal.tid)
            ext->flight.commits = true;
        node->syncs++;
        error = ext_flight_go(ext);
        node->syncs--;
        lost = ext_data_lost(ext, node, told);
        if (lost < 0)
            error = lost;
    }
    mutex_unlock(&ext->lock);
    return error;
}

const struct inode_ops ext_inode_ops = {
    .lookup = ext_lookup,
    .parent = ext_parent,
    .create = ext_create,
    .link = ext_link,
    .unlink = ext_unlink,
    .rename = ext_rename,
    .name_of = ext_name_of,
    .next_entry = ext_next_entry,
    .readlink = ext_readlink,
    .read = ext_read,
    .read_together = ext_read_together,
    .write = ext_write,
    .truncate = ext_truncate,
    .allocate = ext_allocate,
    .seek_data = ext_seek_data,
    .stat = ext_stat,
    .set = ext_set,
    .sync = ext_sync,
    .release = ext_inode_release,
};
