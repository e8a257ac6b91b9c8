#include "unix_name.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "files/inode.h"
#include "files/vfs.h"

#define UNIX_NAME_BUCKETS 64u
#define UNIX_NAME_PATH offsetof(struct sockaddr_un, sun_path)

static struct list unix_name_table[UNIX_NAME_BUCKETS]; /* a link of NULL: not yet a list */

int unix_name_parse(struct unix_name *name, const struct sockaddr *address, socklen_t len)
{
    memset(name, 0, sizeof(*name));
    list_init(&name->link);
    if (len < sizeof(sa_family_t) || len > sizeof(name->address) || address->sa_family != AF_UNIX)
        return -EINVAL;
    memcpy(&name->address, address, len);
    name->len = len;
    if (unix_name_is_path(name)) {
        size_t length = strnlen(name->address.sun_path, len - UNIX_NAME_PATH);

        /* With its NUL, even where there was no room for it in the structure: 107 bytes and it. */
        if (length == sizeof(name->address.sun_path))
            return -EINVAL;
        name->address.sun_path[length] = '\0';
        name->len = (socklen_t)(UNIX_NAME_PATH + length + 1);
    }
    return 0;
}

int unix_name_node(struct unix_name *name, bool make)
{
    struct inode_new what = { .mode = S_IFSOCK | (0777 & ~vfs_get_umask()) };
    struct inode *inode;
    int error;

    if (make) {
        error = vfs_create(NULL, name->address.sun_path, &what, &inode);
        if (error == -EEXIST)
            error = -EADDRINUSE;
    } else {
        error = vfs_lookup(NULL, name->address.sun_path, 0, &inode);
        if (error == 0 && !S_ISSOCK(inode->kind)) {
            inode_put(inode);
            error = -ECONNREFUSED;
        }
    }
    if (error < 0)
        return error;
    name->inode = inode_hold(inode);
    inode_put(inode);
    return 0;
}

void unix_name_forget(struct unix_name *name)
{
    inode_drop(name->inode);
    name->inode = NULL;
}

static struct list *unix_name_bucket(const struct unix_name *name)
{
    const unsigned char *at = (const unsigned char *)name->address.sun_path;
    uint64_t hash = (uintptr_t)name->inode >> 4;
    struct list *bucket;

    if (name->inode == NULL)
        for (size_t i = 0; i < name->len - UNIX_NAME_PATH; i++)
            hash = hash * 31 + at[i];
    bucket = &unix_name_table[(hash ^ hash >> 32 ^ hash >> 7) % UNIX_NAME_BUCKETS];
    if (bucket->next == NULL)
        list_init(bucket);
    return bucket;
}

struct unix_name *unix_name_find(const struct unix_name *name)
{
    list_for_each (link, unix_name_bucket(name)) {
        struct unix_name *at = list_entry(link, struct unix_name, link);

        if (name->inode != NULL ? at->inode == name->inode
                                : at->inode == NULL && at->len == name->len &&
                                      memcmp(&at->address, &name->address, name->len) == 0)
            return at;
    }
    return NULL;
}

int unix_name_bind(struct unix_name *name)
{
    if (unix_name_find(name) != NULL)
        return -EADDRINUSE;
    list_append(unix_name_bucket(name), &name->link);
    return 0;
}

void unix_name_unbind(struct unix_name *name)
{
    list_remove(&name->link);
}
