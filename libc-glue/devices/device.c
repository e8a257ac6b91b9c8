#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <runtime/log.h>

#include "files/vfs.h"

/* disk.c: programs that use paths carry it; tests of other things do not. */
void disk_settle(void) __attribute__((weak));

static struct {
    struct mutex mutex; /* "devices" */
    struct list list;
    struct inode *dir; /* /dev */
} devices = { .list = LIST_INIT(devices.list) };

/* With the mutex held. */
static struct device *device_find(mode_t kind, dev_t number)
{
    list_for_each (link, &devices.list) {
        struct device *device = list_entry(link, struct device, link);

        if (device->number == number && (device->mode & S_IFMT) == kind)
            return device;
    }
    return NULL;
}

/* "/dev/NAME"; false when the name is too long. */
static bool device_path(const struct device *device, char path[64])
{
    return (size_t)log_format(path, 64, "/dev/%s", device->name) < 64;
}

int device_add(struct device *device)
{
    struct inode_new what = { .mode = device->mode, .rdev = device->number };
    struct inode_change mode = { .what = INODE_MODE, .mode = device->mode & 07777 };
    struct inode *inode;
    char path[64];
    int error;

    if (!device_path(device, path))
        return -ENAMETOOLONG;
    mutex_lock(&devices.mutex);
    if (device_find(device->mode & S_IFMT, device->number) != NULL) {
        mutex_unlock(&devices.mutex);
        return -EEXIST;
    }
    list_append(&devices.list, &device->link);
    mutex_unlock(&devices.mutex);

    error = vfs_create(NULL, path, &what, &inode);
    if (error == -EEXIST)
        return 0; /* the initrd brought its own node */
    if (error == 0) {
        error = vfs_set_inode(inode, &mode); /* whatever the umask */
        inode_put(inode);
    }
    return error;
}

void device_remove(struct device *device)
{
    char path[64];

    mutex_lock(&devices.mutex);
    list_remove(&device->link);
    mutex_unlock(&devices.mutex);
    if (device_path(device, path))
        vfs_unlink(NULL, path);
}

int device_set_dir(const char *path)
{
    return vfs_lookup(NULL, path, 0, &devices.dir);
}

bool device_look(struct inode *dir)
{
    if (disk_settle == NULL || dir != devices.dir)
        return false;
    disk_settle();
    return true;
}

/* With the mutex held throughout, so that the device is not removed meanwhile. */
static int device_try_open(mode_t mode, dev_t number, int flags, struct file **out)
{
    const struct device *device;
    int error;

    mutex_lock(&devices.mutex);
    device = device_find(mode & S_IFMT, number);
    error = device != NULL ? device->open(device, flags, out) : -ENXIO;
    mutex_unlock(&devices.mutex);
    return error;
}

int device_open(mode_t mode, dev_t number, int flags, struct file **out)
{
    int error = device_try_open(mode, number, flags, out);

    if (error == -ENXIO && S_ISBLK(mode) && disk_settle != NULL) {
        disk_settle(); /* unplugged; perhaps another one has come in its place */
        error = device_try_open(mode, number, flags, out);
    }
    return error;
}
