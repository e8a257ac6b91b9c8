/*
 * blkfront: the disks of the xl configuration, as block devices.
 *
 * Owns every vbd: its ring, its buffers and what is in flight. Each disk that connects is announced
 * to the listener of drivers/block.h under the name that its virtual device number stands for.
 * CD-ROMs are refused. The data of a request is copied through pages that are granted to the back
 * end for as long as the connection lasts: no other memory of the program is ever within a back
 * end's reach.
 */
#ifndef DRIVERS_BLKFRONT_H
#define DRIVERS_BLKFRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Look for disks from now on. Returns 0, also when it has begun before, or a negative errno. */
int blkfront_start(void);

/* True while a disk that was there when the search began is neither connected nor given up. */
bool blkfront_discovering(void);

/* What a virtual device number stands for. */
struct blkfront_name {
    char text[16];         /* "xvda", "hdb", "sdc", "xvda1" */
    uint16_t major, minor; /* Linux's number of it; 0, 0 where it has none */
};

/*
 * Returns 0, or -EINVAL for a number that names no disk. Source: docs/man/xen-vbd-interface.7 of
 * Xen.
 */
int blkfront_name(uint64_t virtual_device, struct blkfront_name *name);

#endif
