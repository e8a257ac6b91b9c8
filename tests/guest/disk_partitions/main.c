/*
 * Partitions as devices of their own. xvda has an MBR with logical partitions, xvdb a GPT, xvdc a
 * GPT whose first header is damaged; make_disks.py made them, and begins each partition with its
 * name. The table of xvdd is written here, and read when the disk is told to.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "check.h"

static const struct {
    const char *path;
    uint64_t size;
    unsigned minor;
} parts[] = {
    { "/dev/xvda1", 1 << 20, 1 },  { "/dev/xvda2", 512, 2 },      { "/dev/xvda5", 1 << 20, 5 },
    { "/dev/xvda6", 2 << 20, 6 },  { "/dev/xvdb1", 2 << 20, 17 }, { "/dev/xvdb7", 1 << 20, 23 },
    { "/dev/xvdc1", 2 << 20, 33 }, { "/dev/xvdc7", 1 << 20, 39 },
};

static void test_partition(unsigned i)
{
    uint64_t size = 0;
    struct stat stat;
    char text[512];
    int fd = open(parts[i].path, O_RDWR);

    printf("%s\n", parts[i].path);
    CHECK(fd >= 0);
    CHECK_EQ(ioctl(fd, BLKGETSIZE64, &size), 0);
    CHECK_EQ(size, parts[i].size);
    CHECK_EQ(fstat(fd, &stat), 0);
    CHECK_EQ(major(stat.st_rdev), 202);
    CHECK_EQ(minor(stat.st_rdev), parts[i].minor);
    CHECK_EQ(read(fd, text, sizeof(text)), 512);
    CHECK_STR(text, parts[i].path + 5);

    /* Its end is an end, whatever lies behind it. */
    CHECK_EQ(pread(fd, text, 512, (off_t)size - 100), 100);
    CHECK_EQ(pread(fd, text, 512, (off_t)size), 0);
    memset(text, (int)i + 1, sizeof(text));
    CHECK_EQ(pwrite(fd, text, 512, (off_t)size - 10), 10);
    CHECK_ERRNO(pwrite(fd, text, 512, (off_t)size), ENOSPC);
    CHECK_EQ(close(fd), 0);
}

/* ---- a table of our own ---- */

struct new_part {
    unsigned start, sectors;
};

static void put32(unsigned char *at, unsigned value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

/* Write a table of n partitions to the disk, durably. */
static void write_table(int disk, const struct new_part *table, unsigned n)
{
    unsigned char sector[512] = { 0 };

    for (unsigned i = 0; i < n; i++) {
        unsigned char *entry = sector + 446 + 16 * i;

        entry[4] = 0x83;
        put32(entry + 8, table[i].start);
        put32(entry + 12, table[i].sectors);
    }
    sector[510] = 0x55;
    sector[511] = 0xaa;
    CHECK_EQ(pwrite(disk, sector, sizeof(sector), 0), 512);
    CHECK_EQ(fsync(disk), 0);
}

static int open_part(const char *path, uint64_t sectors)
{
    uint64_t size = 0;
    int fd = open(path, O_RDWR);

    CHECK(fd >= 0);
    CHECK_EQ(ioctl(fd, BLKGETSIZE64, &size), 0);
    CHECK_EQ(size, sectors * 512);
    return fd;
}

static void test_new_table(void)
{
    static const struct new_part before[] = { { 2048, 100 }, { 4096, 200 }, { 8192, 300 } };
    static const struct new_part after[] = { { 2048, 1000 }, { 6144, 200 } };
    char text[512] = "";
    int disk = open("/dev/xvdd", O_RDWR), part;

    CHECK(disk >= 0);
    write_table(disk, NULL, 0); /* whatever an earlier run left */
    CHECK_EQ(ioctl(disk, BLKRRPART, NULL), 0);
    CHECK_ERRNO(open("/dev/xvdd1", O_RDONLY), ENOENT);

    write_table(disk, before, 3);
    CHECK_ERRNO(open("/dev/xvdd1", O_RDONLY), ENOENT); /* not before somebody says so */
    CHECK_EQ(ioctl(disk, BLKRRPART, NULL), 0);
    CHECK_EQ(close(open_part("/dev/xvdd1", 100)), 0);
    CHECK_EQ(close(open_part("/dev/xvdd3", 300)), 0);
    part = open_part("/dev/xvdd2", 200);
    CHECK_EQ(pwrite(part, "second", 6, 0), 6);
    CHECK_EQ(fsync(part), 0);
    CHECK_EQ(pread(disk, text, sizeof(text), 4096 * 512), 512);
    CHECK_STR(text, "second");

    /* One that is in use keeps the old table. */
    write_table(disk, after, 2);
    CHECK_ERRNO(ioctl(disk, BLKRRPART, NULL), EBUSY);
    CHECK_EQ(pread(part, text, sizeof(text), 0), 512);
    CHECK_STR(text, "second");
    CHECK_EQ(close(part), 0);
    CHECK_EQ(ioctl(disk, BLKRRPART, NULL), 0);
    CHECK_EQ(close(open_part("/dev/xvdd1", 1000)), 0);
    CHECK_ERRNO(open("/dev/xvdd3", O_RDONLY), ENOENT);
    part = open_part("/dev/xvdd2", 200);
    CHECK_EQ(pwrite(part, "moved", 6, 0), 6);
    CHECK_EQ(fsync(part), 0);
    CHECK_EQ(close(part), 0);
    CHECK_EQ(pread(disk, text, sizeof(text), 6144 * 512), 512);
    CHECK_STR(text, "moved");
    CHECK_EQ(close(disk), 0);
}

int main(void)
{
    char text[512];
    int fd;

    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        test_partition(i);
    CHECK_ERRNO(open("/dev/xvda3", O_RDONLY), ENOENT); /* the extended one holds no data */
    CHECK_ERRNO(open("/dev/xvda4", O_RDONLY), ENOENT); /* reaches beyond the end of the disk */
    CHECK_ERRNO(open("/dev/xvda7", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("/dev/xvdb2", O_RDONLY), ENOENT);

    /* The same bytes, by the whole disk. */
    fd = open("/dev/xvda", O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(pread(fd, text, 512, 1 << 20), 512);
    CHECK_STR(text, "xvda1");
    CHECK_EQ(pread(fd, text, 10, (2 << 20) - 10), 10);
    CHECK_EQ(text[0], 1);
    CHECK_EQ(text[9], 1);
    CHECK_EQ(close(fd), 0);
    test_new_table();
    puts("PASS");
    return 0;
}
