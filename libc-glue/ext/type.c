/*
 * ext2, ext3 and ext4 as types of file systems for mount(): from the name of a disk to the file
 * system on it; and the end of the program, when all of them are left clean.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <runtime/shutdown.h>

#include "devices/disk.h"
#include "files/fs_type.h"
#include "ext.h"

static struct {
    struct mutex mutex; /* "ext mounts" */
    struct fs *mounted[16];
} ext_type;

static void ext_type_end(void)
{
    mutex_lock(&ext_type.mutex);
    for (size_t i = 0; i < sizeof(ext_type.mounted) / sizeof(ext_type.mounted[0]); i++)
        if (ext_type.mounted[i] != NULL)
            ext_shut(ext_type.mounted[i]);
    mutex_unlock(&ext_type.mutex);
}

/* Remember it until the end, or until ext_closed(). */
static int ext_type_keep(struct fs *fs)
{
    static struct shutdown_hook hook = { .name = "ext", .fn = ext_type_end };
    static bool hooked;
    int error = -ENFILE;

    mutex_lock(&ext_type.mutex);
    for (size_t i = 0; error < 0 && i < sizeof(ext_type.mounted) / sizeof(fs); i++) {
        if (ext_type.mounted[i] == NULL) {
            ext_type.mounted[i] = fs;
            error = 0;
        }
    }
    if (!hooked)
        shutdown_add_hook(&hook);
    hooked = true;
    mutex_unlock(&ext_type.mutex);
    return error;
}

static void ext_type_closed(struct fs *fs, struct block_device *device)
{
    mutex_lock(&ext_type.mutex);
    for (size_t i = 0; i < sizeof(ext_type.mounted) / sizeof(fs); i++)
        if (ext_type.mounted[i] == fs)
            ext_type.mounted[i] = NULL;
    mutex_unlock(&ext_type.mutex);
    disk_put(device);
}

static int ext_type_open(const char *source, bool read_only, struct fs **out)
{
    struct ext_options options = { .read_only = read_only, .closed = ext_type_closed };
    struct block_device *device;
    int error;

    disk_settle();
    error = disk_get(source, &device);
    if (error < 0)
        return error;
    error = ext_open(device, source, &options, out);
    if (error < 0) {
        disk_put(device);
        return error;
    }
    error = ext_type_keep(*out);
    if (error < 0)
        (*out)->ops->unmount(*out);
    return error;
}

struct fs_type ext_fs_type[] = {
    { .name = "ext4", .open = ext_type_open },
    { .name = "ext3", .open = ext_type_open },
    { .name = "ext2", .open = ext_type_open },
    { .name = NULL },
};
