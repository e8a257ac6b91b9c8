#include "vfs_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/device.h"
#include "vfs.h"

#define VFS_LINKS_MAX 40 /* symbolic links in one walk, then ELOOP */

bool vfs_name_is_special(struct vfs_name name)
{
    return name.len == 0 || (name.len == 1 && name.text[0] == '.') ||
           (name.len == 2 && name.text[0] == '.' && name.text[1] == '.');
}

/* What is mounted on the directory, if anything. Takes the reference and gives one. */
static struct inode *vfs_cross(struct inode *inode)
{
    struct fs *fs;

    while ((fs = __atomic_load_n(&inode->mounted, __ATOMIC_ACQUIRE)) != NULL) {
        struct inode *root = inode_ref(fs->root);

        inode_put(inode);
        inode = root;
    }
    return inode;
}

int vfs_parent(struct inode *dir, struct inode **out)
{
    struct inode *parent;
    int error;

    while (dir == dir->fs->root) {
        if (dir->fs->covered == NULL) {
            *out = inode_ref(dir);
            return 0;
        }
        dir = dir->fs->covered;
    }
    mutex_lock(&dir->fs->tree);
    error = dir->ops->parent(dir, &parent);
    mutex_unlock(&dir->fs->tree);
    if (error == 0)
        *out = vfs_cross(parent);
    return error;
}

static int vfs_child(struct inode *dir, struct vfs_name name, struct inode **out)
{
    struct inode *child;
    int error;

    if (name.len == 1 && name.text[0] == '.') {
        *out = inode_ref(dir);
        return 0;
    }
    if (vfs_name_is_special(name))
        return vfs_parent(dir, out);
    mutex_lock(&dir->fs->tree);
    error = dir->ops->lookup(dir, name, &child);
    mutex_unlock(&dir->fs->tree);
    if (error == -ENOENT && device_look(dir)) {
        mutex_lock(&dir->fs->tree);
        error = dir->ops->lookup(dir, name, &child);
        mutex_unlock(&dir->fs->tree);
    }
    if (error == 0)
        *out = vfs_cross(child);
    return error;
}

/* Go on at what link says; rest is what follows its name. */
static int vfs_follow(struct vfs_walk *walk, struct inode *link)
{
    size_t rest = strlen(walk->rest);
    struct inode *root;
    char *path;
    ssize_t len;

    if (++walk->links > VFS_LINKS_MAX)
        return -ELOOP;
    path = malloc(VFS_PATH_MAX);
    if (path == NULL)
        return -ENOMEM;
    len = link->ops->readlink(link, path, VFS_PATH_MAX);
    if (len == 0)
        len = -ENOENT;
    else if (len > 0 && (size_t)len + rest >= VFS_PATH_MAX)
        len = -ENAMETOOLONG;
    if (len < 0) {
        free(path);
        return (int)len;
    }
    memcpy(path + len, walk->rest, rest + 1);
    free(walk->buffer);
    walk->rest = walk->buffer = path;
    if (path[0] != '/')
        return 0;
    root = vfs_root();
    inode_put(walk->dir);
    walk->dir = root;
    return 0;
}

int vfs_walk_begin(struct vfs_walk *walk, struct inode *at, const char *path)
{
    memset(walk, 0, sizeof(*walk));
    walk->rest = path;
    if (path[0] == '\0')
        return -ENOENT;
    if (strnlen(path, VFS_PATH_MAX) == VFS_PATH_MAX)
        return -ENAMETOOLONG;
    if (path[0] == '/')
        walk->dir = vfs_root();
    else
        walk->dir = at != NULL ? inode_ref(at) : vfs_cwd();
    if (walk->dir == NULL)
        return -ENOENT;
    return S_ISDIR(walk->dir->kind) ? 0 : -ENOTDIR;
}

int vfs_walk_to_last(struct vfs_walk *walk)
{
    for (;;) {
        const char *name = walk->rest + strspn(walk->rest, "/");
        size_t len = strcspn(name, "/");
        struct inode *child;
        int error;

        walk->last = (struct vfs_name){ name, len };
        walk->rest = name + len;
        walk->must_be_dir = *walk->rest == '/' || len == 0;
        if (len > VFS_NAME_MAX)
            return -ENAMETOOLONG;
        if (walk->rest[strspn(walk->rest, "/")] == '\0')
            return 0;

        error = vfs_child(walk->dir, walk->last, &child);
        if (error < 0)
            return error;
        if (S_ISLNK(child->kind)) {
            error = vfs_follow(walk, child);
            inode_put(child);
            if (error < 0)
                return error;
            continue;
        }
        inode_put(walk->dir);
        walk->dir = child;
        if (!S_ISDIR(child->kind))
            return -ENOTDIR;
    }
}

int vfs_walk_last(struct vfs_walk *walk, int flags, struct inode **out)
{
    struct inode *child;
    int error;

    if (walk->last.len == 0) {
        *out = inode_ref(walk->dir);
        return 0;
    }
    error = vfs_child(walk->dir, walk->last, &child);
    if (error < 0)
        return error;
    if (S_ISLNK(child->kind) && (!(flags & VFS_NOFOLLOW) || walk->must_be_dir)) {
        error = vfs_follow(walk, child);
        inode_put(child);
        return error < 0 ? error : VFS_WALK_ON;
    }
    if (walk->must_be_dir && !S_ISDIR(child->kind)) {
        inode_put(child);
        return -ENOTDIR;
    }
    *out = child;
    return 0;
}

void vfs_walk_end(struct vfs_walk *walk)
{
    inode_put(walk->dir);
    free(walk->buffer);
}

int vfs_lookup(struct inode *at, const char *path, int flags, struct inode **out)
{
    struct vfs_walk walk;
    int error = vfs_walk_begin(&walk, at, path);

    while (error == 0) {
        error = vfs_walk_to_last(&walk);
        if (error < 0)
            break;
        error = vfs_walk_last(&walk, flags, out);
        if (error != VFS_WALK_ON)
            break;
        error = 0;
    }
    vfs_walk_end(&walk);
    return error;
}
