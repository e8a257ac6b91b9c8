/*
 * Inodes without a name that are still in use, and files whose blocks are being cut off: the list
 * in the superblock, linked through i_dtime, tells whoever mounts next to finish the job. What ext4
 * keeps in its orphan file is emptied at mount; we do not add to it.
 */
#include <stdlib.h>

#include <platform/clock.h>

#include "ext_priv.h"

#define EXT_ORPHAN_CREDITS 16
#define EXT_ORPHAN_MAGIC 0x0b10ca04u
#define EXT_ORPHANS_MAX 100000u /* in a list: more is a ring */

int ext_orphan_add(struct ext_fs *ext, struct ext_inode *node)
{
    if (node->orphan)
        return 0;
    node->raw.i_dtime = ext->e2->super->s_last_orphan;
    ext->e2->super->s_last_orphan = (__u32)node->inode.ino;
    ext->super_dirty = true;
    node->orphan = true;
    ext_inode_dirty(node, true);
    return 0;
}

int ext_orphan_remove(struct ext_fs *ext, struct ext_inode *node)
{
    struct ext2_super_block *super = ext->e2->super;
    struct ext_inode *before = NULL;
    uint32_t at = super->s_last_orphan;

    if (!node->orphan)
        return 0;
    /* Everything in the list is in memory: it is open. */
    while (at != 0 && at != node->inode.ino) {
        before = ext_inode_find(ext, at);
        if (before == NULL)
            return -EBADMSG;
        at = before->raw.i_dtime;
    }
    if (at == 0)
        return -EBADMSG;
    if (before == NULL) {
        super->s_last_orphan = node->raw.i_dtime;
        ext->super_dirty = true;
    } else {
        before->raw.i_dtime = node->raw.i_dtime;
        ext_inode_dirty(before, true);
    }
    node->raw.i_dtime = 0;
    node->orphan = false;
    ext_inode_dirty(node, true);
    return 0;
}

/* The block of extended attributes, which several inodes may share. */
static int ext_attributes_drop(struct ext_fs *ext, struct ext_inode *node)
{
    uint64_t block = ext2fs_file_acl_block(ext->e2, (struct ext2_inode *)&node->raw);
    struct ext2_ext_attr_header *header;
    struct ext_buf *buf;
    int error;

    if (block == 0)
        return 0;
    error = ext_get(ext, block, &buf);
    if (error < 0)
        return error;
    header = (void *)buf->data;
    if (header->h_magic == EXT2_EXT_ATTR_MAGIC && header->h_refcount > 1) {
        header->h_refcount--;
        ext2fs_ext_attr_block_csum_set(ext->e2, (ext2_ino_t)node->inode.ino, block, header);
        ext_dirty_meta(ext, buf, EXT_FIRST);
        ext_put(buf);
    } else {
        ext_put(buf);
        error = ext_free_block(ext, block);
    }
    ext2fs_file_acl_block_set(ext->e2, (struct ext2_inode *)&node->raw, 0);
    return error;
}

/* Has the inode blocks of its own? A short symbolic link's target lies in their place. */
static bool ext_inode_has_blocks(const struct ext_inode *node)
{
    if (S_ISLNK(node->inode.kind))
        return (node->raw.i_flags & EXT4_EXTENTS_FL) ||
               ext_inode_size(node) >= sizeof(node->raw.i_block);
    return S_ISREG(node->inode.kind) || S_ISDIR(node->inode.kind);
}

/* The file is gone: with the lock held, by whoever gives up the last reference. */
int ext_inode_destroy(struct ext_fs *ext, struct ext_inode *node)
{
    uint64_t size = ext_inode_size(node);
    int error = ext_more(ext, EXT_ORPHAN_CREDITS);

    if (error == 0 && ext_inode_has_blocks(node))
        error = ext_map_cut(ext, node, 0, size);
    if (error == 0)
        error = ext_attributes_drop(ext, node);
    if (error == 0)
        error = ext_more(ext, EXT_ORPHAN_CREDITS);
    if (error == 0)
        error = ext_orphan_remove(ext, node);
    if (error == 0) {
        ext_inode_set_size(node, 0);
        node->raw.i_dtime = (__u32)(clock_realtime_ns() / 1000000000u);
        ext_inode_dirty(node, true);
        error = ext_free_inode(ext, (ext2_ino_t)node->inode.ino, S_ISDIR(node->inode.kind));
    }
    if (error < 0 && error != -EIO)
        log_line(LOG_ERROR, "ext: %s: inode %lu could not be freed: error %d", ext->label,
                 (unsigned long)node->inode.ino, error);
    return error;
}

/* ---- at mount ---- */

/* Finish what was under way with one inode; without a name it goes. The lock is not held. */
static int ext_orphan_finish(struct ext_fs *ext, struct ext_inode *node)
{
    int error;

    if (node->raw.i_links_count == 0) {
        inode_put(&node->inode); /* this destroys it */
        return 0;
    }
    error = ext_begin(ext, EXT_ORPHAN_CREDITS);
    if (error == 0) {
        uint64_t size = ext_inode_size(node);

        if (S_ISREG(node->inode.kind))
            error = ext_map_cut(
                ext, node, (uint32_t)((size + ext->block_size - 1) / ext->block_size), UINT64_MAX);
        if (error == 0)
            error = ext_orphan_remove(ext, node);
        ext_end(ext);
    }
    inode_put(&node->inode);
    return error;
}

static int ext_orphan_list_clean(struct ext_fs *ext, unsigned *n)
{
    struct ext2_super_block *super = ext->e2->super;
    int error = 0;

    while (error == 0 && super->s_last_orphan != 0) {
        uint32_t first = super->s_last_orphan;
        struct ext_inode *node;

        if (*n >= EXT_ORPHANS_MAX)
            return -EBADMSG;
        error = ext_inode_get(ext, first, &node);
        if (error < 0)
            break;
        node->orphan = true;
        error = ext_orphan_finish(ext, node);
        if (error == 0 && super->s_last_orphan == first)
            error = -EBADMSG;
        ++*n;
    }
    return error;
}

static int ext_orphan_file_block(struct ext_fs *ext, struct ext_inode *file, uint64_t block,
                                 unsigned *n)
{
    struct ext_buf *buf;
    uint32_t *numbers, count = ext->block_size / 4 - 2; /* magic and checksum follow */
    int error = ext_get(ext, block, &buf);

    if (error < 0)
        return error;
    numbers = (uint32_t *)(void *)buf->data;
    if (numbers[count] != EXT_ORPHAN_MAGIC)
        error = -EBADMSG;
    for (uint32_t i = 0; i < count && error == 0; i++) {
        struct ext_inode *node;

        if (numbers[i] == 0)
            continue;
        error = ext_inode_get(ext, numbers[i], &node);
        if (error == 0)
            error = ext_orphan_finish(ext, node);
        numbers[i] = 0;
        ++*n;
    }
    if (error == 0 && ext2fs_has_feature_metadata_csum(ext->e2->super)) {
        uint32_t ino = (uint32_t)file->inode.ino, crc;
        uint64_t wide = block;

        crc = ext_crc32c(ext->e2->csum_seed, &ino, 4);
        crc = ext_crc32c(crc, &file->raw.i_generation, 4);
        crc = ext_crc32c(crc, &wide, 8);
        numbers[count + 1] = ext_crc32c(crc, numbers, count * 4);
    }
    ext_dirty_meta(ext, buf, EXT_INODE);
    ext_put(buf);
    return error;
}

static int ext_orphan_file_clean(struct ext_fs *ext, unsigned *n)
{
    struct ext2_super_block *super = ext->e2->super;
    struct ext_inode *file;
    uint32_t blocks;
    int error;

    if (!ext2fs_has_feature_orphan_present(super))
        return 0;
    error = ext_inode_get(ext, super->s_orphan_file_inum, &file);
    if (error < 0)
        return error;
    blocks = (uint32_t)(ext_inode_size(file) / ext->block_size);
    for (uint32_t i = 0; i < blocks && error == 0; i++) {
        uint64_t block;
        uint32_t len;
        bool unwritten;

        error = ext_map(ext, file, i, &block, &len, &unwritten);
        if (error == 0 && block != 0)
            error = ext_orphan_file_block(ext, file, block, n);
    }
    inode_put(&file->inode);
    if (error == 0) {
        ext2fs_clear_feature_orphan_present(super);
        ext->super_dirty = true;
    }
    return error;
}

int ext_orphans_clean(struct ext_fs *ext)
{
    unsigned n = 0;
    int error = ext_orphan_list_clean(ext, &n);

    if (error == 0)
        error = ext_orphan_file_clean(ext, &n);
    if (n > 0)
        log_line(LOG_INFO, "ext: %s: %u files without names removed or cut", ext->label, n);
    return error;
}
