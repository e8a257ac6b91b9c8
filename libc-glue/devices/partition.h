/*
 * partition: what the table at the beginning of a disk says.
 *
 * Owns nothing: it reads through the caller. MBR with logical partitions, and GPT (with its backup
 * when the first header is damaged). The disk's content is not trusted: every number is checked,
 * and every chain bounded. Source: UEFI specification, chapter 5, "GUID Partition Table (GPT) Disk
 * Layout".
 */
#ifndef LIBC_GLUE_PARTITION_H
#define LIBC_GLUE_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#define PARTITION_MAX 128u

struct partition {
    unsigned number;         /* as in xvda1: from 1 */
    uint64_t start, sectors; /* of 512 bytes */
};

struct partition_disk {
    uint64_t sectors;     /* of 512 bytes */
    unsigned sector_size; /* 512 to 4096: the unit of the numbers in tables */
    /*
     * Read len bytes, a multiple of sector_size, from a sector of 512 bytes on. 0 or a negative
     * errno.
     */
    int (*read)(void *arg, uint64_t sector, void *buffer, size_t len);
    void *arg;
};

/*
 * Fills out with at most PARTITION_MAX partitions. Returns how many (0: no table), or a negative
 * errno.
 */
int partition_read(const struct partition_disk *disk, struct partition out[PARTITION_MAX]);

#endif
