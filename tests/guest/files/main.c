/*
 * Files in memory, from open() to a full RAM: what POSIX says of each call, the errno of its wrong
 * uses, and that what is deleted leaves nothing behind.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096

static int make(const char *path, const char *text)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static void make_closed(const char *path, const char *text)
{
    CHECK_EQ(close(make(path, text)), 0);
}

/* The whole file, as a string. */
static const char *content(const char *path)
{
    static char text[256];
    int fd = open(path, O_RDONLY);
    ssize_t len;

    CHECK(fd >= 0);
    len = read(fd, text, sizeof(text) - 1);
    CHECK(len >= 0);
    text[len] = '\0';
    CHECK_EQ(close(fd), 0);
    return text;
}

static void test_open(void)
{
    char text[8];
    int fd;

    CHECK_ERRNO(open("nothing", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("nothing/file", O_RDWR | O_CREAT, 0644), ENOENT);
    CHECK_ERRNO(open("new/", O_RDWR | O_CREAT, 0644), EISDIR);
    make_closed("file", "hello");
    CHECK_ERRNO(open("file", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    CHECK_ERRNO(open("file/below", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open("file/", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERRNO(open("/tmp", O_WRONLY), EISDIR);

    fd = open("file", O_RDONLY);
    CHECK_ERRNO(write(fd, "x", 1), EBADF);
    CHECK_EQ(read(fd, text, sizeof(text)), 5);
    CHECK_EQ(read(fd, text, sizeof(text)), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_ERRNO(close(fd), EBADF);
    CHECK_ERRNO(read(fd, text, 1), EBADF);
    CHECK_ERRNO(read(-1, text, 1), EBADF);
    CHECK_ERRNO(write(1 << 30, text, 1), EBADF);

    fd = open("file", O_WRONLY);
    CHECK_ERRNO(read(fd, text, 1), EBADF);
    CHECK_EQ(close(fd), 0);
    fd = open("file", O_WRONLY | O_TRUNC);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
    CHECK_EQ(close(fd), 0);
    fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(unlink("new"), 0);
    CHECK_EQ(unlink("file"), 0);
    fd = open("/tmp", O_RDONLY);
    CHECK_ERRNO(read(fd, text, 1), EISDIR);
    CHECK_EQ(close(fd), 0);
}

static void test_transfer(void)
{
    char a[4] = "", b[8] = "";
    struct iovec pieces[3] = { { a, 3 }, { NULL, 0 }, { b, 5 } };
    int fd = make("file", "0123456789");

    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_EQ(lseek(fd, -4, SEEK_END), 6);
    CHECK_EQ(read(fd, b, sizeof(b)), 4);
    CHECK(memcmp(b, "6789", 4) == 0);
    CHECK_EQ(pread(fd, b, 3, 2), 3);
    CHECK(memcmp(b, "234", 3) == 0);
    CHECK_EQ(pread(fd, b, 3, 100), 0);
    CHECK_EQ(pwrite(fd, "AB", 2, 4), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10); /* neither moved it */
    CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
    CHECK_EQ(readv(fd, pieces, 3), 8);
    CHECK_STR(a, "123");
    CHECK(memcmp(b, "AB678", 5) == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    memcpy(a, "xyz", 3);
    memcpy(b, "vwrst", 5);
    CHECK_EQ(writev(fd, pieces, 3), 8);
    CHECK_STR(content("file"), "xyzvwrst89");
    CHECK_EQ(writev(fd, pieces, 0), 0);
    CHECK_ERRNO(writev(fd, pieces, -1), EINVAL);
    CHECK_ERRNO(writev(fd, pieces, IOV_MAX + 1), EINVAL);
    pieces[0].iov_len = SSIZE_MAX;
    CHECK_ERRNO(readv(fd, pieces, 3), EINVAL);

    CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERRNO(lseek(fd, 0, 17), EINVAL);
    CHECK_ERRNO(lseek(fd, LONG_MAX, SEEK_CUR), EOVERFLOW);
    CHECK_ERRNO(pread(fd, b, 1, -1), EINVAL);
    CHECK_ERRNO(pwrite(fd, b, 1, -1), EINVAL);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(unlink("file"), 0);
}

static void test_append(void)
{
    int one = make("log", "start;"), two = open("log", O_WRONLY | O_APPEND);

    CHECK_EQ(write(two, "a;", 2), 2);
    CHECK_EQ(write(one, "b;", 2), 2); /* where it stood: over what was appended */
    CHECK_EQ(lseek(two, 0, SEEK_SET), 0);
    CHECK_EQ(write(two, "c;", 2), 2);
    CHECK_EQ(lseek(two, 0, SEEK_CUR), 10);
    CHECK_STR(content("log"), "start;b;c;");
    CHECK_EQ(fcntl(two, F_SETFL, 0), 0);
    CHECK_EQ(fcntl(two, F_GETFL), O_WRONLY);
    CHECK_EQ(lseek(two, 0, SEEK_SET), 0);
    CHECK_EQ(write(two, "S", 1), 1);
    CHECK_STR(content("log"), "Start;b;c;");
    CHECK_EQ(fcntl(two, F_SETFL, O_APPEND), 0);
    CHECK_EQ(fcntl(two, F_GETFL), O_WRONLY | O_APPEND);
    CHECK_EQ(close(one) + close(two) + unlink("log"), 0);
}

static void *append_lines(void *arg)
{
    int fd = open("shared", O_WRONLY | O_APPEND);

    CHECK(fd >= 0);
    for (int i = 0; i < 500; i++)
        CHECK_EQ(write(fd, arg, 8), 8);
    CHECK_EQ(close(fd), 0);
    return NULL;
}

/* No line of one thread is torn by, or lost to, another's. */
static void test_append_of_threads(void)
{
    static char word[4][9] = { "aaaaaaa\n", "bbbbbbb\n", "ccccccc\n", "ddddddd\n" };
    char line[9] = "";
    int counts[4] = { 0 }, fd = make("shared", "");
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, append_lines, word[i]), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    while (read(fd, line, 8) == 8) {
        CHECK(line[0] >= 'a' && line[0] <= 'd');
        CHECK_STR(line, word[line[0] - 'a']);
        counts[line[0] - 'a']++;
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQ(counts[i], 500);
    CHECK_EQ(close(fd) + unlink("shared"), 0);
}

static void test_dup(void)
{
    int fd = make("file", "0123456789"), copy = dup(fd), high;
    char c;

    CHECK(copy > fd);
    CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
    CHECK_EQ(read(copy, &c, 1), 1); /* one offset for both */
    CHECK_EQ(c, '3');
    CHECK_EQ(dup2(fd, copy), copy);
    CHECK_EQ(dup2(fd, fd), fd);
    high = dup2(fd, 1000);
    CHECK_EQ(high, 1000);
    CHECK_EQ(lseek(high, 0, SEEK_CUR), 4);
    CHECK_EQ(dup3(fd, 1001, O_CLOEXEC), 1001);
    CHECK_EQ(fcntl(1001, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(high, F_GETFD), 0);
    CHECK_EQ(fcntl(high, F_SETFD, FD_CLOEXEC), 0);
    CHECK_EQ(fcntl(high, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_DUPFD, 1000), 1002);
    CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 1000), 1003);
    CHECK_EQ(fcntl(1003, F_GETFD), FD_CLOEXEC);
    for (int i = 1000; i <= 1003; i++)
        CHECK_EQ(close(i), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(lseek(copy, 0, SEEK_CUR), 4); /* the open file lives as long as its last descriptor */
    CHECK_EQ(open("file", O_RDONLY), fd);  /* the lowest free number */
    CHECK_EQ(close(fd) + close(copy), 0);

    CHECK_ERRNO(dup(fd), EBADF);
    CHECK_ERRNO(dup2(fd, 5), EBADF);
    CHECK_ERRNO(dup2(0, -1), EBADF);
    CHECK_ERRNO(dup2(0, 1 << 30), EBADF);
    CHECK_ERRNO(dup3(0, 0, 0), EINVAL);
    CHECK_ERRNO(fcntl(0, F_DUPFD, -1), EINVAL);
    CHECK_ERRNO(fcntl(0, F_DUPFD, 1 << 30), EINVAL);
    CHECK_ERRNO(fcntl(fd, F_GETFL), EBADF);
    CHECK_ERRNO(fcntl(0, 12345), EINVAL);
    CHECK_EQ(unlink("file"), 0);
}

static void test_stat(void)
{
    struct stat by_path, by_fd, link;
    struct timespec times[2] = { { 1000000000, 123456789 }, { 1100000000, 987654321 } };
    int fd = make("file", "12345");

    CHECK_EQ(symlink("file", "link"), 0);
    CHECK_EQ(stat("link", &by_path), 0);
    CHECK_EQ(fstat(fd, &by_fd), 0);
    CHECK_EQ(lstat("link", &link), 0);
    CHECK(S_ISREG(by_path.st_mode) && (by_path.st_mode & 07777) == 0644);
    CHECK(by_path.st_ino == by_fd.st_ino && by_path.st_dev == by_fd.st_dev);
    CHECK(by_path.st_size == 5 && by_path.st_nlink == 1 && by_path.st_blocks > 0);
    CHECK(by_path.st_uid == getuid() && by_path.st_gid == getgid());
    CHECK(by_path.st_mtime > 1500000000); /* the wall clock */
    CHECK(S_ISLNK(link.st_mode) && link.st_size == 4 && link.st_ino != by_path.st_ino);

    CHECK_EQ(futimens(fd, times), 0);
    CHECK_EQ(stat("file", &by_path), 0);
    CHECK(by_path.st_atim.tv_sec == 1000000000 && by_path.st_atim.tv_nsec == 123456789);
    CHECK(by_path.st_mtim.tv_sec == 1100000000 && by_path.st_mtim.tv_nsec == 987654321);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    CHECK_EQ(utimensat(AT_FDCWD, "file", times, 0), 0);
    CHECK_EQ(stat("file", &by_path), 0);
    CHECK(by_path.st_atim.tv_sec == 1000000000 && by_path.st_mtim.tv_sec > 1500000000);
    times[0].tv_nsec = 1000000000;
    CHECK_ERRNO(utimensat(AT_FDCWD, "file", times, 0), EINVAL);
    CHECK_ERRNO(utimensat(AT_FDCWD, "nothing", NULL, 0), ENOENT);
    struct timeval past[2] = { { 5, 6 }, { 7, 8 } };
    CHECK_EQ(utimes("file", past), 0);
    CHECK_EQ(stat("file", &by_path), 0);
    CHECK(by_path.st_atim.tv_nsec == 6000 && by_path.st_mtim.tv_sec == 7);
    CHECK_EQ(write(fd, "6", 1), 1);
    CHECK_EQ(fstat(fd, &by_fd), 0);
    CHECK(by_fd.st_mtime > 1500000000 && by_fd.st_size == 6);

    CHECK_EQ(chmod("file", 04751), 0);
    CHECK_EQ(fstat(fd, &by_fd), 0);
    CHECK_EQ(by_fd.st_mode, S_IFREG | 04751);
    CHECK_EQ(fchmod(fd, 0400), 0);
    CHECK_EQ(stat("file", &by_path), 0);
    CHECK_EQ(by_path.st_mode, S_IFREG | 0400);
    CHECK_EQ(chown("file", 12, 34), 0);
    CHECK_EQ(fchown(fd, -1, 56), 0);
    CHECK_EQ(lchown("link", 78, -1), 0);
    CHECK_EQ(stat("file", &by_path), 0);
    CHECK(by_path.st_uid == 12 && by_path.st_gid == 56);
    CHECK_ERRNO(chmod("nothing", 0), ENOENT);
    CHECK_ERRNO(fchmod(99, 0), EBADF);
    CHECK_ERRNO(fstat(99, &by_fd), EBADF);
    CHECK_ERRNO(stat("nothing", &by_path), ENOENT);
    CHECK_ERRNO(stat("file/x", &by_path), ENOTDIR);

    CHECK_EQ(access("file", F_OK) + access("file", R_OK | W_OK), 0); /* we are root */
    CHECK_ERRNO(access("file", X_OK), EACCES);
    CHECK_EQ(access("/tmp", R_OK | W_OK | X_OK), 0);
    CHECK_ERRNO(access("nothing", F_OK), ENOENT);
    CHECK_ERRNO(access("file", 64), EINVAL);

    mode_t old = umask(077);
    CHECK_EQ(umask(077), 077);
    CHECK_EQ(close(open("masked", O_RDWR | O_CREAT, 0666)), 0);
    CHECK_EQ(mkdir("masked-dir", 0777), 0);
    umask(old);
    CHECK_EQ(stat("masked", &by_path), 0);
    CHECK_EQ(by_path.st_mode, S_IFREG | 0600);
    CHECK_EQ(stat("masked-dir", &by_path), 0);
    CHECK_EQ(by_path.st_mode, S_IFDIR | 0700);
    CHECK_EQ(unlink("masked") + rmdir("masked-dir"), 0);
    CHECK_EQ(close(fd) + unlink("link") + unlink("file"), 0);
}

static void test_unlinked(void)
{
    int fd = make("file", "still here");
    char text[16] = "";
    struct stat st;

    CHECK_EQ(unlink("file"), 0);
    CHECK_ERRNO(unlink("file"), ENOENT);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(pread(fd, text, sizeof(text), 0), 10);
    CHECK_STR(text, "still here");
    CHECK_EQ(pwrite(fd, "grown", 5, 10000), 5);
    CHECK_EQ(close(fd), 0);
    CHECK_ERRNO(unlink("/tmp"), EISDIR);
    CHECK_ERRNO(unlink("nothing/file"), ENOENT);
}

static void test_links(void)
{
    char target[PATH_MAX], shortened[4];
    struct stat one, two;

    make_closed("one", "shared");
    CHECK_EQ(link("one", "two"), 0);
    CHECK_EQ(stat("one", &one) + stat("two", &two), 0);
    CHECK(one.st_ino == two.st_ino && one.st_nlink == 2);
    CHECK_EQ(unlink("one"), 0);
    CHECK_STR(content("two"), "shared");
    CHECK_ERRNO(link("nothing", "three"), ENOENT);
    CHECK_ERRNO(link("two", "two"), EEXIST);
    CHECK_ERRNO(link("/tmp", "dir-link"), EPERM);

    CHECK_EQ(symlink("two", "soft"), 0);
    CHECK_ERRNO(symlink("two", "soft"), EEXIST);
    CHECK_EQ(readlink("soft", target, sizeof(target)), 3);
    CHECK(memcmp(target, "two", 3) == 0);
    CHECK_EQ(readlink("soft", shortened, 2), 2);
    CHECK_ERRNO(readlink("two", target, sizeof(target)), EINVAL);
    CHECK_ERRNO(readlink("nothing", target, sizeof(target)), ENOENT);
    CHECK_STR(content("soft"), "shared");
    CHECK_ERRNO(open("soft", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERRNO(open("soft", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);

    CHECK_EQ(symlink("made-through-link", "dangling"), 0);
    CHECK_ERRNO(stat("dangling", &one), ENOENT);
    make_closed("dangling", "x");
    CHECK_STR(content("made-through-link"), "x");
    CHECK_EQ(symlink("loop-b", "loop-a") + symlink("loop-a", "loop-b"), 0);
    CHECK_ERRNO(stat("loop-a", &one), ELOOP);
    CHECK_ERRNO(open("loop-a/x", O_RDONLY), ELOOP);

    CHECK_EQ(mkdir("dir", 0755), 0);
    CHECK_EQ(symlink("../two", "dir/up"), 0);
    CHECK_EQ(symlink("dir", "to-dir"), 0);
    CHECK_STR(content("to-dir/up"), "shared");
    CHECK(realpath("to-dir/up", target) != NULL);
    CHECK_STR(target, "/tmp/test/two");
    CHECK(realpath("to-dir//../to-dir/.", target) != NULL);
    CHECK_STR(target, "/tmp/test/dir");
    CHECK(realpath("nothing/at/all", target) == NULL && errno == ENOENT);
    CHECK_EQ(unlink("dir/up") + unlink("to-dir") + rmdir("dir"), 0);
    CHECK_EQ(unlink("loop-a") + unlink("loop-b"), 0);
    CHECK_EQ(unlink("dangling") + unlink("made-through-link") + unlink("soft") + unlink("two"), 0);
}

static void test_rename(void)
{
    struct stat st;

    make_closed("a", "A");
    make_closed("b", "B");
    CHECK_EQ(mkdir("d", 0755) + mkdir("d/sub", 0755) + mkdir("empty", 0755), 0);
    CHECK_EQ(rename("a", "d/a"), 0);
    CHECK_ERRNO(stat("a", &st), ENOENT);
    CHECK_EQ(rename("d/a", "b"), 0); /* replaces */
    CHECK_STR(content("b"), "A");
    CHECK_EQ(rename("b", "b"), 0);
    CHECK_EQ(link("b", "c"), 0);
    CHECK_EQ(rename("b", "c"), 0); /* two names of one file: nothing happens */
    CHECK_EQ(stat("b", &st), 0);
    CHECK_ERRNO(rename("nothing", "x"), ENOENT);
    CHECK_ERRNO(rename("b", "nothing/x"), ENOENT);
    CHECK_ERRNO(rename("b", "d"), EISDIR);
    CHECK_ERRNO(rename("d", "b"), ENOTDIR);
    CHECK_ERRNO(rename("empty", "d"), ENOTEMPTY);
    CHECK_ERRNO(rename("d", "d/sub/d"), EINVAL);
    CHECK_ERRNO(rename("d", "d/x"), EINVAL);
    CHECK_EQ(rename("d", "empty"), 0); /* an empty directory may be replaced */
    CHECK_EQ(stat("empty/sub", &st), 0);
    CHECK_EQ(rename("empty/sub", "sub"), 0);
    CHECK_EQ(stat("empty", &st), 0);
    CHECK_EQ(st.st_nlink, 2);
    CHECK_EQ(chdir("sub"), 0);
    CHECK_EQ(rename("../sub", "../empty/renamed"), 0);
    char path[64];
    CHECK_STR(getcwd(path, sizeof(path)), "/tmp/test/empty/renamed");
    CHECK_EQ(chdir("/tmp/test"), 0);
    CHECK_EQ(rmdir("empty/renamed") + rmdir("empty") + unlink("b") + unlink("c"), 0);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void test_directories(void)
{
    char name[32], *names[128], path[64];
    struct dirent *entry;
    struct stat st;
    DIR *dir;
    long position;
    int n = 0, left = 0;

    CHECK_EQ(mkdir("dir", 0750), 0);
    CHECK_EQ(stat("dir", &st), 0);
    CHECK(S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0750 && st.st_nlink == 2);
    CHECK_ERRNO(mkdir("dir", 0755), EEXIST);
    CHECK_ERRNO(mkdir("nothing/dir", 0755), ENOENT);
    CHECK_EQ(mkdir("dir/sub/", 0755), 0);
    CHECK_EQ(stat("dir", &st), 0);
    CHECK_EQ(st.st_nlink, 3);
    CHECK_ERRNO(rmdir("dir"), ENOTEMPTY);
    CHECK_ERRNO(rmdir("nothing"), ENOENT);
    CHECK_ERRNO(rmdir("dir/."), EINVAL);
    CHECK_ERRNO(rmdir("/"), EBUSY);
    CHECK_EQ(rmdir("dir/sub"), 0);
    make_closed("plain", "");
    CHECK_ERRNO(rmdir("plain"), ENOTDIR);
    CHECK_ERRNO(chdir("plain"), ENOTDIR);
    CHECK(opendir("plain") == NULL && errno == ENOTDIR);
    CHECK(opendir("nothing") == NULL && errno == ENOENT);
    CHECK_EQ(unlink("plain"), 0);

    for (int i = 0; i < 100; i++) {
        sprintf(name, "dir/%03d", i);
        make_closed(name, "");
    }
    dir = opendir("dir");
    CHECK(dir != NULL);
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        CHECK_EQ(entry->d_type, entry->d_name[0] == '.' ? DT_DIR : DT_REG);
        names[n++] = strdup(entry->d_name);
    }
    CHECK_EQ(errno, 0);
    CHECK_EQ(n, 102);
    qsort(names, n, sizeof(char *), by_name);
    CHECK_STR(names[0], ".");
    CHECK_STR(names[1], "..");
    for (int i = 0; i < 100; i++) {
        sprintf(name, "%03d", i);
        CHECK_STR(names[i + 2], name);
    }
    for (int i = 0; i < n; i++)
        free(names[i]);

    rewinddir(dir);
    readdir(dir);
    position = telldir(dir);
    entry = readdir(dir);
    strcpy(name, entry->d_name);
    readdir(dir);
    seekdir(dir, position);
    CHECK_STR(readdir(dir)->d_name, name);

    /* Emptying a directory while reading it, as rm -r does, misses nothing. */
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        CHECK_EQ(unlinkat(dirfd(dir), entry->d_name, 0), 0);
        left++;
    }
    CHECK_EQ(left, 100);
    CHECK_EQ(closedir(dir), 0);

    CHECK_EQ(chdir("dir"), 0);
    CHECK_STR(getcwd(path, sizeof(path)), "/tmp/test/dir");
    CHECK(getcwd(path, 5) == NULL && errno == ERANGE);
    CHECK_EQ(rmdir("../dir"), 0);
    CHECK(getcwd(path, sizeof(path)) == NULL && errno == ENOENT);
    CHECK_ERRNO(open("orphan", O_RDWR | O_CREAT, 0644), ENOENT);
    CHECK_EQ(chdir("/"), 0);
    CHECK_STR(getcwd(path, sizeof(path)), "/");
    CHECK_EQ(chdir("../../tmp/./test//"), 0);
    CHECK_STR(getcwd(path, sizeof(path)), "/tmp/test");
    CHECK_ERRNO(chdir("nothing"), ENOENT);

    char *long_path = malloc(PATH_MAX + 10);
    memset(long_path, 'n', PATH_MAX + 9);
    long_path[PATH_MAX + 9] = '\0';
    CHECK_ERRNO(mkdir(long_path, 0755), ENAMETOOLONG);
    long_path[NAME_MAX + 1] = '\0';
    CHECK_ERRNO(mkdir(long_path, 0755), ENAMETOOLONG);
    long_path[NAME_MAX] = '\0';
    CHECK_EQ(mkdir(long_path, 0755) + rmdir(long_path), 0);
    free(long_path);
}

static void test_at(void)
{
    int dir, fd;
    struct stat st;
    char text[8];

    CHECK_EQ(mkdir("at", 0755), 0);
    dir = open("at", O_RDONLY | O_DIRECTORY);
    CHECK(dir >= 0);
    fd = openat(dir, "file", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(fstatat(dir, "file", &st, 0), 0);
    CHECK_EQ(mkdirat(dir, "sub", 0755), 0);
    CHECK_EQ(renameat(dir, "file", dir, "sub/file"), 0);
    CHECK_EQ(linkat(dir, "sub/file", dir, "again", 0), 0);
    CHECK_EQ(symlinkat("again", dir, "soft"), 0);
    CHECK_EQ(readlinkat(dir, "soft", text, sizeof(text)), 5);
    CHECK_EQ(fstatat(dir, "soft", &st, AT_SYMLINK_NOFOLLOW), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(faccessat(dir, "again", R_OK, 0) + fchmodat(dir, "again", 0600, 0), 0);
    CHECK_ERRNO(openat(fd, "x", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(openat(99, "x", O_RDONLY), EBADF);
    CHECK_EQ(close(openat(99, "/tmp", O_RDONLY)), 0); /* an absolute path needs no descriptor */
    CHECK_EQ(unlinkat(dir, "sub/file", 0) + unlinkat(dir, "sub", AT_REMOVEDIR), 0);
    CHECK_EQ(unlinkat(dir, "soft", 0) + unlinkat(dir, "again", 0), 0);
    CHECK_EQ(fchdir(dir), 0);
    CHECK_EQ(chdir(".."), 0);
    CHECK_EQ(close(fd) + close(dir) + rmdir("at"), 0);
}

static void test_sizes(void)
{
    struct stat st;
    char text[PAGE];
    int fd = make("file", "0123456789");

    CHECK_EQ(ftruncate(fd, 4), 0);
    CHECK_STR(content("file"), "0123");
    CHECK_EQ(truncate("file", 8), 0);
    CHECK_EQ(pread(fd, text, sizeof(text), 0), 8);
    CHECK(memcmp(text, "0123\0\0\0\0", 8) == 0);
    CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
    CHECK_ERRNO(truncate("nothing", 0), ENOENT);
    CHECK_ERRNO(truncate("/tmp", 0), EISDIR);
    CHECK_ERRNO(ftruncate(99, 0), EBADF);

    /* A hole of a terabyte costs nothing. */
    CHECK_EQ(pwrite(fd, "end", 3, 1ll << 40), 3);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, (1ll << 40) + 3);
    CHECK(st.st_blocks < 100);
    CHECK_EQ(pread(fd, text, PAGE, 1ll << 39), PAGE);
    for (int i = 0; i < PAGE; i++)
        CHECK_EQ(text[i], 0);
    CHECK_EQ(pread(fd, text, PAGE, (1ll << 40) - 1), 4);
    CHECK(memcmp(text, "\0end", 4) == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), PAGE);
    CHECK_EQ(lseek(fd, PAGE, SEEK_DATA), 1ll << 40);
    CHECK_ERRNO(pwrite(fd, "x", 1, LONG_MAX - 1), EFBIG);
    CHECK_ERRNO(ftruncate(fd, LONG_MAX), EFBIG);
    CHECK_EQ(posix_fallocate(fd, 0, 3 * PAGE), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 3 * PAGE);
    CHECK_EQ(posix_fallocate(fd, 0, 0), EINVAL);
    CHECK_EQ(fsync(fd) + fdatasync(fd), 0);
    CHECK_ERRNO(fsync(99), EBADF);
    sync();
    CHECK_EQ(close(fd) + unlink("file"), 0);
}

static void *lock_exclusively(void *arg)
{
    int fd = open("file", O_RDONLY);

    CHECK_EQ(flock(fd, LOCK_EX), 0);
    *(volatile int *)arg += 1;
    CHECK_EQ(close(fd), 0); /* gives the lock back */
    return NULL;
}

static void test_locks(void)
{
    int one = make("file", ""), two = open("file", O_RDONLY), three = dup(one);
    volatile int passed = 0;
    struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    pthread_t thread;

    CHECK_EQ(flock(one, LOCK_SH) + flock(two, LOCK_SH), 0);
    CHECK_ERRNO(flock(two, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_EQ(flock(one, LOCK_UN) + flock(two, LOCK_UN), 0);
    CHECK_EQ(flock(one, LOCK_EX), 0);
    CHECK_EQ(flock(three, LOCK_EX | LOCK_NB), 0); /* the same open file */
    CHECK_ERRNO(flock(two, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    CHECK_ERRNO(flock(two, 77), EINVAL);
    CHECK_ERRNO(flock(99, LOCK_UN), EBADF);
    CHECK_EQ(pthread_create(&thread, NULL, lock_exclusively, (void *)&passed), 0);
    usleep(20000);
    CHECK_EQ(passed, 0);
    CHECK_EQ(close(three), 0);
    usleep(1000);
    CHECK_EQ(passed, 0);
    CHECK_EQ(close(one), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(passed, 1);
    CHECK_EQ(flock(two, LOCK_EX | LOCK_NB), 0);
    CHECK_ERRNO(fcntl(two, F_SETLK, &range), EBADF); /* for writing, on a descriptor for reading */
    range.l_type = F_RDLCK;
    CHECK_EQ(fcntl(two, F_SETLK, &range), 0);
    CHECK_EQ(fcntl(two, F_GETLK, &range), 0);
    CHECK_EQ(range.l_type, F_UNLCK);
    CHECK_EQ(close(two) + unlink("file"), 0);
}

static void test_streams(void)
{
    FILE *file = fopen("stream", "w+");
    char line[32];

    CHECK(file != NULL);
    for (int i = 0; i < 5000; i++)
        CHECK(fprintf(file, "line %d\n", i) > 0);
    CHECK_EQ(fseek(file, -10, SEEK_END), 0);
    CHECK(fgets(line, sizeof(line), file) != NULL);
    CHECK_STR(line, "line 4999\n");
    CHECK(fgets(line, sizeof(line), file) == NULL && feof(file));
    rewind(file);
    for (int i = 0; i < 5000; i++) {
        int got;

        CHECK_EQ(fscanf(file, "line %d\n", &got), 1);
        CHECK_EQ(got, i);
    }
    CHECK_EQ(fclose(file), 0);
    file = fopen("stream", "a");
    CHECK(fputs("more", file) >= 0);
    CHECK_EQ(fclose(file), 0);
    struct stat st;
    CHECK_EQ(stat("stream", &st), 0);
    CHECK_EQ(st.st_size, 10 * 7 + 90 * 8 + 900 * 9 + 4000 * 10 + 4);
    CHECK(fopen("stream", "wx") == NULL && errno == EEXIST);
    CHECK(fopen("nothing", "r") == NULL && errno == ENOENT);
    CHECK_EQ(remove("stream"), 0);
    file = tmpfile();
    CHECK(file != NULL);
    CHECK(fputs("x", file) >= 0);
    CHECK_EQ(fclose(file), 0);
    char name[] = "/tmp/test/XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && strcmp(name, "/tmp/test/XXXXXX") != 0);
    CHECK_EQ(close(fd) + unlink(name), 0);
}

static void test_many_descriptors(void)
{
    int first = make("file", ""), last = first, n = 0;

    for (int fd; (fd = dup(first)) >= 0; n++)
        last = fd;
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(last, getdtablesize() - 1);
    CHECK_ERRNO(open("file", O_RDONLY), EMFILE);
    for (int fd = first + 1; fd <= last; fd++)
        CHECK_EQ(close(fd), 0);
    CHECK_EQ(dup(first), first + 1);
    CHECK_EQ(close(first + 1) + close(first) + unlink("file"), 0);
}

static unsigned long free_pages(void)
{
    struct statvfs fs;

    CHECK_EQ(statvfs("/", &fs), 0);
    CHECK(fs.f_bsize == PAGE && fs.f_bfree <= fs.f_blocks && fs.f_namemax == NAME_MAX);
    return fs.f_bfree;
}

/* Write until there is no room; returns the bytes. */
static off_t fill(int fd)
{
    static char block[64 * 1024];
    off_t total = 0;
    ssize_t done;

    memset(block, 'f', sizeof(block));
    while ((done = write(fd, block, sizeof(block))) > 0)
        total += done;
    CHECK_EQ(done, -1);
    CHECK_EQ(errno, ENOSPC);
    return total;
}

/* Files take what memory there is, leave the program enough to go on, and give all of it back. */
static void test_full(void)
{
    unsigned long before, after;
    off_t first, second;
    char name[32];
    int fd, n;

    fd = make("full", "");
    before = free_pages();
    first = fill(fd);
    printf("%lu pages free, %lld bytes written\n", before, (long long)first);
    CHECK(first > (off_t)before * PAGE / 2);
    CHECK_ERRNO(write(fd, "x", 1), ENOSPC);
    void *some = malloc(100000);
    CHECK(some != NULL);
    free(some);
    CHECK_EQ(pwrite(fd, "over", 4, 0), 4); /* what is there can be changed */
    CHECK_EQ(ftruncate(fd, first / 2), 0);
    CHECK(lseek(fd, 0, SEEK_END) == first / 2);
    second = fill(fd);
    CHECK(second >= first / 2 - 64 * PAGE);
    CHECK_EQ(unlink("full"), 0);
    CHECK_ERRNO(write(fd, "x", 1), ENOSPC); /* still open, still full */
    CHECK_EQ(close(fd), 0);
    after = free_pages();
    printf("%lu pages free again\n", after);
    CHECK(after + 64 >= before); /* the heap may keep what malloc took */

    /* Names, too, until there is no room for one more. */
    for (n = 0;; n++) {
        sprintf(name, "n%d", n);
        fd = open(name, O_WRONLY | O_CREAT, 0644);
        if (fd < 0 || write(fd, name, 4) != 4)
            break;
        CHECK_EQ(close(fd), 0);
    }
    CHECK(errno == ENOSPC || errno == ENOMEM);
    printf("%d files of 4 bytes\n", n);
    CHECK(n > 1000);
    if (fd >= 0)
        CHECK_EQ(close(fd), 0);
    unlink(name);
    while (n-- > 0) {
        sprintf(name, "n%d", n);
        CHECK_EQ(unlink(name), 0);
    }
    after = free_pages();
    printf("%lu pages free before, %lu after\n", before, after);
    fd = make("full", "");
    second = fill(fd);
    CHECK(second >= first - first / 10); /* the heap may hold a little back */
    CHECK_EQ(close(fd) + unlink("full"), 0);
}

int main(void)
{
    CHECK_EQ(mkdir("/tmp/test", 0755), 0);
    CHECK_EQ(chdir("/tmp/test"), 0);
    test_open();
    test_transfer();
    test_append();
    test_append_of_threads();
    test_dup();
    test_stat();
    test_unlinked();
    test_links();
    test_rename();
    test_directories();
    test_at();
    test_sizes();
    test_locks();
    test_streams();
    test_many_descriptors();
    test_full();
    CHECK_EQ(chdir("/"), 0);
    CHECK_EQ(rmdir("/tmp/test"), 0); /* nothing is left in it */
    puts("PASS");
    return 0;
}
