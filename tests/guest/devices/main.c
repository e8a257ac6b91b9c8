/*
 * The devices that are always there, and the random numbers behind two of them: different at each
 * asking and from all ways of asking, spread evenly, never a block of zeroes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

static void test_nodes(void)
{
    static const struct {
        const char *path;
        unsigned major, minor;
    } nodes[] = { { "/dev/null", 1, 3 },   { "/dev/zero", 1, 5 },    { "/dev/full", 1, 7 },
                  { "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
                  { "/dev/console", 5, 1 } };
    struct stat by_path, by_fd;

    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        int fd = open(nodes[i].path, O_RDWR);

        CHECK(fd >= 0);
        CHECK_EQ(stat(nodes[i].path, &by_path) + fstat(fd, &by_fd), 0);
        CHECK(S_ISCHR(by_path.st_mode) && S_ISCHR(by_fd.st_mode));
        CHECK_EQ(major(by_path.st_rdev), nodes[i].major);
        CHECK_EQ(minor(by_path.st_rdev), nodes[i].minor);
        CHECK_EQ(isatty(fd), i >= 5);
        CHECK_EQ(close(fd), 0);
    }
    CHECK_ERRNO(open("/dev/nothing", O_RDONLY), ENOENT);
    CHECK_ERRNO(mkdir("/dev/null", 0755), EEXIST);
    CHECK_ERRNO(open("/dev/null/x", O_RDONLY), ENOTDIR);
    CHECK_EQ(mknod("/tmp/my-null", S_IFCHR | 0600, makedev(1, 3)), 0);
    CHECK_EQ(close(open("/tmp/my-null", O_WRONLY)), 0);
    CHECK_EQ(unlink("/tmp/my-null"), 0);
    CHECK_EQ(mknod("/tmp/none", S_IFCHR | 0600, makedev(200, 1)), 0);
    CHECK_ERRNO(open("/tmp/none", O_RDONLY), ENXIO);
    CHECK_EQ(unlink("/tmp/none"), 0);
}

static void test_null_zero_full(void)
{
    unsigned char bytes[5000];
    struct iovec pieces[2] = { { bytes, 10 }, { bytes + 20, 30 } };
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
    int full = open("/dev/full", O_RDWR);

    CHECK_EQ(read(null, bytes, sizeof(bytes)), 0);
    CHECK_EQ(write(null, bytes, sizeof(bytes)), sizeof(bytes));
    CHECK_EQ(writev(null, pieces, 2), 40);
    memset(bytes, 0x55, sizeof(bytes));
    CHECK_EQ(read(zero, bytes, 4999), 4999);
    for (int i = 0; i < 4999; i++)
        CHECK_EQ(bytes[i], 0);
    CHECK_EQ(bytes[4999], 0x55);
    memset(bytes, 0x55, sizeof(bytes));
    CHECK_EQ(readv(zero, pieces, 2), 40);
    CHECK(bytes[9] == 0 && bytes[10] == 0x55 && bytes[19] == 0x55 && bytes[20] == 0);
    CHECK_EQ(write(zero, bytes, 7), 7);
    CHECK_EQ(read(full, bytes, 3), 3);
    CHECK_ERRNO(write(full, "x", 1), ENOSPC);
    CHECK_EQ(write(full, "x", 0), 0);
    CHECK_EQ(close(null) + close(zero) + close(full), 0);

    FILE *stream = fopen("/dev/full", "w");
    CHECK(stream != NULL);
    fputs("x", stream);
    CHECK_EQ(fflush(stream), EOF); /* stdio notices */
    CHECK_EQ(errno, ENOSPC);
    fclose(stream);
    CHECK_EQ(close(open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0644)), 0); /* as shells do */
}

#define SAMPLE (64 * 1024)

/* Chi-square over the 256 values of a byte: 255 +- 23 for an even spread; this is 10 sigma. */
static void check_even(const unsigned char *bytes)
{
    double expected = SAMPLE / 256.0, chi = 0;
    unsigned counts[256] = { 0 };

    for (int i = 0; i < SAMPLE; i++)
        counts[bytes[i]]++;
    for (int i = 0; i < 256; i++)
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    CHECK(chi > 255 - 10 * 22.6 && chi < 255 + 10 * 22.6);
}

static void from_random(void *buffer, size_t len)
{
    int fd = open("/dev/random", O_RDONLY);

    CHECK_EQ(read(fd, buffer, len), len);
    CHECK_EQ(close(fd), 0);
}

static void from_urandom(void *buffer, size_t len)
{
    int fd = open("/dev/urandom", O_RDONLY);

    CHECK_EQ(read(fd, buffer, len), len);
    CHECK_EQ(close(fd), 0);
}

static void from_getrandom(void *buffer, size_t len)
{
    CHECK_EQ(getrandom(buffer, len, 0), len);
}

static void from_getentropy(void *buffer, size_t len)
{
    for (size_t done = 0; done < len; done += 256)
        CHECK_EQ(getentropy((char *)buffer + done, 256), 0);
}

static void test_random(void)
{
    static void (*const ways[])(void *, size_t) = { from_random, from_urandom, from_getrandom,
                                                    from_getentropy, arc4random_buf };
    enum { WAYS = sizeof(ways) / sizeof(ways[0]) };
    static unsigned char bytes[2 * WAYS][SAMPLE];
    unsigned char canary[8];

    for (int i = 0; i < 2 * WAYS; i++) {
        ways[i / 2](bytes[i], SAMPLE);
        check_even(bytes[i]);
        for (int j = 0; j < SAMPLE; j += 64)
            CHECK(memcmp(bytes[i] + j, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) != 0);
        for (int other = 0; other < i; other++)
            for (int j = 0; j < SAMPLE; j += 4096)
                CHECK(memcmp(bytes[i] + j, bytes[other] + j, 16) != 0);
    }
    for (int j = 64; j < SAMPLE; j += 64) /* no block twice in one answer */
        CHECK(memcmp(bytes[0], bytes[0] + j, 16) != 0);

    memset(canary, 0x55, sizeof(canary));
    CHECK_EQ(getrandom(canary, 3, GRND_NONBLOCK | GRND_RANDOM), 3);
    CHECK(memcmp(canary + 3, "\x55\x55\x55\x55\x55", 5) == 0); /* not a byte more */
    CHECK_EQ(getrandom(canary, 0, 0), 0);
    CHECK_ERRNO(getrandom(canary, 1, 0x100), EINVAL);
    CHECK_ERRNO(getentropy(bytes, 257), EIO);
    int fd = open("/dev/urandom", O_RDWR);
    CHECK_EQ(write(fd, "some dice", 9), 9);
    from_urandom(canary, sizeof(canary));
    CHECK_EQ(close(fd), 0);
}

static void test_uniform(void)
{
    unsigned counts[7] = { 0 };

    CHECK_EQ(arc4random_uniform(0), 0);
    CHECK_EQ(arc4random_uniform(1), 0);
    for (int i = 0; i < 7000; i++) {
        unsigned value = arc4random_uniform(7);

        CHECK(value < 7);
        counts[value]++;
    }
    for (int i = 0; i < 7; i++)
        CHECK(counts[i] > 700 && counts[i] < 1300);
    CHECK(arc4random() != arc4random() || arc4random() != arc4random());
}

static void test_listing(void)
{
    struct dirent *entry;
    DIR *dir = opendir("/dev");
    int n = 0;

    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL)
        n += entry->d_type == DT_CHR;
    CHECK(n >= 7);
    CHECK_EQ(closedir(dir), 0);
}

static void test_console(void)
{
    int fd = open("/dev/console", O_WRONLY | O_NOCTTY), tty = open("/dev/tty", O_WRONLY);

    CHECK_EQ(write(fd, "through /dev/console\n", 21), 21);
    CHECK_EQ(write(tty, "through /dev/tty\n", 17), 17);
    CHECK_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
    CHECK_STR(ttyname(0), "/dev/console");
    CHECK_EQ(close(fd) + close(tty), 0);
}

int main(void)
{
    test_nodes();
    test_null_zero_full();
    test_random();
    test_uniform();
    test_listing();
    test_console();
    puts("PASS");
    return 0;
}
