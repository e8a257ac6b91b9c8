/*
 * Content of regular files: through the cache, in runs of blocks that lie side by side.
 *
 * Reading ahead: a file that is read on from where the last read ended gets a window that doubles
 * up to EXT_READ_AHEAD. Space is taken when content is written, so that a full disk is told to
 * write() and never later. Content stays in memory until fsync(), a commit that maps it, or
 * ext_end() finds that there is enough of it.
 */
#include <stdlib.h>

#include "ext_priv.h"

#define EXT_WRITE_CREDITS 16 /* metadata blocks that one run may change */
#define EXT_RUN_MAX 256      /* blocks */
#define EXT_SPARE 8          /* blocks for mapping blocks, beside those of the content */

static uint32_t ext_smaller(uint64_t a, uint64_t b)
{
    uint64_t least = a < b ? a : b;

    return least < UINT32_MAX ? (uint32_t)least : UINT32_MAX;
}

/* ---- reading ---- */

/* How many blocks to read at once: those that are wanted, more if this goes on. */
static unsigned ext_data_window(struct ext_fs *ext, struct ext_inode *node, uint32_t logical,
                                uint32_t wanted)
{
    unsigned most = EXT_READ_AHEAD / ext->block_size;

    if (most > ext->cache.max / 4)
        most = (unsigned)(ext->cache.max / 4);
    if (logical != node->read_next)
        node->window = 0;
    else if (node->window < most)
        node->window = node->window != 0 ? 2 * node->window : 4;
    return wanted > node->window ? wanted : node->window;
}

static int ext_data_get(struct ext_fs *ext, struct ext_inode *node, uint32_t logical,
                        uint64_t block, uint32_t in_run, uint32_t wanted, struct ext_buf **out)
{
    unsigned n;

    *out = ext_get_cached(ext, block);
    if (*out != NULL)
        return 0;
    n = ext_smaller(ext_data_window(ext, node, logical, wanted), in_run);
    if (n > ext->cache.max / 2)
        n = (unsigned)(ext->cache.max / 2);
    return ext_get_content(ext, block, n, out);
}

ssize_t ext_data_read(struct ext_fs *ext, struct ext_inode *node, const struct iovec *iov, int n,
                      uint64_t offset, size_t len)
{
    size_t done = 0;

    while (done < len) {
        uint32_t logical = (uint32_t)((offset + done) / ext->block_size), in_run, wanted;
        unsigned skip = (unsigned)((offset + done) % ext->block_size);
        size_t part = ext->block_size - skip;
        struct ext_buf *buf;
        uint64_t block;
        bool unwritten;
        int error = ext_map(ext, node, logical, &block, &in_run, &unwritten);

        if (error < 0)
            return done > 0 ? (ssize_t)done : error;
        if (block == 0 || unwritten) {
            if (in_run > 1)
                part += (size_t)(in_run - 1) * ext->block_size;
            if (part > len - done)
                part = len - done;
            done += iov_zero(iov, n, done, part);
            continue;
        }
        wanted = ext_smaller((skip + (len - done) + ext->block_size - 1) / ext->block_size, in_run);
        error = ext_data_get(ext, node, logical, block, in_run, wanted, &buf);
        if (error < 0)
            return done > 0 ? (ssize_t)done : error;
        if (part > len - done)
            part = len - done;
        done += iov_put(iov, n, done, buf->data + skip, part);
        ext_put(buf);
        node->read_next = logical + 1;
    }
    return (ssize_t)done;
}

/* ---- writing ---- */

/* A run of blocks to write to: those there, or new ones. */
struct ext_target {
    uint32_t logical;
    unsigned n;
    uint64_t block;
    bool fresh;     /* nothing on the disk that anybody may see: blocks begin as zeroes */
    bool unwritten; /* there, but empty until ext_map_written() */
};

static int ext_data_target(struct ext_fs *ext, struct ext_inode *node, uint32_t logical,
                           unsigned wanted, struct ext_target *target)
{
    uint32_t n;
    int error = ext_map(ext, node, logical, &target->block, &n, &target->unwritten);

    if (error < 0)
        return error;
    target->logical = logical;
    target->n = ext_smaller(wanted, n);
    target->fresh = target->block == 0 || target->unwritten;
    if (target->block != 0)
        return 0;
    if (!ext_have_blocks(ext, target->n + EXT_SPARE, true)) {
        target->n = 1;
        if (!ext_have_blocks(ext, 1 + EXT_SPARE, true))
            return -ENOSPC;
    }
    return ext_map_alloc(ext, node, logical, &target->n, false, &target->block);
}

/* Fill one block. from and to: the part of it that is written. */
static int ext_data_fill(struct ext_fs *ext, struct ext_inode *node,
                         const struct ext_target *target, unsigned at, unsigned from, unsigned to,
                         const struct iovec *iov, int n, size_t done)
{
    bool whole = from == 0 && to == ext->block_size;
    uint64_t end = (uint64_t)(target->logical + at) * ext->block_size + to;
    struct ext_buf *buf;
    int error = whole || target->fresh ? ext_get_new(ext, target->block + at, &buf)
                                       : ext_get(ext, target->block + at, &buf);

    if (error < 0)
        return error;
    if (target->fresh && !whole)
        memset(buf->data, 0, ext->block_size);
    iov_take(iov, n, done, buf->data + from, to - from);
    /* The commit that tells of a larger size finds content there, as the one that maps it does. */
    ext_dirty_data(ext, buf, (ext2_ino_t)node->inode.ino,
                   target->fresh || end > ext_inode_size(node));
    ext_put(buf);
    return 0;
}

/* Blocks of a new run that were not filled are nobody's again: their old content must not show. */
static int ext_data_give_back(struct ext_fs *ext, struct ext_inode *node,
                              const struct ext_target *target, unsigned from)
{
    if (target->unwritten || !target->fresh || from == target->n)
        return 0;
    node->map_len = 0;
    return ext_errno(ext2fs_punch(ext->e2, (ext2_ino_t)node->inode.ino,
                                  (struct ext2_inode *)&node->raw, NULL, target->logical + from,
                                  target->logical + target->n - 1));
}

/* len bytes into a run. Returns how many, or an error if none. */
static ssize_t ext_data_write_run(struct ext_fs *ext, struct ext_inode *node,
                                  const struct ext_target *target, unsigned skip,
                                  const struct iovec *iov, int n, size_t before, size_t len)
{
    size_t done = 0;
    unsigned filled = 0;
    int error = 0, after;

    for (; filled < target->n && done < len; filled++) {
        size_t part = ext->block_size - skip;

        if (part > len - done)
            part = len - done;
        error = ext_data_fill(ext, node, target, filled, skip, skip + (unsigned)part, iov, n,
                              before + done);
        if (error < 0)
            break;
        done += part;
        skip = 0;
    }
    if (target->unwritten && filled > 0)
        after = ext_map_written(ext, node, target->logical, filled);
    else
        after = ext_data_give_back(ext, node, target, filled);
    if (after < 0)
        return after;
    return done > 0 ? (ssize_t)done : error;
}

/* What lies behind the end in its last block must read as zeroes when the file has grown. */
static int ext_data_clear_tail(struct ext_fs *ext, struct ext_inode *node, uint64_t size)
{
    unsigned skip = (unsigned)(size % ext->block_size);
    struct ext_buf *buf;
    uint64_t block;
    uint32_t n;
    bool unwritten;
    int error;

    if (skip == 0)
        return 0;
    error = ext_map(ext, node, (uint32_t)(size / ext->block_size), &block, &n, &unwritten);
    if (error < 0 || block == 0 || unwritten)
        return error;
    error = ext_get(ext, block, &buf);
    if (error < 0)
        return error;
    memset(buf->data + skip, 0, ext->block_size - skip);
    ext_dirty_data(ext, buf, (ext2_ino_t)node->inode.ino, true); /* before the size is committed */
    ext_put(buf);
    return 0;
}

ssize_t ext_data_write(struct ext_fs *ext, struct ext_inode *node, const struct iovec *iov, int n,
                       uint64_t offset, size_t len)
{
    unsigned most = EXT_RUN_MAX;
    size_t done = 0;

    if (most > ext->cache.max / 8)
        most = (unsigned)(ext->cache.max / 8);
    if (offset > ext_inode_size(node)) {
        int error = ext_data_clear_tail(ext, node, ext_inode_size(node));

        if (error < 0)
            return error;
    }
    while (done < len) {
        uint64_t at = offset + done;
        unsigned skip = (unsigned)(at % ext->block_size);
        size_t left = (skip + (len - done) + ext->block_size - 1) / ext->block_size;
        struct ext_target target;
        ssize_t part;
        int error = ext_more(ext, EXT_WRITE_CREDITS);

        if (error == 0)
            error = ext_data_target(ext, node, (uint32_t)(at / ext->block_size),
                                    ext_smaller(left, most), &target);
        if (error < 0)
            return done > 0 ? (ssize_t)done : error;
        part = ext_data_write_run(ext, node, &target, skip, iov, n, done, len - done);
        if (part < 0)
            return done > 0 ? (ssize_t)done : part;
        done += (size_t)part;
        if (offset + done > ext_inode_size(node))
            ext_inode_set_size(node, offset + done);
        /* What is not too much is left to ext_end(). */
        if (ext->cache.n_data > ext->cache.max / 8 * 3)
            ext_write_list(ext, &ext->cache.data, -1); /* fsync() tells who lost something */
    }
    return (ssize_t)done;
}

/* ---- size ---- */

/*
 * The end of the last block is cleared on the disk only when the new size is there: until then the
 * file still has what it had. We clear it again when the file grows; others rely on it.
 */
int ext_data_truncate(struct ext_fs *ext, struct ext_inode *node, uint64_t size)
{
    uint64_t was = ext_inode_size(node);
    int error = size > was ? ext_data_clear_tail(ext, node, was) : 0;

    if (error < 0)
        return error;
    ext_inode_set_size(node, size);
    if (size >= was)
        return 0;
    /* If this takes more than one commit, whoever mounts next finishes it. */
    error = ext_orphan_add(ext, node);
    if (error == 0)
        error = ext_order(ext);
    if (error == 0)
        error =
            ext_map_cut(ext, node, (uint32_t)((size + ext->block_size - 1) / ext->block_size), was);
    if (error == 0 && node->raw.i_links_count > 0)
        error = ext_orphan_remove(ext, node);
    if (error == 0 && size % ext->block_size != 0) {
        error = ext_commit(ext);
        if (error == 0)
            error = ext_data_clear_tail(ext, node, size);
    }
    return error;
}

/* ---- fsync ---- */

int ext_data_lost(struct ext_fs *ext, struct ext_inode *node, unsigned told)
{
    int lost = node->losses != told ? node->error : 0;

    __atomic_store_n(&node->told, node->losses, __ATOMIC_RELAXED);
    if (lost == 0 && ext->lost != 0) {
        lost = ext->lost;
        ext->lost = 0;
    }
    return lost;
}
