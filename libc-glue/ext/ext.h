/*
 * ext: ext2, ext3 and ext4 file systems on block devices, as file systems of the VFS.
 *
 * Owns everything between the VFS (inode.h) and a block device (drivers/block.h). libext2fs reads
 * superblocks, extent trees and checksums; blocks, the journal, directories and space are ours.
 *
 * What a program may rely on:
 *
 * fsync(fd) has returned 0: the file's content and size, its attributes, the blocks it needs, and
 * the name under which it was opened, created, linked or renamed last, survive the end of the
 * domain at any moment, and of the machine too when the back end honours flushes. The same holds
 * for all that was done to names in this file system before. fdatasync() gives the same for what is
 * needed to read the content back: time stamps may be older. sync() and an orderly exit do it for
 * everything.
 *
 * With a journal (ext3, ext4) the file system is consistent at any moment once the journal is
 * replayed, which we, Linux and e2fsck do alike. Every operation on names happened or did not: a
 * rename over an existing file leaves the old one or the new one, with its content if that was
 * synced. A file never shows blocks that belonged to somebody else: content goes to the disk before
 * the commit that maps it.
 *
 * Without one (ext2) e2fsck -fy makes it consistent. Changes reach the disk in an order in which a
 * name always means a file that is there: new inodes before their names, the new name before the
 * old one goes, blocks marked in use before anything points at them, and nothing is used again
 * before the disk no longer points at it. So nothing that was synced is lost, and we mount what we
 * left so without e2fsck; one left so by somebody else is mounted read-only.
 *
 * What was not synced is on the disk EXT_COMMIT_S seconds later at the latest.
 *
 * A write that fails on the device ends all writing: the file system is read-only from then on,
 * says so in one line, and fsync() tells EIO. What is damaged is refused with EBADMSG, and everything
 * else goes on, unless the file system was made to be read-only then (mke2fs -e remount-ro).
 */
#ifndef LIBC_GLUE_EXT_H
#define LIBC_GLUE_EXT_H

#include <stdbool.h>
#include <stddef.h>

#include <drivers/block.h>

#include "files/inode.h"

#define EXT_COMMIT_S 5

struct ext_options {
    bool read_only;
    size_t cache_bytes; /* the block cache's bound; 0: an eighth of the free memory */
    bool no_thread;     /* nothing is written by itself: tests */
    /* The device is not needed any more: from fs->ops->unmount(). NULL: nobody wants to know. */
    void (*closed)(struct fs *fs, struct block_device *device);
};

/*
 * A file system over device, which stays the caller's until fs->ops->unmount(). Recovers the
 * journal. source is its name for people. Returns 0, -EINVAL (no ext file system, or damaged),
 * -EOPNOTSUPP (a feature that we lack, named in the log), -ENOMEM, -EIO. A device that cannot be
 * written, and what must not be written, is mounted read-only, with a line that says why.
 */
int ext_open(struct block_device *device, const char *source, const struct ext_options *options,
             struct fs **out);

/*
 * Whether the device holds an ext file system, and of which kind: "ext2", "ext3", "ext4" or NULL.
 */
const char *ext_probe(struct block_device *device);

/*
 * Write back what should not wait any longer; what the thread of each file system does by itself.
 */
int ext_commit_now(struct fs *fs);

/*
 * The program ends: everything to the disk, marked clean; from then on it is read-only. Files may
 * be open: one without a name stays on the disk until somebody mounts it again.
 */
int ext_shut(struct fs *fs);

#endif
