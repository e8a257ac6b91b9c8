/*
 * Journals that others wrote, disks that fail, refuse or lie: what is recovered, refused and
 * survived.
 */
#include "ext_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "files/vfs.h"

static bool skip(void)
{
    if (image_tools())
        return false;
    printf("SKIP mke2fs, e2fsck and debugfs (e2fsprogs) are not installed\n");
    return true;
}

/* ---- recovery, beside e2fsck's ---- */

/* The image after debugfs has written transactions into its journal, as the commands say. */
static struct image *with_journal(const char *options, const char *commands)
{
    struct image *image = image_make(options, 16384);
    const char *path = image_path("journal"), *script = image_path("commands");
    FILE *file = fopen(script, "w");
    char line[512];

    CHECK(file != NULL);
    fputs(commands, file);
    fclose(file);
    image_save(image, path);
    image_free(image);
    snprintf(line, sizeof(line),
             "PATH=\"$PATH:/usr/sbin:/sbin\" debugfs -w -f '%s' '%s' >'%s' 2>&1", script, path,
             image_path("debugfs"));
    CHECK_EQ(system(line), 0);
    return image_load(path);
}

static void same_blocks(const struct image *one, const struct image *two, unsigned first,
                        unsigned n, unsigned size)
{
    for (unsigned i = first; i < first + n; i++)
        if (memcmp(one->bytes + (size_t)i * size, two->bytes + (size_t)i * size, size) != 0)
            glue_test_fail(__FILE__, __LINE__, "block %u differs", i);
}

static void recover_both(const char *options, const char *open, unsigned size)
{
    struct image *ours, *theirs;
    const char *content = image_path("content");
    char commands[1024];
    FILE *file = fopen(content, "w");

    /* Blocks of content, one of which looks like the journal's own. */
    CHECK(file != NULL);
    for (unsigned i = 0; i < 8 * size; i++)
        fputc(files_byte(i, 3), file);
    CHECK_EQ(fseek(file, 2 * (long)size, SEEK_SET), 0);
    fwrite("\xc0\x3b\x39\x98", 1, 4, file);
    fclose(file);
    snprintf(commands, sizeof(commands),
             "%s\njw -b 3000-3007 %s\njw -b 3002,3001 %s\njw -r 3003-3005\njw -b 3005 %s\njc\n",
             open, content, content, content);
    ours = with_journal(options, commands);
    theirs = image_copy(ours);
    CHECK(image_repair(theirs) <= 1);
    CHECK(memcmp(ours->bytes + 3000ul * size, theirs->bytes + 3000ul * size, size) != 0);
    files_mount(ours, false);
    files_unmount();
    same_blocks(ours, theirs, 3000, 8, size);
    CHECK_EQ(image_check(ours), 0);
    image_free(ours);
    image_free(theirs);
}

TEST(journals_of_every_format_are_recovered_as_e2fsck_does)
{
    if (skip())
        return;
    recover_both("-t ext4 -b 4096", "jo -c", 4096);
    recover_both("-t ext4 -b 4096", "jo", 4096);
    recover_both("-t ext4 -b 4096 -O ^64bit", "jo -c", 4096);
    recover_both("-t ext4 -b 4096 -O ^64bit,^metadata_csum", "jo", 4096);
    recover_both("-t ext3 -b 1024", "jo", 1024);
    recover_both("-t ext4 -b 2048", "jo -c", 2048);
}

/* We go on with the format that the journal has. */
TEST(journals_with_checksums_are_written_with_them)
{
    struct image *image, *theirs;

    if (skip())
        return;
    image = with_journal("-t ext4", "jo -c\njw -b 3000 /dev/null\njc\n");
    files_mount(image, false);
    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    for (unsigned i = 0; i < 50; i++) {
        char path[64];

        snprintf(path, sizeof(path), "/mnt/d/%u", i);
        files_write(path, "text");
        if (i % 10 == 9)
            CHECK_EQ(ext_commit_now(files_fs()), 0);
    }
    theirs = image_copy(image);
    files_destroy(image);
    CHECK(strstr(image_debugfs(theirs, "show_super_stats -h"), "needs_recovery") != NULL);
    CHECK(image_repair(theirs) <= 1);
    CHECK_STR(image_debugfs(theirs, "cat /d/49"), "text");
    files_mount(image, false);
    CHECK_STR(files_read("/mnt/d/49"), "text");
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    image_free(theirs);
    image_free(image);
}

TEST(a_journal_on_a_read_only_disk_stays_as_it_is)
{
    struct image *image;
    size_t writes;

    if (skip())
        return;
    image = image_make("-t ext4", 16384);
    files_mount(image, false);
    files_write("/mnt/f", "text");
    CHECK_EQ(ext_commit_now(files_fs()), 0);
    files_destroy(image);
    writes = image->n_writes;
    image->device.read_only = true;
    files_mount(image, false);
    CHECK(files_fs()->read_only);
    files_unmount();
    CHECK_EQ(image->n_writes, writes);
    image->device.read_only = false;
    files_mount(image, true); /* a read-only mount of a disk that can be written recovers */
    CHECK_STR(files_read("/mnt/f"), "text");
    files_unmount();
    image_free(image);
}

TEST(an_ext2_that_somebody_else_left_unclean_is_not_written)
{
    struct image *image;

    if (skip())
        return;
    image = image_make("-t ext2", 8192);
    files_mount(image, false);
    files_write("/mnt/f", "text");
    CHECK_EQ(ext_commit_now(files_fs()), 0);
    files_destroy(image);
    files_mount(image, false); /* ours: its order can be trusted */
    CHECK(!files_fs()->read_only);
    CHECK_STR(files_read("/mnt/f"), "text");
    files_destroy(image);
    memset(image->bytes + 1024 + 136, 0, 64); /* s_last_mounted */
    files_mount(image, false);
    CHECK(files_fs()->read_only);
    CHECK_STR(files_read("/mnt/f"), "text");
    files_unmount();
    image_free(image);
}

/* ---- disks ---- */

TEST(disks_with_sectors_of_4096_bytes_and_without_flush)
{
    struct image *image;

    if (skip())
        return;
    image = image_make("-t ext4 -b 4096", 16384);
    image->device.sector_size = 4096;
    image->device.can_flush = false;
    files_mount(image, false);
    files_write("/mnt/f", "text");
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    CHECK_EQ(image->flushes, 0);
    image_free(image);
    image = image_make("-t ext4 -b 1024", 16384);
    image->device.sector_size = 4096;
    CHECK_EQ(files_try_mount(image, false), -EOPNOTSUPP);
    image_free(image);
}

TEST(what_is_no_file_system_is_refused)
{
    struct image *image;

    if (skip())
        return;
    image = image_make("-t ext4", 8192);
    CHECK_STR(ext_probe(&image->device), "ext4");
    memset(image->bytes + 1024, 0, 1024);
    CHECK(ext_probe(&image->device) == NULL);
    CHECK_EQ(files_try_mount(image, false), -EINVAL);
    image_free(image);
    image = image_make("-t ext4", 8192);
    image->device.sectors /= 2;
    CHECK_EQ(files_try_mount(image, false), -EINVAL);
    image_free(image);
    image = image_make("-t ext4 -O inline_data", 8192);
    CHECK_EQ(files_try_mount(image, false), -EOPNOTSUPP);
    image_free(image);
    image = image_make("-t ext4 -O quota", 8192);
    files_mount(image, false);
    CHECK(files_fs()->read_only);
    files_unmount();
    image_free(image);
}

/*
 * A disk that fails from some write on: told, nothing worse, and what was synced before is there.
 */
static void fail_at(size_t n, size_t *writes)
{
    struct image *image = image_make("-t ext4 -b 1024", 4096);
    struct file *file;
    bool synced, written;

    image->fail_from = n;
    if (files_try_mount(image, false) < 0 || files_fs()->read_only) {
        if (files_fs() != NULL)
            files_unmount();
        image_free(image);
        return;
    }
    written = vfs_open(NULL, "/mnt/f", O_RDWR | O_CREAT, 0644, &file) == 0;
    synced = written && files_put(file, 0, 30000, 1) == 30000 && files_sync(file) == 0;
    if (written && !synced)
        CHECK(files_sync(file) < 0 || files_fs()->read_only || image->n_writes < n);
    if (synced) {
        files_make_dir("/mnt/d");
        if (files_put(file, 30000, 20000, 1) != 20000 || files_sync(file) < 0) {
            CHECK(image->n_writes >= n);
            files_expect(file, 0, 30000, 1);
        }
    }
    if (written)
        file_put(file);
    vfs_unmount("/mnt");
    *writes = image->n_writes;
    image->fail_from = SIZE_MAX;
    CHECK(image_repair(image) <= 1);
    if (synced) {
        files_mount(image, false);
        file = files_open("/mnt/f", O_RDONLY);
        files_expect(file, 0, 30000, 1);
        file_put(file);
        files_unmount();
    }
    image_free(image);
}

TEST(a_disk_that_fails_loses_nothing_that_was_synced)
{
    size_t writes = 0, last;

    if (skip())
        return;
    fail_at(SIZE_MAX, &last);
    for (size_t n = 0; n < last; n++)
        fail_at(n, &writes);
}

/* ---- disks that lie ---- */

static void use_whatever(void)
{
    char path[64];
    struct file_entry entry = { 0 };
    struct file *file;

    if (vfs_open(NULL, "/mnt/d", O_RDONLY, 0, &file) == 0) {
        for (int i = 0; i < 500 && file->ops->next_entry != NULL; i++)
            if (file->ops->next_entry(file, &entry) <= 0)
                break;
        file_put(file);
    }
    for (unsigned i = 0; i < 60; i += 7) {
        static uint8_t bytes[70000];
        struct iovec iov = { bytes, sizeof(bytes) };
        struct inode *inode;

        snprintf(path, sizeof(path), "/mnt/d/a-long-name-for-a-file-%u", i);
        if (vfs_open(NULL, path, O_RDWR | O_CREAT, 0644, &file) == 0) {
            file_read(file, &iov, 1, NULL);
            file_write(file, &iov, 1, NULL);
            file->ops->truncate(file, 100);
            file->ops->sync(file, false);
            file_put(file);
        }
        if (i % 2 == 0)
            vfs_unlink(NULL, path);
        if (vfs_lookup(NULL, path, 0, &inode) == 0)
            inode_put(inode);
    }
    files_make_dir("/mnt/d/new");
    vfs_rename(NULL, "/mnt/d/new", NULL, "/mnt/other", 0);
}

static void lie(const char *options, unsigned seed)
{
    struct image *image = image_make(options, 4096), *damaged;
    unsigned random = seed;
    char path[64];
    size_t used = 0;

    files_mount(image, false);
    CHECK_EQ(files_make_dir("/mnt/d"), 0);
    for (unsigned i = 0; i < 60; i++) {
        struct file *file;

        snprintf(path, sizeof(path), "/mnt/d/a-long-name-for-a-file-%u", i);
        file = files_open(path, O_RDWR | O_CREAT);
        CHECK(files_put(file, i * 3000, 5000, i) > 0);
        file_put(file);
    }
    if (seed % 2 == 0) {
        CHECK_EQ(ext_commit_now(files_fs()), 0);
        files_destroy(image); /* the journal is damaged too */
    } else {
        files_unmount();
    }
    for (size_t at = 0; at < image->size; at += 1024)
        for (size_t b = 0; b < 1024; b++)
            if (image->bytes[at + b] != 0) {
                used = at + 1024;
                break;
            }
    for (unsigned turn = 0; turn < 40; turn++) {
        damaged = image_copy(image);
        for (unsigned i = 0; i < 1 + turn % 12; i++) {
            size_t at;

            random = random * 1103515245 + 12345;
            at = (random >> 4) % used;
            random = random * 1103515245 + 12345;
            damaged->bytes[at] = random % 3 == 0 ? 0xff : (uint8_t)(random >> 16);
        }
        if (files_try_mount(damaged, false) == 0) {
            use_whatever();
            vfs_unmount("/mnt");
        }
        image_free(damaged);
    }
    image_free(image);
}

TEST(damaged_disks_are_survived)
{
    if (skip())
        return;
    for (unsigned seed = 1; seed <= 4; seed++) {
        lie("-t ext4 -b 1024 -O ^metadata_csum", seed);
        lie("-t ext3 -b 1024", seed);
        lie("-t ext2 -b 1024", seed);
    }
}
