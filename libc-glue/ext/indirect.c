/*
 * Tables of blocks, as ext2 and ext3 map files: twelve numbers in the inode, then a table, a table
 * of tables, and one more level.
 */
#include "ext_priv.h"

#define EXT_LEVELS 4

/* The way to a block: which entry in the inode, then in each table. */
struct ext_way {
    unsigned depth; /* tables to pass */
    uint32_t index[EXT_LEVELS];
    uint64_t span[EXT_LEVELS]; /* blocks of the file below one entry there */
};

static int ext_way_find(struct ext_fs *ext, uint32_t logical, struct ext_way *way)
{
    uint64_t per = ext->block_size / 4, at = logical, span = 1;

    if (at < EXT2_NDIR_BLOCKS) {
        *way = (struct ext_way){ .index = { (uint32_t)at }, .span = { 1 } };
        return 0;
    }
    at -= EXT2_NDIR_BLOCKS;
    for (way->depth = 1; way->depth < EXT_LEVELS; way->depth++) {
        span *= per;
        if (at < span)
            break;
        at -= span;
    }
    if (way->depth == EXT_LEVELS)
        return -EFBIG;
    way->index[0] = EXT2_IND_BLOCK + way->depth - 1;
    way->span[0] = span;
    for (unsigned level = 1; level <= way->depth; level++) {
        span /= per;
        way->index[level] = (uint32_t)(at / span);
        way->span[level] = span;
        at %= span;
    }
    return 0;
}

/* How much of the file the empty entry at this level stands for, from logical on. */
static unsigned ext_way_hole(const struct ext_way *way, unsigned level)
{
    uint64_t passed = 0, left;

    for (unsigned below = level + 1; below <= way->depth; below++)
        passed += way->index[below] * way->span[below];
    left = way->span[level] - passed;
    return left > UINT32_MAX / 2 ? UINT32_MAX / 2 : (unsigned)left;
}

/* Entries from at on that go on as the first does: numbers in a row, or all empty. */
static unsigned ext_entries_alike(const uint32_t *entries, uint32_t at, uint32_t n)
{
    unsigned len = 1;

    while (at + len < n && entries[at + len] == (entries[at] != 0 ? entries[at] + len : 0))
        len++;
    return len;
}

static uint64_t ext_indirect_goal(struct ext_fs *ext, struct ext_inode *node,
                                  const uint32_t *entries, uint32_t at)
{
    if (at > 0 && entries[at - 1] != 0)
        return entries[at - 1] + 1;
    if (ext->last_block != 0)
        return ext->last_block;
    return ext2fs_group_first_block2(ext->e2,
                                     ext2fs_group_of_ino(ext->e2, (ext2_ino_t)node->inode.ino));
}

/* A table for the entry, empty. */
static int ext_indirect_table(struct ext_fs *ext, struct ext_inode *node, uint32_t *entry,
                              uint64_t goal)
{
    struct ext_buf *buf;
    uint64_t block;
    unsigned one = 1;
    int error = ext_alloc_blocks(ext, goal, &one, &block);

    if (error < 0)
        return error;
    error = ext_get_new(ext, block, &buf);
    if (error == 0) {
        memset(buf->data, 0, ext->block_size);
        ext_dirty_meta(ext, buf, EXT_FIRST);
        ext_put(buf);
        *entry = (uint32_t)block;
        error = ext_errno(ext2fs_iblk_add_blocks(ext->e2, (struct ext2_inode *)&node->raw, 1));
    }
    return error;
}

/* At the last table: what is there, or new blocks. */
static int ext_indirect_blocks(struct ext_fs *ext, struct ext_inode *node, uint32_t *entries,
                               uint32_t at, uint32_t in_table, unsigned *n, bool allocate,
                               uint64_t *block)
{
    unsigned alike = ext_entries_alike(entries, at, in_table);
    int error;

    *block = entries[at];
    if (*block != 0 || !allocate) {
        *n = alike;
        return 0;
    }
    if (*n > alike)
        *n = alike;
    error = ext_alloc_blocks(ext, ext_indirect_goal(ext, node, entries, at), n, block);
    if (error < 0)
        return error;
    for (unsigned i = 0; i < *n; i++)
        entries[at + i] = (uint32_t)(*block + i);
    return ext_errno(ext2fs_iblk_add_blocks(ext->e2, (struct ext2_inode *)&node->raw, *n));
}

int ext_map_indirect(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, unsigned *n,
                     bool allocate, uint64_t *block)
{
    uint32_t *entries = node->raw.i_block, in_table = EXT2_NDIR_BLOCKS;
    struct ext_buf *buf = NULL;
    struct ext_way way = { 0 };
    int error = ext_way_find(ext, logical, &way);

    for (unsigned level = 0; error == 0 && level < way.depth; level++) {
        uint32_t *entry = &entries[way.index[level]];
        struct ext_buf *below;

        if (*entry == 0 && !allocate) {
            *block = 0;
            *n = ext_way_hole(&way, level);
            ext_put(buf);
            return 0;
        }
        if (*entry == 0) {
            error = ext_indirect_table(ext, node, entry, ext->last_block);
            if (error < 0)
                break;
            if (buf != NULL)
                ext_dirty_meta(ext, buf, EXT_FIRST);
            ext_inode_dirty(node, true);
        }
        error = ext_get(ext, *entry, &below);
        if (error < 0)
            break;
        ext_put(buf);
        buf = below;
        entries = (uint32_t *)(void *)buf->data;
        in_table = ext->block_size / 4;
    }
    if (error == 0)
        error = ext_indirect_blocks(ext, node, entries, way.index[way.depth], in_table, n, allocate,
                                    block);
    if (error == 0 && allocate) {
        if (buf != NULL)
            ext_dirty_meta(ext, buf, EXT_FIRST);
        ext_inode_dirty(node, true);
    }
    ext_put(buf);
    return error;
}
