/* The RAM file system: sparse content, big directories, running out of memory, times. */
#include "glue_test.h"

#include <fcntl.h>
#include <unistd.h>

#include "files/ramfs.h"
#include "files/ramfs_data.h"
#include "files/vfs.h"

const char rootfs_is_linked = 1;

static struct fs *root;

static void fresh(void)
{
    if (root == NULL) {
        CHECK_EQ(ramfs_new(&root), 0);
        CHECK_EQ(vfs_mount(root, NULL), 0);
    }
}

static struct file *open_file(const char *path, int flags)
{
    struct file *file;

    fresh();
    CHECK_EQ(vfs_open(NULL, path, flags, 0644, &file), 0);
    return file;
}

static ssize_t put_at(struct file *file, const void *bytes, size_t len, off_t at)
{
    struct iovec iov = { (void *)bytes, len };

    return file_write(file, &iov, 1, &at);
}

static ssize_t get_at(struct file *file, void *bytes, size_t len, off_t at)
{
    struct iovec iov = { bytes, len };

    return file_read(file, &iov, 1, &at);
}

static struct stat stat_of(struct file *file)
{
    struct stat out;

    CHECK_EQ(file_stat(file, &out), 0);
    return out;
}

/* Holes read as zeroes and take no pages, at every height of the tree. */
TEST(sparse_files)
{
    static const off_t at[] = { 0, 4090, 8192, 511ll << 12, (512ll << 12) - 5, (512ll << 12) + 100,
                                (512ll * 512) << 12, (512ll * 512 * 512) << 12, (1ll << 47) - 10 };
    size_t before = glue_pages_used;
    struct file *file = open_file("/sparse", O_RDWR | O_CREAT);
    char text[12];

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
        CHECK_EQ(put_at(file, "ABCDEFGHIJ", 10, at[i]), 10);
    CHECK_EQ(stat_of(file).st_size, 1ll << 47);
    CHECK(glue_pages_used - before < 30);
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        memset(text, 'x', sizeof(text));
        CHECK(get_at(file, text, 10, at[i]) == 10);
        CHECK_EQ(memcmp(text, "ABCDEFGHIJ", 10), 0);
    }
    CHECK_EQ(get_at(file, text, 10, 100ll << 20), 10);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(text[i], 0);
    CHECK_EQ(get_at(file, text, 10, 1ll << 47), 0);
    CHECK_EQ(get_at(file, text, 10, (1ll << 47) - 4), 4);
    CHECK_EQ(put_at(file, "x", 1, 1ll << 47), -EFBIG);
    CHECK_EQ(put_at(file, "xxxx", 4, (1ll << 47) - 2), 2);

    CHECK_EQ(file->ops->truncate(file, 4096 + 2), 0);
    CHECK_EQ(file->ops->truncate(file, 8192), 0);
    CHECK_EQ(get_at(file, text, 10, 4096), 10);
    CHECK_EQ(memcmp(text, "GH\0\0\0\0\0\0\0\0", 10), 0);
    CHECK_EQ(file->ops->truncate(file, 0), 0);
    CHECK_EQ(glue_pages_used, before);
    file_put(file);
}

/* What was cut off does not come back when the file grows again. */
TEST(truncated_bytes_read_as_zeroes)
{
    struct file *file = open_file("/cut", O_RDWR | O_CREAT);
    char text[8192];

    memset(text, 'q', sizeof(text));
    CHECK_EQ(put_at(file, text, 8192, 0), 8192);
    CHECK_EQ(file->ops->truncate(file, 100), 0);
    CHECK_EQ(file->ops->truncate(file, 6000), 0);
    CHECK_EQ(get_at(file, text, sizeof(text), 0), 6000);
    for (int i = 0; i < 6000; i++)
        CHECK_EQ(text[i], i < 100 ? 'q' : 0);
    CHECK_EQ(stat_of(file).st_blocks, 8);
    CHECK_EQ(file->ops->truncate(file, -1), -EINVAL);
    file_put(file);
}

/* The same operations on the file and on a plain array, at random: always the same content. */
TEST(random_operations_agree_with_an_array)
{
    enum { SIZE = 40000 };
    static char model[SIZE], buffer[SIZE];
    struct file *file = open_file("/model", O_RDWR | O_CREAT);
    size_t size = 0;
    uint64_t seed = 42;

    /* Half of the file lies elsewhere at first. */
    static char origin[20000];
    for (size_t i = 0; i < sizeof(origin); i++)
        origin[i] = (char)('a' + i % 26);
    ramfs_set_content(file->inode, origin, sizeof(origin));
    memcpy(model, origin, sizeof(origin));
    size = sizeof(origin);

    for (int step = 0; step < 4000; step++) {
        size_t at, len;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        at = (seed >> 20) % SIZE;
        len = (seed >> 40) % 9000;
        if (len > SIZE - at)
            len = SIZE - at;
        switch ((seed >> 60) % 4) {
        case 0:
        case 1:
            memset(buffer, (int)(step % 251) + 1, len);
            CHECK_EQ(put_at(file, buffer, len, (off_t)at), len);
            if (len > 0) {
                memcpy(model + at, buffer, len);
                size = size > at + len ? size : at + len;
            }
            break;
        case 2:
            CHECK_EQ(file->ops->truncate(file, (off_t)at), 0);
            if (at < size)
                memset(model + at, 0, size - at);
            size = at;
            break;
        default:
            CHECK_EQ(get_at(file, buffer, len, (off_t)at),
                     at >= size ? 0 : len < size - at ? len : size - at);
            if (at < size)
                CHECK(memcmp(buffer, model + at, len < size - at ? len : size - at) == 0);
        }
    }
    CHECK_EQ(get_at(file, buffer, SIZE, 0), size);
    CHECK(memcmp(buffer, model, size) == 0);
    file_put(file);
}

TEST(holes_can_be_found)
{
    struct ramfs_data data = { 0 };
    struct iovec iov = { (char *)"x", 1 };
    off_t size = 100ll << 12;

    CHECK_EQ(ramfs_data_seek(&data, 0, size, false), size);
    CHECK_EQ(ramfs_data_seek(&data, 5, size, true), 5);
    CHECK_EQ(ramfs_data_write(&data, 10 << 12, 1, &iov, 1), 1);
    CHECK_EQ(ramfs_data_write(&data, 11 << 12, 1, &iov, 1), 1);
    CHECK_EQ(ramfs_data_seek(&data, 0, size, false), 10 << 12);
    CHECK_EQ(ramfs_data_seek(&data, (10 << 12) + 7, size, false), (10 << 12) + 7);
    CHECK_EQ(ramfs_data_seek(&data, 10 << 12, size, true), 12 << 12);
    CHECK_EQ(ramfs_data_seek(&data, 12 << 12, size, false), size);
    CHECK_EQ(ramfs_data_seek(&data, 10 << 12, (11 << 12) + 1, true), (11 << 12) + 1);
    data.origin = "";
    data.origin_len = 6000;
    CHECK_EQ(ramfs_data_seek(&data, 100, size, false), 100);
    CHECK_EQ(ramfs_data_seek(&data, 100, size, true), 6000);
    data.origin_len = 0;
    ramfs_data_truncate(&data, 0);
}

static char name[64];

static const char *numbered(int i)
{
    sprintf(name, "/big/file-%d", i);
    return name;
}

/* 100 000 entries: made, found, read once each while others are removed, and removed. */
TEST(a_directory_of_100000_entries)
{
    enum { N = 100000 };
    static unsigned char seen[N];
    struct inode_new dir = { .mode = S_IFDIR | 0755 }, reg = { .mode = S_IFREG | 0600 };
    struct file_entry entry;
    struct inode *inode;
    struct file *file;
    int entries = 0, number;

    fresh();
    CHECK_EQ(vfs_create(NULL, "/big", &dir, NULL), 0);
    for (int i = 0; i < N; i++)
        CHECK_EQ(vfs_create(NULL, numbered(i), &reg, NULL), 0);
    for (int i = 0; i < N; i += 7) {
        CHECK_EQ(vfs_lookup(NULL, numbered(i), 0, &inode), 0);
        inode_put(inode);
    }
    CHECK_EQ(vfs_create(NULL, numbered(5), &reg, NULL), -EEXIST);

    file = open_file("/big", O_RDONLY | O_DIRECTORY);
    while (file->ops->next_entry(file, &entry) > 0) {
        if (entries++ < 2) {
            CHECK_STR(entry.name, entries == 1 ? "." : "..");
            continue;
        }
        CHECK_EQ(sscanf(entry.name, "file-%d", &number), 1);
        CHECK_EQ(seen[number], 0);
        seen[number] = 1;
        CHECK_EQ(entry.type, 8);
        if (number % 3 == 0)
            CHECK_EQ(vfs_unlink(NULL, numbered(number)), 0);
        else if (number % 1000 == 1) { /* and back again, into one of the freed places */
            CHECK_EQ(vfs_unlink(NULL, numbered(number)), 0);
            seen[number] = 0;
            CHECK_EQ(vfs_create(NULL, numbered(number), &reg, NULL), 0);
            seen[number] = 1;
        }
    }
    CHECK_EQ(entries, N + 2);
    for (int i = 0; i < N; i++)
        if (i % 3 != 0)
            CHECK_EQ(vfs_unlink(NULL, numbered(i)), 0);
    CHECK_EQ(vfs_rmdir(NULL, "/big"), 0);
    file_put(file);
}

/* Full memory is ENOSPC, with some left for the program, and removing makes room again. */
TEST(full_memory_is_enospc)
{
    static char page[4096];
    struct file *file = open_file("/full", O_RDWR | O_CREAT);
    off_t at = 0;
    ssize_t n;

    while ((n = put_at(file, page, sizeof(page), at)) == (ssize_t)sizeof(page))
        at += n;
    CHECK_EQ(n, -ENOSPC);
    CHECK(glue_pages_used <= 16384 - 500);
    CHECK(glue_pages_used > 15000);
    CHECK_EQ(stat_of(file).st_size, at);
    CHECK_EQ(file->ops->allocate(file, at, 1 << 20), -ENOSPC);
    CHECK_EQ(file->ops->truncate(file, 0), 0);
    CHECK_EQ(put_at(file, page, sizeof(page), 0), 4096);
    file_put(file);
    CHECK_EQ(vfs_unlink(NULL, "/full"), 0);
}

/* A page allocator that fails anywhere leaves a file that is still good. */
TEST(failing_pages_leave_good_files)
{
    static char bytes[20000], back[20000];

    memset(bytes, 'B', sizeof(bytes));
    for (size_t limit = 0; limit < 12; limit++) {
        struct file *file = open_file("/fail", O_RDWR | O_CREAT);
        ssize_t n;

        glue_pages_limit = glue_pages_used + limit;
        n = put_at(file, bytes, sizeof(bytes), 3000ll << 12);
        CHECK(n == -ENOSPC || (n > 0 && n <= (ssize_t)sizeof(bytes)));
        glue_pages_limit = SIZE_MAX;
        if (n > 0) {
            CHECK_EQ(get_at(file, back, sizeof(back), 3000ll << 12), n);
            CHECK(memcmp(bytes, back, (size_t)n) == 0);
        }
        file_put(file);
        CHECK_EQ(vfs_unlink(NULL, "/fail"), 0);
    }
}

TEST(times_and_attributes)
{
    struct inode_change change = { .what = INODE_MODE | INODE_OWNER | INODE_MTIME, .mode = 04711,
                                   .uid = 12, .mtime = { .tv_sec = 99, .tv_nsec = 7 } };
    struct file *file = open_file("/times", O_RDWR | O_CREAT);
    struct stat before = stat_of(file), after;
    char c;

    glue_realtime_ns += 5000000000;
    CHECK_EQ(put_at(file, "x", 1, 0), 1);
    after = stat_of(file);
    CHECK_EQ(after.st_mtim.tv_sec - before.st_mtim.tv_sec, 5);
    CHECK_EQ(after.st_ctim.tv_sec - before.st_ctim.tv_sec, 5);
    CHECK_EQ(after.st_atim.tv_sec, before.st_atim.tv_sec);
    glue_realtime_ns += 5000000000;
    CHECK_EQ(get_at(file, &c, 1, 0), 1);
    CHECK_EQ(stat_of(file).st_atim.tv_sec - before.st_atim.tv_sec, 10);

    CHECK_EQ(vfs_set_inode(file->inode, &change), 0);
    after = stat_of(file);
    CHECK_EQ(after.st_mode, S_IFREG | 04711);
    CHECK_EQ(after.st_uid, 12);
    CHECK_EQ(after.st_mtim.tv_sec, 99);
    CHECK_EQ(after.st_mtim.tv_nsec, 7);
    CHECK_EQ(put_at(file, "y", 1, 0), 1);
    CHECK_EQ(stat_of(file).st_mode, S_IFREG | 0711); /* writing takes set-user-ID away */
    file_put(file);
}

/* Unmounting frees every page and inode (LeakSanitizer watches). */
TEST(unmounting_frees_everything)
{
    struct inode_new dir = { .mode = S_IFDIR | 0755 };
    size_t before = glue_pages_used;
    char path[4096] = "/u";
    struct file *file;
    struct fs *fs;

    fresh();
    CHECK_EQ(vfs_create(NULL, "/u", &dir, NULL), 0);
    CHECK_EQ(ramfs_new(&fs), 0);
    CHECK_EQ(vfs_mount(fs, "/u"), 0);
    for (int i = 0; i < 1000; i++) {
        strcat(path, "/d");
        CHECK_EQ(vfs_create(NULL, path, &dir, NULL), 0);
    }
    strcat(path, "/f");
    file = open_file(path, O_RDWR | O_CREAT);
    CHECK_EQ(put_at(file, "x", 1, 1 << 22), 1);
    file_put(file);
    CHECK_EQ(vfs_unmount("/u"), 0);
    CHECK_EQ(glue_pages_used, before);
    CHECK_EQ(vfs_rmdir(NULL, "/u"), 0);
}
