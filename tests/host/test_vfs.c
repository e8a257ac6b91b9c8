/* Paths, links, mounts and what POSIX says about names: the VFS over RAM file systems. */
#include "glue_test.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "files/file_lock.h"
#include "files/ramfs.h"
#include "files/vfs.h"

const char rootfs_is_linked = 1;

static struct fs *root;

/* An empty root for every test. */
static void fresh(void)
{
    if (root == NULL) {
        CHECK_EQ(ramfs_new(&root), 0);
        CHECK_EQ(vfs_mount(root, NULL), 0);
    }
    vfs_umask(0);
}

static int make(const char *path, mode_t mode)
{
    struct inode_new what = { .mode = mode };

    return vfs_create(NULL, path, &what, NULL);
}

static int make_dir(const char *path)
{
    return make(path, S_IFDIR | 0755);
}

static int make_link(const char *target, const char *path)
{
    struct inode_new what = { .mode = S_IFLNK, .target = target, .target_len = strlen(target) };

    return vfs_create(NULL, path, &what, NULL);
}

static int open_put(const char *path, int flags)
{
    struct file *file;
    int error = vfs_open(NULL, path, flags, 0666, &file);

    if (error == 0)
        file_put(file);
    return error;
}

static int write_file(const char *path, const char *text)
{
    struct iovec iov = { (char *)text, strlen(text) };
    struct file *file;
    int error = vfs_open(NULL, path, O_WRONLY | O_CREAT | O_TRUNC, 0666, &file);

    if (error < 0)
        return error;
    CHECK_EQ(file_write(file, &iov, 1, NULL), (ssize_t)strlen(text));
    file_put(file);
    return 0;
}

static const char *read_file(const char *path)
{
    static char text[256];
    struct iovec iov = { text, sizeof(text) - 1 };
    struct file *file;

    memset(text, 0, sizeof(text));
    CHECK_EQ(vfs_open(NULL, path, O_RDONLY, 0, &file), 0);
    CHECK(file_read(file, &iov, 1, NULL) >= 0);
    file_put(file);
    return text;
}

static int stat_path(const char *path, int flags, struct stat *out)
{
    struct inode *inode;
    int error = vfs_lookup(NULL, path, flags, &inode);

    memset(out, 0, sizeof(*out));
    if (error == 0) {
        error = inode_stat(inode, out);
        inode_put(inode);
    }
    return error;
}

static int exists(const char *path)
{
    struct stat out;

    return stat_path(path, VFS_NOFOLLOW, &out);
}

static nlink_t links(const char *path)
{
    struct stat out;

    CHECK_EQ(stat_path(path, VFS_NOFOLLOW, &out), 0);
    return out.st_nlink;
}

static int chdir_to(const char *path)
{
    struct inode *dir;
    int error = vfs_lookup(NULL, path, 0, &dir);

    if (error == 0) {
        error = vfs_chdir(dir);
        inode_put(dir);
    }
    return error;
}

static const char *cwd(void)
{
    static char path[VFS_PATH_MAX];
    struct inode *dir = vfs_cwd();

    CHECK(vfs_path_of(dir, path, sizeof(path)) > 0);
    inode_put(dir);
    return path;
}

TEST(walking)
{
    fresh();
    CHECK_EQ(make_dir("/w"), 0);
    CHECK_EQ(make_dir("/w/d"), 0);
    CHECK_EQ(write_file("/w/d/f", "text"), 0);
    CHECK_STR(read_file("//w///d/./../d/f"), "text");
    CHECK_STR(read_file("/../../w/d/f"), "text");
    CHECK_EQ(exists(""), -ENOENT);
    CHECK_EQ(exists("/w/none"), -ENOENT);
    CHECK_EQ(exists("/w/none/f"), -ENOENT);
    CHECK_EQ(exists("/w/d/f/x"), -ENOTDIR);
    CHECK_EQ(exists("/w/d/f/"), -ENOTDIR);
    CHECK_EQ(exists("/w/d/f/."), -ENOTDIR);
    CHECK_EQ(exists("/w/d/"), 0);
    CHECK_EQ(exists("/"), 0);
}

TEST(long_names_and_paths)
{
    char name[VFS_NAME_MAX + 3] = "/", path[VFS_PATH_MAX + 2];

    fresh();
    memset(name + 1, 'n', VFS_NAME_MAX);
    CHECK_EQ(write_file(name, "x"), 0);
    CHECK_EQ(vfs_unlink(NULL, name), 0);
    name[VFS_NAME_MAX + 1] = 'n';
    name[VFS_NAME_MAX + 2] = '\0';
    CHECK_EQ(write_file(name, "x"), -ENAMETOOLONG);
    CHECK_EQ(exists(name), -ENAMETOOLONG);
    memset(path, '/', sizeof(path));
    path[VFS_PATH_MAX - 1] = '\0';
    CHECK_EQ(exists(path), 0);
    path[VFS_PATH_MAX - 1] = '/';
    path[VFS_PATH_MAX] = '\0';
    CHECK_EQ(exists(path), -ENAMETOOLONG);
}

TEST(creating)
{
    struct stat out;

    fresh();
    CHECK_EQ(make_dir("/c/"), 0);
    CHECK_EQ(make_dir("/c"), -EEXIST);
    CHECK_EQ(make_dir("/c/."), -EEXIST);
    CHECK_EQ(make_dir("/"), -EEXIST);
    CHECK_EQ(make_dir("/c/x/y"), -ENOENT);
    CHECK_EQ(write_file("/c/f", "1"), 0);
    CHECK_EQ(make_dir("/c/f/y"), -ENOTDIR);
    CHECK_EQ(open_put("/c/f", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
    CHECK_EQ(open_put("/c/new/", O_RDWR | O_CREAT), -EISDIR);
    CHECK_EQ(open_put("/c", O_RDWR | O_CREAT), -EISDIR);
    CHECK_EQ(open_put("/c", O_RDONLY | O_CREAT), -EISDIR);
    CHECK_EQ(open_put("/c", O_WRONLY), -EISDIR);
    CHECK_EQ(open_put("/c", O_RDONLY | O_DIRECTORY), 0);
    CHECK_EQ(open_put("/c/f", O_RDONLY | O_DIRECTORY), -ENOTDIR);
    CHECK_EQ(open_put("/c/f", O_ACCMODE), -EINVAL);
    CHECK_EQ(make("/c/p/", S_IFREG | 0600), -ENOENT);
    CHECK_EQ(make("/c/f/", S_IFREG | 0600), -ENOTDIR);

    vfs_umask(027);
    CHECK_EQ(make("/c/masked", S_IFREG | 0666), 0);
    CHECK_EQ(stat_path("/c/masked", 0, &out), 0);
    CHECK_EQ(out.st_mode, S_IFREG | 0640);
    CHECK_EQ(vfs_umask(0), 027);
}

TEST(symbolic_links)
{
    char target[64];
    struct stat out;

    fresh();
    CHECK_EQ(make_dir("/s"), 0);
    CHECK_EQ(make_dir("/s/d"), 0);
    CHECK_EQ(write_file("/s/d/f", "linked"), 0);
    CHECK_EQ(make_link("d", "/s/dir"), 0);
    CHECK_EQ(make_link("d/f", "/s/file"), 0);
    CHECK_EQ(make_link("/s/dir/f", "/s/abs"), 0);
    CHECK_EQ(make_link("../d/f", "/s/d/up"), 0);
    CHECK_STR(read_file("/s/file"), "linked");
    CHECK_STR(read_file("/s/abs"), "linked");
    CHECK_STR(read_file("/s/dir/up"), "linked");
    CHECK_EQ(vfs_readlink(NULL, "/s/abs", target, sizeof(target)), 8);
    CHECK_EQ(memcmp(target, "/s/dir/f", 8), 0);
    CHECK_EQ(vfs_readlink(NULL, "/s/abs", target, 3), 3);
    CHECK_EQ(vfs_readlink(NULL, "/s/d", target, 3), -EINVAL);

    /* Where a link is meant and where its target. */
    CHECK_EQ(stat_path("/s/dir", VFS_NOFOLLOW, &out), 0);
    CHECK(S_ISLNK(out.st_mode));
    CHECK_EQ(stat_path("/s/dir/", VFS_NOFOLLOW, &out), 0);
    CHECK(S_ISDIR(out.st_mode));
    CHECK_EQ(stat_path("/s/file/", 0, &out), -ENOTDIR);
    CHECK_EQ(open_put("/s/file", O_RDONLY | O_NOFOLLOW), -ELOOP);

    /* Loops and dangling links. */
    CHECK_EQ(make_link("loop2", "/s/loop1"), 0);
    CHECK_EQ(make_link("loop1", "/s/loop2"), 0);
    CHECK_EQ(stat_path("/s/loop1", 0, &out), -ELOOP);
    CHECK_EQ(stat_path("/s/loop1/x", 0, &out), -ELOOP);
    CHECK_EQ(make_link("made", "/s/dangling"), 0);
    CHECK_EQ(open_put("/s/dangling", O_RDONLY), -ENOENT);
    CHECK_EQ(open_put("/s/dangling", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
    CHECK_EQ(write_file("/s/dangling", "through"), 0);
    CHECK_STR(read_file("/s/made"), "through");
    CHECK_EQ(make_dir("/s/dangling"), -EEXIST);
    CHECK_EQ(make_link("", "/s/empty"), -ENOENT);

    /* Removing a link leaves what it points to. */
    CHECK_EQ(vfs_unlink(NULL, "/s/file"), 0);
    CHECK_EQ(vfs_unlink(NULL, "/s/dir/"), -ENOTDIR);
    CHECK_EQ(vfs_rmdir(NULL, "/s/dir"), -ENOTDIR);
    CHECK_EQ(vfs_unlink(NULL, "/s/dir"), 0);
    CHECK_STR(read_file("/s/d/f"), "linked");
}

/* Forty links are followed, forty-one are not. */
TEST(chains_of_links)
{
    char path[32], target[32];

    fresh();
    CHECK_EQ(write_file("/l0", "end"), 0);
    for (int i = 1; i <= 41; i++) {
        sprintf(path, "/l%d", i);
        sprintf(target, "l%d", i - 1);
        CHECK_EQ(make_link(target, path), 0);
    }
    CHECK_STR(read_file("/l40"), "end");
    CHECK_EQ(open_put("/l41", O_RDONLY), -ELOOP);
}

TEST(hard_links)
{
    fresh();
    CHECK_EQ(make_dir("/h"), 0);
    CHECK_EQ(write_file("/h/a", "one"), 0);
    CHECK_EQ(vfs_link(NULL, "/h/a", NULL, "/h/b", VFS_NOFOLLOW), 0);
    CHECK_EQ(links("/h/a"), 2);
    CHECK_EQ(write_file("/h/b", "two"), 0);
    CHECK_STR(read_file("/h/a"), "two");
    CHECK_EQ(vfs_link(NULL, "/h/a", NULL, "/h/b", 0), -EEXIST);
    CHECK_EQ(vfs_link(NULL, "/h", NULL, "/h/d", 0), -EPERM);
    CHECK_EQ(vfs_link(NULL, "/h/none", NULL, "/h/d", 0), -ENOENT);
    CHECK_EQ(vfs_link(NULL, "/h/a", NULL, "/h/d/", 0), -ENOENT);
    CHECK_EQ(make_link("a", "/h/s"), 0);
    CHECK_EQ(vfs_link(NULL, "/h/s", NULL, "/h/s2", VFS_NOFOLLOW), 0);
    CHECK_EQ(links("/h/s"), 2);
    CHECK_EQ(vfs_link(NULL, "/h/s", NULL, "/h/c", 0), 0);
    CHECK_EQ(links("/h/a"), 3);
    CHECK_EQ(vfs_unlink(NULL, "/h/a"), 0);
    CHECK_STR(read_file("/h/b"), "two");
    CHECK_EQ(links("/h/b"), 2);
}

TEST(removing)
{
    fresh();
    CHECK_EQ(make_dir("/r"), 0);
    CHECK_EQ(make_dir("/r/d"), 0);
    CHECK_EQ(write_file("/r/d/f", "x"), 0);
    CHECK_EQ(links("/r"), 3);
    CHECK_EQ(vfs_unlink(NULL, "/r/d"), -EISDIR);
    CHECK_EQ(vfs_rmdir(NULL, "/r/d"), -ENOTEMPTY);
    CHECK_EQ(vfs_rmdir(NULL, "/r/d/f"), -ENOTDIR);
    CHECK_EQ(vfs_unlink(NULL, "/r/d/f/"), -ENOTDIR);
    CHECK_EQ(vfs_unlink(NULL, "/r/d/none"), -ENOENT);
    CHECK_EQ(vfs_rmdir(NULL, "/r/d/."), -EINVAL);
    CHECK_EQ(vfs_rmdir(NULL, "/r/d/.."), -ENOTEMPTY);
    CHECK_EQ(vfs_rmdir(NULL, "/"), -EBUSY);
    CHECK_EQ(vfs_unlink(NULL, "/"), -EISDIR);
    CHECK_EQ(vfs_unlink(NULL, "/r/d/f"), 0);
    CHECK_EQ(vfs_rmdir(NULL, "/r/d/"), 0);
    CHECK_EQ(links("/r"), 2);
    CHECK_EQ(exists("/r/d"), -ENOENT);
}

/* A directory that is gone, but still somebody's working directory. */
TEST(life_in_a_removed_directory)
{
    char path[100];
    struct inode *dir;

    fresh();
    CHECK_EQ(make_dir("/gone"), 0);
    CHECK_EQ(chdir_to("/gone"), 0);
    CHECK_STR(cwd(), "/gone");
    CHECK_EQ(vfs_rmdir(NULL, "/gone"), 0);
    CHECK_EQ(write_file("f", "x"), -ENOENT);
    CHECK_EQ(make_dir("d"), -ENOENT);
    CHECK_EQ(exists("."), 0);
    CHECK_EQ(exists(".."), -ENOENT);
    dir = vfs_cwd();
    CHECK_EQ(vfs_path_of(dir, path, sizeof(path)), -ENOENT);
    inode_put(dir);
    CHECK_EQ(chdir_to("/"), 0);
}

TEST(renaming)
{
    fresh();
    CHECK_EQ(make_dir("/n"), 0);
    CHECK_EQ(write_file("/n/a", "a"), 0);
    CHECK_EQ(write_file("/n/b", "b"), 0);
    CHECK_EQ(vfs_rename(NULL, "/n/a", NULL, "/n/b", 0), 0);
    CHECK_EQ(exists("/n/a"), -ENOENT);
    CHECK_STR(read_file("/n/b"), "a");

    /* Directories: into others, onto empty ones, never into themselves. */
    CHECK_EQ(make_dir("/n/d"), 0);
    CHECK_EQ(make_dir("/n/d/e"), 0);
    CHECK_EQ(make_dir("/n/empty"), 0);
    CHECK_EQ(make_dir("/n/full"), 0);
    CHECK_EQ(write_file("/n/full/x", "x"), 0);
    CHECK_EQ(vfs_rename(NULL, "/n/d", NULL, "/n/d/e/f", 0), -EINVAL);
    CHECK_EQ(vfs_rename(NULL, "/n/d", NULL, "/n/d/f", 0), -EINVAL);
    CHECK_EQ(vfs_rename(NULL, "/n/d", NULL, "/n/full", 0), -ENOTEMPTY);
    CHECK_EQ(vfs_rename(NULL, "/n/d/e", NULL, "/n/d", 0), -ENOTEMPTY);
    CHECK_EQ(vfs_rename(NULL, "/n/d", NULL, "/n/b", 0), -ENOTDIR);
    CHECK_EQ(vfs_rename(NULL, "/n/b", NULL, "/n/d", 0), -EISDIR);
    CHECK_EQ(vfs_rename(NULL, "/n/b/", NULL, "/n/z", 0), -ENOTDIR);
    CHECK_EQ(vfs_rename(NULL, "/n/b", NULL, "/n/z/", 0), -ENOTDIR);
    CHECK_EQ(vfs_rename(NULL, "/n/none", NULL, "/n/z", 0), -ENOENT);
    CHECK_EQ(vfs_rename(NULL, "/n/d/.", NULL, "/n/z", 0), -EBUSY);
    CHECK_EQ(links("/n"), 5);
    CHECK_EQ(vfs_rename(NULL, "/n/d", NULL, "/n/empty", 0), 0);
    CHECK_EQ(links("/n"), 4);
    CHECK_EQ(exists("/n/empty/e"), 0);
    CHECK_EQ(vfs_rename(NULL, "/n/empty/", NULL, "/n/full/moved/", 0), 0);
    CHECK_EQ(links("/n"), 3);
    CHECK_EQ(links("/n/full"), 3);
    CHECK_EQ(chdir_to("/n/full/moved/e"), 0);
    CHECK_EQ(vfs_rename(NULL, "/n/full/moved", NULL, "/n/m2", 0), 0);
    CHECK_STR(cwd(), "/n/m2/e");
    CHECK_EQ(chdir_to("../.."), 0);
    CHECK_STR(cwd(), "/n");
    CHECK_EQ(chdir_to("/"), 0);

    /* Two names of one file: nothing happens. */
    CHECK_EQ(vfs_link(NULL, "/n/b", NULL, "/n/c", 0), 0);
    CHECK_EQ(vfs_rename(NULL, "/n/b", NULL, "/n/c", 0), 0);
    CHECK_EQ(links("/n/b"), 2);
    CHECK_EQ(vfs_rename(NULL, "/n/b", NULL, "/n/b", 0), 0);
    CHECK_EQ(vfs_rename(NULL, "/n/b", NULL, "/n/c", VFS_NOREPLACE), -EEXIST);
    CHECK_EQ(vfs_rename(NULL, "/n/b", NULL, "/n/new", VFS_NOREPLACE), 0);

    /* The link is renamed, not what it points to. */
    CHECK_EQ(make_link("c", "/n/link"), 0);
    CHECK_EQ(vfs_rename(NULL, "/n/link", NULL, "/n/link2", 0), 0);
    CHECK_EQ(exists("/n/c"), 0);
}

TEST(open_files_outlive_their_names)
{
    struct iovec iov = { (char *)"more", 4 };
    char text[16] = { 0 };
    struct iovec in = { text, 16 };
    off_t start = 0;
    struct file *file;
    struct stat out;
    size_t before = glue_pages_used;

    fresh();
    CHECK_EQ(vfs_open(NULL, "/open", O_RDWR | O_CREAT, 0600, &file), 0);
    CHECK_EQ(file_write(file, &iov, 1, NULL), 4);
    CHECK_EQ(vfs_unlink(NULL, "/open"), 0);
    CHECK_EQ(open_put("/open", O_RDONLY), -ENOENT);
    CHECK_EQ(file_write(file, &iov, 1, NULL), 4);
    CHECK_EQ(file_read(file, &in, 1, &start), 8);
    CHECK_STR(text, "moremore");
    CHECK_EQ(file_stat(file, &out), 0);
    CHECK_EQ(out.st_nlink, 0);
    CHECK_EQ(glue_pages_used, before + 1);
    file_put(file);
    CHECK_EQ(glue_pages_used, before);
}

TEST(flags_of_open)
{
    struct iovec iov = { (char *)"xyz", 3 };
    off_t zero = 0;
    struct file *file;

    fresh();
    CHECK_EQ(write_file("/flags", "0123456789"), 0);
    CHECK_EQ(vfs_open(NULL, "/flags", O_WRONLY | O_APPEND, 0, &file), 0);
    CHECK_EQ(file_seek(file, 0, SEEK_SET), 0);
    CHECK_EQ(file_write(file, &iov, 1, NULL), 3);
    CHECK_EQ(file_seek(file, 0, SEEK_CUR), 13);
    CHECK_EQ(file_read(file, &iov, 1, &zero), -EBADF);
    file_put(file);
    CHECK_STR(read_file("/flags"), "0123456789xyz");
    CHECK_EQ(vfs_open(NULL, "/flags", O_RDONLY, 0, &file), 0);
    CHECK_EQ(file_write(file, &iov, 1, NULL), -EBADF);
    CHECK_EQ(file_seek(file, -1, SEEK_SET), -EINVAL);
    CHECK_EQ(file_seek(file, -3, SEEK_END), 10);
    CHECK_EQ(file_seek(file, 1, 99), -EINVAL);
    file_put(file);
    CHECK_EQ(open_put("/flags", O_RDWR | O_TRUNC), 0);
    CHECK_STR(read_file("/flags"), "");
}

TEST(paths_of_directories_and_files)
{
    char path[VFS_PATH_MAX];

    fresh();
    CHECK_EQ(make_dir("/p"), 0);
    CHECK_EQ(make_dir("/p/q"), 0);
    CHECK_EQ(write_file("/p/q/f", "x"), 0);
    CHECK_EQ(make_link("p/q", "/pq"), 0);
    CHECK_EQ(make_link("../pq/f", "/p/lf"), 0);
    CHECK_EQ(vfs_realpath("/", path, sizeof(path)), 1);
    CHECK_STR(path, "/");
    CHECK(vfs_realpath("/pq/../q//f", path, sizeof(path)) > 0);
    CHECK_STR(path, "/p/q/f");
    CHECK(vfs_realpath("/p/lf", path, sizeof(path)) > 0);
    CHECK_STR(path, "/p/q/f");
    CHECK(vfs_realpath("/pq/", path, sizeof(path)) > 0);
    CHECK_STR(path, "/p/q");
    CHECK(vfs_realpath("/pq", path, sizeof(path)) > 0);
    CHECK_STR(path, "/p/q");
    CHECK_EQ(chdir_to("/pq"), 0);
    CHECK_STR(cwd(), "/p/q");
    CHECK(vfs_realpath("f", path, sizeof(path)) > 0);
    CHECK_STR(path, "/p/q/f");
    CHECK(vfs_realpath(".", path, sizeof(path)) > 0);
    CHECK_STR(path, "/p/q");
    CHECK_EQ(vfs_realpath("none", path, sizeof(path)), -ENOENT);
    CHECK_EQ(vfs_realpath("f/", path, sizeof(path)), -ENOTDIR);
    CHECK_EQ(chdir_to("f"), -ENOTDIR);
    CHECK_EQ(chdir_to("/"), 0);
}

static int count_mounts(void *arg, struct fs *fs, const char *path)
{
    (void)fs;
    strcat(arg, path);
    strcat(arg, ";");
    return 0;
}

TEST(mounts)
{
    char list[100] = "";
    struct fs *fs;
    struct file *file;

    fresh();
    CHECK_EQ(make_dir("/m"), 0);
    CHECK_EQ(make_dir("/m/on"), 0);
    CHECK_EQ(write_file("/m/on/hidden", "below"), 0);
    CHECK_EQ(ramfs_new(&fs), 0);
    CHECK_EQ(vfs_mount(fs, "/m/none"), -ENOENT);
    CHECK_EQ(vfs_mount(fs, "/m/on/hidden"), -ENOTDIR);
    CHECK_EQ(vfs_mount(fs, NULL), -EBUSY);
    CHECK_EQ(vfs_mount(fs, "/m/on"), 0);
    CHECK_EQ(exists("/m/on/hidden"), -ENOENT);
    CHECK_EQ(make_dir("/m/on/sub"), 0);
    CHECK_EQ(write_file("/m/on/sub/f", "above"), 0);
    CHECK_EQ(chdir_to("/m/on/sub"), 0);
    CHECK_STR(cwd(), "/m/on/sub");
    CHECK_EQ(exists("../../on/sub/f"), 0);
    CHECK_EQ(vfs_rmdir(NULL, "/m/on"), -EBUSY);
    CHECK_EQ(vfs_rename(NULL, "/m/on", NULL, "/m/off", 0), -EBUSY);
    CHECK_EQ(vfs_rename(NULL, "/m/on/sub/f", NULL, "/m/f", 0), -EXDEV);
    CHECK_EQ(vfs_link(NULL, "/m/on/sub/f", NULL, "/m/f", 0), -EXDEV);
    CHECK_EQ(vfs_for_each_mount(count_mounts, list), 0);
    CHECK_STR(list, "/;/m/on;");

    CHECK_EQ(vfs_unmount("/m/on"), -EBUSY); /* the working directory */
    CHECK_EQ(chdir_to("/"), 0);
    CHECK_EQ(vfs_open(NULL, "/m/on/sub/f", O_RDONLY, 0, &file), 0);
    CHECK_EQ(vfs_unmount("/m/on"), -EBUSY);
    file_put(file);

    fs->read_only = true;
    CHECK_EQ(write_file("/m/on/new", "x"), -EROFS);
    CHECK_EQ(open_put("/m/on/sub/f", O_WRONLY), -EROFS);
    CHECK_EQ(open_put("/m/on/sub/f", O_RDONLY), 0);
    CHECK_EQ(vfs_unlink(NULL, "/m/on/sub/f"), -EROFS);
    CHECK_EQ(make_dir("/m/on/sub"), -EEXIST);
    CHECK_EQ(make_dir("/m/on/sub2"), -EROFS);
    CHECK_EQ(vfs_rename(NULL, "/m/on/sub/f", NULL, "/m/on/f", 0), -EROFS);

    CHECK_EQ(vfs_unmount("/m"), -EINVAL);
    CHECK_EQ(vfs_unmount("/m/on/"), 0);
    CHECK_STR(read_file("/m/on/hidden"), "below");
    CHECK_EQ(vfs_unmount("/"), -EINVAL);
}

static struct file *unlock_me;

static void unlock(void)
{
    CHECK_EQ(file_lock(unlock_me, LOCK_UN), 0);
}

TEST(flock_is_between_open_files)
{
    struct file *one, *two;

    fresh();
    CHECK_EQ(vfs_open(NULL, "/lock", O_RDWR | O_CREAT, 0600, &one), 0);
    CHECK_EQ(vfs_open(NULL, "/lock", O_RDWR, 0, &two), 0);
    CHECK_EQ(file_lock(one, LOCK_SH), 0);
    CHECK_EQ(file_lock(two, LOCK_SH | LOCK_NB), 0);
    CHECK_EQ(file_lock(two, LOCK_EX | LOCK_NB), -EWOULDBLOCK);
    CHECK_EQ(file_lock(one, LOCK_EX | LOCK_NB), 0); /* two's was given back by its failed change */
    CHECK_EQ(file_lock(one, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(file_lock(two, LOCK_SH | LOCK_NB), -EWOULDBLOCK);
    CHECK_EQ(file_lock(two, 77), -EINVAL);
    unlock_me = one;
    glue_on_sleep = unlock;
    CHECK_EQ(file_lock(two, LOCK_EX), 0);
    CHECK_EQ(file_lock(one, LOCK_SH | LOCK_NB), -EWOULDBLOCK);
    file_put(two); /* closing unlocks */
    CHECK_EQ(file_lock(one, LOCK_SH | LOCK_NB), 0);
    file_put(one);
}
