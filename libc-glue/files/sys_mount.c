/* mount and umount, and the types of file systems that can be mounted. */
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fs_type.h"
#include "ramfs.h"
#include "process/result.h"
#include "vfs.h"

static struct fs_type *sys_types; /* grows before main only */

void fs_type_add(struct fs_type *type)
{
    type->next = sys_types;
    sys_types = type;
}

int fs_type_open(const char *name, const char *source, bool read_only, struct fs **out)
{
    int error = -ENODEV;

    if (name != NULL && (strcmp(name, "ramfs") == 0 || strcmp(name, "tmpfs") == 0))
        return ramfs_new(out);
    for (struct fs_type *type = sys_types; type != NULL; type = type->next) {
        if (name != NULL && strcmp(type->name, name) != 0)
            continue;
        error = type->open(source, read_only, out);
        if (error != -EINVAL || name != NULL)
            break;
    }
    return error;
}

int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const void *data)
{
    struct fs *fs;
    int error;

    (void)data;
    if (target == NULL || type == NULL)
        return (int)result(-EFAULT);
    if ((flags & (MS_BIND | MS_REMOUNT)) != 0)
        return (int)result(-EINVAL);
    error = fs_type_open(type, source, (flags & MS_RDONLY) != 0, &fs);
    if (error < 0)
        return (int)result(error);
    fs->read_only |= (flags & MS_RDONLY) != 0;
    error = vfs_mount(fs, target);
    if (error < 0)
        fs->ops->unmount(fs);
    return (int)result(error);
}

int umount2(const char *target, int flags)
{
    if (target == NULL)
        return (int)result(-EFAULT);
    /* MNT_FORCE asks for what vfs_unmount() refuses while files are open. */
    return (int)result(flags & ~UMOUNT_NOFOLLOW ? -EINVAL : vfs_unmount(target));
}

int umount(const char *target)
{
    return umount2(target, 0);
}

void sync(void)
{
    vfs_sync();
}
