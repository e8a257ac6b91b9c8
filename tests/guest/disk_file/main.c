/*
 * A disk as a file: /dev/xvda by its node, with every way of reading and writing a file, at the
 * edges of sectors and of the disk. The image's content before does not matter. argv: "read-only",
 * or nothing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

#define LONG (3u << 20)

static unsigned char out[LONG + 512], in[LONG + 512];
static uint64_t size;
static int fd, sector_size;

static void fill(unsigned char *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (unsigned char)(seed + i + (i >> 8) * 7);
}

static void test_node(void)
{
    struct stat by_path, by_fd;
    struct dirent *entry;
    DIR *dir = opendir("/dev");
    int listed = 0;

    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL)
        listed += strcmp(entry->d_name, "xvda") == 0;
    closedir(dir);
    CHECK_EQ(listed, 1);
    CHECK_EQ(stat("/dev/xvda", &by_path) + fstat(fd, &by_fd), 0);
    CHECK(S_ISBLK(by_path.st_mode) && S_ISBLK(by_fd.st_mode));
    CHECK_EQ(major(by_fd.st_rdev), 202);
    CHECK_EQ(minor(by_fd.st_rdev), 0);
    CHECK_ERRNO(open("/dev/xvdz", O_RDONLY), ENOENT);
}

static void test_ioctl(void)
{
    unsigned long sectors;
    unsigned physical;
    int read_only;

    CHECK_EQ(ioctl(fd, BLKGETSIZE64, &size), 0);
    CHECK_EQ(ioctl(fd, BLKGETSIZE, &sectors), 0);
    CHECK_EQ(ioctl(fd, BLKSSZGET, &sector_size), 0);
    CHECK_EQ(ioctl(fd, BLKPBSZGET, &physical), 0);
    CHECK_EQ(ioctl(fd, BLKROGET, &read_only), 0);
    CHECK_EQ(sectors, size / 512);
    CHECK(size >= 8u << 20 && (sector_size == 512 || sector_size == 4096));
    CHECK(physical >= (unsigned)sector_size);
    CHECK_ERRNO(ioctl(fd, TIOCGWINSZ, &physical), ENOTTY);
    CHECK_EQ(isatty(fd), 0);
    printf("disk: %llu bytes, sectors of %d\n", (unsigned long long)size, sector_size);
}

static void test_offsets(void)
{
    CHECK_EQ(lseek(fd, 0, SEEK_END), size);
    CHECK_EQ(read(fd, in, 100), 0);
    CHECK_EQ(lseek(fd, -100, SEEK_END), size - 100);
    CHECK_EQ(read(fd, in, 1000), 100);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), size);
    CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
    CHECK_EQ(read(fd, in, 7), 7);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 12);
    CHECK_EQ(pread(fd, in, 10, (off_t)size + 4096), 0);
    CHECK_EQ(pread(fd, in, 0, 0), 0);
}

/* Written and read in one piece, at any place, with what lies around it as it was. */
static void test_span(off_t offset, size_t len, unsigned seed)
{
    unsigned char before[64], after[64];

    CHECK_EQ(pread(fd, before, sizeof(before), offset - 64), 64);
    CHECK_EQ(pread(fd, after, sizeof(after), offset + (off_t)len), 64);
    fill(out, len, seed);
    CHECK_EQ(pwrite(fd, out, len, offset), len);
    memset(in, 0, len);
    CHECK_EQ(pread(fd, in, len, offset), len);
    CHECK_EQ(memcmp(in, out, len), 0);
    CHECK_EQ(pread(fd, in, 64, offset - 64), 64);
    CHECK_EQ(memcmp(in, before, 64), 0);
    CHECK_EQ(pread(fd, in, 64, offset + (off_t)len), 64);
    CHECK_EQ(memcmp(in, after, 64), 0);
}

static void test_spans(void)
{
    static const struct {
        off_t offset;
        size_t len;
    } spans[] = {
        { 4096, 4096 },       { 4096, 512 },     { 4096, 1 },     { 4097, 1 },
        { 8191, 2 },          { 5000, 100 },     { 5000, 20000 }, { 4608, 3584 },
        { 1048576, 1048576 }, { 1048577, LONG }, { 65536, LONG }, { 4096 * 3 + 511, 513 },
        { 4095, 4097 },
    };

    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
        test_span(spans[i].offset, spans[i].len, (unsigned)i * 31 + 1);
}

static void test_vectors(void)
{
    struct iovec iov[20];

    fill(out, 20000, 9);
    for (int i = 0; i < 20; i++)
        iov[i] = (struct iovec){ out + i * 1000, 1000 };
    iov[7].iov_len = 0;
    CHECK_EQ(pwritev(fd, iov, 20, 100000), 19000);
    memmove(out + 7000, out + 8000, 12000);
    CHECK_EQ(pread(fd, in, 19000, 100000), 19000);
    CHECK_EQ(memcmp(in, out, 19000), 0);
    memset(in, 0, 20000);
    for (int i = 0; i < 20; i++)
        iov[i] = (struct iovec){ in + i * 950, 950 };
    CHECK_EQ(preadv(fd, iov, 20, 100000), 19000);
    CHECK_EQ(memcmp(in, out, 19000), 0);
}

static void test_end(void)
{
    fill(out, 8192, 77);
    CHECK_EQ(pwrite(fd, out, 8192, (off_t)size - 4096), 4096);
    CHECK_EQ(pread(fd, in, 8192, (off_t)size - 4096), 4096);
    CHECK_EQ(memcmp(in, out, 4096), 0);
    CHECK_ERRNO(pwrite(fd, out, 1, (off_t)size), ENOSPC);
    CHECK_ERRNO(ftruncate(fd, 0), EINVAL);
}

static void test_durable(void)
{
    int sync_fd = open("/dev/xvda", O_RDWR | O_SYNC | O_DIRECT);

    CHECK(sync_fd >= 0);
    CHECK_EQ(fsync(fd), 0);
    CHECK_EQ(fdatasync(fd), 0);
    CHECK_EQ(ioctl(fd, BLKFLSBUF, 0), 0);
    CHECK_EQ(write(sync_fd, out, 4096), 4096);
    CHECK_EQ(write(sync_fd, out, 10), 10);
    CHECK_EQ(close(sync_fd), 0);
}

static void test_discard(void)
{
    uint64_t range[2] = { 1 << 20, 1 << 20 };
    int done = ioctl(fd, BLKDISCARD, range);

    CHECK(done == 0 || errno == EOPNOTSUPP);
    range[0] = 1;
    CHECK_ERRNO(ioctl(fd, BLKDISCARD, range), EINVAL);
    range[0] = size;
    range[1] = 4096;
    CHECK_ERRNO(ioctl(fd, BLKDISCARD, range), EINVAL);
}

/* Four threads, each within every sector of the same stretch: nobody loses anything. */
static void *write_quarter(void *arg)
{
    unsigned quarter = (unsigned)(uintptr_t)arg;
    unsigned char bytes[128];

    memset(bytes, 'a' + (int)quarter, sizeof(bytes));
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(pwrite(fd, bytes, 128, (1 << 20) + i * 512 + quarter * 128), 128);
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[4];

    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, write_quarter, (void *)(uintptr_t)i), 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(pread(fd, in, 64 * 512, 1 << 20), 64 * 512);
    for (unsigned i = 0; i < 64 * 512; i++)
        CHECK_EQ(in[i], 'a' + i / 128 % 4);
}

static void test_stdio(void)
{
    FILE *file = fopen("/dev/xvda", "r+");

    CHECK(file != NULL);
    CHECK_EQ(fseek(file, 3000, SEEK_SET), 0);
    CHECK_EQ(fprintf(file, "Hello, disk %d\n", 42), 15);
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(pread(fd, in, 15, 3000), 15);
    CHECK_EQ(memcmp(in, "Hello, disk 42\n", 15), 0);
}

static void test_read_only(void)
{
    int flag = 0;

    CHECK_ERRNO(open("/dev/xvda", O_RDWR), EACCES);
    CHECK_ERRNO(open("/dev/xvda", O_WRONLY), EACCES);
    fd = open("/dev/xvda", O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(ioctl(fd, BLKROGET, &flag), 0);
    CHECK_EQ(flag, 1);
    CHECK_EQ(pread(fd, in, 4096, 0), 4096);
    CHECK_ERRNO(pwrite(fd, in, 4096, 0), EBADF);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "read-only") == 0) {
        test_read_only();
        puts("PASS");
        return 0;
    }
    fd = open("/dev/xvda", O_RDWR);
    CHECK(fd >= 0);
    test_node();
    test_ioctl();
    test_offsets();
    test_spans();
    test_vectors();
    test_end();
    test_durable();
    test_discard();
    test_threads();
    test_stdio();
    CHECK_EQ(close(fd), 0);
    puts("PASS");
    return 0;
}
