/*
 * Threads that sync at once, on a disk that fails: whoever waits is told, nobody waits for ever, and
 * what was promised is there.
 */
#include "ext_files.h"
#include "ext_threads.h"

#include <fcntl.h>

#define SEEDS   40
#define SYNCERS 4
#define TURNS   3

static bool skip(void)
{
    if (!image_tools())
        printf("SKIP mke2fs, e2fsck and debugfs (e2fsprogs) are not installed\n");
    return !image_tools();
}

/* ---- content that is lost ---- */

static struct file *shared;
static bool told;
static unsigned waited; /* how many synced before anybody was told */

static void sync_shared(unsigned i)
{
    bool early = !told;
    int error;

    (void)i;
    waited += early;
    error = shared->ops->sync(shared, true);
    CHECK(!early || error == -EIO);
    told = true;
}

/*
 * Writes in place, of which a part of the disk cannot take any: no commit fails with them, and no
 * flush.
 */
TEST(all_who_wait_are_told_that_content_is_lost)
{
    unsigned most = 0;
    struct image *image;

    if (skip())
        return;
    image = image_make("-t ext4 -b 1024", 4096);
    image->device.can_flush = false;
    files_mount(image, false);
    shared = files_open("/mnt/f", O_RDWR | O_CREAT);
    CHECK_EQ(files_put(shared, 0, 20000, 1), 20000);
    CHECK_EQ(files_sync(shared), 0);
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        CHECK_EQ(files_put(shared, 0, 20000, seed), 20000);
        image->fail_from = image->n_writes;
        told = false;
        waited = 0;
        threads_run(image, SYNCERS, sync_shared, seed);
        most = waited > most ? waited : most;
        image->fail_from = SIZE_MAX;
        CHECK_EQ(shared->ops->sync(shared, true), 0); /* told, and nothing is left to write */
    }
    CHECK(most > 1);
    CHECK(!files_fs()->read_only);
    file_put(shared);
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    image_free(image);
}

/* ---- commits that fail ---- */

static size_t promised[SYNCERS]; /* bytes of each one's file */

static void append_and_sync(unsigned i)
{
    struct file *file;
    char path[32];

    snprintf(path, sizeof(path), "/mnt/f%u", i);
    if (vfs_open(NULL, path, O_RDWR | O_CREAT, 0644, &file) < 0)
        return;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        bool was_over = files_fs()->read_only;
        off_t at = (off_t)turn * 1500;
        int error = files_put(file, at, 1500, i) == 1500 ? files_sync(file) : -EIO;

        CHECK(!was_over || error < 0);
        if (error == 0 && promised[i] == (size_t)at)
            promised[i] = (size_t)at + 1500;
    }
    file_put(file);
}

static size_t fail_from(const struct image *before, size_t n, unsigned seed)
{
    struct image *image = image_copy(before);
    struct file *file;
    size_t writes;
    char path[32];

    memset(promised, 0, sizeof(promised));
    files_mount(image, false);
    image->fail_from = n < SIZE_MAX - image->n_writes ? image->n_writes + n : SIZE_MAX;
    writes = image->n_writes;
    threads_run(image, SYNCERS, append_and_sync, seed);
    writes = image->n_writes - writes;
    vfs_unmount("/mnt"); /* says that it failed, if it did */
    image->fail_from = SIZE_MAX;
    CHECK(image_repair(image) <= 1);
    files_mount(image, false);
    for (unsigned i = 0; i < SYNCERS; i++) {
        snprintf(path, sizeof(path), "/mnt/f%u", i);
        CHECK(promised[i] == 0 || files_exist(path));
        if (promised[i] == 0)
            continue;
        file = files_open(path, O_RDONLY);
        files_expect(file, 0, promised[i], i);
        file_put(file);
    }
    files_unmount();
    image_free(image);
    return writes;
}

TEST(a_disk_that_fails_under_many_who_sync_loses_nothing_that_was_promised)
{
    struct image *before;
    size_t writes;

    if (skip())
        return;
    before = image_make("-t ext4 -b 1024 -J size=1", 4096);
    writes = fail_from(before, SIZE_MAX, 1);
    for (unsigned i = 0; i < SYNCERS; i++)
        CHECK_EQ(promised[i], TURNS * 1500);
    for (size_t n = 0; n < writes; n += 1 + writes / 40)
        fail_from(before, n, (unsigned)n + 1);
    image_free(before);
}
