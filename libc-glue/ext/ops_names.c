/*
 * What the VFS asks of names: directories, links, creating, removing and renaming, and what a
 * symbolic link says; see inode.h. Each is one operation of transaction.c.
 */
#include "ext_priv.h"

#define EXT_LINKS_MAX 65000u
#define EXT_FAST_LINK 60u /* bytes of a symbolic link that fit into the inode, with a NUL */

/* ---- looking ---- */

int ext_lookup(struct inode *dir, struct vfs_name name, struct inode **out)
{
    struct ext_fs *ext = ext_of(dir->fs);
    struct ext_inode *node;
    ext2_ino_t ino;
    int error;

    mutex_lock(&ext->lock);
    error = ext_dir_find(ext, ext_node(dir), name, &ino, NULL);
    if (error == 0)
        error = ext_inode_get(ext, ino, &node);
    ext_judge(ext, error);
    mutex_unlock(&ext->lock);
    if (error < 0)
        return error;
    if (node->raw.i_links_count == 0 && !ext->fs.read_only) {
        inode_put(&node->inode);
        return -EBADMSG; /* a name for something that is gone */
    }
    *out = &node->inode;
    return 0;
}

int ext_parent(struct inode *dir, struct inode **out)
{
    if (ext_node(dir)->raw.i_links_count == 0)
        return -ENOENT;
    return ext_lookup(dir, (struct vfs_name){ "..", 2 }, out);
}

int ext_name_of(struct inode *dir, struct inode *child, char name[VFS_NAME_MAX + 1])
{
    struct ext_fs *ext = ext_of(dir->fs);
    int error;

    mutex_lock(&ext->lock);
    error = ext_dir_name_of(ext, ext_node(dir), (ext2_ino_t)child->ino, name);
    mutex_unlock(&ext->lock);
    return error;
}

int ext_next_entry(struct inode *dir, off_t at, struct file_entry *entry)
{
    struct ext_fs *ext = ext_of(dir->fs);
    int found;

    mutex_lock(&ext->lock);
    found = ext_node(dir)->raw.i_links_count == 0
                ? 0
                : ext_dir_next(ext, ext_node(dir), (uint64_t)at, entry);
    ext_judge(ext, found);
    mutex_unlock(&ext->lock);
    return found;
}

/* ---- link counts ---- */

static bool ext_may_link(struct ext_fs *ext, const struct ext_inode *node)
{
    if (node->raw.i_links_count < EXT_LINKS_MAX)
        return true;
    return S_ISDIR(node->inode.kind) && ext2fs_has_feature_dir_nlink(ext->e2->super);
}

/* One link more; a directory with too many subdirectories counts as 1 for good. */
static void ext_relink(struct ext_inode *node, int by)
{
    unsigned links = node->raw.i_links_count;

    if (S_ISDIR(node->inode.kind) && links == 1 && by != 0)
        by = 0;
    links += (unsigned)by;
    if (S_ISDIR(node->inode.kind) && links >= EXT_LINKS_MAX)
        links = 1;
    node->raw.i_links_count = (__u16)links;
    ext_touch(node, EXT_TIME_C);
    ext_inode_dirty(node, true);
}

static void ext_dir_touched(struct ext_inode *dir)
{
    ext_touch(dir, EXT_TIME_M | EXT_TIME_C);
    ext_inode_dirty(dir, true);
}

/* Without a name, and with no more links than that: it goes with its last reference. */
static int ext_drop_link(struct ext_fs *ext, struct ext_inode *node)
{
    if (S_ISDIR(node->inode.kind) && (ext->journal.present || node->raw.i_links_count <= 2)) {
        node->raw.i_links_count = 0;
        ext_touch(node, EXT_TIME_C);
    } else if (node->raw.i_links_count > 0) {
        ext_relink(node, -1);
    }
    return node->raw.i_links_count == 0 ? ext_orphan_add(ext, node) : 0;
}

/* ---- creating ---- */

static void ext_init_extents(struct ext_fs *ext, struct ext_inode *node)
{
    struct ext3_extent_header *header = (void *)node->raw.i_block;

    if (!ext2fs_has_feature_extents(ext->e2->super))
        return;
    node->raw.i_flags |= EXT4_EXTENTS_FL;
    *header = (struct ext3_extent_header){ .eh_magic = EXT3_EXT_MAGIC, .eh_max = 4 };
}

static int ext_init_symlink(struct ext_fs *ext, struct ext_inode *node,
                            const struct inode_new *what)
{
    struct ext_buf *buf;
    uint64_t block;
    unsigned one = 1;
    int error;

    if (what->target_len < EXT_FAST_LINK) {
        memcpy(node->raw.i_block, what->target, what->target_len);
        ext_inode_set_size(node, what->target_len);
        return 0;
    }
    if (what->target_len >= ext->block_size)
        return -ENAMETOOLONG;
    ext_init_extents(ext, node);
    error = ext_map_alloc(ext, node, 0, &one, false, &block);
    if (error == 0)
        error = ext_get_new(ext, block, &buf);
    if (error < 0)
        return error;
    memset(buf->data, 0, ext->block_size);
    memcpy(buf->data, what->target, what->target_len);
    ext_dirty_data(ext, buf, (ext2_ino_t)node->inode.ino, true);
    ext_put(buf);
    ext_inode_set_size(node, what->target_len);
    return 0;
}

static int ext_init_node(struct ext_fs *ext, struct ext_inode *node, struct ext_inode *dir,
                         const struct inode_new *what)
{
    unsigned major = (unsigned)(what->rdev >> 8), minor = (unsigned)(what->rdev & 0xff);

    switch (what->mode & S_IFMT) {
    case S_IFREG:
        ext_init_extents(ext, node);
        return 0;
    case S_IFDIR:
        ext_init_extents(ext, node);
        node->raw.i_links_count = 2;
        return ext_dir_init(ext, node, (ext2_ino_t)dir->inode.ino);
    case S_IFLNK:
        return ext_init_symlink(ext, node, what);
    case S_IFCHR:
    case S_IFBLK:
        if (major < 256)
            node->raw.i_block[0] = major << 8 | minor;
        else
            node->raw.i_block[1] = major << 8 | minor;
        node->inode.rdev = what->rdev;
        return 0;
    default:
        return 0;
    }
}

/*
 * With the lock held. *out has a reference even on errors, unless it is NULL: without links then.
 */
static int ext_create_locked(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name,
                             const struct inode_new *what, struct ext_inode **out)
{
    ext2_ino_t ino;
    int error = ext_dir_find(ext, dir, name, &ino, NULL);

    *out = NULL;
    if (error == 0)
        return -EEXIST;
    if (error != -ENOENT)
        return error;
    if (dir->raw.i_links_count == 0)
        return -ENOENT; /* removed while it was in use */
    if (S_ISDIR(what->mode) && !ext_may_link(ext, dir))
        return -EMLINK;
    if (!ext_have_blocks(ext, EXT_OP_SPARE, true))
        return -ENOSPC;
    error = ext_alloc_inode(ext, dir, what->mode, &ino);
    if (error < 0)
        return error;
    error = ext_inode_new(ext, ino, what->mode, out);
    if (error < 0) {
        ext_free_inode(ext, ino, S_ISDIR(what->mode));
        return error;
    }
    error = ext_init_node(ext, *out, dir, what);
    if (error == 0)
        error = ext_dir_add(ext, dir, name, ino, what->mode);
    if (error < 0) {
        (*out)->raw.i_links_count = 0;
        ext_inode_dirty(*out, true);
        return error;
    }
    if (S_ISDIR(what->mode))
        ext_relink(dir, 1);
    ext_dir_touched(dir);
    return 0;
}

int ext_create(struct inode *dir, struct vfs_name name, const struct inode_new *what,
               struct inode **out)
{
    struct ext_fs *ext = ext_of(dir->fs);
    struct ext_inode *node;
    int error = ext_begin(ext, EXT_OP_CREDITS);

    if (error < 0)
        return error;
    error = ext_create_locked(ext, ext_node(dir), name, what, &node);
    ext_judge(ext, error);
    ext_end(ext);
    if (error == 0)
        *out = &node->inode;
    else if (node != NULL)
        inode_put(&node->inode); /* this frees it */
    return error;
}

int ext_link(struct inode *to, struct vfs_name name, struct inode *inode)
{
    struct ext_fs *ext = ext_of(to->fs);
    struct ext_inode *dir = ext_node(to), *node = ext_node(inode);
    ext2_ino_t ino;
    int error = ext_begin(ext, EXT_OP_CREDITS);

    if (error < 0)
        return error;
    error = ext_dir_find(ext, dir, name, &ino, NULL);
    if (error == 0)
        error = -EEXIST;
    else if (error == -ENOENT && dir->raw.i_links_count > 0 && node->raw.i_links_count > 0)
        error = ext_may_link(ext, node) ? 0 : -EMLINK;
    if (error == 0 && !ext_have_blocks(ext, EXT_OP_SPARE, true))
        error = -ENOSPC;
    if (error == 0)
        error = ext_dir_add(ext, dir, name, (ext2_ino_t)inode->ino, inode->kind);
    if (error == 0) {
        ext_relink(node, 1);
        ext_dir_touched(dir);
    }
    ext_judge(ext, error);
    ext_end(ext);
    return error;
}

/* ---- removing and renaming ---- */

static int ext_check_empty(struct ext_fs *ext, struct ext_inode *node)
{
    int empty;

    if (!S_ISDIR(node->inode.kind))
        return 0;
    empty = ext_dir_is_empty(ext, node);
    return empty < 0 ? empty : empty ? 0 : -ENOTEMPTY;
}

int ext_unlink(struct inode *from, struct vfs_name name, struct inode *child)
{
    struct ext_fs *ext = ext_of(from->fs);
    struct ext_inode *dir = ext_node(from), *node = ext_node(child);
    int error = ext_begin(ext, EXT_OP_CREDITS);

    if (error < 0)
        return error;
    error = ext_check_empty(ext, node);
    if (error == 0)
        error = ext_dir_remove(ext, dir, name);
    if (error == 0) {
        error = ext_order(ext);
        if (error == 0)
            error = ext_drop_link(ext, node);
        if (S_ISDIR(child->kind))
            ext_relink(dir, -1);
        ext_dir_touched(dir);
        if (error < 0)
            ext_abort(ext, "unlink", error); /* half of it is done */
    }
    ext_judge(ext, error);
    ext_end(ext);
    return error;
}

/* A directory that moved has another one above it. */
static int ext_move_dir(struct ext_fs *ext, struct ext_inode *node, struct ext_inode *from,
                        struct ext_inode *to, bool replaces)
{
    int error;

    if (!replaces && from != to)
        ext_relink(to, 1);
    if (replaces || from != to)
        ext_relink(from, -1);
    if (from == to)
        return 0;
    error = ext_dir_replace(ext, node, (struct vfs_name){ "..", 2 }, (ext2_ino_t)to->inode.ino,
                            S_IFDIR);
    return error;
}

/*
 * Without a journal the disk sees the file under both names for a while, and if that is how it
 * ends, it must not go with the first of them.
 */
static int ext_rename_count(struct ext_fs *ext, struct ext_inode *node, int by)
{
    if (ext->journal.present)
        return 0;
    node->raw.i_links_count = (__u16)(node->raw.i_links_count + by);
    ext_inode_dirty(node, true);
    return by > 0 ? ext_order(ext) : 0;
}

static int ext_rename_locked(struct ext_fs *ext, struct ext_inode *from, struct vfs_name old,
                             struct ext_inode *node, struct ext_inode *to, struct vfs_name name,
                             struct ext_inode *replaced)
{
    ext2_ino_t ino = (ext2_ino_t)node->inode.ino;
    mode_t kind = node->inode.kind;
    int error = replaced != NULL ? ext_check_empty(ext, replaced) : 0;

    if (error < 0)
        return error;
    if (to->raw.i_links_count == 0)
        return -ENOENT;
    if (S_ISDIR(kind) && from != to && replaced == NULL && !ext_may_link(ext, to))
        return -EMLINK;
    if (!ext_have_blocks(ext, EXT_OP_SPARE, true))
        return -ENOSPC;
    error = ext_rename_count(ext, node, 1);
    if (error < 0)
        return error;
    error = replaced != NULL ? ext_dir_replace(ext, to, name, ino, kind)
                             : ext_dir_add(ext, to, name, ino, kind);
    if (error < 0) {
        ext_rename_count(ext, node, -1);
        return error;
    }
    error = ext_order(ext);
    if (error == 0)
        error = ext_dir_remove(ext, from, old);
    if (error == 0)
        error = ext_order(ext);
    if (error == 0)
        error = ext_rename_count(ext, node, -1);
    if (error == 0 && S_ISDIR(kind))
        error = ext_move_dir(ext, node, from, to, replaced != NULL);
    if (error == 0 && replaced != NULL)
        error = ext_drop_link(ext, replaced);
    if (error == 0) {
        ext_touch(node, EXT_TIME_C);
        ext_inode_dirty(node, true);
        ext_dir_touched(from);
        ext_dir_touched(to);
    }
    return error < 0 ? ext_abort(ext, "rename", error) : 0; /* half of it is done */
}

int ext_rename(struct inode *from_dir, struct vfs_name from, struct inode *child,
               struct inode *to_dir, struct vfs_name to, struct inode *replaced)
{
    struct ext_fs *ext = ext_of(from_dir->fs);
    int error = ext_begin(ext, 2 * EXT_OP_CREDITS);

    if (error < 0)
        return error;
    error = ext_rename_locked(ext, ext_node(from_dir), from, ext_node(child), ext_node(to_dir), to,
                              replaced != NULL ? ext_node(replaced) : NULL);
    ext_judge(ext, error);
    ext_end(ext);
    return error;
}

/* ---- symbolic links ---- */

ssize_t ext_readlink(struct inode *inode, char *target, size_t size)
{
    struct ext_fs *ext = ext_of(inode->fs);
    struct ext_inode *node = ext_node(inode);
    size_t len = (size_t)inode->size;
    struct ext_buf *buf;
    uint64_t block;
    uint32_t n;
    bool unwritten;
    int error;

    if (len < EXT_FAST_LINK && !(node->raw.i_flags & EXT4_EXTENTS_FL)) {
        memcpy(target, node->raw.i_block, len < size ? len : size);
        return (ssize_t)len;
    }
    if (len >= ext->block_size)
        return -EBADMSG;
    mutex_lock(&ext->lock);
    error = ext_map(ext, node, 0, &block, &n, &unwritten);
    if (error == 0)
        error = block != 0 ? ext_get(ext, block, &buf) : -EBADMSG;
    if (error == 0) {
        memcpy(target, buf->data, len < size ? len : size);
        ext_put(buf);
    }
    mutex_unlock(&ext->lock);
    return error == 0 ? (ssize_t)len : error;
}
