#include "mounts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <runtime/launch.h>
#include <runtime/log.h>
#include <runtime/shutdown.h>

#include "devices/device.h"
#include "fs_type.h"
#include "ramfs.h"
#include "vfs.h"

#define MOUNTS_STATUS 125 /* of a program that was not started */

const char mounts_is_linked = 1;

/* ext/type.c; the address may be 0 (see mounts.h), which the compiler is not told. */
extern struct fs_type ext_fs_type[];
static struct fs_type *volatile const mounts_types = ext_fs_type;

/* One mount=, taken apart. The strings live in text. */
struct mounts_wish {
    char *text, *device, *dir, *type;
    bool read_only;
};

static const char *mounts_parse(const char *value, struct mounts_wish *wish)
{
    char *rest;

    *wish = (struct mounts_wish){ .text = strdup(value) };
    rest = wish->text;
    if (rest == NULL)
        return "no memory";
    wish->device = strsep(&rest, ":");
    wish->dir = strsep(&rest, ":");
    wish->type = strsep(&rest, ":");
    if (wish->device[0] == '\0' || wish->dir == NULL || wish->dir[0] != '/')
        return "it takes DEV:DIR[:TYPE[:ro]], and DIR begins with a slash";
    if (wish->type != NULL && strcmp(wish->type, "ro") == 0) {
        wish->read_only = true;
        wish->type = NULL;
    }
    if (wish->type != NULL && strcmp(wish->type, "mkfs") == 0)
        return "a guest formats no disk: use --disk FILE,size=64M,mkfs, or mke2fs";
    if (wish->type != NULL && (wish->type[0] == '\0' || strcmp(wish->type, "auto") == 0))
        wish->type = NULL;
    for (char *word = strsep(&rest, ":,"); word != NULL; word = strsep(&rest, ":,")) {
        if (strcmp(word, "ro") == 0)
            wish->read_only = true;
        else if (strcmp(word, "rw") != 0)
            return "after TYPE only ro and rw are known";
    }
    return NULL;
}

/* All directories of a path. */
static int mounts_make_dirs(char *path)
{
    struct inode_new what = { .mode = S_IFDIR | 0755 };
    int error = 0;

    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        error = vfs_create(NULL, path, &what, NULL);
        if (slash != NULL)
            *slash = '/';
        if (error == -EEXIST || error == -EROFS)
            error = 0; /* whether it is a directory, the mount will tell */
        if (error < 0 || slash == NULL)
            return error;
    }
}

/* A RAM file system for one of the directories that the old root had, with what was in it. */
static int mounts_move_dir(struct inode *old_root, const char *path)
{
    struct vfs_name name = { path + 1, strlen(path + 1) };
    struct inode_new dir = { .mode = S_IFDIR | 0755 };
    struct file_entry entry = { 0 };
    struct inode *old;
    struct fs *fs;
    int error = old_root->ops->lookup(old_root, name, &old);

    if (error < 0)
        return error;
    error = ramfs_new(&fs);
    vfs_create(NULL, path, &dir, NULL); /* it may be there, or the disk be read-only */
    if (error == 0) {
        error = vfs_mount(fs, path);
        if (error < 0)
            fs->ops->unmount(fs);
    }
    while (error == 0 && old->ops->next_entry(old, entry.next, &entry) > 0) {
        struct vfs_name child_name = { entry.name, strlen(entry.name) };
        struct inode *child;
        struct stat info = { 0 };
        char target[300];

        if (entry.name[0] == '.' || old->ops->lookup(old, child_name, &child) < 0)
            continue;
        if ((S_ISCHR(child->kind) || S_ISBLK(child->kind)) && inode_stat(child, &info) == 0) {
            struct inode_new node = { .mode = info.st_mode, .rdev = child->rdev };

            log_format(target, sizeof(target), "%s/%s", path, entry.name);
            error = vfs_create(NULL, target, &node, NULL);
        }
        inode_put(child);
    }
    inode_put(old);
    return error;
}

static void mounts_make_tmp(void)
{
    struct inode_new what = { .mode = S_IFDIR | 0777 };
    struct inode_change sticky = { .what = INODE_MODE, .mode = 01777 };
    struct inode *dir;

    if (vfs_create(NULL, "/tmp", &what, &dir) < 0)
        return; /* it is there, or the disk is full */
    vfs_set_inode(dir, &sticky);
    inode_put(dir);
}

/* The disk becomes the root, with /dev as it was. */
static int mounts_root(struct fs *fs)
{
    struct inode *old;
    int error = vfs_lookup(NULL, "/", 0, &old);

    if (error == 0)
        error = vfs_mount_root(fs);
    if (error < 0)
        return error;
    error = mounts_move_dir(old, "/dev");
    if (error == 0)
        error = device_set_dir("/dev");
    if (error < 0)
        log_line(LOG_WARNING, "mount: no /dev on the new root: error %d", error);
    if (fs->read_only)
        mounts_move_dir(old, "/tmp"); /* if it has a /tmp at all */
    else
        mounts_make_tmp();
    inode_put(old);
    return 0;
}

static int mounts_one(struct mounts_wish *wish)
{
    bool is_root = strspn(wish->dir, "/") == strlen(wish->dir);
    struct fs *fs;
    int error = fs_type_open(wish->type, wish->device, wish->read_only, &fs);

    if (error < 0)
        return error;
    if (wish->read_only)
        fs->read_only = true;
    if (is_root) {
        error = mounts_root(fs);
    } else {
        error = mounts_make_dirs(wish->dir);
        if (error == 0)
            error = vfs_mount(fs, wish->dir);
    }
    if (error < 0)
        fs->ops->unmount(fs);
    return error;
}

static const char *mounts_why(int error)
{
    switch (error) {
    case -ENXIO:
        return "there is no such disk";
    case -ENODEV:
        return "the type is not known";
    case -EINVAL:
        return "no file system that is known here, or a damaged one";
    case -EOPNOTSUPP:
        return "the file system has features that are not known here";
    case -EIO:
        return "the disk fails";
    case -ENOMEM:
        return "not enough memory";
    }
    return strerror(-error);
}

static void mounts_enter(const char *path)
{
    struct inode *dir;
    int error = vfs_lookup(NULL, path, 0, &dir);

    if (error == 0) {
        error = vfs_chdir(dir);
        inode_put(dir);
    }
    if (error < 0) {
        log_line(LOG_ERROR, "cwd=%s: %s", path, strerror(-error));
        shutdown_exit(MOUNTS_STATUS);
    }
}

/* On main's thread, before any constructor. */
static void mounts_before_main(void)
{
    for (struct fs_type *type = mounts_types; type != NULL && type->name != NULL; type++)
        fs_type_add(type);
    for (size_t i = 0; launch_setting("mount", i) != NULL; i++) {
        const char *value = launch_setting("mount", i), *why;
        struct mounts_wish wish;
        int error = 0;

        why = mounts_parse(value, &wish);
        if (why == NULL) {
            error = mounts_one(&wish);
            why = error < 0 ? mounts_why(error) : NULL;
        }
        free(wish.text);
        if (why != NULL) {
            log_line(LOG_ERROR, "mount=%s: %s", value, why);
            shutdown_exit(MOUNTS_STATUS);
        }
    }
    if (launch_setting("cwd", 0) != NULL)
        mounts_enter(launch_setting("cwd", 0));
}

static void (*const mounts_entry)(void)
    __attribute__((used, section(".preinit_array"))) = mounts_before_main;
