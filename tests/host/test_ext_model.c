/*
 * Many operations in a random order on an ext file system and on a RAM file system at once: both
 * must say the same, and e2fsck must find nothing to say. The seed is printed; EXT_SEED=n does that
 * one again.
 */
#include "ext_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "files/ramfs.h"
#include "files/vfs.h"

#define NAMES 24
#define DIRS 4
#define OPEN 4
#define MAX_SIZE 200000

static unsigned state;

static unsigned below(unsigned n)
{
    state = state * 1103515245 + 12345;
    return (state >> 8) % n;
}

/* The same name below both. */
static void two_paths(char one[64], char two[64], unsigned name, unsigned dir)
{
    static const char *const dirs[DIRS] = { "", "/d1", "/d2", "/d1/d3" };

    snprintf(one, 64, "/mnt%s/name-%u", dirs[dir], name);
    snprintf(two, 64, "/ram%s/name-%u", dirs[dir], name);
}

static struct file *handles[OPEN][2];

static void open_both(unsigned i, unsigned name, unsigned dir)
{
    char path[2][64];
    int error[2];

    two_paths(path[0], path[1], name, dir);
    for (int k = 0; k < 2; k++) {
        if (handles[i][k] != NULL)
            file_put(handles[i][k]);
        handles[i][k] = NULL;
    }
    for (int k = 0; k < 2; k++)
        error[k] = vfs_open(NULL, path[k], O_RDWR | O_CREAT, 0644, &handles[i][k]);
    CHECK_EQ(error[0], error[1]);
}

static void write_both(unsigned i)
{
    off_t at = below(10) == 0 ? below(MAX_SIZE) : below(3000);
    size_t len = below(8) == 0 ? below(40000) : below(3000);
    unsigned seed = below(250);

    if (handles[i][0] == NULL)
        return;
    CHECK_EQ(files_put(handles[i][0], at, len, seed), files_put(handles[i][1], at, len, seed));
}

static void cut_both(unsigned i)
{
    off_t size = below(3) == 0 ? below(MAX_SIZE) : below(5000);

    if (handles[i][0] == NULL)
        return;
    for (int k = 0; k < 2; k++)
        CHECK_EQ(handles[i][k]->ops->truncate(handles[i][k], size), 0);
}

static void allocate_both(unsigned i)
{
    off_t at = below(50000), len = 1 + below(20000);

    if (handles[i][0] == NULL)
        return;
    for (int k = 0; k < 2; k++)
        CHECK_EQ(handles[i][k]->ops->allocate(handles[i][k], at, len), 0);
}

static void compare_files(struct file *one, struct file *two)
{
    static uint8_t bytes[2][MAX_SIZE + 70000];
    ssize_t len[2];
    off_t at = 0;

    for (int k = 0; k < 2; k++) {
        struct iovec iov = { bytes[k], sizeof(bytes[k]) };

        len[k] = file_read(k == 0 ? one : two, &iov, 1, &at);
    }
    CHECK_EQ(len[0], len[1]);
    for (ssize_t i = 0; i < len[0]; i++)
        if (bytes[0][i] != bytes[1][i])
            glue_test_fail(__FILE__, __LINE__, "byte %zd is %u, not %u", i, bytes[0][i],
                           bytes[1][i]);
}

static void compare_names(void)
{
    char path[2][64];

    for (unsigned dir = 0; dir < DIRS; dir++) {
        for (unsigned name = 0; name < NAMES; name++) {
            struct inode *inode[2] = { NULL };
            struct stat info[2] = { 0 };
            int error[2];

            two_paths(path[0], path[1], name, dir);
            for (int k = 0; k < 2; k++)
                error[k] = vfs_lookup(NULL, path[k], VFS_NOFOLLOW, &inode[k]);
            CHECK_EQ(error[0], error[1]);
            if (error[0] < 0)
                continue;
            for (int k = 0; k < 2; k++)
                CHECK_EQ(inode_stat(inode[k], &info[k]), 0);
            CHECK_EQ(info[0].st_mode, info[1].st_mode);
            CHECK_EQ(info[0].st_nlink, info[1].st_nlink);
            if (S_ISREG(info[0].st_mode)) {
                struct file *one = files_open(path[0], O_RDONLY),
                            *two = files_open(path[1], O_RDONLY);

                CHECK_EQ(info[0].st_size, info[1].st_size);
                compare_files(one, two);
                file_put(one);
                file_put(two);
            }
            inode_put(inode[0]);
            inode_put(inode[1]);
        }
    }
}

static void one_step(void)
{
    unsigned name = below(NAMES), dir = below(DIRS), i = below(OPEN), error[2];
    char from[2][64], to[2][64];

    two_paths(from[0], from[1], name, dir);
    two_paths(to[0], to[1], below(NAMES), below(DIRS));
    switch (below(16)) {
    case 0:
    case 1:
        open_both(i, name, dir);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        write_both(i);
        break;
    case 6:
        cut_both(i);
        break;
    case 7:
        allocate_both(i);
        break;
    case 8:
        for (int k = 0; k < 2; k++)
            error[k] = (unsigned)vfs_unlink(NULL, from[k]);
        CHECK_EQ((int)error[0], (int)error[1]);
        break;
    case 9:
    case 10:
        for (int k = 0; k < 2; k++)
            error[k] = (unsigned)vfs_rename(NULL, from[k], NULL, to[k], 0);
        CHECK_EQ((int)error[0], (int)error[1]);
        break;
    case 11:
        for (int k = 0; k < 2; k++)
            error[k] = (unsigned)vfs_link(NULL, from[k], NULL, to[k], 0);
        CHECK_EQ((int)error[0], (int)error[1]);
        break;
    case 12:
        i = below(2);
        for (int k = 0; k < 2; k++)
            error[k] = (unsigned)(i == 0 ? files_make_dir(from[k]) : vfs_rmdir(NULL, from[k]));
        CHECK_EQ((int)error[0], (int)error[1]);
        break;
    case 13:
        for (int k = 0; k < 2; k++)
            error[k] = (unsigned)files_symlink("nowhere/at/all", from[k]);
        CHECK_EQ((int)error[0], (int)error[1]);
        break;
    case 14:
        if (handles[i][0] != NULL)
            CHECK_EQ(files_sync(handles[i][0]), 0);
        break;
    case 15:
        if (handles[i][0] != NULL)
            compare_files(handles[i][0], handles[i][1]);
        break;
    }
}

static void close_all(void)
{
    for (unsigned i = 0; i < OPEN; i++) {
        for (int k = 0; k < 2; k++) {
            if (handles[i][k] != NULL)
                file_put(handles[i][k]);
            handles[i][k] = NULL;
        }
    }
}

static void walk(const char *options, unsigned seed, unsigned steps)
{
    struct image *image = image_make(options, 16384);
    struct fs *ram;

    fprintf(stderr, "  %s, seed %u\n", options, seed);
    state = seed;
    files_cache = 64 * 1024 + below(1u << 20);
    files_mount(image, false);
    CHECK_EQ(ramfs_new(&ram), 0);
    vfs_create(NULL, "/ram", &(struct inode_new){ .mode = S_IFDIR | 0755 }, NULL);
    CHECK_EQ(vfs_mount(ram, "/ram"), 0);
    for (unsigned i = 1; i < DIRS; i++) {
        static const char *const dirs[2][DIRS] = { { "", "/mnt/d1", "/mnt/d2", "/mnt/d1/d3" },
                                                   { "", "/ram/d1", "/ram/d2", "/ram/d1/d3" } };

        for (int k = 0; k < 2; k++)
            CHECK_EQ(files_make_dir(dirs[k][i]), 0);
    }
    for (unsigned i = 0; i < steps; i++) {
        one_step();
        if (i % 500 == 499) {
            compare_names();
            close_all();
            files_unmount();
            CHECK_EQ(image_check(image), 0);
            files_mount(image, false);
            compare_names();
        }
    }
    close_all();
    compare_names();
    files_unmount();
    CHECK_EQ(vfs_unmount("/ram"), 0);
    CHECK_EQ(image_check(image), 0);
    image_free(image);
}

static void walks(const char *options)
{
    const char *seed = getenv("EXT_SEED");

    if (!image_tools()) {
        printf("SKIP mke2fs, e2fsck and debugfs (e2fsprogs) are not installed\n");
        return;
    }
    for (unsigned i = 1; i <= 3; i++) {
        walk(options, seed != NULL ? (unsigned)atoi(seed) : i, 2000);
        if (seed != NULL)
            return;
    }
}

TEST(ext4_does_as_ramfs)
{
    walks("-t ext4 -b 4096");
}

TEST(ext4_with_small_blocks_does_as_ramfs)
{
    walks("-t ext4 -b 1024");
}

TEST(ext3_does_as_ramfs)
{
    walks("-t ext3 -b 2048");
}

TEST(ext2_does_as_ramfs)
{
    walks("-t ext2 -b 1024");
}
