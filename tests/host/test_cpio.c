/* The initrd: reading cpio archives, also broken ones, and what they become in the file system. */
#include "glue_test.h"

#include <fcntl.h>

#include "files/cpio.h"
#include "files/initrd.h"
#include "files/ramfs.h"
#include "files/vfs.h"

const char rootfs_is_linked = 1;

struct archive {
    char bytes[65536];
    size_t len;
};

static void pad(struct archive *a)
{
    while (a->len % 4 != 0)
        a->bytes[a->len++] = '\0';
}

static void add_full(struct archive *a, const char *name, unsigned mode, unsigned ino,
                     unsigned nlink, const char *data, size_t len)
{
    a->len += (size_t)sprintf(a->bytes + a->len,
                              "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", ino,
                              mode, 7u, 8u, nlink, 1600000000u, (unsigned)len, 0u, 3u, 1u, 3u,
                              (unsigned)strlen(name) + 1, 0u);
    memcpy(a->bytes + a->len, name, strlen(name) + 1);
    a->len += strlen(name) + 1;
    pad(a);
    memcpy(a->bytes + a->len, data, len);
    a->len += len;
    pad(a);
}

static void add(struct archive *a, const char *name, unsigned mode, const char *data)
{
    static unsigned ino = 100;

    add_full(a, name, mode, ino++, 1, data, strlen(data));
}

static void end(struct archive *a)
{
    add_full(a, "TRAILER!!!", 0, 0, 1, "", 0);
}

static struct fs *root;

static void mount_root(void)
{
    if (root == NULL) {
        CHECK_EQ(ramfs_new(&root), 0);
        CHECK_EQ(vfs_mount(root, NULL), 0);
    }
}

static void check_content(const char *path, const char *want)
{
    static char text[8192];
    struct iovec iov = { text, sizeof(text) - 1 };
    struct file *file;
    ssize_t n;

    CHECK_EQ(vfs_open(NULL, path, O_RDONLY, 0, &file), 0);
    n = file_read(file, &iov, 1, NULL);
    CHECK_EQ(n, strlen(want));
    text[n] = '\0';
    CHECK_STR(text, want);
    file_put(file);
}

static struct stat stat_of(const char *path)
{
    struct inode *inode;
    struct stat out = { 0 };

    CHECK_EQ(vfs_lookup(NULL, path, VFS_NOFOLLOW, &inode), 0);
    CHECK_EQ(inode_stat(inode, &out), 0);
    inode_put(inode);
    return out;
}

static struct archive a;

TEST(every_kind_of_entry_arrives)
{
    mount_root();
    a.len = 0;
    add(&a, ".", S_IFDIR | 0755, "");
    add(&a, "etc", S_IFDIR | 0711, "");
    add(&a, "etc/motd", S_IFREG | 0640, "hello\n");
    add(&a, "etc/link", S_IFLNK | 0777, "motd");
    add(&a, "null", S_IFCHR | 0600, "");
    add(&a, "missing/parents/are/made", S_IFREG | 0600, "x");
    end(&a);
    CHECK_EQ(initrd_unpack(a.bytes, a.len), 0);
    check_content("/etc/motd", "hello\n");
    check_content("/etc/link", "hello\n");
    check_content("/missing/parents/are/made", "x");
    CHECK_EQ(stat_of("/etc").st_mode, S_IFDIR | 0711);
    CHECK_EQ(stat_of("/etc/motd").st_mode, S_IFREG | 0640);
    CHECK_EQ(stat_of("/etc/motd").st_uid, 7);
    CHECK_EQ(stat_of("/etc/motd").st_gid, 8);
    CHECK_EQ(stat_of("/etc/motd").st_mtim.tv_sec, 1600000000);
    CHECK_EQ(stat_of("/etc/link").st_size, 4);
    CHECK_EQ(stat_of("/null").st_rdev, 1 << 8 | 3);
    CHECK_EQ(stat_of("/null").st_mode, S_IFCHR | 0600);
}

TEST(names_of_one_file_share_its_content)
{
    mount_root();
    a.len = 0;
    add_full(&a, "one", S_IFREG | 0644, 5, 3, "", 0);
    add_full(&a, "two", S_IFREG | 0644, 5, 3, "", 0);
    add_full(&a, "three", S_IFREG | 0644, 5, 3, "shared", 6);
    end(&a);
    CHECK_EQ(initrd_unpack(a.bytes, a.len), 0);
    check_content("/one", "shared");
    check_content("/three", "shared");
    CHECK_EQ(stat_of("/two").st_nlink, 3);
    CHECK_EQ(stat_of("/two").st_ino, stat_of("/one").st_ino);
}

/* The archive's memory is the file's content until it is written. */
TEST(content_is_not_copied_until_written)
{
    struct iovec iov = { (char *)"J", 1 };
    struct file *file;
    size_t before;

    mount_root();
    a.len = 0;
    add(&a, "cow", S_IFREG | 0644, "hello world");
    end(&a);
    before = glue_pages_used;
    CHECK_EQ(initrd_unpack(a.bytes, a.len), 0);
    CHECK_EQ(glue_pages_used, before);
    CHECK_EQ(vfs_open(NULL, "/cow", O_WRONLY, 0, &file), 0);
    CHECK_EQ(file_write(file, &iov, 1, NULL), 1);
    file_put(file);
    check_content("/cow", "Jello world");
    CHECK(memmem(a.bytes, a.len, "hello world", 11) != NULL);
    CHECK_EQ(glue_pages_used, before + 1);
    CHECK_EQ(vfs_unlink(NULL, "/cow"), 0);
    CHECK_EQ(glue_pages_used, before);
}

TEST(a_later_archive_replaces_files)
{
    mount_root();
    a.len = 0;
    add(&a, "f", S_IFREG | 0644, "old");
    end(&a);
    while (a.len % 512 != 0)
        a.bytes[a.len++] = '\0';
    add(&a, "f", S_IFREG | 0600, "newer");
    end(&a);
    CHECK_EQ(initrd_unpack(a.bytes, a.len), 0);
    check_content("/f", "newer");
}

static int count(void *arg, const struct cpio_entry *entry)
{
    CHECK(strlen(entry->name) == entry->name_len);
    for (size_t i = 0; i < entry->data_len; i++)
        *(volatile const char *)&entry->data[i];
    ++*(int *)arg;
    return 0;
}

/* Cut anywhere, an archive is refused and nothing beyond its end is read (ASan watches). */
TEST(cut_archives_are_refused)
{
    a.len = 0;
    add(&a, "dir", S_IFDIR | 0755, "");
    add(&a, "dir/file", S_IFREG | 0644, "some content");
    end(&a);
    for (size_t len = 1; len < a.len; len++) {
        char *copy = malloc(len);
        size_t offset;
        int n = 0, error;

        memcpy(copy, a.bytes, len);
        error = cpio_each(copy, len, count, &n, &offset);
        CHECK(error == -EINVAL || (error == 0 && len > a.len - 4));
        CHECK(n <= 2);
        CHECK(offset <= len);
        free(copy);
    }
}

/* Every byte of every header set to something else: never a read outside, whatever comes of it. */
TEST(damaged_archives_do_no_harm)
{
    a.len = 0;
    add(&a, "dir/file", S_IFREG | 0644, "some content");
    end(&a);
    for (size_t at = 0; at < a.len; at++) {
        static const char values[] = { '\0', '0', 'f', 'F', '8', 'z', '\xff' };

        for (size_t v = 0; v < sizeof(values); v++) {
            char *copy = malloc(a.len);
            size_t offset;
            int n = 0;

            memcpy(copy, a.bytes, a.len);
            copy[at] = values[v];
            cpio_each(copy, a.len, count, &n, &offset);
            CHECK(n <= 2);
            free(copy);
        }
    }
}

TEST(what_is_no_archive_is_logged)
{
    mount_root();
    CHECK_EQ(initrd_unpack("garbage, really", 15), -EINVAL);
    CHECK_EQ(glue_logged, 1);
    CHECK_EQ(initrd_unpack("\x1f\x8b gz", 5), -EINVAL);
    CHECK_EQ(glue_logged, 2);
}
