/*
 * Blocks and inodes, in use or free: the bitmaps of the groups, which are blocks like others in the
 * cache, and the counts in the group descriptors, which libext2fs keeps in memory.
 *
 * What is freed must not be used again before the disk no longer points at it. With a journal its
 * bit is cleared at once, as the commit takes all or nothing, and the set ext->freed keeps us away
 * from it until then. Without one the bit stays until the commit is through.
 */
#include <stdlib.h>

#include "ext_priv.h"

void ext_group_dirty(struct ext_fs *ext, unsigned group)
{
    ext->group_dirty[group / 8] |= (uint8_t)(1u << group % 8);
    ext->has_groups_dirty = true;
}

static bool ext_bit(const uint8_t *map, unsigned at)
{
    return map[at / 8] >> at % 8 & 1;
}

static void ext_bit_set(uint8_t *map, unsigned at, bool on)
{
    if (on)
        map[at / 8] |= (uint8_t)(1u << at % 8);
    else
        map[at / 8] &= (uint8_t) ~(1u << at % 8);
}

static unsigned ext_group_blocks(struct ext_fs *ext, unsigned group)
{
    return (unsigned)ext2fs_group_blocks_count(ext->e2, group);
}

/* ---- bitmaps that mke2fs left for later ---- */

static void ext_bits_use(struct ext_fs *ext, unsigned group, uint8_t *map, uint64_t block,
                         uint64_t n)
{
    uint64_t first = ext2fs_group_first_block2(ext->e2, group);
    unsigned count = ext_group_blocks(ext, group);

    for (; n > 0; n--, block++)
        if (block >= first && block < first + count)
            ext_bit_set(map, (unsigned)(block - first), true);
}

/* A group that holds nothing but its own administration. */
static void ext_init_block_bitmap(struct ext_fs *ext, unsigned group, uint8_t *map)
{
    ext2_filsys e2 = ext->e2;
    blk64_t super, old_desc, new_desc;
    blk_t used;
    uint64_t old = e2->super->s_reserved_gdt_blocks;

    old += ext2fs_has_feature_meta_bg(e2->super) ? e2->super->s_first_meta_bg : e2->desc_blocks;
    memset(map, 0, ext->block_size);
    ext2fs_super_and_bgd_loc2(e2, group, &super, &old_desc, &new_desc, &used);
    if (super != 0 || group == 0)
        ext_bits_use(ext, group, map, super, 1);
    if (old_desc != 0)
        ext_bits_use(ext, group, map, old_desc, old);
    if (new_desc != 0)
        ext_bits_use(ext, group, map, new_desc, 1);
    ext_bits_use(ext, group, map, ext2fs_block_bitmap_loc(e2, group), 1);
    ext_bits_use(ext, group, map, ext2fs_inode_bitmap_loc(e2, group), 1);
    ext_bits_use(ext, group, map, ext2fs_inode_table_loc(e2, group), e2->inode_blocks_per_group);
    for (unsigned at = ext_group_blocks(ext, group); at < ext->block_size * 8; at++)
        ext_bit_set(map, at, true);
}

static void ext_init_inode_bitmap(struct ext_fs *ext, uint8_t *map)
{
    memset(map, 0, ext->block_size);
    for (unsigned at = ext->e2->super->s_inodes_per_group; at < ext->block_size * 8; at++)
        ext_bit_set(map, at, true);
}

/* The bitmap of a group, pinned. */
static int ext_bitmap(struct ext_fs *ext, unsigned group, bool inodes, struct ext_buf **out)
{
    ext2_filsys e2 = ext->e2;
    uint64_t block =
        inodes ? ext2fs_inode_bitmap_loc(e2, group) : ext2fs_block_bitmap_loc(e2, group);
    uint16_t flag = inodes ? EXT2_BG_INODE_UNINIT : EXT2_BG_BLOCK_UNINIT;
    int error;

    if (!ext2fs_has_group_desc_csum(e2) || !ext2fs_bg_flags_test(e2, group, flag))
        return ext_get(ext, block, out);
    error = ext_get_new(ext, block, out);
    if (error < 0)
        return error;
    if (inodes)
        ext_init_inode_bitmap(ext, (*out)->data);
    else
        ext_init_block_bitmap(ext, group, (*out)->data);
    ext2fs_bg_flags_clear(e2, group, flag);
    ext_dirty_meta(ext, *out, EXT_FIRST);
    ext_group_dirty(ext, group);
    return 0;
}

/* ---- blocks ---- */

static void ext_count_blocks(struct ext_fs *ext, unsigned group, int by)
{
    ext2_filsys e2 = ext->e2;

    ext2fs_bg_free_blocks_count_set(e2, group,
                                    (blk_t)((int)ext2fs_bg_free_blocks_count(e2, group) + by));
    ext2fs_free_blocks_count_add(e2->super, by);
    ext_group_dirty(ext, group);
    ext->super_dirty = true;
}

/* May this bit of the group be taken? */
static bool ext_bit_is_free(struct ext_fs *ext, const uint8_t *map, uint64_t first, unsigned at)
{
    return !ext_bit(map, at) && !ext_set_has(ext->freed, first + at) &&
           !ext_set_has(ext->freed_before, first + at);
}

/* A place for n blocks in the group, at or after from: how many fit there, 0 for none. */
static unsigned ext_find_run(struct ext_fs *ext, const uint8_t *map, uint64_t first, unsigned from,
                             unsigned count, unsigned n, unsigned *at)
{
    unsigned best = 0;

    for (unsigned i = from; i < count;) {
        unsigned len = 0;

        if ((i & 7) == 0 && map[i / 8] == 0xff) {
            i += 8;
            continue;
        }
        while (len < n && i + len < count && ext_bit_is_free(ext, map, first, i + len))
            len++;
        if (len > best) {
            best = len;
            *at = i;
            /* What continues the goal, and what is long enough, will do. */
            if (i == from || len == n || len >= 16)
                return len;
        }
        i += len + 1;
    }
    return best;
}

static int ext_alloc_in_group(struct ext_fs *ext, unsigned group, unsigned from, unsigned *n,
                              uint64_t *out)
{
    uint64_t first = ext2fs_group_first_block2(ext->e2, group);
    unsigned count = ext_group_blocks(ext, group), at = 0, len;
    struct ext_buf *map;
    int error = ext_bitmap(ext, group, false, &map);

    if (error < 0)
        return error;
    len = ext_find_run(ext, map->data, first, from, count, *n, &at);
    if (len == 0 && from > 0)
        len = ext_find_run(ext, map->data, first, 0, from, *n, &at);
    if (len > 0) {
        for (unsigned i = 0; i < len; i++)
            ext_bit_set(map->data, at + i, true);
        ext_dirty_meta(ext, map, EXT_FIRST);
        ext_count_blocks(ext, group, -(int)len);
        *n = len;
        *out = first + at;
        ext->last_block = first + at + len;
    }
    ext_put(map);
    return len > 0 ? 0 : -ENOSPC;
}

int ext_alloc_blocks(struct ext_fs *ext, uint64_t goal, unsigned *n, uint64_t *out)
{
    ext2_filsys e2 = ext->e2;
    unsigned group, groups = e2->group_desc_count;
    int error = -ENOSPC;

    if (goal < e2->super->s_first_data_block || goal >= ext2fs_blocks_count(e2->super))
        goal = e2->super->s_first_data_block;
    group = ext2fs_group_of_blk2(e2, goal);
    for (unsigned i = 0; i < groups && error == -ENOSPC; i++) {
        unsigned from = i == 0 ? (unsigned)(goal - ext2fs_group_first_block2(e2, group)) : 0;

        if (ext2fs_bg_free_blocks_count(e2, group) > 0)
            error = ext_alloc_in_group(ext, group, from, n, out);
        group = group + 1 == groups ? 0 : group + 1;
    }
    return error;
}

static int ext_set_block_free(struct ext_fs *ext, uint64_t block)
{
    unsigned group = ext2fs_group_of_blk2(ext->e2, block);
    unsigned at = (unsigned)(block - ext2fs_group_first_block2(ext->e2, group));
    struct ext_buf *map;
    int error = ext_bitmap(ext, group, false, &map);

    if (error < 0)
        return error;
    if (ext_bit(map->data, at)) {
        ext_bit_set(map->data, at, false);
        ext_dirty_meta(ext, map, EXT_FIRST);
        ext_count_blocks(ext, group, 1);
    }
    ext_put(map);
    return 0;
}

int ext_free_block(struct ext_fs *ext, uint64_t block)
{
    int error = 0;

    if (block < ext->e2->super->s_first_data_block || block >= ext2fs_blocks_count(ext->e2->super))
        return -EBADMSG;
    ext_forget(ext, block);
    if (ext->journal.present) {
        error = ext_journal_forget(ext, block);
        if (error == 0)
            error = ext_set_block_free(ext, block);
    }
    if (error == 0 && !ext_set_add(ext->freed, block))
        error = -ENOMEM;
    return error;
}

bool ext_have_blocks(struct ext_fs *ext, uint64_t n, bool may_commit)
{
    uint64_t have = ext2fs_free_blocks_count(ext->e2->super);
    uint64_t waiting = ext_set_count(ext->freed) + ext_set_count(ext->freed_before);

    if (ext->journal.present)
        have = have > waiting ? have - waiting : 0;
    if (have >= n)
        return true;
    if (waiting == 0 || !may_commit || ext_commit(ext) < 0)
        return false;
    return ext2fs_free_blocks_count(ext->e2->super) >= n;
}

/* ---- inodes ---- */

static void ext_count_inodes(struct ext_fs *ext, unsigned group, int by, int dirs)
{
    ext2_filsys e2 = ext->e2;

    ext2fs_bg_free_inodes_count_set(e2, group,
                                    (__u32)((int)ext2fs_bg_free_inodes_count(e2, group) + by));
    ext2fs_bg_used_dirs_count_set(e2, group,
                                  (__u32)((int)ext2fs_bg_used_dirs_count(e2, group) + dirs));
    e2->super->s_free_inodes_count += (__u32)by;
    ext_group_dirty(ext, group);
    ext->super_dirty = true;
}

static int ext_alloc_inode_in(struct ext_fs *ext, unsigned group, bool is_dir, ext2_ino_t *out)
{
    ext2_filsys e2 = ext->e2;
    unsigned per_group = e2->super->s_inodes_per_group, at = 0;
    struct ext_buf *map;
    int error = ext_bitmap(ext, group, true, &map);

    if (error < 0)
        return error;
    if (group == 0)
        at = EXT2_FIRST_INODE(e2->super) - 1;
    while (at < per_group && ext_bit(map->data, at))
        at += (at & 7) == 0 && map->data[at / 8] == 0xff ? 8 : 1;
    if (at < per_group) {
        ext_bit_set(map->data, at, true);
        ext_dirty_meta(ext, map, EXT_FIRST);
        ext_count_inodes(ext, group, -1, is_dir);
        if (ext2fs_has_group_desc_csum(e2) &&
            ext2fs_bg_itable_unused(e2, group) > per_group - at - 1)
            ext2fs_bg_itable_unused_set(e2, group, per_group - at - 1);
        *out = group * per_group + at + 1;
    }
    ext_put(map);
    return at < per_group ? 0 : -ENOSPC;
}

/* Directories go where there is room, files into their directory's group. */
static unsigned ext_inode_group(struct ext_fs *ext, const struct ext_inode *parent, mode_t mode)
{
    ext2_filsys e2 = ext->e2;
    unsigned group = ext2fs_group_of_ino(e2, (ext2_ino_t)parent->inode.ino), best = group;

    if (!S_ISDIR(mode) || parent != ext_node(ext->fs.root))
        return group;
    for (unsigned i = 0; i < e2->group_desc_count && i < 256; i++)
        if (ext2fs_bg_free_inodes_count(e2, i) > ext2fs_bg_free_inodes_count(e2, best) &&
            ext2fs_bg_free_blocks_count(e2, i) > 0)
            best = i;
    return best;
}

int ext_alloc_inode(struct ext_fs *ext, struct ext_inode *parent, mode_t mode, ext2_ino_t *out)
{
    ext2_filsys e2 = ext->e2;
    unsigned group = ext_inode_group(ext, parent, mode), groups = e2->group_desc_count;
    int error = -ENOSPC;

    if (e2->super->s_free_inodes_count == 0 && ext_set_count(ext->freed_inodes) > 0) {
        error = ext_commit(ext);
        if (error < 0)
            return error;
        error = -ENOSPC;
    }
    for (unsigned i = 0; i < groups && error == -ENOSPC; i++) {
        if (ext2fs_bg_free_inodes_count(e2, group) > 0)
            error = ext_alloc_inode_in(ext, group, S_ISDIR(mode), out);
        group = group + 1 == groups ? 0 : group + 1;
    }
    return error;
}

/* Members of freed_inodes carry in bit 32 whether they were directories. */
#define EXT_WAS_DIR (1ull << 32)

static int ext_set_inode_free(struct ext_fs *ext, ext2_ino_t ino, bool is_dir)
{
    unsigned group = ext2fs_group_of_ino(ext->e2, ino);
    unsigned at = (ino - 1) % ext->e2->super->s_inodes_per_group;
    struct ext_buf *map;
    int error = ext_bitmap(ext, group, true, &map);

    if (error < 0)
        return error;
    if (ext_bit(map->data, at)) {
        ext_bit_set(map->data, at, false);
        ext_dirty_meta(ext, map, EXT_FIRST);
        ext_count_inodes(ext, group, 1, is_dir ? -1 : 0);
    }
    ext_put(map);
    return 0;
}

int ext_free_inode(struct ext_fs *ext, ext2_ino_t ino, bool is_dir)
{
    if (ext->journal.present)
        return ext_set_inode_free(ext, ino, is_dir);
    return ext_set_add(ext->freed_inodes, ino | (is_dir ? EXT_WAS_DIR : 0)) ? 0 : -ENOMEM;
}

/* ---- around a commit ---- */

static void ext_free_later_block(void *arg, uint64_t block)
{
    ext_set_block_free(arg, block);
}

static void ext_free_later_inode(void *arg, uint64_t value)
{
    ext_set_inode_free(arg, (ext2_ino_t)value, (value & EXT_WAS_DIR) != 0);
}

void ext_alloc_committed(struct ext_fs *ext)
{
    if (!ext->journal.present) {
        ext_set_each(ext->freed, ext_free_later_block, ext);
        ext_set_each(ext->freed_inodes, ext_free_later_inode, ext);
        ext_set_clear(ext->freed_inodes);
    }
    ext_set_clear(ext->freed);
}

static int ext_write_group_sums(struct ext_fs *ext, unsigned group)
{
    ext2_filsys e2 = ext->e2;
    struct ext_buf *map;
    int error;

    if (ext2fs_has_feature_metadata_csum(e2->super)) {
        if (!ext2fs_bg_flags_test(e2, group, EXT2_BG_BLOCK_UNINIT)) {
            error = ext_get(ext, ext2fs_block_bitmap_loc(e2, group), &map);
            if (error < 0)
                return error;
            ext2fs_block_bitmap_csum_set(e2, group, (char *)map->data,
                                         (int)EXT2_CLUSTERS_PER_GROUP(e2->super) / 8);
            ext_put(map);
        }
        if (!ext2fs_bg_flags_test(e2, group, EXT2_BG_INODE_UNINIT)) {
            error = ext_get(ext, ext2fs_inode_bitmap_loc(e2, group), &map);
            if (error < 0)
                return error;
            ext2fs_inode_bitmap_csum_set(e2, group, (char *)map->data,
                                         (int)EXT2_INODES_PER_GROUP(e2->super) / 8);
            ext_put(map);
        }
    }
    ext2fs_group_desc_csum_set(e2, group);
    return 0;
}

static int ext_write_super(struct ext_fs *ext)
{
    uint64_t block = 1024 / ext->block_size;
    struct ext_buf *buf;
    int error = ext_get(ext, block, &buf);

    if (error < 0)
        return error;
    ext2fs_superblock_csum_set(ext->e2, ext->e2->super);
    memcpy(buf->data + 1024 % ext->block_size, ext->e2->super, SUPERBLOCK_SIZE);
    ext_dirty_meta(ext, buf, EXT_INODE);
    ext_put(buf);
    ext->super_dirty = false;
    return 0;
}

int ext_write_groups(struct ext_fs *ext)
{
    ext2_filsys e2 = ext->e2;
    unsigned per_block = EXT2_DESC_PER_BLOCK(e2->super);
    struct ext_buf *buf;
    int error = 0;

    for (unsigned i = 0; i < e2->desc_blocks && ext->has_groups_dirty; i++) {
        bool changed = false;

        for (unsigned group = i * per_block;
             group < (i + 1) * per_block && group < e2->group_desc_count; group++) {
            if (!ext_bit(ext->group_dirty, group))
                continue;
            error = ext_write_group_sums(ext, group);
            if (error < 0)
                return error;
            ext_bit_set(ext->group_dirty, group, false);
            changed = true;
        }
        if (!changed)
            continue;
        error =
            ext_get(ext, ext2fs_descriptor_block_loc2(e2, e2->super->s_first_data_block, i), &buf);
        if (error < 0)
            return error;
        memcpy(buf->data, (uint8_t *)e2->group_desc + (size_t)i * ext->block_size, ext->block_size);
        ext_dirty_meta(ext, buf, EXT_INODE);
        ext_put(buf);
    }
    ext->has_groups_dirty = false;
    return ext->super_dirty ? ext_write_super(ext) : 0;
}
