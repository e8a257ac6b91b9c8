/*
 * Files on a disk's file system, mounted at /data or as the root, through the POSIX names: what is
 * written is there, names do what POSIX says, and a second mount of the same disk finds it all.
 * argv: the directory to work in.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "check.h"

#define MANY 500

static char base[64];

static const char *in(const char *name)
{
    static char path[4][128];
    static unsigned turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", base, name);
    return path[turn];
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

static int has(const char *path, const char *text)
{
    char found[256] = "";
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return 0;
    found[fread(found, 1, sizeof(found) - 1, file)] = '\0';
    fclose(file);
    return strcmp(found, text) == 0;
}

static void test_names(void)
{
    struct stat info;

    put(in("one"), "1");
    put(in("two"), "2");
    CHECK(rename(in("one"), in("two")) == 0);
    CHECK(has(in("two"), "1"));
    CHECK(access(in("one"), F_OK) < 0 && errno == ENOENT);
    CHECK(link(in("two"), in("three")) == 0);
    CHECK(stat(in("three"), &info) == 0 && info.st_nlink == 2);
    CHECK(symlink("three", in("soft")) == 0);
    CHECK(has(in("soft"), "1"));
    CHECK(mkdir(in("dir"), 0750) == 0);
    CHECK(stat(in("dir"), &info) == 0 && info.st_mode == (S_IFDIR | 0750));
    put(in("dir/inside"), "x");
    CHECK(rmdir(in("dir")) < 0 && errno == ENOTEMPTY);
    CHECK(unlink(in("dir/inside")) == 0);
    CHECK(rmdir(in("dir")) == 0);
    CHECK(chmod(in("two"), 0604) == 0);
    CHECK(unlink(in("three")) == 0);
    CHECK(unlink(in("soft")) == 0);
    CHECK(stat(in("two"), &info) == 0 && info.st_mode == (S_IFREG | 0604) && info.st_nlink == 1);
}

static void test_content(void)
{
    static unsigned char block[100000], back[100000];
    int fd = open(in("content"), O_RDWR | O_CREAT | O_TRUNC, 0644);
    struct stat info;

    CHECK(fd >= 0);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (unsigned char)(i * 7 + (i >> 9));
    CHECK(pwrite(fd, block, sizeof(block), 5000000) == sizeof(block));
    CHECK(fstat(fd, &info) == 0 && info.st_size == 5100000 && info.st_blocks * 512 < 1000000);
    CHECK(pread(fd, back, 10, 100) == 10 && back[0] == 0 && back[9] == 0);
    CHECK(fsync(fd) == 0);
    CHECK(pread(fd, back, sizeof(back), 5000000) == sizeof(back));
    CHECK(memcmp(block, back, sizeof(back)) == 0);
    CHECK(ftruncate(fd, 5000010) == 0);
    CHECK(ftruncate(fd, 5000020) == 0);
    CHECK(pread(fd, back, 100, 5000000) == 20);
    CHECK(memcmp(block, back, 10) == 0 && back[10] == 0 && back[19] == 0);
    CHECK(posix_fallocate(fd, 0, 200000) == 0);
    CHECK(unlink(in("content")) == 0);
    CHECK(pwrite(fd, block, 1000, 0) == 1000);
    CHECK(fdatasync(fd) == 0);
    CHECK(close(fd) == 0);
}

static void *writer(void *arg)
{
    char name[32], text[128];

    for (int i = 0; i < 40; i++) {
        FILE *file;

        snprintf(name, sizeof(name), "thread-%d", (int)(long)arg);
        snprintf(text, sizeof(text), "%s/%s", base, name);
        file = fopen(text, "a");
        CHECK(file != NULL);
        CHECK(fprintf(file, "line %d\n", i) > 0);
        CHECK(fflush(file) == 0);
        if (i % 10 == 9)
            CHECK(fsync(fileno(file)) == 0);
        fclose(file);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[4];
    struct stat info;
    char name[32];

    for (long i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, writer, (void *)i) == 0);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        snprintf(name, sizeof(name), "thread-%d", i);
        CHECK(stat(in(name), &info) == 0 && info.st_size == 10 * 7 + 30 * 8);
        CHECK(unlink(in(name)) == 0);
    }
}

static void test_many(void)
{
    char name[64];
    struct dirent *entry;
    int found = 0;
    DIR *dir;

    CHECK(mkdir(in("many"), 0755) == 0);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "many/a-name-that-takes-some-room-%d", i);
        put(in(name), "");
    }
    dir = opendir(in("many"));
    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL)
        found += entry->d_type == DT_REG;
    closedir(dir);
    CHECK(found == MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "many/a-name-that-takes-some-room-%d", i);
        CHECK(unlink(in(name)) == 0);
    }
    CHECK(rmdir(in("many")) == 0);
}

static void test_again(void)
{
    struct statvfs space;

    CHECK(statvfs(base, &space) == 0 && space.f_bfree > 100 && space.f_namemax == 255);
    put(in("kept"), "kept");
    if (strncmp(base, "/data", 5) != 0)
        return; /* the root stays */
    CHECK(umount("/data") == 0);
    CHECK(access(in("kept"), F_OK) < 0);
    CHECK(mount("/dev/xvda", "/data", "ext4", MS_RDONLY, NULL) == 0);
    CHECK(has(in("kept"), "kept"));
    CHECK(open(in("new"), O_WRONLY | O_CREAT, 0644) < 0 && errno == EROFS);
    CHECK(unlink(in("kept")) < 0 && errno == EROFS);
    CHECK(umount("/data") == 0);
    CHECK(mount("/dev/xvda", "/data", "ext2", 0, NULL) == 0);
    CHECK(unlink(in("kept")) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    snprintf(base, sizeof(base), "%s/test-%d", argv[1], 1);
    if (mkdir(base, 0755) < 0)
        CHECK(errno == EEXIST); /* the image is that of an earlier run */
    test_names();
    test_content();
    test_threads();
    test_many();
    test_again();
    puts("PASS");
    return 0;
}
