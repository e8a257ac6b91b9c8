/*
 * ext_files: files by path for the tests of ext: an image mounted at /mnt, whole files, patterns.
 */
#ifndef TESTS_HOST_EXT_FILES_H
#define TESTS_HOST_EXT_FILES_H

#include <sys/stat.h>

#include "ext_image.h"
#include "files/vfs.h"

/* Mount the image at /mnt, with a cache of files_cache bytes. */
extern size_t files_cache;
int files_try_mount(struct image *image, bool read_only);
void files_mount(struct image *image, bool read_only);
void files_unmount(void);
/* As if the domain ended here: nothing more is written. */
void files_destroy(struct image *image);
struct fs *files_fs(void);

void files_write(const char *path, const char *text);
const char *files_read(const char *path); /* until the next call */
int files_make_dir(const char *path);
int files_symlink(const char *target, const char *path);
struct stat files_stat(const char *path);
bool files_exist(const char *path);

struct file *files_open(const char *path, int flags);
/* Bytes that tell where they are: written at, or expected from, offset on. */
ssize_t files_put(struct file *file, off_t offset, size_t len, unsigned seed);
void files_expect(struct file *file, off_t offset, size_t len, unsigned seed);
void files_expect_zero(struct file *file, off_t offset, size_t len);
int files_sync(struct file *file);
uint8_t files_byte(off_t offset, unsigned seed);

#endif
