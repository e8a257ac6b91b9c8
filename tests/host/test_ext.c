/*
 * ext2, ext3 and ext4 on images made by mke2fs: what is done through the VFS, and what e2fsck says
 * then.
 */
#include "ext_image.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <ext2fs/ext2fs.h>

#include "files/ramfs.h"
#include "files/vfs.h"

#include "ext_files.h"

/* Whatever the kind of file system, the same has to work. */
static const struct {
    const char *name, *options;
    size_t kib;
} kinds[] = {
    { "ext4", "-t ext4 -b 4096", 16384 },
    { "ext4, blocks of 1 KiB", "-t ext4 -b 1024", 16384 },
    { "ext4 without checksums and 64 bits", "-t ext4 -b 4096 -O ^metadata_csum,^64bit", 16384 },
    { "ext3", "-t ext3 -b 2048", 16384 },
    { "ext2", "-t ext2 -b 1024", 8192 },
    { "ext2, blocks of 4 KiB", "-t ext2 -b 4096", 8192 },
    { "ext4 with an orphan file", "-t ext4 -b 4096 -O orphan_file", 16384 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void each_kind(void (*what)(void), void (*after)(const struct image *image))
{
    if (!image_tools()) {
        printf("SKIP mke2fs, e2fsck and debugfs (e2fsprogs) are not installed\n");
        return;
    }
    for (size_t i = 0; i < KINDS; i++) {
        struct image *image = image_make(kinds[i].options, kinds[i].kib);

        fprintf(stderr, "  %s\n", kinds[i].name);
        files_mount(image, false);
        what();
        files_unmount();
        CHECK_EQ(image_check(image), 0);
        if (after != NULL)
            after(image);
        image_free(image);
    }
}

/* ---- the plain path ---- */

static void plain(void)
{
    files_write("/mnt/hello", "hello, world\n");
    CHECK_STR(files_read("/mnt/hello"), "hello, world\n");
    CHECK_EQ(files_make_dir("/mnt/dir"), 0);
    files_write("/mnt/dir/inside", "x");
    CHECK_EQ(vfs_create(NULL, "/mnt/hello", &(struct inode_new){ .mode = S_IFREG }, NULL), -EEXIST);
    CHECK_EQ(vfs_rmdir(NULL, "/mnt/dir"), -ENOTEMPTY);
    CHECK_EQ(vfs_rename(NULL, "/mnt/dir/inside", NULL, "/mnt/moved", 0), 0);
    CHECK_EQ(vfs_rmdir(NULL, "/mnt/dir"), 0);
    CHECK_EQ(vfs_link(NULL, "/mnt/hello", NULL, "/mnt/again", 0), 0);
    CHECK_EQ(files_stat("/mnt/again").st_nlink, 2);
    CHECK_EQ(vfs_unlink(NULL, "/mnt/hello"), 0);
    CHECK_EQ(files_stat("/mnt/again").st_nlink, 1);
    CHECK_STR(files_read("/mnt/again"), "hello, world\n");
}

static void plain_after(const struct image *image)
{
    CHECK_STR(image_debugfs(image, "cat /again"), "hello, world\n");
    CHECK_STR(image_debugfs(image, "cat /moved"), "x");
    CHECK(strstr(image_debugfs(image, "show_super_stats -h"), "needs_recovery") == NULL);
}

TEST(files_and_directories_are_there_for_others)
{
    each_kind(plain, plain_after);
}

/* ---- names ---- */

static void names(void)
{
    char longest[300], path[320], target[5000];
    struct inode *inode;

    memset(longest, 'n', sizeof(longest));
    longest[255] = '\0';
    snprintf(path, sizeof(path), "/mnt/%s", longest);
    files_write(path, "long");
    CHECK_STR(files_read(path), "long");
    longest[255] = 'n';
    longest[256] = '\0';
    snprintf(path, sizeof(path), "/mnt/%s", longest);
    CHECK_EQ(vfs_lookup(NULL, path, 0, &inode), -ENAMETOOLONG);

    /* Symbolic links within the inode, and with a block of their own. */
    files_write("/mnt/target", "there");
    CHECK_EQ(files_symlink("target", "/mnt/short"), 0);
    memset(target, '/', sizeof(target));
    memcpy(target, "./", 2);
    strcpy(target + 800, "target");
    CHECK_EQ(files_symlink(target, "/mnt/long"), 0);
    CHECK_STR(files_read("/mnt/short"), "there");
    CHECK_EQ(vfs_readlink(NULL, "/mnt/long", path, 10), 10);
    CHECK_EQ(files_stat("/mnt/long").st_size, 806);
    memcpy(target, "/mnt/", 5);
    CHECK_EQ(files_symlink(target, "/mnt/absolute"), 0);
    CHECK_STR(files_read("/mnt/absolute"), "there");

    /* Over an existing one, into other directories, and up the tree again. */
    CHECK_EQ(files_make_dir("/mnt/a"), 0);
    CHECK_EQ(files_make_dir("/mnt/a/b"), 0);
    CHECK_EQ(files_make_dir("/mnt/c"), 0);
    CHECK_EQ(files_stat("/mnt/a").st_nlink, 3);
    CHECK_EQ(vfs_rename(NULL, "/mnt/a/b", NULL, "/mnt/c", 0), 0);
    CHECK_EQ(files_stat("/mnt/a").st_nlink, 2);
    CHECK_EQ(vfs_rename(NULL, "/mnt/c", NULL, "/mnt/a/d", 0), 0);
    CHECK_EQ(files_stat("/mnt/a").st_nlink, 3);
    CHECK_EQ(vfs_lookup(NULL, "/mnt/a/d/../../target", 0, &inode), 0);
    inode_put(inode);
    CHECK_EQ(vfs_rename(NULL, "/mnt/a", NULL, "/mnt/a/d/x", 0), -EINVAL);
    files_write("/mnt/one", "1");
    files_write("/mnt/two", "2");
    CHECK_EQ(vfs_rename(NULL, "/mnt/one", NULL, "/mnt/two", 0), 0);
    CHECK_STR(files_read("/mnt/two"), "1");
    CHECK(!files_exist("/mnt/one"));
    CHECK_EQ(vfs_rename(NULL, "/mnt/two", NULL, "/mnt/a/d", 0), -EISDIR);
}

TEST(names_of_all_lengths_links_and_renames)
{
    each_kind(names, NULL);
}

/* ---- content ---- */

static void holes(void)
{
    struct file *file = files_open("/mnt/sparse", O_RDWR | O_CREAT);
    const off_t far = 5000000;

    CHECK_EQ(files_put(file, far, 10000, 3), 10000);
    files_expect_zero(file, 0, 4000);
    files_expect_zero(file, far - 4000, 4000);
    files_expect(file, far, 10000, 3);
    CHECK(files_stat("/mnt/sparse").st_blocks < 100);
    CHECK(file->ops->seek(file, 0, SEEK_DATA) <= far);
    CHECK(file->ops->seek(file, 0, SEEK_DATA) > far - 5000);
    CHECK_EQ(file->ops->seek(file, 0, SEEK_HOLE), 0);
    CHECK_EQ(file->ops->seek(file, far + 10, SEEK_HOLE), far + 10000);

    /* Cut within a block: what was there does not come back. */
    CHECK_EQ(file->ops->truncate(file, far + 100), 0);
    CHECK_EQ(file->ops->truncate(file, far + 9000), 0);
    files_expect(file, far, 100, 3);
    files_expect_zero(file, far + 100, 8900);
    CHECK_EQ(files_put(file, 1000, 1, 4), 1);
    files_expect(file, 1000, 1, 4);
    files_expect_zero(file, 0, 1000);
    files_expect_zero(file, 1001, 100);

    /* Space without content, and content into it. */
    CHECK_EQ(file->ops->allocate(file, 100000, 50000), 0);
    files_expect_zero(file, 100000, 50000);
    CHECK(files_stat("/mnt/sparse").st_blocks > 90);
    CHECK_EQ(files_put(file, 110001, 20000, 5), 20000);
    files_expect(file, 110001, 20000, 5);
    files_expect_zero(file, 100000, 10001);
    files_expect_zero(file, 130001, 10000);
    file_put(file);
}

TEST(files_with_holes)
{
    each_kind(holes, NULL);
}

static void scattered(void)
{
    struct file *file = files_open("/mnt/scattered", O_RDWR | O_CREAT);
    struct file *other = files_open("/mnt/other", O_RDWR | O_CREAT);

    /*
     * Every second block, from the end to the beginning: one extent each, then they grow together.
     */
    for (int i = 400; i >= 0; i--) {
        CHECK_EQ(files_put(file, i * 8192, 4096, 1), 4096);
        CHECK_EQ(files_put(other, i * 100, 100, 2), 100);
    }
    for (int i = 0; i < 400; i++)
        CHECK_EQ(files_put(file, i * 8192 + 4096, 4096, 1), 4096);
    files_expect(file, 0, 800 * 4096, 1);
    files_expect(other, 0, 40000, 2);
    CHECK_EQ(file->ops->truncate(file, 123456), 0);
    files_expect(file, 0, 123456, 1);
    file_put(file);
    file_put(other);
}

TEST(files_of_many_extents)
{
    each_kind(scattered, NULL);
}

/* Blocks here and there, in no order, make a deep tree of short extents; it is cut again. */
TEST(a_large_file_of_scattered_blocks_is_cut)
{
    struct image *image = image_make("-t ext4 -b 4096", 65536);
    struct file *file;

    files_mount(image, false);
    file = files_open("/mnt/scattered", O_RDWR | O_CREAT);
    CHECK_EQ(file->ops->truncate(file, 1 << 30), 0);
    for (uint32_t i = 0; i < 6144; i++)
        CHECK_EQ(files_put(file, (off_t)(i * 16411u % (1u << 18)) * 4096, 4096, 1), 4096);
    CHECK_EQ(file->ops->truncate(file, 0), 0);
    file_put(file);
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    image_free(image);
}

TEST(more_than_four_gibibytes)
{
    struct image *image;
    struct file *file;

    if (!image_tools())
        return;
    image = image_make("-t ext4 -b 4096", 16384);
    files_mount(image, false);
    file = files_open("/mnt/huge", O_RDWR | O_CREAT);
    CHECK_EQ(files_put(file, 5000000000, 70000, 9), 70000);
    CHECK_EQ(files_put(file, 0x7fffffffffff, 10, 9), -EFBIG);
    files_expect(file, 5000000000, 70000, 9);
    CHECK_EQ(files_stat("/mnt/huge").st_size, 5000070000);
    file_put(file);
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    files_mount(image, false);
    file = files_open("/mnt/huge", O_RDWR);
    files_expect(file, 5000000000, 70000, 9);
    CHECK_EQ(file->ops->truncate(file, 4294967299), 0);
    file_put(file);
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    image_free(image);
}

static void nameless(void)
{
    struct file *file = files_open("/mnt/gone", O_RDWR | O_CREAT), *dir;
    struct statvfs before, after;

    memset(&before, 0, sizeof(before));
    memset(&after, 0, sizeof(after));
    CHECK_EQ(files_sync(file), 0);
    files_fs()->ops->statvfs(files_fs(), &before);
    CHECK_EQ(files_put(file, 0, 300000, 1), 300000);
    CHECK_EQ(vfs_unlink(NULL, "/mnt/gone"), 0);
    CHECK(!files_exist("/mnt/gone"));
    CHECK_EQ(files_put(file, 300000, 1000, 1), 1000);
    CHECK_EQ(files_sync(file), 0);
    files_expect(file, 0, 301000, 1);
    file_put(file);
    files_fs()->ops->sync(files_fs());
    files_fs()->ops->sync(files_fs());
    files_fs()->ops->statvfs(files_fs(), &after);
    CHECK(after.f_bfree >= before.f_bfree);

    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    CHECK_EQ(vfs_open(NULL, "/mnt/d", O_RDONLY | O_DIRECTORY, 0, &dir), 0);
    CHECK_EQ(vfs_rmdir(NULL, "/mnt/d"), 0);
    CHECK_EQ(vfs_create(dir->inode, "x", &(struct inode_new){ .mode = S_IFREG }, NULL), -ENOENT);
    file_put(dir);
}

TEST(files_without_names_stay_until_they_are_closed)
{
    each_kind(nameless, NULL);
}

static void attributes(void)
{
    struct inode_change change = {
        .what = INODE_MODE | INODE_OWNER | INODE_GROUP | INODE_ATIME | INODE_MTIME,
        .mode = 06751,
        .uid = 70000,
        .gid = 80000,
        .atime = { 5000000000, 123456789 },
        .mtime = { 1234567890, 987654321 },
    };
    struct inode *inode;
    struct stat info;

    files_write("/mnt/f", "x");
    CHECK_EQ(vfs_lookup(NULL, "/mnt/f", 0, &inode), 0);
    CHECK_EQ(vfs_set_inode(inode, &change), 0);
    inode_put(inode);
    info = files_stat("/mnt/f");
    CHECK_EQ(info.st_mode, S_IFREG | 06751);
    CHECK_EQ(info.st_uid, 70000);
    CHECK_EQ(info.st_gid, 80000);
    CHECK_EQ(info.st_mtim.tv_sec, 1234567890);
    CHECK_EQ(info.st_ctim.tv_sec, glue_realtime_ns / 1000000000);
    if (info.st_mtim.tv_nsec != 0) { /* inodes of 256 bytes */
        CHECK_EQ(info.st_mtim.tv_nsec, 987654321);
        CHECK_EQ(info.st_atim.tv_sec, 5000000000);
    }
    CHECK_EQ(vfs_create(NULL, "/mnt/null",
                        &(struct inode_new){ .mode = S_IFCHR | 0600, .rdev = 1 << 8 | 3 }, NULL),
             0);
    CHECK_EQ(vfs_create(NULL, "/mnt/pipe", &(struct inode_new){ .mode = S_IFIFO | 0600 }, NULL), 0);
    CHECK_EQ(files_stat("/mnt/null").st_rdev, 1 << 8 | 3);
}

static void attributes_after(const struct image *image)
{
    CHECK(strstr(image_debugfs(image, "stat /f"), "User: 70000   Group: 80000") != NULL);
    CHECK(strstr(image_debugfs(image, "stat /null"), "Device major/minor number: 01:03") != NULL);
}

TEST(attributes_are_stored)
{
    each_kind(attributes, attributes_after);
}

/* ---- limits ---- */

static void full(void)
{
    struct file *file = files_open("/mnt/fill", O_RDWR | O_CREAT);
    off_t at = 0;
    ssize_t done;

    while ((done = files_put(file, at, 65536, 1)) > 0)
        at += done;
    CHECK_EQ(done, -ENOSPC);
    CHECK(at > 2000000);
    CHECK_EQ(files_sync(file), 0);
    files_expect(file, 0, (size_t)at, 1);
    CHECK_EQ(files_make_dir("/mnt/no"), -ENOSPC);
    CHECK_EQ(files_put(file, 100, 1000, 7), 1000); /* over what is there */
    CHECK_EQ(file->ops->truncate(file, 50000), 0);
    CHECK_EQ(files_put(file, at, 10000, 2), 10000); /* what was freed can be used at once */
    files_expect(file, at, 10000, 2);
    CHECK_EQ(files_make_dir("/mnt/yes"), 0);
    file_put(file);
    CHECK_EQ(vfs_unlink(NULL, "/mnt/fill"), 0);
}

TEST(a_full_disk_refuses_and_goes_on)
{
    each_kind(full, NULL);
}

static void inodes(void)
{
    char path[64];
    unsigned n = 0;
    int error;

    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    do {
        snprintf(path, sizeof(path), "/mnt/d/%u", n);
        error = vfs_create(NULL, path, &(struct inode_new){ .mode = S_IFREG | 0644 }, NULL);
        n += error == 0;
    } while (error == 0);
    CHECK_EQ(error, -ENOSPC);
    CHECK(n > 900);
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "/mnt/d/%u", i);
        CHECK_EQ(vfs_unlink(NULL, path), 0);
    }
    CHECK_EQ(vfs_rmdir(NULL, "/mnt/d"), 0);
    CHECK_EQ(files_make_dir("/mnt/d"), 0);
}

TEST(inodes_run_out_and_come_back)
{
    each_kind(inodes, NULL);
}

TEST(read_only_means_that_nothing_is_written)
{
    struct image *image;
    size_t writes;

    if (!image_tools())
        return;
    image = image_make("-t ext4", 8192);
    files_mount(image, false);
    files_write("/mnt/f", "text");
    files_unmount();
    writes = image->n_writes;
    files_mount(image, true);
    CHECK_STR(files_read("/mnt/f"), "text");
    CHECK_EQ(files_make_dir("/mnt/d"), -EROFS);
    CHECK_EQ(vfs_unlink(NULL, "/mnt/f"), -EROFS);
    files_unmount();
    image->device.read_only = true;
    files_mount(image, false);
    CHECK(files_fs()->read_only);
    CHECK_STR(files_read("/mnt/f"), "text");
    files_unmount();
    CHECK_EQ(image->n_writes, writes);
    image_free(image);
}

TEST(sizes_that_cannot_be_are_refused)
{
    static const uint32_t sizes[] = { 3, 31, 54, 64, 127, UINT32_MAX };
    static const uint32_t counts[] = { 8193, UINT32_MAX };
    struct image *image;
    uint32_t was;

    if (!image_tools())
        return;
    image = image_make("-t ext4 -b 1024 -O 64bit", 8192);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memcpy(&was, image->bytes + 1024 + 24, 4); /* s_log_block_size */
        memcpy(image->bytes + 1024 + 24, &sizes[i], 4);
        CHECK_EQ(files_try_mount(image, false), -EOPNOTSUPP);
        memcpy(image->bytes + 1024 + 24, &was, 4);
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        memcpy(image->bytes + 1024 + 4, &counts[i], 4); /* s_blocks_count_lo */
        memcpy(image->bytes + 1024 + 336, &(uint32_t){ (uint32_t)i << 31 }, 4); /* ..._hi */
        CHECK_EQ(files_try_mount(image, false), -EINVAL);
    }
    image_free(image);
}

/* The library's, which the linker sends by here. */
errcode_t __real_ext2fs_punch(ext2_filsys fs, ext2_ino_t ino, void *inode, char *buf, blk64_t from,
                              blk64_t end);
errcode_t __wrap_ext2fs_punch(ext2_filsys fs, ext2_ino_t ino, void *inode, char *buf, blk64_t from,
                              blk64_t end);
static unsigned punches, punches_max;

errcode_t __wrap_ext2fs_punch(ext2_filsys fs, ext2_ino_t ino, void *inode, char *buf, blk64_t from,
                              blk64_t end)
{
    CHECK(++punches < punches_max || punches_max == 0);
    return __real_ext2fs_punch(fs, ino, inode, buf, from, end);
}

/* A file whose size says 2^48 bytes: cutting it takes as many steps as it can have blocks. */
TEST(a_damaged_size_costs_no_more_than_the_largest_file)
{
    struct image *image;
    unsigned long block, offset;
    const char *place;
    struct file *file;

    if (!image_tools())
        return;
    image = image_make("-t ext2 -b 1024", 8192);
    files_mount(image, false);
    files_write("/mnt/f", "text");
    files_unmount();
    place = strstr(image_debugfs(image, "imap /f"), "located at block");
    CHECK(place != NULL);
    CHECK_EQ(sscanf(place, "located at block %lu, offset %lx", &block, &offset), 2);
    image->bytes[block * 1024 + offset + 108 + 2] = 1; /* i_size_high */
    files_mount(image, false);
    file = files_open("/mnt/f", O_RDWR);
    punches = 0;
    punches_max = 10000;
    CHECK_EQ(file->ops->truncate(file, 2), 0);
    CHECK(punches > 0);
    punches_max = 0;
    file_put(file);
    CHECK_STR(files_read("/mnt/f"), "te");
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    image_free(image);
}

/* A directory of nonsense: what was asked of the file system for that case is done. */
static void meet_damage(const char *how, int after)
{
    char options[64];
    struct image *image;
    struct stat info;
    unsigned long block;

    snprintf(options, sizeof(options), "-t ext4 -b 1024 -O ^metadata_csum %s", how);
    image = image_make(options, 8192);
    files_mount(image, false);
    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    files_write("/mnt/f", "text");
    files_unmount();
    block = strtoul(image_debugfs(image, "bmap /d 0"), NULL, 10);
    CHECK(block > 0);
    memset(image->bytes + block * 1024, 0xff, 1024);
    files_mount(image, false);
    CHECK_EQ(vfs_lookup(NULL, "/mnt/d/x", 0, &(struct inode *){ NULL }), -EBADMSG);
    CHECK_EQ(files_make_dir("/mnt/e"), after);
    info = files_stat("/mnt/f");
    CHECK_EQ(info.st_size, 4);
    files_destroy(image);
    image_free(image);
}

TEST(damage_ends_writing_if_the_file_system_says_so)
{
    if (!image_tools())
        return;
    meet_damage("-e continue", 0);
    meet_damage("-e remount-ro", -EROFS);
}

/* ---- several threads: the other one runs while this one sleeps ---- */

static struct image *slow;
static unsigned slept;

static void disk_answers(void)
{
    image_complete(slow);
}

static void another_thread(void)
{
    struct file *file;

    slept++;
    glue_on_sleep = disk_answers;
    CHECK(slow->deferred != NULL);
    CHECK_STR(files_read("/mnt/small"), "in memory");
    file = files_open("/mnt/new", O_RDWR | O_CREAT);
    CHECK_EQ(files_put(file, 0, 20000, 2), 20000);
    CHECK_EQ(files_sync(file), 0);
    files_expect(file, 0, 20000, 2);
    file_put(file);
    CHECK(slow->deferred != NULL); /* nobody had to wait for it */
    image_complete(slow);
}

/* What does not need the disk goes on while a reader waits for it: changes, too, and fsync(). */
TEST(a_reader_that_waits_holds_nobody_up)
{
    struct file *file;

    if (!image_tools())
        return;
    slow = image_make("-t ext4 -b 4096", 16384);
    files_mount(slow, false);
    file = files_open("/mnt/large", O_RDWR | O_CREAT);
    CHECK_EQ(files_put(file, 0, 1000000, 1), 1000000);
    file_put(file);
    files_unmount();
    files_mount(slow, false);
    files_write("/mnt/small", "in memory");
    file = files_open("/mnt/new", O_RDWR | O_CREAT);
    CHECK_EQ(files_put(file, 0, 20000, 1), 20000); /* so that nothing has to be read for it */
    CHECK_EQ(files_sync(file), 0);
    file_put(file);
    file = files_open("/mnt/large", O_RDONLY);
    slow->defer = true;
    slept = 0;
    glue_on_sleep = another_thread;
    files_expect(file, 0, 200000, 1);
    glue_on_sleep = disk_answers;
    files_expect(file, 0, 1000000, 1);
    CHECK(slept == 1);
    slow->defer = false;
    file_put(file);
    files_unmount();
    CHECK_EQ(image_check(slow), 0);
    image_free(slow);
}

static struct file *syncing;

static void while_one_syncs(void)
{
    struct file *file;

    slept++;
    CHECK(slow->deferred != NULL);
    glue_on_sleep = NULL; /* nothing of this waits */
    CHECK_STR(files_read("/mnt/small"), "in memory");
    files_expect(syncing, 0, 5000, 1);
    CHECK_EQ(files_put(syncing, 5000 * slept, 5000, 1), 5000);
    file = files_open("/mnt/new", O_RDWR | O_CREAT);
    CHECK_EQ(files_put(file, 0, 20000, slept), 20000);
    files_expect(file, 0, 20000, slept);
    file_put(file);
    CHECK_EQ(vfs_rename(NULL, slept % 2 != 0 ? "/mnt/a" : "/mnt/b", NULL,
                        slept % 2 != 0 ? "/mnt/b" : "/mnt/a", 0),
             0);
    CHECK_EQ(files_stat("/mnt/small").st_size, 9);
    CHECK(slow->deferred != NULL);
    image_complete(slow);
    glue_on_sleep = while_one_syncs;
}

/* Everything that does not need the disk goes on while somebody syncs, up to its end. */
TEST(a_sync_that_waits_holds_nobody_up)
{
    if (!image_tools())
        return;
    slow = image_make("-t ext4 -b 4096", 16384);
    files_mount(slow, false);
    files_write("/mnt/small", "in memory");
    files_write("/mnt/a", "");
    files_write("/mnt/new", "");
    syncing = files_open("/mnt/syncing", O_RDWR | O_CREAT);
    CHECK_EQ(files_sync(syncing), 0); /* so that nothing has to be read for the next one */
    CHECK_EQ(files_put(syncing, 0, 5000, 1), 5000);
    slow->defer_all = true;
    slept = 0;
    glue_on_sleep = while_one_syncs;
    CHECK_EQ(files_sync(syncing), 0);
    CHECK_EQ(slept, 4); /* content and log, flush, record, flush */
    glue_on_sleep = disk_answers;
    CHECK_EQ(files_sync(syncing), 0);
    files_expect(syncing, 0, 25000, 1);
    slow->defer_all = false;
    file_put(syncing);
    files_unmount();
    CHECK_EQ(image_check(slow), 0);
    image_free(slow);
}

/* ---- a directory that changes while it is listed ---- */

static void listing(void)
{
    enum { NAMES = 25 };
    struct file_entry entry = { 0 };
    unsigned seen[NAMES] = { 0 }, i, n = 0;
    struct file *dir;
    char path[64];

    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    for (i = 0; i < NAMES; i++) {
        snprintf(path, sizeof(path), "/mnt/d/name-%u", i);
        files_write(path, "");
    }
    dir = files_open("/mnt/d", O_RDONLY | O_DIRECTORY);
    while (dir->ops->next_entry(dir, &entry) > 0) {
        if (sscanf(entry.name, "name-%u", &i) != 1)
            continue;
        CHECK(i < NAMES);
        CHECK_EQ(seen[i]++, 0);
        snprintf(path, sizeof(path), "/mnt/d/name-%u", i);
        if (i % 3 != 0)
            CHECK_EQ(vfs_unlink(NULL, path), 0);
        snprintf(path, sizeof(path), "/mnt/d/name-%u", i + 1); /* most often the next one */
        if (i % 5 == 0 && i + 1 < NAMES && seen[i + 1] == 0) {
            CHECK_EQ(vfs_unlink(NULL, path), 0);
            seen[i + 1] = 1; /* it must not be seen any more */
        }
        snprintf(path, sizeof(path), "/mnt/d/%u", i); /* into the room of those */
        if (i % 4 == 0)
            files_write(path, "");
        CHECK(n++ < NAMES);
    }
    dir->offset = 0;
    CHECK(dir->ops->next_entry(dir, &entry) > 0);
    CHECK_STR(entry.name, ".");
    file_put(dir);
    for (i = 0; i < NAMES; i++)
        CHECK_EQ(seen[i], 1);
}

TEST(a_listing_shows_what_stays_once)
{
    each_kind(listing, NULL);
}

/* Directories that were looked at leave memory when something else needs it. */
TEST(listed_directories_do_not_stay_in_memory)
{
    enum { NAMES = 2000, CACHE = 64 };
    struct file_entry entry;
    struct image *image;
    char path[280], name[200];
    size_t before, listed;
    struct file *dir;

    if (!image_tools())
        return;
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    image = image_make("-t ext4 -b 4096 -N 4000", 16384);
    files_mount(image, false);
    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(path, sizeof(path), "/mnt/d/%u-%s", i, name);
        files_write(path, "");
    }
    files_unmount();
    files_cache = CACHE * 4096;
    files_mount(image, false);
    before = glue_pages_used;
    for (unsigned turn = 0; turn < 8; turn++) {
        dir = files_open("/mnt/d", O_RDONLY | O_DIRECTORY);
        for (listed = 0; dir->ops->next_entry(dir, &entry) > 0; listed++)
            continue;
        CHECK_EQ(listed, NAMES + 2);
        file_put(dir);
        snprintf(path, sizeof(path), "/mnt/content-%u", turn);
        dir = files_open(path, O_RDWR | O_CREAT);
        CHECK_EQ(files_put(dir, 0, 2 * CACHE * 4096, turn), 2 * CACHE * 4096);
        file_put(dir);
    }
    CHECK(glue_pages_used < before + CACHE + 16);
    files_unmount();
    files_cache = 2u << 20;
    CHECK_EQ(image_check(image), 0);
    image_free(image);
}

/* ---- large directories ---- */

TEST(a_hundred_thousand_names)
{
    const unsigned n = getenv("EXT_NAMES") != NULL ? (unsigned)atoi(getenv("EXT_NAMES")) : 100000;
    struct file_entry entry = { 0 };
    struct image *image;
    struct file *dir;
    unsigned found = 0;
    char path[64];

    if (!image_tools())
        return;
    image = image_make("-t ext4 -b 4096 -N 110000", 131072);
    files_mount(image, false);
    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "/mnt/d/file-number-%u", i);
        CHECK_EQ(vfs_create(NULL, path, &(struct inode_new){ .mode = S_IFREG | 0644 }, NULL), 0);
    }
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    files_mount(image, false);
    for (unsigned i = 0; i < n; i += 7) {
        snprintf(path, sizeof(path), "/mnt/d/file-number-%u", i);
        CHECK(files_exist(path));
    }
    CHECK(!files_exist("/mnt/d/file-number-x"));
    dir = files_open("/mnt/d", O_RDONLY | O_DIRECTORY);
    while (dir->ops->next_entry(dir, &entry) > 0)
        found++;
    file_put(dir);
    CHECK_EQ(found, n + 2);
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "/mnt/d/file-number-%u", i);
        CHECK_EQ(vfs_unlink(NULL, path), 0);
    }
    CHECK_EQ(vfs_rmdir(NULL, "/mnt/d"), 0);
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    image_free(image);
}
