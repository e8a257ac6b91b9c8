/*
 * ext_image: a disk for the host tests of libc-glue/ext: an image made by mke2fs, held in memory,
 * as a struct block_device; and the programs of e2fsprogs to make and check images with.
 *
 * Every write is kept in order, so that the disk as it was after any of them can be had again.
 * Requests are checked as a device would, and complete within submit.
 */
#ifndef TESTS_HOST_EXT_IMAGE_H
#define TESTS_HOST_EXT_IMAGE_H

#include <drivers/block.h>

#include "ext/ext.h"
#include "glue_test.h"

struct image_write {
    uint64_t at; /* bytes */
    size_t len;
    uint8_t *data;
    unsigned flushes; /* before it */
};

struct image {
    struct block_device device;
    uint8_t *bytes;
    size_t size;
    bool record;
    struct image_write *writes;
    size_t n_writes, max_writes;
    unsigned flushes, reads;
    size_t fail_from; /* writes with this number and later ones fail with -EIO; SIZE_MAX: none */
    bool defer;       /* reads wait for image_complete() */
    bool defer_all;   /* writes and flushes, too */
    struct block_request *deferred;
    unsigned unit;    /* bytes that are written as one: longer writes count as several */
};

/* Whether the programs are there; tests say SKIP and return if not. */
bool image_tools(void);

/* mke2fs with these options on a file of so many KiB. */
struct image *image_make(const char *options, size_t kib);
struct image *image_load(const char *path);
/*
 * Do what was deferred; the request number n (from 0 on, the last that came first), if there are so
 * many.
 */
void image_complete(struct image *image);
bool image_complete_one(struct image *image, unsigned n);
struct image *image_copy(const struct image *image);
void image_save(const struct image *image, const char *path);
void image_free(struct image *image);
/* The disk as it was after the first n recorded writes, from what it was before them. */
struct image *image_after(const struct image *before, const struct image *recorded, size_t n);

/* Note a write as the device does; data only if it records. */
void image_keep(struct image *image, uint64_t at, const uint8_t *data, size_t len);

/* e2fsck -fn: 0, or the program's status with its output on stderr. */
int image_check(const struct image *image);
/* e2fsck -fy; the image becomes the repaired one. Its status. */
int image_repair(struct image *image);
/* debugfs -R command; the output, which stays until the next call. */
const char *image_debugfs(const struct image *image, const char *command);
/* A file in a directory of this process. */
const char *image_path(const char *name);

#endif
