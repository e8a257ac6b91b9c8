/*
 * disk: disks and their partitions by name, for what is built on block devices: the nodes in /dev
 * and file systems.
 *
 * Owns the list of them, the search for disks (begun at the first call of disk_settle() or
 * disk_get(), so that a program that never looks at a disk does not pay for one), and the reading
 * of partition tables. What it hands out is a struct block_device of its own in front of the
 * driver's: a partition's sectors count from 0, and one that was unplugged stays valid, with `gone`
 * set, for as long as somebody holds it.
 */
#ifndef LIBC_GLUE_DISK_H
#define LIBC_GLUE_DISK_H

#include <drivers/block.h>

/*
 * Wait, at most some seconds, until every disk that the tool stack announced is connected or has
 * failed; read the partition tables of new disks, and make nodes in /dev for those that came and
 * take away those that went. Threads, and boot before there are any; may wait.
 */
void disk_settle(void);

/*
 * The disk or partition of that name: "/dev/xvda1" or "xvda1". Returns 0 with a reference, or
 * -ENXIO. Of the fields that are left to the room above, `changed` and `owner` belong to whoever
 * mounts it.
 */
int disk_get(const char *name, struct block_device **out);
/*
 * Read the partition table of a whole disk anew: nodes come and go. Returns 0, -EBUSY when somebody
 * uses one of its partitions, -EINVAL for a partition, or another negative errno. May wait.
 */
int disk_reread(struct block_device *device);
struct block_device *disk_ref(struct block_device *device);
void disk_put(struct block_device *device);

/*
 * Submit a request, of which done and arg are not the caller's, and wait for its end. Threads, and
 * boot before there are any. Returns its status; the wait cannot be interrupted.
 */
int disk_run(struct block_device *device, struct block_request *request);
/* The same for one piece of memory; BLOCK_FLUSH and BLOCK_DISCARD use none: len tells how much. */
int disk_transfer(struct block_device *device, enum block_op op, uint64_t sector, void *data,
                  size_t len);

#endif
