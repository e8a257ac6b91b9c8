/*
 * Partitions as devices of their own. xvda has an MBR with logical partitions, xvdb a GPT, xvdc a
 * GPT whose first header is damaged; make_disks.py made them, and begins each partition with its
 * name.
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
    puts("PASS");
    return 0;
}
