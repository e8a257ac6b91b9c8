/*
 * Threads that sync at once, on a disk that fails, or without memory: whoever waits is told, nobody
 * waits for ever, and what was promised is there.
 */
#include "ext_files.h"
#include "ext_threads.h"

#include <fcntl.h>
#include <limits.h>

#define SEEDS   40
#define SYNCERS 4
#define TURNS   3

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size); /* the linker sends everybody here */

static unsigned blocks_left = UINT_MAX; /* of memory */

void *__wrap_malloc(size_t size)
{
    if (blocks_left == 0)
        return NULL;
    blocks_left -= blocks_left != UINT_MAX;
    return __real_malloc(size);
}

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

/* ---- no memory ---- */

/* Content, and names; then a sync that has memory for so many blocks. Whether that was enough. */
static bool sync_with(struct file *file, unsigned turn, unsigned blocks)
{
    char path[32];
    int error;

    snprintf(path, sizeof(path), "/mnt/d%u", turn);
    CHECK_EQ(files_make_dir(path), 0);
    CHECK_EQ(files_put(file, (off_t)turn * 1000, 3000, 1), 3000);
    blocks_left = blocks;
    error = turn % 2 == 0 ? files_sync(file) : files_fs()->ops->sync(files_fs());
    blocks_left = UINT_MAX;
    CHECK(error == 0 || error == -EIO);
    CHECK(!files_fs()->read_only);
    return error == 0;
}

static void sync_without_memory(const char *options)
{
    struct image *image = image_make(options, 4096);
    struct file *file;
    unsigned turn, enough = 0;
    char path[32];

    files_mount(image, false);
    file = files_open("/mnt/f", O_RDWR | O_CREAT);
    for (turn = 0; enough < 4; turn++) {
        enough = sync_with(file, turn, turn) ? enough + 1 : 0;
        CHECK(turn < 100);
    }
    CHECK(turn > 6); /* it does need some */
    CHECK(!sync_with(file, turn++, 0));
    CHECK_EQ(files_sync(file), 0); /* now that there is memory */
    file_put(file);
    files_destroy(image);
    CHECK(image_repair(image) <= 1);
    files_mount(image, false);
    file = files_open("/mnt/f", O_RDONLY);
    files_expect(file, 0, turn * 1000, 1);
    file_put(file);
    while (turn-- > 0) {
        snprintf(path, sizeof(path), "/mnt/d%u", turn);
        CHECK(files_exist(path));
    }
    files_unmount();
    CHECK_EQ(image_check(image), 0);
    image_free(image);
}

TEST(a_sync_without_memory_fails_and_another_one_does_it)
{
    if (skip())
        return;
    sync_without_memory("-t ext4 -b 1024");
    sync_without_memory("-t ext2 -b 1024");
}
