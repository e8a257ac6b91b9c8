/*
 * Files that came with the guest: what xl was given as ramdisk is at / when main begins, whole, and
 * can be changed; a damaged one costs an error line, not the guest.
 *
 * argv[1] tells which of make_initrd.py's ramdisks it is.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "check.h"

#define BIG 300000
#define ODD 4097

/* As make_initrd.py computes it. */
static unsigned char pattern(int i, int seed)
{
    return (unsigned char)((i * 7 + i / 256 + seed) % 251);
}

static void check_pattern(const char *path, int len, int seed)
{
    static unsigned char bytes[BIG + 1];
    int fd = open(path, O_RDONLY);

    CHECK(fd >= 0);
    CHECK_EQ(read(fd, bytes, sizeof(bytes)), len);
    for (int i = 0; i < len; i++)
        CHECK_EQ(bytes[i], pattern(i, seed));
    CHECK_EQ(close(fd), 0);
}

static void check_text(const char *path, const char *wanted)
{
    char text[64];
    FILE *file = fopen(path, "r");

    CHECK(file != NULL);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    CHECK_STR(text, wanted);
    CHECK_EQ(fclose(file), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    CHECK_EQ(lstat(path, &st), 0);
    return st.st_mode;
}

static off_t size_of(const char *path)
{
    struct stat st;

    CHECK_EQ(stat(path, &st), 0);
    return st.st_size;
}

/* Content that is not copied stays whole when the program has taken every page. */
static void test_memory_is_not_reused(void)
{
    struct piece {
        struct piece *next;
        char bytes[60000];
    } *all = NULL, *one;
    int n = 0;

    while ((one = malloc(sizeof(*one))) != NULL) {
        memset(one->bytes, 0xee, sizeof(one->bytes));
        one->next = all;
        all = one;
        n++;
    }
    CHECK(n > 100);
    for (int i = 0; i < 20; i++) { /* room for the checks themselves */
        one = all;
        all = all->next;
        free(one);
    }
    check_pattern("/big", BIG, 3);
    while (all != NULL) {
        one = all;
        all = all->next;
        free(one);
    }
}

/* A file of the archive is a file like all others. */
static void test_changes(void)
{
    unsigned char bytes[8];
    int fd = open("/big", O_RDWR);

    CHECK(fd >= 0);
    CHECK_EQ(pwrite(fd, "changed", 7, 100000), 7);
    CHECK_EQ(pread(fd, bytes, 8, 99999), 8);
    CHECK_EQ(bytes[0], pattern(99999, 3));
    CHECK(memcmp(bytes + 1, "changed", 7) == 0);
    CHECK_EQ(pread(fd, bytes, 1, 100007), 1);
    CHECK_EQ(bytes[0], pattern(100007, 3)); /* the rest of the page was kept */
    CHECK_EQ(pwrite(fd, "end", 3, BIG), 3);
    CHECK_EQ(pread(fd, bytes, 8, BIG - 1), 4);
    CHECK_EQ(bytes[0], pattern(BIG - 1, 3));
    CHECK(memcmp(bytes + 1, "end", 3) == 0);
    CHECK_EQ(ftruncate(fd, 1000) + ftruncate(fd, 5000), 0);
    CHECK_EQ(pread(fd, bytes, 8, 996), 8);
    CHECK_EQ(bytes[3], pattern(999, 3));
    CHECK(memcmp(bytes + 4, "\0\0\0\0", 4) == 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(rename("/big", "/tmp/moved"), 0);
    CHECK_EQ(size_of("/tmp/moved"), 5000);
    CHECK_EQ(unlink("/tmp/moved"), 0);
}

static void test_tree(void)
{
    struct stat st;
    struct dirent *entry;
    char target[32] = "";
    int n = 0;
    DIR *dir;

    check_text("/etc/motd", "Hello from the initrd\n");
    check_text("to-motd", "Hello from the initrd\n"); /* / is where we are */
    check_text("/to-etc/deep/er/file with blanks", "deep\n");
    check_pattern("/big", BIG, 3);
    check_pattern("/page", 4096, 5);
    check_pattern("/odd", ODD, 9);
    CHECK_EQ(size_of("/etc/empty"), 0);
    CHECK_EQ(mode_of("/script"), S_IFREG | 0755);
    CHECK_EQ(mode_of("/etc/motd"), S_IFREG | 0644);
    CHECK_EQ(mode_of("/etc/empty"), S_IFREG | 0600);
    CHECK_EQ(mode_of("/etc/private"), S_IFDIR | 0700);
    CHECK(S_ISLNK(mode_of("/to-etc")));
    CHECK_EQ(readlink("/dangling", target, sizeof(target)), 7);
    CHECK_STR(target, "nowhere");
    CHECK_ERRNO(stat("/dangling", &st), ENOENT);
    CHECK_EQ(stat("/etc/motd", &st), 0);
    CHECK(st.st_mtime == 1000000000 && st.st_uid == 0 && st.st_gid == 0 && st.st_nlink == 1);
    CHECK_EQ(access("/script", X_OK), 0);
    CHECK_ERRNO(access("/etc/motd", X_OK), EACCES);
    dir = opendir("/etc");
    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL)
        n++;
    CHECK_EQ(n, 2 + 4);
    CHECK_EQ(closedir(dir), 0);
    CHECK_EQ(mode_of("/tmp"), S_IFDIR | 01777); /* what is not in the ramdisk is made */
    CHECK_EQ(close(open("/dev/null", O_RDWR)), 0);
    test_memory_is_not_reused();
    test_changes();
}

static void test_plain(void)
{
    struct stat one, two;
    int fd;

    check_pattern("/one", ODD, 9);
    CHECK_EQ(stat("/one", &one) + stat("/two", &two), 0);
    CHECK(one.st_ino == two.st_ino && one.st_nlink == 2);
    check_text("/not/listed/above", "parents were made\n");
    check_text("/dotted", "dotted\n");
    check_text("/replaced", "new\n");
    CHECK_EQ(mode_of("/dev/my-zero"), S_IFCHR | 0600);
    fd = open("/dev/my-zero", O_RDONLY);
    char c = 1;
    CHECK_EQ(read(fd, &c, 1), 1);
    CHECK_EQ(c, 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(close(open("/dev/null", O_RDWR)), 0);
    check_pattern("/big", BIG, 3);
    CHECK_EQ(mode_of("/big"), S_IFREG | 0444);
    test_memory_is_not_reused();
    test_changes();
}

/* What came before the damage is there; everything else works as without a ramdisk. */
static void test_damaged(const char *last_whole)
{
    struct stat st;

    if (last_whole != NULL)
        check_text(last_whole, "dotted\n");
    CHECK_ERRNO(stat("/big", &st), ENOENT);
    CHECK_EQ(close(open("/dev/null", O_RDWR)), 0);
    CHECK_EQ(close(open("/tmp/new", O_RDWR | O_CREAT, 0600)) + unlink("/tmp/new"), 0);
}

int main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "";

    if (strcmp(which, "tree") == 0)
        test_tree();
    else if (strcmp(which, "plain") == 0)
        test_plain();
    else if (strcmp(which, "damaged") == 0)
        test_damaged("/dotted");
    else if (strcmp(which, "garbage") == 0)
        test_damaged(NULL);
    else
        CHECK(!"an argument that is known");
    puts("PASS");
    return 0;
}
