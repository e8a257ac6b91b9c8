/*
 * rootfs: what is at / when main begins: a RAM file system with the initrd's files, /tmp and /dev.
 *
 * Linked, and so run, in programs that use paths (file_vfs.c asks for it).
 */
#include "rootfs.h"

#include <errno.h>

#include <platform/start_info.h>
#include <runtime/boot.h>
#include <runtime/log.h>

#include "devices/device.h"
#include "devices/disk.h"
#include "initrd.h"
#include "mounts.h"
#include "ramfs.h"
#include "sockets/resolv_file.h"
#include "vfs.h"

const char rootfs_is_linked = 1;

/* Whoever uses paths may be given a disk: /dev/xvda. Nothing of it runs before somebody asks. */
static void (*const rootfs_needs_disk)(void) __attribute__((used)) = disk_settle;

/* And that may hold a file system: mount=. */
static const char *const rootfs_needs_mounts __attribute__((used)) = &mounts_is_linked;

static int rootfs_make_dir(const char *path, mode_t mode)
{
    struct inode_new what = { .mode = S_IFDIR | mode };
    struct inode_change change = { .what = INODE_MODE, .mode = mode };
    struct inode *dir;
    int error = vfs_create(NULL, path, &what, &dir);

    if (error == -EEXIST)
        return 0;
    if (error == 0) {
        error = vfs_set_inode(dir, &change); /* whatever the file mode mask */
        inode_put(dir);
    }
    return error;
}

static int rootfs_start(void)
{
    const struct start_facts *facts = start_facts();
    struct fs *fs;
    int error = ramfs_new(&fs);

    if (error == 0)
        error = vfs_mount(fs, NULL);
    if (error < 0)
        return error;
    if (facts->mod_start != 0 && facts->mod_len != 0)
        initrd_unpack((const void *)facts->mod_start, facts->mod_len); /* it has logged */
    error = rootfs_make_dir("/tmp", 01777);
    if (error == 0)
        error = rootfs_make_dir("/dev", 0755);
    if (error == 0)
        error = device_start();
    if (error == 0 && resolv_file_start != NULL)
        resolv_file_start(); /* the network is in the program, too */
    return error;
}
BOOT_PART(110, rootfs_start);
