#include "initrd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <runtime/log.h>

#include "cpio.h"
#include "devices/device.h"
#include "ramfs.h"
#include "vfs.h"

/* A file with several names: the archive repeats it under each, with content under the last. */
struct initrd_link {
    struct initrd_link *next;
    uint32_t ino, dev_major, dev_minor;
    struct inode *inode; /* a reference */
};

struct initrd {
    struct initrd_link *links;
    size_t files;
};

static struct initrd_link *initrd_find_link(struct initrd *initrd, const struct cpio_entry *entry)
{
    struct initrd_link *link = initrd->links;

    while (link != NULL && (link->ino != entry->ino || link->dev_major != entry->dev_major ||
                            link->dev_minor != entry->dev_minor))
        link = link->next;
    return link;
}

/* Make the directories above a name that the archive does not list. */
static int initrd_make_parents(const char *name)
{
    struct inode_new what = { .mode = S_IFDIR | 0755 };
    char path[VFS_PATH_MAX];
    int error = 0;

    strcpy(path, name);
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        error = path[0] != '\0' ? vfs_create(NULL, path, &what, NULL) : 0;
        *slash = '/';
        if (error < 0 && error != -EEXIST)
            return error;
    }
    return 0;
}

static int initrd_create(const struct cpio_entry *entry, struct inode **out)
{
    struct inode_new what = {
        .mode = entry->mode & (S_IFMT | 07777),
        .rdev = DEVICE_NUMBER(entry->rdev_major & 0xff, entry->rdev_minor & 0xff),
        .target = entry->data,
        .target_len = entry->data_len,
    };
    int error = vfs_create(NULL, entry->name, &what, out);

    if (error == -ENOENT) {
        error = initrd_make_parents(entry->name);
        if (error == 0)
            error = vfs_create(NULL, entry->name, &what, out);
    }
    if (error == -EEXIST && S_ISDIR(entry->mode))
        return vfs_lookup(NULL, entry->name, 0, out);
    if (error == -EEXIST) { /* a later archive replaces what an earlier one had */
        error = vfs_unlink(NULL, entry->name);
        if (error == 0)
            error = vfs_create(NULL, entry->name, &what, out);
    }
    return error;
}

static int initrd_set_attributes(struct inode *inode, const struct cpio_entry *entry)
{
    struct inode_change change = {
        .what = INODE_OWNER | INODE_GROUP | INODE_ATIME | INODE_MTIME,
        .mode = entry->mode & 07777,
        .uid = entry->uid,
        .gid = entry->gid,
        .atime = { .tv_sec = entry->mtime },
        .mtime = { .tv_sec = entry->mtime },
    };

    if (!S_ISLNK(entry->mode))
        change.what |= INODE_MODE;
    return vfs_set_inode(inode, &change);
}

/* A new entry of any kind, which other names may follow. */
static int initrd_add_new(struct initrd *initrd, const struct cpio_entry *entry,
                          struct inode **out)
{
    struct initrd_link *link;
    int error = initrd_create(entry, out);

    if (error < 0 || !S_ISREG(entry->mode) || entry->nlink <= 1)
        return error;
    link = malloc(sizeof(*link));
    if (link == NULL) {
        inode_put(*out);
        return -ENOMEM;
    }
    *link = (struct initrd_link){
        .next = initrd->links,
        .ino = entry->ino,
        .dev_major = entry->dev_major,
        .dev_minor = entry->dev_minor,
        .inode = inode_ref(*out),
    };
    initrd->links = link;
    return 0;
}

/* One more name for a file seen before. */
static int initrd_add_name(struct initrd_link *link, const struct cpio_entry *entry,
                           struct inode **out)
{
    int error = vfs_link_inode(link->inode, NULL, entry->name);

    if (error == 0)
        *out = inode_ref(link->inode);
    return error;
}

static int initrd_visit(void *arg, const struct cpio_entry *entry)
{
    struct initrd *initrd = arg;
    struct initrd_link *link = NULL;
    struct inode *inode;
    int error;

    if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "/") == 0)
        return 0;
    if (entry->name_len >= VFS_PATH_MAX)
        return -ENAMETOOLONG;
    if (S_ISREG(entry->mode) && entry->nlink > 1)
        link = initrd_find_link(initrd, entry);
    error = link != NULL ? initrd_add_name(link, entry, &inode)
                         : initrd_add_new(initrd, entry, &inode);
    if (error < 0)
        return error;
    if (S_ISREG(entry->mode) && entry->data_len > 0)
        ramfs_set_content(inode, entry->data, entry->data_len);
    error = initrd_set_attributes(inode, entry);
    inode_put(inode);
    initrd->files++;
    return error;
}

static bool initrd_is_gzip(const unsigned char *bytes, size_t len)
{
    return len >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

int initrd_unpack(const void *archive, size_t len)
{
    struct initrd initrd = { 0 };
    size_t offset = 0;
    int error;

    if (initrd_is_gzip(archive, len)) {
        log_line(LOG_ERROR, "initrd: damaged gzip data, which Xen's tools could not uncompress");
        return -EINVAL;
    }
    error = cpio_each(archive, len, initrd_visit, &initrd, &offset);
    while (initrd.links != NULL) {
        struct initrd_link *link = initrd.links;

        initrd.links = link->next;
        inode_put(link->inode);
        free(link);
    }
    if (error == -EINVAL)
        log_line(LOG_ERROR, "initrd: damaged cpio archive at byte %zu of %zu, %zu files unpacked",
                 offset, len, initrd.files);
    else if (error < 0)
        log_line(LOG_ERROR, "initrd: unpacking failed at byte %zu of %zu: error %d", offset, len,
                 error);
    else
        log_line(LOG_DEBUG, "initrd: %zu files unpacked", initrd.files);
    return error;
}
