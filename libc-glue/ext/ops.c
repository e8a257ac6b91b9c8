/*
 * What the VFS asks of an inode: content, attributes and fsync(); names are in ops_names.c. See
 * inode.h. Each is one operation of transaction.c.
 */
#include <platform/clock.h>

#include "ext_priv.h"

#define EXT_DAY_S 86400

static struct ext2_inode *ext_raw(struct ext_inode *node)
{
    return (struct ext2_inode *)&node->raw;
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
