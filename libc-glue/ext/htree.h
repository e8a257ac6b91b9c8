/*
 * htree: how large directories find a name by its hash.
 *
 * Block 0 holds "." and "..", whose entry covers the rest of the block, in which lies the root of
 * the tree; other nodes hide in the same way behind one empty entry. Leaves are ordinary blocks of
 * entries. Without a journal trees are only read: a split changes several blocks together, and half
 * of one would leave names twice. The first name that is added makes such a directory one without a
 * tree. Source: the Linux kernel's Documentation/filesystems/ext4/directory.rst, "Hash Tree
 * Directories".
 */
#ifndef LIBC_GLUE_EXT_HTREE_H
#define LIBC_GLUE_EXT_HTREE_H

#include "ext_priv.h"

#define EXT_HTREE_LEVELS 3 /* nodes from the root to a leaf, with the largest directories */

struct ext_entry {
    uint32_t hash; /* of the first node's first entry: count << 16 | limit */
    uint32_t block;
};

/* A node on the way down. */
struct ext_frame {
    struct ext_buf *buf;
    uint32_t logical;
    struct ext_entry *entries;
    unsigned at; /* the entry that was followed */
};

struct ext_htree {
    struct ext_fs *ext;
    struct ext_inode *dir;
    unsigned version; /* of the hash */
    uint32_t hash;    /* of the name that is looked for */
    unsigned depth;   /* frames in use */
    struct ext_frame frames[EXT_HTREE_LEVELS];
};

bool ext_htree_is(struct ext_fs *ext, const struct ext_inode *dir);
/* Walk down to the leaf that name belongs to. End with ext_htree_end() in any case. */
int ext_htree_find(struct ext_htree *tree, struct ext_fs *ext, struct ext_inode *dir,
                   struct vfs_name name);
uint32_t ext_htree_leaf(const struct ext_htree *tree);
/* On to the next leaf if names with this hash may be there too. */
int ext_htree_next(struct ext_htree *tree, bool *more);
void ext_htree_end(struct ext_htree *tree);
/* The leaf is full: make it two, and walk down again afterwards. */
int ext_htree_split(struct ext_htree *tree);
/* A directory of one block becomes a tree. */
int ext_htree_make(struct ext_fs *ext, struct ext_inode *dir);

/* dir.c's, for the tree. */
int ext_dir_block(struct ext_fs *ext, struct ext_inode *dir, uint32_t logical,
                  struct ext_buf **out);
int ext_dir_append(struct ext_fs *ext, struct ext_inode *dir, uint32_t *logical,
                   struct ext_buf **out);
void ext_dir_seal(struct ext_fs *ext, struct ext_inode *dir, struct ext_buf *buf,
                  enum ext_class class);
unsigned ext_dir_room(const struct ext_fs *ext); /* bytes of a block for entries */
void ext_dir_empty_block(struct ext_fs *ext, uint8_t *data);
/* Append an entry to a block that is being packed; *at moves on. */
void ext_dir_pack(uint8_t *data, unsigned *at, const struct ext2_dir_entry *entry);
/* The last packed entry takes the rest. */
void ext_dir_packed(const struct ext_fs *ext, uint8_t *data, unsigned last);

#endif
