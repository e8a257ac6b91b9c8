/*
 * What libext2fs calls: an I/O channel over the cache, space, inodes; and the end of what
 * ext2fs_open2() began. Only files of the library are linked that need nothing else
 * (tools/deps/e2fsprogs).
 *
 * Everything that it writes is metadata of the running transaction. Inodes are those of table.c.
 */
#include <stdlib.h>

#include "ext_priv.h"

static struct ext_fs *ext_of_library(ext2_filsys e2)
{
    return e2->io->private_data;
}

/* ---- the I/O channel ---- */

/* Of the file system that is being opened: ext2fs_open2() hands nothing through but a name. */
static struct {
    struct mutex mutex; /* "ext opening" */
    struct ext_fs *ext;
} ext_opening;

int ext_library_open(struct ext_fs *ext, const char *name, int flags)
{
    errcode_t error;

    mutex_lock(&ext_opening.mutex);
    ext_opening.ext = ext;
    error = ext2fs_open2(name, NULL, flags | EXT2_FLAG_64BITS | EXT2_FLAG_SKIP_MMP, 0, 0,
                         &ext_io_manager, &ext->e2);
    mutex_unlock(&ext_opening.mutex);
    if (error == EXT2_ET_UNSUPP_FEATURE || error == EXT2_ET_RO_UNSUPP_FEATURE)
        return -EOPNOTSUPP;
    if (error == EXT2_ET_BAD_MAGIC)
        return -EINVAL;
    return ext_errno(error);
}

static errcode_t ext_io_open(const char *name, int flags, io_channel *out)
{
    io_channel channel = calloc(1, sizeof(*channel));

    (void)name;
    (void)flags;
    if (channel == NULL)
        return EXT2_ET_NO_MEMORY;
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = &ext_io_manager;
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = ext_opening.ext;
    *out = channel;
    return 0;
}

static errcode_t ext_io_close(io_channel channel)
{
    free(channel);
    return 0;
}

static errcode_t ext_io_set_blksize(io_channel channel, int size)
{
    channel->block_size = size;
    return 0;
}

/* Before there is a cache: through a page, which covers any size of sectors. */
static errcode_t ext_io_read_early(struct ext_fs *ext, uint64_t at, uint8_t *data, size_t len)
{
    uint8_t *page = aligned_alloc(4096, 4096);
    int error = page != NULL ? 0 : -ENOMEM;

    while (error == 0 && len > 0) {
        size_t skip = at & 4095, part = 4096 - skip;

        if (part > len)
            part = len;
        error = ext_device_read(ext->device, (at - skip) / BLOCK_SECTOR, page, 4096);
        if (error == 0)
            memcpy(data, page + skip, part);
        at += part;
        data += part;
        len -= part;
    }
    free(page);
    return -error;
}

static errcode_t ext_io_read(io_channel channel, unsigned long long block, int count, void *data)
{
    struct ext_fs *ext = channel->private_data;
    size_t len = count < 0 ? (size_t)-count : (size_t)count * (size_t)channel->block_size;

    if (ext->cache.table == NULL)
        return ext_io_read_early(ext, block * (unsigned)channel->block_size, data, len);
    for (size_t at = 0; at < len; at += ext->block_size, block++) {
        size_t part = len - at < ext->block_size ? len - at : ext->block_size;
        struct ext_buf *buf;
        int error = ext_get(ext, block, &buf);

        if (error < 0)
            return -error;
        memcpy((uint8_t *)data + at, buf->data, part);
        ext_put(buf);
    }
    return 0;
}

static errcode_t ext_io_write(io_channel channel, unsigned long long block, int count,
                              const void *data)
{
    struct ext_fs *ext = channel->private_data;

    if (count < 0 || ext->cache.table == NULL)
        return EXT2_ET_UNIMPLEMENTED;
    for (int i = 0; i < count; i++, block++) {
        struct ext_buf *buf;
        int error = ext_get_new(ext, block, &buf);

        if (error < 0)
            return -error;
        memcpy(buf->data, (const uint8_t *)data + (size_t)i * ext->block_size, ext->block_size);
        ext_dirty_meta(ext, buf, EXT_FIRST);
        ext_put(buf);
    }
    return 0;
}

static errcode_t ext_io_read_narrow(io_channel channel, unsigned long block, int count, void *data)
{
    return ext_io_read(channel, block, count, data);
}

static errcode_t ext_io_write_narrow(io_channel channel, unsigned long block, int count,
                                     const void *data)
{
    return ext_io_write(channel, block, count, data);
}

static errcode_t ext_io_flush_nothing(io_channel channel)
{
    (void)channel;
    return 0;
}

struct struct_io_manager ext_io_manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "xenolith",
    .open = ext_io_open,
    .close = ext_io_close,
    .set_blksize = ext_io_set_blksize,
    .read_blk = ext_io_read_narrow,
    .write_blk = ext_io_write_narrow,
    .flush = ext_io_flush_nothing,
    .read_blk64 = ext_io_read,
    .write_blk64 = ext_io_write,
};

/* ---- space ---- */

errcode_t ext2fs_alloc_block2(ext2_filsys e2, blk64_t goal, char *zeroed, blk64_t *out)
{
    struct ext_fs *ext = ext_of_library(e2);
    unsigned n = 1;
    uint64_t block;
    int error = ext_alloc_blocks(ext, goal, &n, &block);

    if (error < 0)
        return error == -ENOSPC ? EXT2_ET_BLOCK_ALLOC_FAIL : -error;
    if (zeroed != NULL)
        memset(zeroed, 0, ext->block_size); /* it is written by the caller, when it is filled */
    *out = block;
    return 0;
}

void ext2fs_block_alloc_stats2(ext2_filsys e2, blk64_t block, int in_use)
{
    struct ext_fs *ext = ext_of_library(e2);
    int error = in_use < 0 ? ext_free_block(ext, block) : 0;

    if (error < 0)
        ext_abort(ext, "freeing a block", error);
}

void ext2fs_block_alloc_stats(ext2_filsys e2, blk_t block, int in_use)
{
    ext2fs_block_alloc_stats2(e2, block, in_use);
}

blk64_t ext2fs_find_inode_goal(ext2_filsys e2, ext2_ino_t ino, struct ext2_inode *inode, blk64_t at)
{
    (void)ino;
    (void)inode;
    (void)at;
    return ext_of_library(e2)->last_block;
}

errcode_t ext2fs_read_ind_block(ext2_filsys e2, blk_t block, void *data)
{
    return ext_io_read(e2->io, block, 1, data);
}

errcode_t ext2fs_write_ind_block(ext2_filsys e2, blk_t block, void *data)
{
    return ext_io_write(e2->io, block, 1, data);
}

/* ---- inodes: the library works on those in memory ---- */

errcode_t ext2fs_read_inode(ext2_filsys e2, ext2_ino_t ino, struct ext2_inode *out)
{
    struct ext_fs *ext = ext_of_library(e2);
    struct ext_inode *node = ext_inode_find(ext, ino);
    int error;

    if (node != NULL) {
        memcpy(out, &node->raw, sizeof(*out));
        return 0;
    }
    error = ext_inode_peek(ext, ino, out);
    return error < 0 ? -error : 0;
}

errcode_t ext2fs_write_inode(ext2_filsys e2, ext2_ino_t ino, struct ext2_inode *from)
{
    struct ext_inode *node = ext_inode_find(ext_of_library(e2), ino);

    if (node == NULL)
        return EXT2_ET_BAD_INODE_NUM;
    if ((void *)from != (void *)&node->raw)
        memcpy(&node->raw, from, sizeof(*from));
    ext_inode_dirty(node, true);
    return 0;
}

/* ---- directories: blocks are 4 KiB at most, so lengths need no special form ---- */

errcode_t ext2fs_set_rec_len(ext2_filsys e2, unsigned int len, struct ext2_dir_entry *entry)
{
    (void)e2;
    entry->rec_len = (__u16)len;
    return 0;
}

/* ---- the end ---- */

void ext2fs_free(ext2_filsys e2)
{
    if (e2 == NULL)
        return;
    if (e2->io != NULL)
        io_channel_close(e2->io);
    free(e2->device_name);
    free(e2->super);
    free(e2->orig_super);
    free(e2->group_desc);
    free(e2);
}

/* ---- what belongs to features that are refused before they could get here ---- */

errcode_t ext2fs_mmp_start(ext2_filsys e2)
{
    (void)e2;
    return EXT2_ET_UNIMPLEMENTED;
}

errcode_t ext2fs_mmp_stop(ext2_filsys e2)
{
    (void)e2;
    return 0;
}

const struct ext2fs_nls_table *ext2fs_load_nls_table(int encoding)
{
    (void)encoding;
    return NULL;
}

errcode_t ext2fs_inline_data_ea_remove(ext2_filsys e2, ext2_ino_t ino);
errcode_t ext2fs_inline_data_ea_remove(ext2_filsys e2, ext2_ino_t ino)
{
    (void)e2;
    (void)ino;
    return EXT2_ET_UNIMPLEMENTED;
}

errcode_t ext2fs_map_cluster_block(ext2_filsys e2, ext2_ino_t ino, struct ext2_inode *inode,
                                   blk64_t logical, blk64_t *out)
{
    (void)e2;
    (void)ino;
    (void)inode;
    (void)logical;
    (void)out;
    return EXT2_ET_UNIMPLEMENTED;
}

struct ext2fs_hashmap *ext2fs_hashmap_create(uint32_t (*hash)(const void *, size_t),
                                             void (*release)(void *), size_t size)
{
    (void)hash;
    (void)release;
    (void)size;
    return NULL;
}

uint32_t ext2fs_djb2_hash(const void *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}
