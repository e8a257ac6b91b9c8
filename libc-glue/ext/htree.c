#include "htree.h"

#include <stdlib.h>

#define EXT_ROOT_INFO 24u /* after "." (12 bytes) and the head of ".." */
#define EXT_NODE_ENTRIES 8u

/* Every node's first entry has no hash: the counts lie in its place. */
static unsigned ext_frame_count(const struct ext_frame *frame)
{
    return frame->entries[0].hash >> 16;
}

static unsigned ext_frame_limit(const struct ext_frame *frame)
{
    return frame->entries[0].hash & 0xffff;
}

static void ext_frame_set(struct ext_frame *frame, unsigned count, unsigned limit)
{
    frame->entries[0].hash = count << 16 | limit;
}

/* How many entries a node holds that begin at byte start. */
static unsigned ext_node_limit(const struct ext_fs *ext, unsigned start)
{
    unsigned tail =
        ext2fs_has_feature_metadata_csum(ext->e2->super) ? sizeof(struct ext2_dx_tail) : 0;

    return (ext->block_size - start - tail) / (unsigned)sizeof(struct ext_entry);
}

static struct ext2_dx_root_info *ext_root_info(uint8_t *data)
{
    return (void *)(data + EXT_ROOT_INFO);
}

bool ext_htree_is(struct ext_fs *ext, const struct ext_inode *dir)
{
    return (dir->raw.i_flags & EXT2_INDEX_FL) && ext2fs_has_feature_dir_index(ext->e2->super) &&
           ext_inode_size(dir) > ext->block_size;
}

static uint32_t ext_htree_hash(struct ext_fs *ext, unsigned version, const char *name, unsigned len)
{
    ext2_dirhash_t hash = 0, minor;

    ext2fs_dirhash2((int)version, name, (int)len, NULL, 0, ext->e2->super->s_hash_seed, &hash,
                    &minor);
    return hash & ~1u;
}

/* ---- walking ---- */

static int ext_htree_damaged(struct ext_htree *tree)
{
    log_line(LOG_ERROR, "ext: %s: index of directory %lu is damaged", tree->ext->label,
             (unsigned long)tree->dir->inode.ino);
    return -EBADMSG;
}

/* Read the node at logical as the next frame. */
static int ext_htree_down(struct ext_htree *tree, uint32_t logical)
{
    struct ext_frame *frame = &tree->frames[tree->depth];
    unsigned start = tree->depth == 0 ? EXT_ROOT_INFO + 8 : EXT_NODE_ENTRIES;
    int error = ext_dir_block(tree->ext, tree->dir, logical, &frame->buf);

    if (error < 0)
        return error;
    tree->depth++;
    frame->logical = logical;
    frame->entries = (void *)(frame->buf->data + start);
    if (ext_frame_count(frame) == 0 || ext_frame_count(frame) > ext_frame_limit(frame) ||
        ext_frame_limit(frame) != ext_node_limit(tree->ext, start))
        return ext_htree_damaged(tree);
    return 0;
}

/* The last entry whose hash is not above the one that is looked for. */
static void ext_frame_search(struct ext_frame *frame, uint32_t hash)
{
    unsigned low = 1, high = ext_frame_count(frame);

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (frame->entries[middle].hash <= hash)
            low = middle + 1;
        else
            high = middle;
    }
    frame->at = low - 1;
}

static uint32_t ext_frame_child(const struct ext_frame *frame)
{
    return frame->entries[frame->at].block & EXT4_DX_BLOCK_MASK;
}

int ext_htree_find(struct ext_htree *tree, struct ext_fs *ext, struct ext_inode *dir,
                   struct vfs_name name)
{
    const struct ext2_dx_root_info *info;
    unsigned levels;
    int error;

    *tree = (struct ext_htree){ .ext = ext, .dir = dir };
    error = ext_dir_block(ext, dir, 0, &tree->frames[0].buf);
    if (error < 0)
        return error;
    info = ext_root_info(tree->frames[0].buf->data);
    levels = info->indirect_levels;
    tree->version = info->hash_version;
    ext_put(tree->frames[0].buf);
    tree->frames[0].buf = NULL;
    if (info->reserved_zero != 0 || info->info_length != 8 || levels >= EXT_HTREE_LEVELS ||
        tree->version > EXT2_HASH_TEA)
        return ext_htree_damaged(tree);
    if (ext->e2->super->s_flags & EXT2_FLAGS_UNSIGNED_HASH)
        tree->version += 3;
    tree->hash = ext_htree_hash(ext, tree->version, name.text, (unsigned)name.len);
    error = ext_htree_down(tree, 0);
    for (unsigned level = 0; error == 0; level++) {
        struct ext_frame *frame = &tree->frames[level];

        ext_frame_search(frame, tree->hash);
        if (level == levels)
            break;
        error = ext_htree_down(tree, ext_frame_child(frame));
    }
    return error;
}

uint32_t ext_htree_leaf(const struct ext_htree *tree)
{
    return ext_frame_child(&tree->frames[tree->depth - 1]);
}

int ext_htree_next(struct ext_htree *tree, bool *more)
{
    unsigned depth = tree->depth, level = depth;
    int error = 0;

    *more = false;
    /* Up to where there is an entry to the right. */
    while (level > 0 && tree->frames[level - 1].at + 1 >= ext_frame_count(&tree->frames[level - 1]))
        level--;
    if (level == 0)
        return 0;
    tree->frames[level - 1].at++;
    /* The lowest bit says that the hash before it goes on there. */
    if (tree->frames[level - 1].entries[tree->frames[level - 1].at].hash != (tree->hash | 1))
        return 0;
    while (tree->depth > level)
        ext_put(tree->frames[--tree->depth].buf);
    while (error == 0 && tree->depth < depth) {
        error = ext_htree_down(tree, ext_frame_child(&tree->frames[tree->depth - 1]));
        tree->frames[tree->depth - 1].at = 0;
    }
    *more = error == 0;
    return error;
}

void ext_htree_end(struct ext_htree *tree)
{
    while (tree->depth > 0)
        ext_put(tree->frames[--tree->depth].buf);
}

/* ---- splitting ---- */

/* Names of a leaf by hash. */
struct ext_name {
    uint32_t hash;
    const struct ext2_dir_entry *entry;
};

static int ext_name_compare(const void *one, const void *two)
{
    const struct ext_name *a = one, *b = two;

    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static unsigned ext_names_of(struct ext_htree *tree, const uint8_t *data, unsigned start,
                             struct ext_name *names, unsigned max)
{
    unsigned end = ext_dir_room(tree->ext), n = 0;

    for (unsigned at = start; at + 8 <= end && n < max;) {
        const struct ext2_dir_entry *entry = (const void *)(data + at);

        if (entry->rec_len < 8 || entry->rec_len > end - at)
            break;
        if (entry->inode != 0)
            names[n++] = (struct ext_name){
                ext_htree_hash(tree->ext, tree->version, entry->name, entry->name_len & 0xff), entry
            };
        at += entry->rec_len;
    }
    qsort(names, n, sizeof(*names), ext_name_compare);
    return n;
}

/* Put names into a block of their own, packed. */
static void ext_names_put(struct ext_fs *ext, const struct ext_name *names, unsigned n,
                          uint8_t *data)
{
    unsigned at = 0, last = 0;

    ext_dir_empty_block(ext, data);
    for (unsigned i = 0; i < n; i++) {
        last = at;
        ext_dir_pack(data, &at, names[i].entry);
    }
    if (n > 0)
        ext_dir_packed(ext, data, last);
}

/* One more entry in a node, after the one that was followed. There is room. */
static void ext_frame_insert(struct ext_htree *tree, struct ext_frame *frame, uint32_t hash,
                             uint32_t block)
{
    unsigned count = ext_frame_count(frame), at = frame->at + 1;

    memmove(&frame->entries[at + 1], &frame->entries[at], (count - at) * sizeof(struct ext_entry));
    frame->entries[at] = (struct ext_entry){ hash, block };
    ext_frame_set(frame, count + 1, ext_frame_limit(frame));
    ext_dir_seal(tree->ext, tree->dir, frame->buf, EXT_NAMES);
}

/* A new node with n entries. */
static int ext_htree_new_node(struct ext_htree *tree, const struct ext_entry *entries, unsigned n,
                              uint32_t *logical)
{
    struct ext_frame made = { 0 };
    struct ext2_dir_entry *hide;
    int error = ext_dir_append(tree->ext, tree->dir, logical, &made.buf);

    if (error < 0)
        return error;
    memset(made.buf->data, 0, tree->ext->block_size);
    hide = (void *)made.buf->data;
    hide->rec_len = (__u16)tree->ext->block_size;
    made.entries = (void *)(made.buf->data + EXT_NODE_ENTRIES);
    memcpy(made.entries, entries, n * sizeof(*entries));
    ext_frame_set(&made, n, ext_node_limit(tree->ext, EXT_NODE_ENTRIES));
    ext_dir_seal(tree->ext, tree->dir, made.buf, EXT_FIRST);
    ext_put(made.buf);
    return 0;
}

/* Nodes that are full: one level more, or one of them becomes two. The way is walked again then. */
static int ext_htree_grow(struct ext_htree *tree)
{
    unsigned level = tree->depth - 1;
    struct ext_frame *frame, *above;
    unsigned count, half, levels = EXT_HTREE_LEVELS;
    uint32_t logical, hash;
    int error;

    if (!ext2fs_has_feature_largedir(tree->ext->e2->super))
        levels--;
    while (level > 0 &&
           ext_frame_count(&tree->frames[level - 1]) == ext_frame_limit(&tree->frames[level - 1]))
        level--;
    frame = &tree->frames[level];
    count = ext_frame_count(frame);
    if (level == 0) {
        struct ext2_dx_root_info *info = ext_root_info(frame->buf->data);

        if (info->indirect_levels + 1u >= levels)
            return -ENOSPC;
        error = ext_htree_new_node(tree, frame->entries, count, &logical);
        if (error < 0)
            return error;
        info->indirect_levels++;
        ext_frame_set(frame, 1, ext_frame_limit(frame));
        frame->entries[0].block = logical;
        ext_dir_seal(tree->ext, tree->dir, frame->buf, EXT_NAMES);
        return 0;
    }
    above = &tree->frames[level - 1];
    half = count / 2;
    hash = frame->entries[half].hash;
    error = ext_htree_new_node(tree, &frame->entries[half], count - half, &logical);
    if (error < 0)
        return error;
    ext_frame_insert(tree, above, hash, logical);
    ext_frame_set(frame, half, ext_frame_limit(frame));
    ext_dir_seal(tree->ext, tree->dir, frame->buf, EXT_NAMES);
    return 0;
}

/* Where to cut: half of the bytes on each side. */
static unsigned ext_names_middle(const struct ext_name *names, unsigned n, unsigned block_size)
{
    unsigned bytes = 0, at = n;

    while (at > 1 && bytes < block_size / 2) {
        at--;
        bytes += 8 + (names[at].entry->name_len & 0xff);
    }
    return at;
}

/* The upper half of a leaf's names goes into a new block, which gets an entry above. */
static int ext_htree_split_leaf(struct ext_htree *tree, struct ext_buf *leaf,
                                struct ext_name *names, uint8_t *copy)
{
    struct ext_fs *ext = tree->ext;
    struct ext_frame *frame = &tree->frames[tree->depth - 1];
    unsigned n, middle;
    uint32_t logical, hash;
    struct ext_buf *made;
    int error;

    memcpy(copy, leaf->data, ext->block_size);
    n = ext_names_of(tree, copy, 0, names, ext->block_size / 12);
    if (n < 2)
        return ext_htree_damaged(tree);
    middle = ext_names_middle(names, n, ext->block_size);
    hash = names[middle].hash | (names[middle].hash == names[middle - 1].hash);
    error = ext_dir_append(ext, tree->dir, &logical, &made);
    if (error < 0)
        return error;
    ext_names_put(ext, names + middle, n - middle, made->data);
    ext_dir_seal(ext, tree->dir, made, EXT_FIRST);
    ext_put(made);
    ext_frame_insert(tree, frame, hash, logical);
    ext_names_put(ext, names, middle, leaf->data);
    ext_dir_seal(ext, tree->dir, leaf, EXT_NAMES);
    return 0;
}

int ext_htree_split(struct ext_htree *tree)
{
    struct ext_fs *ext = tree->ext;
    struct ext_frame *frame = &tree->frames[tree->depth - 1];
    struct ext_name *names;
    struct ext_buf *leaf;
    uint8_t *copy;
    int error;

    if (ext_frame_count(frame) == ext_frame_limit(frame))
        return ext_htree_grow(tree);
    names = malloc(ext->block_size / 12 * sizeof(*names));
    copy = malloc(ext->block_size);
    error = names != NULL && copy != NULL ? 0 : -ENOMEM;
    if (error == 0)
        error = ext_dir_block(ext, tree->dir, ext_htree_leaf(tree), &leaf);
    if (error == 0) {
        error = ext_htree_split_leaf(tree, leaf, names, copy);
        ext_put(leaf);
    }
    free(copy);
    free(names);
    return error;
}

/* Block 0 becomes the root, after its names went into block 1. */
int ext_htree_make(struct ext_fs *ext, struct ext_inode *dir)
{
    struct ext_htree tree = { .ext = ext,
                              .dir = dir,
                              .version = ext->e2->super->s_def_hash_version };
    struct ext2_dir_entry *dot_dot;
    struct ext_frame root = { 0 };
    struct ext_buf *made = NULL;
    struct ext2_dx_root_info *info;
    struct ext_name *names;
    uint32_t logical;
    unsigned n;
    int error;

    if (tree.version > EXT2_HASH_TEA)
        tree.version = EXT2_HASH_HALF_MD4;
    names = malloc(ext->block_size / 12 * sizeof(*names));
    if (names == NULL)
        return -ENOMEM;
    error = ext_dir_block(ext, dir, 0, &root.buf);
    if (error < 0)
        goto out;
    dot_dot = (void *)(root.buf->data + 12);
    n = ext_names_of(&tree, root.buf->data, 12u + dot_dot->rec_len, names, ext->block_size / 12);
    error = ext_dir_append(ext, dir, &logical, &made);
    if (error < 0)
        goto out;
    ext_names_put(ext, names, n, made->data);
    ext_dir_seal(ext, dir, made, EXT_FIRST);
    dir->raw.i_flags |= EXT2_INDEX_FL;
    ext_inode_dirty(dir, true);

    dot_dot->rec_len = (__u16)(ext->block_size - 12);
    memset(root.buf->data + EXT_ROOT_INFO, 0, ext->block_size - EXT_ROOT_INFO);
    info = ext_root_info(root.buf->data);
    info->hash_version = (__u8)tree.version;
    info->info_length = 8;
    root.entries = (void *)(root.buf->data + EXT_ROOT_INFO + 8);
    ext_frame_set(&root, 1, ext_node_limit(ext, EXT_ROOT_INFO + 8));
    root.entries[0].block = logical;
    ext_dir_seal(ext, dir, root.buf, EXT_NAMES);
out:
    ext_put(made);
    ext_put(root.buf);
    free(names);
    return error;
}
