/*
 * Names in directories: blocks of entries, each with its length; a name is looked for in all of
 * them, or in the one that the tree of hashes says (htree.c).
 *
 * With metadata checksums the last 12 bytes of a block look like an empty entry and hold the
 * checksum.
 */
#include <stdlib.h>

#include "htree.h"

#define EXT_ENTRY_HEAD 8u

/* ---- one block ---- */

static unsigned ext_entry_size(unsigned name_len)
{
    return (EXT_ENTRY_HEAD + name_len + 3) & ~3u;
}

static unsigned ext_entry_name_len(const struct ext2_dir_entry *entry)
{
    return entry->name_len & 0xff; /* the kind of file lies in the upper half */
}

unsigned ext_dir_room(const struct ext_fs *ext)
{
    return ext->block_size - (ext2fs_has_feature_metadata_csum(ext->e2->super)
                                  ? sizeof(struct ext2_dir_entry_tail)
                                  : 0);
}

/* The entry at a place in a block; NULL when it is damaged. */
static struct ext2_dir_entry *ext_entry_at(uint8_t *data, unsigned at, unsigned end)
{
    struct ext2_dir_entry *entry = (void *)(data + at);

    if (at + EXT_ENTRY_HEAD > end || entry->rec_len < EXT_ENTRY_HEAD || entry->rec_len % 4 != 0 ||
        entry->rec_len > end - at ||
        (entry->inode != 0 && ext_entry_size(ext_entry_name_len(entry)) > entry->rec_len))
        return NULL;
    return entry;
}

static int ext_dir_damaged(struct ext_fs *ext, const struct ext_inode *dir)
{
    log_line(LOG_ERROR, "ext: %s: directory %lu is damaged", ext->label,
             (unsigned long)dir->inode.ino);
    return -EBADMSG;
}

/* A name in a block: 0 with the entry and the one before it, -ENOENT. */
static int ext_dir_find_in(struct ext_fs *ext, struct ext_inode *dir, uint8_t *data,
                           struct vfs_name name, struct ext2_dir_entry **out,
                           struct ext2_dir_entry **before)
{
    unsigned end = ext->block_size;

    *before = NULL;
    for (unsigned at = 0; at < end; at += (*out)->rec_len) {
        struct ext2_dir_entry *entry = ext_entry_at(data, at, end);

        *out = entry;
        if (entry == NULL)
            return ext_dir_damaged(ext, dir);
        if (entry->inode != 0 && ext_entry_name_len(entry) == name.len &&
            memcmp(entry->name, name.text, name.len) == 0)
            return 0;
        *before = entry;
    }
    return -ENOENT;
}

int ext_dir_block(struct ext_fs *ext, struct ext_inode *dir, uint32_t logical, struct ext_buf **out)
{
    uint64_t block;
    uint32_t n;
    bool unwritten;
    int error = ext_map(ext, dir, logical, &block, &n, &unwritten);

    if (error < 0)
        return error;
    if (block == 0 || unwritten)
        return ext_dir_damaged(ext, dir);
    *out = ext_get_cached(ext, block);
    if (*out != NULL)
        return 0;
    if (n > 1)
        ext_read_ahead(ext, block, n < 8 ? n : 8);
    return ext_get(ext, block, out);
}

/* A changed block of the directory gets its checksum. */
void ext_dir_seal(struct ext_fs *ext, struct ext_inode *dir, struct ext_buf *buf,
                  enum ext_class class)
{
    ext2fs_dir_block_csum_set(ext->e2, (ext2_ino_t)dir->inode.ino, (void *)buf->data);
    dir->walk_at = 0; /* entries may have moved */
    ext_dirty_meta(ext, buf, class);
}

void ext_dir_empty_block(struct ext_fs *ext, uint8_t *data)
{
    struct ext2_dir_entry *entry = (void *)data;

    memset(data, 0, ext->block_size);
    entry->rec_len = (__u16)ext_dir_room(ext);
    if (ext2fs_has_feature_metadata_csum(ext->e2->super))
        ext2fs_initialize_dirent_tail(ext->e2, EXT2_DIRENT_TAIL(data, ext->block_size));
}

/* One block more, empty, pinned, and counted in the size. */
int ext_dir_append(struct ext_fs *ext, struct ext_inode *dir, uint32_t *logical,
                   struct ext_buf **out)
{
    uint64_t size = ext_inode_size(dir), block;
    unsigned one = 1;
    int error;

    *logical = (uint32_t)(size / ext->block_size);
    if (!ext_have_blocks(ext, 4, false))
        return -ENOSPC;
    error = ext_map_alloc(ext, dir, *logical, &one, false, &block);
    if (error < 0)
        return error;
    error = ext_get_new(ext, block, out);
    if (error < 0)
        return error;
    ext_dir_empty_block(ext, (*out)->data);
    ext_dir_seal(ext, dir, *out, EXT_FIRST);
    ext_inode_set_size(dir, size + ext->block_size);
    return 0;
}

/* ---- packing, for the tree ---- */

void ext_dir_pack(uint8_t *data, unsigned *at, const struct ext2_dir_entry *entry)
{
    unsigned size = ext_entry_size(ext_entry_name_len(entry));
    struct ext2_dir_entry *to = (void *)(data + *at);

    memcpy(to, entry, EXT_ENTRY_HEAD + ext_entry_name_len(entry));
    to->rec_len = (__u16)size;
    *at += size;
}

void ext_dir_packed(const struct ext_fs *ext, uint8_t *data, unsigned last)
{
    ((struct ext2_dir_entry *)(void *)(data + last))->rec_len = (__u16)(ext_dir_room(ext) - last);
}

/* ---- finding ---- */

static uint32_t ext_dir_blocks(const struct ext_fs *ext, const struct ext_inode *dir)
{
    return (uint32_t)(ext_inode_size(dir) / ext->block_size);
}

/* The block with the name, pinned, and its entry. */
static int ext_dir_search_all(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name,
                              struct ext_buf **buf, struct ext2_dir_entry **entry,
                              struct ext2_dir_entry **before)
{
    uint32_t blocks = ext_dir_blocks(ext, dir);

    for (uint32_t i = 0; i < blocks; i++) {
        int error = ext_dir_block(ext, dir, i, buf);

        if (error < 0)
            return error;
        error = ext_dir_find_in(ext, dir, (*buf)->data, name, entry, before);
        if (error != -ENOENT) {
            if (error < 0)
                ext_put(*buf);
            return error;
        }
        ext_put(*buf);
    }
    return -ENOENT;
}

static int ext_dir_search_tree(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name,
                               struct ext_buf **buf, struct ext2_dir_entry **entry,
                               struct ext2_dir_entry **before)
{
    struct ext_htree tree;
    bool more = true;
    int error = ext_htree_find(&tree, ext, dir, name);

    while (error == 0) {
        error = ext_dir_block(ext, dir, ext_htree_leaf(&tree), buf);
        if (error < 0)
            break;
        error = ext_dir_find_in(ext, dir, (*buf)->data, name, entry, before);
        if (error == 0)
            break;
        ext_put(*buf);
        if (error != -ENOENT)
            break;
        error = ext_htree_next(&tree, &more);
        if (error == 0 && !more)
            error = -ENOENT;
    }
    ext_htree_end(&tree);
    return error;
}

static int ext_dir_search(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name,
                          struct ext_buf **buf, struct ext2_dir_entry **entry,
                          struct ext2_dir_entry **before)
{
    bool is_dots = name.len <= 2 && memcmp(name.text, "..", name.len) == 0;

    if (ext_htree_is(ext, dir) && !is_dots) {
        int error = ext_dir_search_tree(ext, dir, name, buf, entry, before);

        if (error != -EBADMSG)
            return error;
    }
    return ext_dir_search_all(ext, dir, name, buf, entry, before);
}

int ext_dir_find(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name, ext2_ino_t *ino,
                 uint8_t *type)
{
    struct ext2_dir_entry *entry, *before;
    struct ext_buf *buf;
    int error = ext_dir_search(ext, dir, name, &buf, &entry, &before);

    if (error < 0)
        return error;
    *ino = entry->inode;
    if (type != NULL)
        *type = (uint8_t)(entry->name_len >> 8);
    ext_put(buf);
    return 0;
}

/* ---- changing ---- */

static uint8_t ext_entry_type(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return EXT2_FT_REG_FILE;
    case S_IFDIR:
        return EXT2_FT_DIR;
    case S_IFCHR:
        return EXT2_FT_CHRDEV;
    case S_IFBLK:
        return EXT2_FT_BLKDEV;
    case S_IFIFO:
        return EXT2_FT_FIFO;
    case S_IFSOCK:
        return EXT2_FT_SOCK;
    case S_IFLNK:
        return EXT2_FT_SYMLINK;
    }
    return EXT2_FT_UNKNOWN;
}

static void ext_entry_fill(struct ext_fs *ext, struct ext2_dir_entry *entry, struct vfs_name name,
                           ext2_ino_t ino, mode_t mode)
{
    unsigned type = ext2fs_has_feature_filetype(ext->e2->super) ? ext_entry_type(mode) : 0;

    entry->inode = ino;
    entry->name_len = (__u16)(name.len | type << 8);
    memcpy(entry->name, name.text, name.len);
}

/* Put a name into a block where there is room: 0, -ENOSPC. */
static int ext_dir_add_in(struct ext_fs *ext, struct ext_inode *dir, struct ext_buf *buf,
                          struct vfs_name name, ext2_ino_t ino, mode_t mode)
{
    unsigned need = ext_entry_size((unsigned)name.len), end = ext_dir_room(ext);
    struct ext2_dir_entry *entry;

    for (unsigned at = 0; at < end; at += entry->rec_len) {
        unsigned used;

        entry = ext_entry_at(buf->data, at, end);
        if (entry == NULL)
            return ext_dir_damaged(ext, dir);
        used = entry->inode != 0 ? ext_entry_size(ext_entry_name_len(entry)) : 0;
        if (entry->rec_len - used < need)
            continue;
        if (used > 0) {
            struct ext2_dir_entry *rest = (void *)(buf->data + at + used);

            rest->rec_len = (__u16)(entry->rec_len - used);
            entry->rec_len = (__u16)used;
            entry = rest;
        }
        ext_entry_fill(ext, entry, name, ino, mode);
        ext_dir_seal(ext, dir, buf, EXT_NAMES);
        return 0;
    }
    return -ENOSPC;
}

static int ext_dir_add_tree(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name,
                            ext2_ino_t ino, mode_t mode)
{
    int error;

    for (int tries = 0; tries < 4; tries++) { /* a split may have to be followed by another */
        struct ext_htree tree;
        struct ext_buf *buf;

        error = ext_htree_find(&tree, ext, dir, name);
        if (error == 0)
            error = ext_dir_block(ext, dir, ext_htree_leaf(&tree), &buf);
        if (error == 0) {
            error = ext_dir_add_in(ext, dir, buf, name, ino, mode);
            ext_put(buf);
        }
        if (error != -ENOSPC) {
            ext_htree_end(&tree);
            return error;
        }
        error = ext_htree_split(&tree);
        ext_htree_end(&tree);
        if (error < 0)
            return error;
    }
    return error == 0 ? -ENOSPC : error;
}

static int ext_dir_add_anywhere(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name,
                                ext2_ino_t ino, mode_t mode)
{
    uint32_t blocks = ext_dir_blocks(ext, dir), at = dir->dir_hint < blocks ? dir->dir_hint : 0;
    struct ext_buf *buf;
    int error;

    /* From where the last one went: what lies before is full, or was made free by us. */
    for (; at < blocks; at++) {
        error = ext_dir_block(ext, dir, at, &buf);
        if (error < 0)
            return error;
        error = ext_dir_add_in(ext, dir, buf, name, ino, mode);
        ext_put(buf);
        dir->dir_hint = at;
        if (error != -ENOSPC)
            return error;
    }
    if (blocks == 1 && ext->journal.present && ext2fs_has_feature_dir_index(ext->e2->super)) {
        error = ext_htree_make(ext, dir);
        return error < 0 ? error : ext_dir_add_tree(ext, dir, name, ino, mode);
    }
    error = ext_dir_append(ext, dir, &at, &buf);
    if (error < 0)
        return error;
    error = ext_order(ext); /* the name must not be there before its inode is */
    if (error == 0)
        error = ext_dir_add_in(ext, dir, buf, name, ino, mode);
    ext_put(buf);
    dir->dir_hint = at;
    return error;
}

int ext_dir_add(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name, ext2_ino_t ino,
                mode_t mode)
{
    if (ext_htree_is(ext, dir) && ext->journal.present) {
        int error = ext_dir_add_tree(ext, dir, name, ino, mode);

        if (error != -EBADMSG)
            return error;
    }
    /* A tree that we cannot read or change is none any more: names go where there is room. */
    if (dir->raw.i_flags & EXT2_INDEX_FL) {
        dir->raw.i_flags &= ~EXT2_INDEX_FL;
        ext_inode_dirty(dir, true);
    }
    return ext_dir_add_anywhere(ext, dir, name, ino, mode);
}

int ext_dir_remove(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name)
{
    struct ext2_dir_entry *entry, *before;
    struct ext_buf *buf;
    int error = ext_dir_search(ext, dir, name, &buf, &entry, &before);

    if (error < 0)
        return error;
    if (before != NULL)
        before->rec_len = (__u16)(before->rec_len + entry->rec_len);
    else
        entry->inode = 0;
    dir->dir_hint = 0;
    ext_dir_seal(ext, dir, buf, EXT_NAMES);
    ext_put(buf);
    return 0;
}

int ext_dir_replace(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name, ext2_ino_t ino,
                    mode_t mode)
{
    struct ext2_dir_entry *entry, *before;
    struct ext_buf *buf;
    int error = ext_dir_search(ext, dir, name, &buf, &entry, &before);

    if (error < 0)
        return error;
    ext_entry_fill(ext, entry, name, ino, mode);
    ext_dir_seal(ext, dir, buf, EXT_NAMES);
    ext_put(buf);
    return 0;
}

/* "." and ".." in a first block. */
int ext_dir_init(struct ext_fs *ext, struct ext_inode *dir, ext2_ino_t parent)
{
    struct ext2_dir_entry *entry;
    struct ext_buf *buf;
    uint32_t logical;
    int error = ext_dir_append(ext, dir, &logical, &buf);

    if (error < 0)
        return error;
    entry = (void *)buf->data;
    ext_entry_fill(ext, entry, (struct vfs_name){ ".", 1 }, (ext2_ino_t)dir->inode.ino, S_IFDIR);
    entry->rec_len = (__u16)ext_entry_size(1);
    entry = (void *)(buf->data + entry->rec_len);
    ext_entry_fill(ext, entry, (struct vfs_name){ "..", 2 }, parent, S_IFDIR);
    entry->rec_len = (__u16)(ext_dir_room(ext) - ext_entry_size(1));
    ext_dir_seal(ext, dir, buf, EXT_FIRST);
    ext_put(buf);
    return 0;
}

/* ---- reading all ---- */

static bool ext_entry_is_dots(const struct ext2_dir_entry *entry)
{
    unsigned len = ext_entry_name_len(entry);

    return len <= 2 && memcmp(entry->name, "..", len) == 0;
}

/* The first entry in use at or after at, which need not be the start of one any more: 1, or 0. */
static int ext_dir_walk(struct ext_fs *ext, struct ext_inode *dir, uint64_t at,
                        struct ext_buf **out, struct ext2_dir_entry **entry, uint64_t *found)
{
    uint32_t blocks = ext_dir_blocks(ext, dir);
    bool goes_on = at != 0 && at == dir->walk_at;
    uint64_t from = goes_on ? dir->walk_from : at - at % ext->block_size;

    for (uint32_t i = (uint32_t)(from / ext->block_size); i < blocks; i++) {
        uint64_t start = (uint64_t)i * ext->block_size;
        int error = ext_dir_block(ext, dir, i, out);

        if (error < 0)
            return error;
        for (unsigned pos = start < from ? (unsigned)(from - start) : 0; pos < ext->block_size;
             pos += (*entry)->rec_len) {
            *entry = ext_entry_at((*out)->data, pos, ext->block_size);
            if (*entry == NULL) {
                ext_put(*out);
                return ext_dir_damaged(ext, dir);
            }
            if ((*entry)->inode != 0 && start + pos >= at) {
                *found = start + pos;
                dir->walk_at = *found + EXT_ENTRY_HEAD;
                dir->walk_from = *found + (*entry)->rec_len;
                return 1;
            }
        }
        ext_put(*out);
    }
    return 0;
}

int ext_dir_next(struct ext_fs *ext, struct ext_inode *dir, uint64_t at, struct file_entry *out)
{
    static const unsigned char kinds[] = { 0, 8, 4, 2, 6, 1, 12, 10 }; /* DT_* by EXT2_FT_* */
    struct ext2_dir_entry *entry;
    struct ext_buf *buf;
    unsigned type;
    int found = ext_dir_walk(ext, dir, at, &buf, &entry, &at);

    if (found <= 0)
        return found;
    type = ext2fs_has_feature_filetype(ext->e2->super) ? entry->name_len >> 8 : 0;
    out->ino = entry->inode;
    out->type = type < sizeof(kinds) ? kinds[type] : 0;
    out->next = (off_t)(at + EXT_ENTRY_HEAD);
    memcpy(out->name, entry->name, ext_entry_name_len(entry));
    out->name[ext_entry_name_len(entry)] = '\0';
    ext_put(buf);
    return 1;
}

int ext_dir_is_empty(struct ext_fs *ext, struct ext_inode *dir)
{
    uint64_t at = 0;

    for (;;) {
        struct ext2_dir_entry *entry;
        struct ext_buf *buf;
        bool dots;
        int found = ext_dir_walk(ext, dir, at, &buf, &entry, &at);

        if (found <= 0)
            return found < 0 ? found : 1;
        dots = ext_entry_is_dots(entry);
        ext_put(buf);
        if (!dots)
            return 0;
        at += EXT_ENTRY_HEAD;
    }
}

int ext_dir_name_of(struct ext_fs *ext, struct ext_inode *dir, ext2_ino_t ino, char *name)
{
    uint64_t at = 0;

    for (;;) {
        struct ext2_dir_entry *entry;
        struct ext_buf *buf;
        bool same;
        int found = ext_dir_walk(ext, dir, at, &buf, &entry, &at);

        if (found <= 0)
            return found < 0 ? found : -ENOENT;
        same = entry->inode == ino && !ext_entry_is_dots(entry);
        if (same) {
            memcpy(name, entry->name, ext_entry_name_len(entry));
            name[ext_entry_name_len(entry)] = '\0';
        }
        ext_put(buf);
        if (same)
            return 0;
        at += EXT_ENTRY_HEAD;
    }
}
