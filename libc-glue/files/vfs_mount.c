/* Mounts, the working directory, and from a directory back to its path. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/mapping_pages.h"
#include "rootfs.h"
#include "vfs.h"
#include "vfs_walk.h"

/* Whoever walks paths gets something at their root. */
static const char *const vfs_needs_rootfs __attribute__((used)) = &rootfs_is_linked;

static struct {
    struct mutex mutex; /* "mounts": protects the list, fs->covered and inode->mounted */
    struct list list;   /* in order of mounting, the root first */
} vfs_mounts = { .list = LIST_INIT(vfs_mounts.list) };

static struct {
    struct mutex mutex; /* "cwd" */
    struct inode *dir;  /* NULL: the root */
} vfs_working;

static mode_t vfs_mask = 022; /* atomic */

struct inode *vfs_root(void)
{
    struct inode *root = NULL;

    mutex_lock(&vfs_mounts.mutex);
    if (!list_empty(&vfs_mounts.list))
        root = inode_ref(list_entry(vfs_mounts.list.next, struct fs, link)->root);
    mutex_unlock(&vfs_mounts.mutex);
    return root;
}

struct inode *vfs_cwd(void)
{
    struct inode *dir;

    mutex_lock(&vfs_working.mutex);
    dir = vfs_working.dir;
    if (dir != NULL)
        inode_ref(dir);
    mutex_unlock(&vfs_working.mutex);
    return dir != NULL ? dir : vfs_root();
}

int vfs_chdir(struct inode *dir)
{
    struct inode *old;

    if (!S_ISDIR(dir->kind))
        return -ENOTDIR;
    inode_hold(dir);
    mutex_lock(&vfs_working.mutex);
    old = vfs_working.dir;
    vfs_working.dir = dir;
    mutex_unlock(&vfs_working.mutex);
    inode_drop(old);
    return 0;
}

mode_t vfs_umask(mode_t mask)
{
    return __atomic_exchange_n(&vfs_mask, mask & 0777, __ATOMIC_RELAXED);
}

mode_t vfs_get_umask(void)
{
    return __atomic_load_n(&vfs_mask, __ATOMIC_RELAXED);
}

int vfs_mount(struct fs *fs, const char *path)
{
    struct inode *on = NULL;
    int error = path != NULL ? vfs_lookup(NULL, path, 0, &on) : 0;

    if (error < 0)
        return error;
    mutex_lock(&vfs_mounts.mutex);
    if (on == NULL && !list_empty(&vfs_mounts.list))
        error = -EBUSY;
    else if (on != NULL && !S_ISDIR(on->kind))
        error = -ENOTDIR;
    else if (on != NULL && on->mounted != NULL)
        error = -EBUSY;
    if (error == 0) {
        fs->covered = on;
        list_append(&vfs_mounts.list, &fs->link);
        if (on != NULL)
            __atomic_store_n(&on->mounted, fs, __ATOMIC_RELEASE);
    }
    mutex_unlock(&vfs_mounts.mutex);
    if (error < 0)
        inode_put(on);
    return error;
}

int vfs_mount_root(struct fs *fs)
{
    mutex_lock(&vfs_mounts.mutex);
    fs->covered = NULL;
    list_prepend(&vfs_mounts.list, &fs->link);
    mutex_unlock(&vfs_mounts.mutex);
    return 0;
}

int vfs_unmount(const char *path)
{
    struct inode *root, *covered;
    struct fs *fs;
    int error = vfs_lookup(NULL, path, 0, &root);

    if (error < 0)
        return error;
    fs = root->fs;
    mutex_lock(&vfs_mounts.mutex);
    covered = fs->covered;
    if (root != fs->root || covered == NULL)
        error = -EINVAL;
    else if (__atomic_load_n(&root->refs, __ATOMIC_RELAXED) > 2 || root->mounted != NULL)
        error = -EBUSY; /* the two are the file system's own and ours; open files hold it as well */
    if (error == 0) {
        __atomic_store_n(&covered->mounted, NULL, __ATOMIC_RELEASE);
        list_remove(&fs->link);
        fs->covered = NULL;
    }
    mutex_unlock(&vfs_mounts.mutex);
    inode_put(root);
    if (error < 0)
        return error;
    inode_put(covered);
    if (fs->ops->sync != NULL)
        error = fs->ops->sync(fs);
    fs->ops->unmount(fs);
    return error;
}

int vfs_sync(void)
{
    int error = mapping_pages_sync_all != NULL ? mapping_pages_sync_all() : 0;

    mutex_lock(&vfs_mounts.mutex);
    list_for_each (link, &vfs_mounts.list) {
        struct fs *fs = list_entry(link, struct fs, link);
        int one = fs->ops->sync != NULL ? fs->ops->sync(fs) : 0;

        if (one < 0)
            error = one;
    }
    mutex_unlock(&vfs_mounts.mutex);
    return error;
}

int vfs_for_each_mount(int (*visit)(void *arg, struct fs *fs, const char *path), void *arg)
{
    char *path = malloc(VFS_PATH_MAX);
    int error = 0;

    if (path == NULL)
        return -ENOMEM;
    mutex_lock(&vfs_mounts.mutex);
    list_for_each (link, &vfs_mounts.list) {
        struct fs *fs = list_entry(link, struct fs, link);
        ssize_t len = fs->covered == NULL ? 1 : vfs_path_of(fs->covered, path, VFS_PATH_MAX);

        if (fs->covered == NULL)
            strcpy(path, "/");
        error = len < 0 ? (int)len : visit(arg, fs, path);
        if (error != 0)
            break;
    }
    mutex_unlock(&vfs_mounts.mutex);
    free(path);
    return error;
}

/* One step up: the parent with a reference, and the name of dir in it. Not at the top. */
static int vfs_step_up(struct inode *dir, struct inode **parent, char name[VFS_NAME_MAX + 1])
{
    struct inode *up = NULL;
    int error;

    mutex_lock(&dir->fs->tree);
    error = dir->ops->parent(dir, &up);
    if (error == 0) {
        error = dir->ops->name_of(up, dir, name);
        if (error < 0)
            inode_put(up);
    }
    mutex_unlock(&dir->fs->tree);
    if (error == 0)
        *parent = up;
    return error;
}

ssize_t vfs_path_of(struct inode *dir, char *path, size_t size)
{
    char name[VFS_NAME_MAX + 1];
    size_t at = size; /* the path grows down from the end of the buffer */
    int error = 0;

    if (size < 2)
        return -ERANGE;
    path[--at] = '\0';
    inode_ref(dir);
    for (;;) {
        struct inode *up = NULL;
        size_t len;

        if (dir == dir->fs->root) {
            if (dir->fs->covered == NULL)
                break;
            up = inode_ref(dir->fs->covered);
            inode_put(dir);
            dir = up;
            continue;
        }
        error = vfs_step_up(dir, &up, name);
        if (error < 0)
            break;
        inode_put(dir);
        dir = up;
        len = strlen(name);
        if (len + 1 > at) {
            error = -ERANGE;
            break;
        }
        at -= len;
        memcpy(path + at, name, len);
        path[--at] = '/';
    }
    inode_put(dir);
    if (error < 0)
        return error;
    if (path[at] == '\0')
        path[--at] = '/';
    memmove(path, path + at, size - at);
    return (ssize_t)(size - at - 1);
}

/* walk->dir's path, and after it the last name, unless that is a directory which can tell itself. */
static ssize_t vfs_realpath_of(struct vfs_walk *walk, struct inode *inode, char *resolved,
                               size_t size)
{
    ssize_t len;

    if (S_ISDIR(inode->kind))
        return vfs_path_of(inode, resolved, size);
    len = vfs_path_of(walk->dir, resolved, size);
    if (len < 0)
        return len;
    if (len == 1)
        len = 0; /* "/" */
    if ((size_t)len + walk->last.len + 2 > size)
        return -ENAMETOOLONG;
    resolved[len++] = '/';
    memcpy(resolved + len, walk->last.text, walk->last.len);
    len += (ssize_t)walk->last.len;
    resolved[len] = '\0';
    return len;
}

ssize_t vfs_realpath(const char *path, char *resolved, size_t size)
{
    struct vfs_walk walk;
    struct inode *inode = NULL;
    ssize_t len = vfs_walk_begin(&walk, NULL, path);

    while (len == 0) {
        len = vfs_walk_to_last(&walk);
        if (len < 0)
            break;
        len = vfs_walk_last(&walk, 0, &inode);
        if (len == VFS_WALK_ON)
            len = 0;
        else
            break;
    }
    if (len == 0) {
        len = vfs_realpath_of(&walk, inode, resolved, size);
        inode_put(inode);
    }
    vfs_walk_end(&walk);
    return len == -ERANGE ? -ENAMETOOLONG : len;
}
