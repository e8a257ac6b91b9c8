#include "ext_files.h"

#include <fcntl.h>

#include "files/ramfs.h"

const char rootfs_is_linked = 1;

size_t files_cache = 2u << 20;

static struct fs *files_root, *files_mounted;

/* Nothing is written by itself in these tests. */
struct ext_fs;
int ext_writer_start(struct ext_fs *ext);
void ext_writer_stop(struct ext_fs *ext);
void ext_writer_wake(struct ext_fs *ext);

int ext_writer_start(struct ext_fs *ext)
{
    (void)ext;
    return 0;
}

void ext_writer_stop(struct ext_fs *ext)
{
    (void)ext;
}

void ext_writer_wake(struct ext_fs *ext)
{
    (void)ext;
}

struct fs *files_fs(void)
{
    return files_mounted;
}

int files_try_mount(struct image *image, bool read_only)
{
    struct ext_options options = { .read_only = read_only, .cache_bytes = files_cache };
    struct inode_new dir = { .mode = S_IFDIR | 0755 };
    int error;

    if (files_root == NULL) {
        CHECK_EQ(ramfs_new(&files_root), 0);
        CHECK_EQ(vfs_mount(files_root, NULL), 0);
        CHECK_EQ(vfs_create(NULL, "/mnt", &dir, NULL), 0);
        vfs_umask(0);
    }
    error = ext_open(&image->device, "xvda", &options, &files_mounted);
    if (error == 0)
        CHECK_EQ(vfs_mount(files_mounted, "/mnt"), 0);
    return error;
}

void files_mount(struct image *image, bool read_only)
{
    CHECK_EQ(files_try_mount(image, read_only), 0);
}

void files_unmount(void)
{
    CHECK_EQ(vfs_unmount("/mnt"), 0);
    files_mounted = NULL;
}

void files_destroy(struct image *image)
{
    image->fail_from = 0;
    vfs_unmount("/mnt"); /* it finds that nothing works, and frees its memory */
    image->fail_from = SIZE_MAX;
    files_mounted = NULL;
}

struct file *files_open(const char *path, int flags)
{
    struct file *file;
    int error = vfs_open(NULL, path, flags, 0644, &file);

    if (error < 0)
        glue_test_fail(__FILE__, __LINE__, "opening %s: error %d", path, error);
    return file;
}

void files_write(const char *path, const char *text)
{
    struct iovec iov = { (char *)text, strlen(text) };
    struct file *file = files_open(path, O_WRONLY | O_CREAT | O_TRUNC);

    CHECK_EQ(file_write(file, &iov, 1, NULL), (ssize_t)strlen(text));
    file_put(file);
}

const char *files_read(const char *path)
{
    static char text[65536];
    struct iovec iov = { text, sizeof(text) - 1 };
    struct file *file = files_open(path, O_RDONLY);
    ssize_t len = file_read(file, &iov, 1, NULL);

    CHECK(len >= 0);
    text[len] = '\0';
    file_put(file);
    return text;
}

int files_make_dir(const char *path)
{
    return vfs_create(NULL, path, &(struct inode_new){ .mode = S_IFDIR | 0755 }, NULL);
}

int files_symlink(const char *target, const char *path)
{
    struct inode_new what = { .mode = S_IFLNK, .target = target, .target_len = strlen(target) };

    return vfs_create(NULL, path, &what, NULL);
}

struct stat files_stat(const char *path)
{
    struct stat info = { 0 };
    struct inode *inode;

    CHECK_EQ(vfs_lookup(NULL, path, VFS_NOFOLLOW, &inode), 0);
    CHECK_EQ(inode_stat(inode, &info), 0);
    inode_put(inode);
    return info;
}

bool files_exist(const char *path)
{
    struct inode *inode;
    int error = vfs_lookup(NULL, path, VFS_NOFOLLOW, &inode);

    if (error == 0)
        inode_put(inode);
    else
        CHECK_EQ(error, -ENOENT);
    return error == 0;
}

uint8_t files_byte(off_t offset, unsigned seed)
{
    return (uint8_t)(((uint64_t)offset * 2654435761u >> 5) ^ (seed * 40503u >> 3) ^ seed);
}

ssize_t files_put(struct file *file, off_t offset, size_t len, unsigned seed)
{
    uint8_t *bytes = malloc(len + 1);
    struct iovec iov[2] = { { bytes, len / 3 }, { bytes + len / 3, len - len / 3 } };
    ssize_t done;

    CHECK(bytes != NULL);
    for (size_t i = 0; i < len; i++)
        bytes[i] = files_byte(offset + (off_t)i, seed);
    done = file_write(file, iov, 2, &offset);
    free(bytes);
    return done;
}

static void files_compare(struct file *file, off_t offset, size_t len, unsigned seed, bool zero)
{
    uint8_t *bytes = malloc(len + 1);
    struct iovec iov = { bytes, len };
    size_t done = 0;

    CHECK(bytes != NULL);
    while (done < len) {
        off_t at = offset + (off_t)done;
        ssize_t part;

        iov = (struct iovec){ bytes + done, len - done };
        part = file_read(file, &iov, 1, &at);
        if (part <= 0)
            glue_test_fail(__FILE__, __LINE__, "reading at %lld: %zd", (long long)at, part);
        done += (size_t)part;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t want = zero ? 0 : files_byte(offset + (off_t)i, seed);

        if (bytes[i] != want)
            glue_test_fail(__FILE__, __LINE__, "byte %lld is %u, not %u",
                           (long long)offset + (long long)i, bytes[i], want);
    }
    free(bytes);
}

void files_expect(struct file *file, off_t offset, size_t len, unsigned seed)
{
    files_compare(file, offset, len, seed, false);
}

void files_expect_zero(struct file *file, off_t offset, size_t len)
{
    files_compare(file, offset, len, 0, true);
}

int files_sync(struct file *file)
{
    return file->ops->sync(file, false);
}
