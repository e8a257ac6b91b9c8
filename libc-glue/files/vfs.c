/* Operations on names: create, link, unlink, rename; and on the attributes of inodes. */
#include "vfs.h"

#include <errno.h>
#include <string.h>

#include "memory/mapping_pages.h"
#include "vfs_walk.h"

/* ---- creating ---- */

/* Walk to a last name that is to be created. *exists: it is there already. */
static int vfs_walk_to_new(struct vfs_walk *walk, struct inode *at, const char *path, bool is_dir)
{
    struct inode *inode;
    int error = vfs_walk_begin(walk, at, path);

    if (error == 0)
        error = vfs_walk_to_last(walk);
    if (error < 0)
        return error;
    if (vfs_name_is_special(walk->last))
        return -EEXIST;
    if (walk->must_be_dir && !is_dir) {
        error = vfs_walk_last(walk, VFS_NOFOLLOW, &inode);
        if (error == 0)
            inode_put(inode);
        return error == 0 || error == VFS_WALK_ON ? -EEXIST : error;
    }
    return 0;
}

static int vfs_create_last(struct vfs_walk *walk, const struct inode_new *what, struct inode **out)
{
    struct inode *dir = walk->dir, *made;
    int error;

    mutex_lock(&dir->fs->tree);
    if (dir->fs->read_only) {
        error = dir->ops->lookup(dir, walk->last, &made);
        if (error == 0)
            inode_put(made);
        error = error == 0 ? -EEXIST : -EROFS;
    } else {
        error = dir->ops->create(dir, walk->last, what, &made);
    }
    mutex_unlock(&dir->fs->tree);
    if (error < 0)
        return error;
    if (out != NULL)
        *out = made;
    else
        inode_put(made);
    return 0;
}

int vfs_create(struct inode *at, const char *path, const struct inode_new *what, struct inode **out)
{
    struct inode_new masked = *what;
    struct vfs_walk walk;
    int error;

    if (S_ISLNK(what->mode))
        masked.mode = S_IFLNK | 0777;
    else
        masked.mode &= ~vfs_get_umask();
    if (S_ISLNK(what->mode) && what->target_len == 0)
        return -ENOENT;
    if (S_ISLNK(what->mode) && what->target_len >= VFS_PATH_MAX)
        return -ENAMETOOLONG;
    error = vfs_walk_to_new(&walk, at, path, S_ISDIR(what->mode));
    if (error == 0)
        error = vfs_create_last(&walk, &masked, out);
    vfs_walk_end(&walk);
    return error;
}

int vfs_link_inode(struct inode *inode, struct inode *at, const char *path)
{
    struct vfs_walk walk;
    int error;

    if (S_ISDIR(inode->kind))
        return -EPERM;
    error = vfs_walk_to_new(&walk, at, path, false);
    if (error == 0) {
        struct inode *dir = walk.dir;

        mutex_lock(&dir->fs->tree);
        if (dir->fs != inode->fs)
            error = -EXDEV;
        else if (dir->fs->read_only)
            error = -EROFS;
        else
            error = dir->ops->link(dir, walk.last, inode);
        mutex_unlock(&dir->fs->tree);
    }
    vfs_walk_end(&walk);
    return error;
}

int vfs_link(struct inode *from_at, const char *from, struct inode *to_at, const char *to, int flags)
{
    struct inode *inode;
    int error = vfs_lookup(from_at, from, flags, &inode);

    if (error < 0)
        return error;
    error = vfs_link_inode(inode, to_at, to);
    inode_put(inode);
    return error;
}

/* ---- removing ---- */

/* With the tree held: take child out of dir, as a directory or as anything else. */
static int vfs_remove_child(struct vfs_walk *walk, struct inode *child, bool is_dir)
{
    if (is_dir && !S_ISDIR(child->kind))
        return -ENOTDIR;
    if (!is_dir && S_ISDIR(child->kind))
        return -EISDIR;
    if (!is_dir && walk->must_be_dir)
        return -ENOTDIR;
    if (child->fs->read_only)
        return -EROFS;
    if (child->mounted != NULL)
        return -EBUSY;
    return walk->dir->ops->unlink(walk->dir, walk->last, child);
}

static int vfs_remove(struct inode *at, const char *path, bool is_dir)
{
    struct vfs_walk walk;
    struct inode *dir, *child;
    int error = vfs_walk_begin(&walk, at, path);

    if (error == 0)
        error = vfs_walk_to_last(&walk);
    if (error == 0 && vfs_name_is_special(walk.last)) {
        if (!is_dir)
            error = -EISDIR;
        else if (walk.last.len == 0)
            error = -EBUSY;
        else
            error = walk.last.len == 1 ? -EINVAL : -ENOTEMPTY;
    }
    if (error == 0) {
        dir = walk.dir;
        mutex_lock(&dir->fs->tree);
        error = dir->ops->lookup(dir, walk.last, &child);
        if (error == 0) {
            error = vfs_remove_child(&walk, child, is_dir);
            mutex_unlock(&dir->fs->tree);
            inode_put(child); /* the content may go now, outside of the lock */
        } else {
            mutex_unlock(&dir->fs->tree);
        }
    }
    vfs_walk_end(&walk);
    return error;
}

int vfs_unlink(struct inode *at, const char *path)
{
    return vfs_remove(at, path, false);
}

int vfs_rmdir(struct inode *at, const char *path)
{
    return vfs_remove(at, path, true);
}

/* ---- renaming ---- */

/* With the tree held: is dir, or a directory above it, the one at top? */
static bool vfs_is_below(struct inode *dir, struct inode *top)
{
    bool found = false;

    inode_ref(dir);
    while (!(found = dir == top) && dir != dir->fs->root) {
        struct inode *up;

        if (dir->ops->parent(dir, &up) < 0)
            break;
        inode_put(dir);
        dir = up;
    }
    inode_put(dir);
    return found;
}

/* What POSIX says about renaming child onto replaced (or nothing), before anything is done. */
static int vfs_rename_check(const struct vfs_walk *from, struct inode *child,
                            const struct vfs_walk *to, struct inode *replaced, int flags)
{
    bool is_dir = S_ISDIR(child->kind);

    if ((from->must_be_dir || to->must_be_dir) && !is_dir)
        return -ENOTDIR;
    if (replaced != NULL && (flags & VFS_NOREPLACE))
        return -EEXIST;
    if (replaced == child)
        return 0;
    if (child->mounted != NULL || (replaced != NULL && replaced->mounted != NULL))
        return -EBUSY;
    if (replaced != NULL && is_dir && !S_ISDIR(replaced->kind))
        return -ENOTDIR;
    if (replaced != NULL && !is_dir && S_ISDIR(replaced->kind))
        return -EISDIR;
    if (is_dir && vfs_is_below(to->dir, child))
        return -EINVAL;
    return from->dir->fs->read_only ? -EROFS : 0;
}

/* Both ends are walked to and lie in one file system, whose tree is held. */
static int vfs_rename_locked(struct vfs_walk *from, struct vfs_walk *to, int flags,
                             struct inode **child, struct inode **replaced)
{
    int error = from->dir->ops->lookup(from->dir, from->last, child);

    if (error < 0)
        return error;
    error = to->dir->ops->lookup(to->dir, to->last, replaced);
    if (error < 0 && error != -ENOENT)
        return error;
    error = vfs_rename_check(from, *child, to, *replaced, flags);
    if (error < 0 || *replaced == *child)
        return error;
    return from->dir->ops->rename(from->dir, from->last, *child, to->dir, to->last, *replaced);
}

int vfs_rename(struct inode *from_at, const char *from, struct inode *to_at, const char *to,
               int flags)
{
    struct vfs_walk from_walk, to_walk;
    struct inode *child = NULL, *replaced = NULL;
    int error = vfs_walk_begin(&from_walk, from_at, from);
    int to_error = vfs_walk_begin(&to_walk, to_at, to);

    if (error == 0)
        error = to_error;
    if (error == 0)
        error = vfs_walk_to_last(&from_walk);
    if (error == 0)
        error = vfs_walk_to_last(&to_walk);
    if (error == 0 &&
        (vfs_name_is_special(from_walk.last) || vfs_name_is_special(to_walk.last)))
        error = -EBUSY;
    if (error == 0 && from_walk.dir->fs != to_walk.dir->fs)
        error = -EXDEV;
    if (error == 0) {
        struct mutex *tree = &from_walk.dir->fs->tree;

        mutex_lock(tree);
        error = vfs_rename_locked(&from_walk, &to_walk, flags, &child, &replaced);
        mutex_unlock(tree);
    }
    inode_put(child);
    inode_put(replaced);
    vfs_walk_end(&from_walk);
    vfs_walk_end(&to_walk);
    return error;
}

/* ---- attributes ---- */

ssize_t vfs_readlink(struct inode *at, const char *path, char *target, size_t size)
{
    struct inode *inode;
    ssize_t len = vfs_lookup(at, path, VFS_NOFOLLOW, &inode);

    if (len < 0)
        return len;
    len = S_ISLNK(inode->kind) ? inode->ops->readlink(inode, target, size) : -EINVAL;
    inode_put(inode);
    return len > (ssize_t)size ? (ssize_t)size : len;
}

int vfs_set_inode(struct inode *inode, const struct inode_change *change)
{
    int error;

    if (inode->fs->read_only)
        return -EROFS;
    mutex_lock(&inode->data);
    error = inode->ops->set(inode, change);
    mutex_unlock(&inode->data);
    return error;
}

int vfs_truncate_inode(struct inode *inode, off_t size)
{
    int error;

    if (S_ISDIR(inode->kind))
        return -EISDIR;
    if (!S_ISREG(inode->kind) || size < 0)
        return -EINVAL;
    if (inode->fs->read_only)
        return -EROFS;
    mutex_lock(&inode->data);
    if (inode->mapped != NULL)
        mapping_pages_truncate(inode, size);
    error = inode->ops->truncate(inode, size);
    mutex_unlock(&inode->data);
    return error;
}
