/*
 * device: character and block devices by number, and the nodes of /dev.
 *
 * Owns the table from device number to driver. A node in any file system leads here when opened, so
 * that nodes from an initrd work as well. Numbers are Linux's, since programs and archives know them.
 */
#ifndef LIBC_GLUE_DEVICE_H
#define LIBC_GLUE_DEVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include <runtime/list.h>

struct file;
struct inode;

#define DEVICE_NUMBER(major, minor) ((dev_t)((major) << 8 | (minor))) /* both below 256 */
#define DEVICE_NULL    DEVICE_NUMBER(1, 3)
#define DEVICE_ZERO    DEVICE_NUMBER(1, 5)
#define DEVICE_FULL    DEVICE_NUMBER(1, 7)
#define DEVICE_RANDOM  DEVICE_NUMBER(1, 8)
#define DEVICE_URANDOM DEVICE_NUMBER(1, 9)
#define DEVICE_TTY     DEVICE_NUMBER(5, 0)
#define DEVICE_CONSOLE DEVICE_NUMBER(5, 1)

struct device {
    struct list link;
    const char *name; /* below /dev */
    mode_t mode;      /* S_IFCHR or S_IFBLK, and permissions */
    dev_t number;
    /* A new file with one reference in *out; flags as open() got them. Must not wait for long. */
    int (*open)(const struct device *device, int flags, struct file **out);
};

/* Make the device known, with a node in /dev. It stays valid until device_remove(). */
int device_add(struct device *device);
void device_remove(struct device *device);

/* Open by what a node says. -ENXIO when there is no such device. */
int device_open(mode_t mode, dev_t number, int flags, struct file **out);

/*
 * A name was not found in dir, or dir is about to be listed. If it is /dev, devices that announce
 * themselves only then get their nodes now: true, and it is worth looking again. May wait.
 */
bool device_look(struct inode *dir);
/* Where that is. */
int device_set_dir(const char *path);

/* Boot: the devices that are always there. /dev exists already. */
int device_start(void);

#endif
