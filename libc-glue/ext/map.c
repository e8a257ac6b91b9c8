/*
 * From a file's blocks to the device's: extent trees, read here and changed by libext2fs; and the
 * older tables of blocks in indirect.c.
 */
#include <stdlib.h>

#include "ext_priv.h"

#define EXT_CUT_BLOCKS 4096u /* freed in one step of cutting a file */
#define EXT_CUT_CREDITS 64u  /* metadata blocks that such a step may change */
#define EXT_DEPTH_MAX 5

static bool ext_has_extents(const struct ext_inode *node)
{
    return (node->raw.i_flags & EXT4_EXTENTS_FL) != 0;
}

static struct ext2_inode *ext_raw(struct ext_inode *node)
{
    return (struct ext2_inode *)&node->raw;
}

/* ---- reading an extent tree ---- */

/* Is it a node of a tree, that fits into size bytes? */
static bool ext_node_is_sound(const struct ext3_extent_header *header, size_t size, unsigned depth)
{
    return header->eh_magic == EXT3_EXT_MAGIC && header->eh_depth == depth &&
           header->eh_entries <= header->eh_max &&
           sizeof(*header) + header->eh_entries * sizeof(struct ext3_extent) <= size;
}

/*
 * The last of n entries whose first block is not after logical; -1: none. Both kinds begin alike.
 */
static int ext_node_search(const struct ext3_extent_header *header, uint32_t logical)
{
    const struct ext3_extent *entries = (const void *)(header + 1);
    int low = 0, high = header->eh_entries;

    while (low < high) {
        int middle = (low + high) / 2;

        if (entries[middle].ee_block <= logical)
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}

/*
 * In a leaf: what is at logical, and how long it stays so; next is where the following leaf begins.
 */
static void ext_leaf_map(struct ext_inode *node, const struct ext3_extent_header *header,
                         uint32_t logical, uint32_t next)
{
    const struct ext3_extent *entries = (const void *)(header + 1);
    int at = ext_node_search(header, logical);

    node->map_logical = logical;
    node->map_block = 0;
    node->map_unwritten = false;
    if (at + 1 < header->eh_entries)
        next = entries[at + 1].ee_block;
    if (at >= 0) {
        const struct ext3_extent *extent = &entries[at];
        uint32_t len = extent->ee_len, skip = logical - extent->ee_block;
        bool unwritten = len > EXT_INIT_MAX_LEN;

        if (unwritten)
            len -= EXT_INIT_MAX_LEN;
        if (skip < len) {
            node->map_block = (extent->ee_start | (uint64_t)extent->ee_start_hi << 32) + skip;
            node->map_len = len - skip;
            node->map_unwritten = unwritten;
            return;
        }
    }
    node->map_len = next - logical;
}

static int ext_map_extents(struct ext_fs *ext, struct ext_inode *node, uint32_t logical)
{
    const struct ext3_extent_header *header = (const void *)node->raw.i_block;
    size_t size = sizeof(node->raw.i_block);
    unsigned depth = header->eh_depth;
    uint32_t next = UINT32_MAX;
    struct ext_buf *buf = NULL;
    int error = 0;

    if (depth > EXT_DEPTH_MAX || !ext_node_is_sound(header, size, depth))
        return -EBADMSG;
    for (; depth > 0; depth--) {
        const struct ext3_extent_idx *entries = (const void *)(header + 1);
        int at = ext_node_search(header, logical);
        struct ext_buf *below;

        if (header->eh_entries == 0) {
            error = -EBADMSG;
            break;
        }
        if (at < 0)
            at = 0; /* before the first leaf, which then says that it is a hole */
        if (at + 1 < header->eh_entries)
            next = entries[at + 1].ei_block;
        error = ext_get(ext, entries[at].ei_leaf | (uint64_t)entries[at].ei_leaf_hi << 32, &below);
        if (error < 0)
            break;
        ext_put(buf);
        buf = below;
        header = (const void *)buf->data;
        if (!ext_node_is_sound(header, ext->block_size, depth - 1)) {
            error = -EBADMSG;
            break;
        }
    }
    if (error == 0)
        ext_leaf_map(node, header, logical, next);
    ext_put(buf);
    return error;
}

int ext_map(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, uint64_t *block,
            uint32_t *n, bool *unwritten)
{
    uint32_t skip = logical - node->map_logical;
    int error = 0;

    if (skip >= node->map_len) {
        node->map_len = 0;
        skip = 0;
        if (ext_has_extents(node)) {
            error = ext_map_extents(ext, node, logical);
        } else {
            unsigned len = 0;

            error = ext_map_indirect(ext, node, logical, &len, false, &node->map_block);
            node->map_logical = logical;
            node->map_len = error == 0 ? len : 0;
            node->map_unwritten = false;
        }
        if (error < 0)
            return error;
    }
    *block = node->map_block != 0 ? node->map_block + skip : 0;
    *n = node->map_len - skip;
    *unwritten = node->map_unwritten;
    if (*block != 0 && *block + *n > ext2fs_blocks_count(ext->e2->super))
        return -EBADMSG;
    return 0;
}

/* ---- changing one ---- */

/* Where a block for logical would lie best: after the one before it. */
static uint64_t ext_map_goal(struct ext_fs *ext, struct ext_inode *node, uint32_t logical)
{
    uint64_t block;
    uint32_t n;
    bool unwritten;

    if (logical > 0 && ext_map(ext, node, logical - 1, &block, &n, &unwritten) == 0 && block != 0)
        return block + 1;
    if (ext_inode_size(node) == 0 && ext->last_block != 0)
        return ext->last_block;
    return ext2fs_group_first_block2(ext->e2,
                                     ext2fs_group_of_ino(ext->e2, (ext2_ino_t)node->inode.ino));
}

/* Can the run be the end of the extent at the handle? Then make it longer. */
static bool ext_extent_append(ext2_extent_handle_t handle, struct ext2fs_extent *last,
                              const struct ext2fs_extent *run, errcode_t *error)
{
    bool unwritten = (run->e_flags & EXT2_EXTENT_FLAGS_UNINIT) != 0;
    unsigned max = unwritten ? EXT_UNINIT_MAX_LEN : EXT_INIT_MAX_LEN;

    if (last->e_lblk + last->e_len != run->e_lblk || last->e_pblk + last->e_len != run->e_pblk ||
        ((last->e_flags & EXT2_EXTENT_FLAGS_UNINIT) != 0) != unwritten ||
        last->e_len + run->e_len > max)
        return false;
    last->e_len += run->e_len;
    *error = ext2fs_extent_replace(handle, 0, last);
    return true;
}

static errcode_t ext_extent_add(struct ext_fs *ext, struct ext_inode *node,
                                struct ext2fs_extent *run)
{
    ext2_extent_handle_t handle;
    struct ext2fs_extent last;
    errcode_t error =
        ext2fs_extent_open2(ext->e2, (ext2_ino_t)node->inode.ino, ext_raw(node), &handle);

    if (error != 0)
        return error;
    error = ext2fs_extent_goto(handle, run->e_lblk);
    if (error != 0 && error != EXT2_ET_EXTENT_NOT_FOUND)
        goto out;
    error = ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &last);
    if (error == EXT2_ET_NO_CURRENT_NODE) {
        error = ext2fs_extent_insert(handle, 0, run);
    } else if (error == 0 && !ext_extent_append(handle, &last, run, &error)) {
        error = ext2fs_extent_insert(handle,
                                     last.e_lblk < run->e_lblk ? EXT2_EXTENT_INSERT_AFTER : 0, run);
        if (error == 0)
            error = ext2fs_extent_fix_parents(handle);
    }
out:
    ext2fs_extent_free(handle);
    return error;
}

int ext_map_alloc(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, unsigned *n,
                  bool unwritten, uint64_t *block)
{
    struct ext2fs_extent run = { .e_lblk = logical, .e_flags = EXT2_EXTENT_FLAGS_LEAF };
    uint64_t goal = ext_map_goal(ext, node, logical);
    int error;

    node->map_len = 0;
    if (!ext_has_extents(node))
        return ext_map_indirect(ext, node, logical, n, true, block);
    if (*n > EXT_UNINIT_MAX_LEN)
        *n = EXT_UNINIT_MAX_LEN;
    error = ext_alloc_blocks(ext, goal, n, block);
    if (error < 0)
        return error;
    run.e_pblk = *block;
    run.e_len = *n;
    if (unwritten)
        run.e_flags |= EXT2_EXTENT_FLAGS_UNINIT;
    error = ext_errno(ext_extent_add(ext, node, &run));
    if (error == 0)
        error = ext_errno(ext2fs_iblk_add_blocks(ext->e2, ext_raw(node), *n));
    if (error < 0) {
        for (unsigned i = 0; i < *n; i++)
            ext_free_block(ext, *block + i);
        return error;
    }
    ext_inode_dirty(node, true);
    return 0;
}

int ext_map_written(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, unsigned n)
{
    ext2_extent_handle_t handle;
    struct ext2fs_extent extent;
    errcode_t error =
        ext2fs_extent_open2(ext->e2, (ext2_ino_t)node->inode.ino, ext_raw(node), &handle);

    node->map_len = 0;
    if (error != 0)
        return ext_errno(error);
    error = ext2fs_extent_goto(handle, logical);
    if (error == 0)
        error = ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &extent);
    if (error == 0 && extent.e_lblk == logical && extent.e_len == n) {
        extent.e_flags &= ~EXT2_EXTENT_FLAGS_UNINIT;
        error = ext2fs_extent_replace(handle, 0, &extent);
    } else {
        for (unsigned i = 0; i < n && error == 0; i++)
            error = ext2fs_extent_set_bmap(handle, logical + i,
                                           extent.e_pblk + (logical + i - extent.e_lblk), 0);
    }
    ext2fs_extent_free(handle);
    ext_inode_dirty(node, true);
    return ext_errno(error);
}

/* ---- cutting ---- */

/*
 * The last block that is mapped, plus one: blocks may lie beyond the size after posix_fallocate().
 */
static int ext_map_end(struct ext_fs *ext, struct ext_inode *node, uint64_t *end)
{
    ext2_extent_handle_t handle;
    struct ext2fs_extent last;
    errcode_t error;

    *end = (ext_inode_size(node) + ext->block_size - 1) / ext->block_size;
    if (!ext_has_extents(node))
        return 0;
    error = ext2fs_extent_open2(ext->e2, (ext2_ino_t)node->inode.ino, ext_raw(node), &handle);
    if (error != 0)
        return ext_errno(error);
    error = ext2fs_extent_get(handle, EXT2_EXTENT_ROOT, &last);
    if (error == 0)
        error = ext2fs_extent_get(handle, EXT2_EXTENT_LAST_LEAF, &last);
    if (error == 0 && last.e_lblk + last.e_len > *end)
        *end = last.e_lblk + last.e_len;
    ext2fs_extent_free(handle);
    return error == EXT2_ET_NO_CURRENT_NODE || error == EXT2_ET_EXTENT_NO_NEXT ||
                   error == EXT2_ET_EXTENT_NO_DOWN
               ? 0
               : ext_errno(error);
}

/* Take from the end of the tree what lies at or after from. */
static errcode_t ext_cut_extents(struct ext_fs *ext, struct ext_inode *node, uint32_t from)
{
    ext2_extent_handle_t handle;
    struct ext2fs_extent last;
    errcode_t error =
        ext2fs_extent_open2(ext->e2, (ext2_ino_t)node->inode.ino, ext_raw(node), &handle);

    while (error == 0 && ((struct ext3_extent_header *)(void *)node->raw.i_block)->eh_entries > 0) {
        uint64_t keep;

        error = ext2fs_extent_get(handle, EXT2_EXTENT_ROOT, &last);
        if (error == 0)
            error = ext2fs_extent_get(handle, EXT2_EXTENT_LAST_LEAF, &last);
        if (error != 0 || last.e_lblk + last.e_len <= from)
            break;
        keep = last.e_lblk < from ? from - last.e_lblk : 0;
        for (uint64_t i = keep; i < last.e_len; i++)
            ext2fs_block_alloc_stats2(ext->e2, last.e_pblk + i, -1);
        error = ext2fs_iblk_sub_blocks(ext->e2, ext_raw(node), last.e_len - keep);
        if (error == 0 && keep > 0) {
            last.e_len = (__u32)keep;
            error = ext2fs_extent_replace(handle, 0, &last);
        } else if (error == 0) {
            error = ext2fs_extent_delete(handle, 0); /* the last: where nodes begin stays */
            if (error == EXT2_ET_NO_CURRENT_NODE)
                error = 0; /* the tree is empty */
        }
    }
    ext2fs_extent_free(handle);
    return error;
}

static errcode_t ext_cut(struct ext_fs *ext, struct ext_inode *node, uint32_t from)
{
    if (ext_has_extents(node))
        return ext_cut_extents(ext, node, from);
    return ext2fs_punch(ext->e2, (ext2_ino_t)node->inode.ino, ext_raw(node), NULL, from, ~0ull);
}

uint64_t ext_map_table_max(const struct ext_fs *ext)
{
    uint64_t per = ext->block_size / 4;

    return 12 + per + per * per + per * per * per;
}

/* From the end on backwards, so that what is left is a file at every moment. */
int ext_map_cut(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, uint64_t size)
{
    uint64_t end = size == UINT64_MAX ? (uint64_t)logical + 1 : size / ext->block_size + 1;
    int error = ext_has_extents(node) ? ext_map_end(ext, node, &end) : 0;

    if (!ext_has_extents(node) && end > ext_map_table_max(ext))
        end = ext_map_table_max(ext); /* the size is damaged */
    node->map_len = 0;
    while (error == 0 && end > logical) {
        uint64_t from = end - logical > EXT_CUT_BLOCKS ? end - EXT_CUT_BLOCKS : logical;

        error = ext_more(ext, EXT_CUT_CREDITS);
        if (error == 0)
            error = ext_errno(ext_cut(ext, node, (uint32_t)from));
        ext_inode_dirty(node, true);
        end = from;
    }
    node->map_len = 0;
    return error;
}
