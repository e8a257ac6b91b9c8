/*
 * Disks in /dev: nodes that come when somebody looks, partitions, reads and writes at any place,
 * errors, unplugging. The driver is a disk in memory; tables are written into it by hand.
 */
#include "glue_test.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <drivers/blkfront.h>
#include <drivers/xenbus.h>
#include <runtime/thread.h>

#include "devices/device.h"
#include "devices/disk.h"
#include "devices/partition.h"
#include "files/ramfs.h"
#include "files/vfs.h"

const char rootfs_is_linked = 1;

#define BYTES (4u << 20)

/*
 * ---- the driver below -------------------------------------------------------------------------
 */

static struct memory_disk {
    struct block_device block;
    unsigned char bytes[BYTES];
    int status, flush_status; /* of requests from now on */
    unsigned requests, flushes, discards;
    bool late;
    struct block_request *waiting;
} disk_a, disk_b;

static const struct block_listener *listener;
static bool discovering;
static unsigned starts;

static void memory_finish(struct memory_disk *disk, struct block_request *request)
{
    size_t at = (size_t)(request->sector + request->base) * 512;
    int status = disk->status;

    if (request->op == BLOCK_FLUSH) {
        disk->flushes++;
        request->done(request, disk->flush_status);
        return;
    }
    if (request->op == BLOCK_DISCARD) {
        disk->discards++;
        memset(disk->bytes + at, 0, request->sectors * 512);
    }
    for (unsigned i = 0; i < request->n && status == 0; i++) {
        CHECK(request->pieces[i].len > 0);
        CHECK(at + request->pieces[i].len <= disk->block.sectors * 512);
        if (request->op == BLOCK_READ)
            memcpy(request->pieces[i].data, disk->bytes + at, request->pieces[i].len);
        else
            memcpy(disk->bytes + at, request->pieces[i].data, request->pieces[i].len);
        at += request->pieces[i].len;
    }
    CHECK(at % disk->block.sector_size == 0);
    request->done(request, status);
}

static void memory_submit(struct block_device *block, struct block_request *request)
{
    struct memory_disk *disk = (struct memory_disk *)block;

    CHECK((request->sector + request->base) * 512 % block->sector_size == 0);
    disk->requests++;
    if (disk->late) {
        CHECK(disk->waiting == NULL);
        disk->waiting = request;
    } else {
        memory_finish(disk, request);
    }
}

static const struct block_ops memory_ops = { .submit = memory_submit };

static void answer_late(void)
{
    struct block_request *request = disk_a.waiting;

    disk_a.waiting = NULL;
    CHECK(request != NULL);
    memory_finish(&disk_a, request);
}

void block_listen(const struct block_listener *who)
{
    listener = who;
}

int blkfront_start(void)
{
    starts++;
    return 0;
}

bool blkfront_discovering(void)
{
    return discovering;
}

void xenbus_set_listener(void (*changed)(void))
{
    (void)changed;
}

int futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline_ns, bool interruptible,
               const char *reason)
{
    (void)word;
    (void)expected;
    (void)deadline_ns;
    (void)interruptible;
    glue_test_fail(__FILE__, __LINE__, "a wait for ever: %s", reason);
}

size_t futex_wake(const uint32_t *word, size_t n)
{
    (void)word;
    (void)n;
    return 0;
}

static struct thread self = { .id = 1 };

struct thread *thread_self(void)
{
    return &self;
}

void vcpu_block(uint64_t deadline_ns)
{
    (void)deadline_ns;
    CHECK(!"boot waits");
}

/*
 * ---- set-up -----------------------------------------------------------------------------------
 */

static void make(struct memory_disk *disk, const char *name, unsigned minor, unsigned sector_size)
{
    memset(disk, 0, sizeof(*disk));
    strcpy(disk->block.name, name);
    disk->block.major = 202;
    disk->block.minor = (uint16_t)minor;
    disk->block.ops = &memory_ops;
    disk->block.sectors = BYTES / 512;
    disk->block.sector_size = sector_size;
    disk->block.can_flush = disk->block.can_discard = true;
}

static void plug(struct memory_disk *disk)
{
    listener->found(&disk->block);
}

static void unplug(struct memory_disk *disk)
{
    disk->block.gone = true;
    if (disk->block.changed != NULL)
        disk->block.changed(&disk->block);
    listener->lost(&disk->block);
    memset(&disk->block, 0x5a, sizeof(disk->block)); /* it is freed */
}

static void mount_root(void)
{
    static bool mounted;
    struct inode_new dir = { .mode = S_IFDIR | 0755 };
    struct fs *fs;

    if (mounted)
        return;
    mounted = true;
    CHECK_EQ(ramfs_new(&fs), 0);
    CHECK_EQ(vfs_mount(fs, NULL), 0);
    CHECK_EQ(vfs_create(NULL, "/dev", &dir, NULL), 0);
    CHECK_EQ(device_set_dir("/dev"), 0);
}

static void start(void)
{
    mount_root();
    discovering = false;
    disk_settle(); /* what earlier tests unplugged goes */
}

static void start_with(unsigned sector_size)
{
    start();
    make(&disk_a, "xvda", 0, sector_size);
    for (size_t i = 0; i < BYTES; i++)
        disk_a.bytes[i] = (unsigned char)(i * 31 + (i >> 12));
    memset(disk_a.bytes + 510, 0, 2); /* no table */
    plug(&disk_a);
}

static int open_file(const char *path, int flags, struct file **file)
{
    return vfs_open(NULL, path, flags, 0, file);
}

static struct file *opened(const char *path)
{
    struct file *file;
    int error = open_file(path, O_RDWR, &file);

    if (error != 0)
        glue_test_fail(__FILE__, __LINE__, "%s: error %d", path, error);
    return file;
}

static ssize_t read_at(struct file *file, void *data, size_t len, off_t at)
{
    struct iovec iov = { data, len };

    return file_read(file, &iov, 1, &at);
}

static ssize_t write_at(struct file *file, const void *data, size_t len, off_t at)
{
    struct iovec iov = { (void *)(uintptr_t)data, len };

    return file_write(file, &iov, 1, &at);
}

/*
 * ---- nodes ------------------------------------------------------------------------------------
 */

TEST(the_search_begins_when_somebody_looks_for_a_name_in_dev)
{
    struct file *file;

    mount_root();
    CHECK_EQ(starts, 0);
    CHECK_EQ(open_file("/nothing", O_RDONLY, &file), -ENOENT);
    CHECK_EQ(starts, 0);
    CHECK_EQ(open_file("/dev/xvda", O_RDONLY, &file), -ENOENT);
    CHECK_EQ(starts, 1);
    CHECK_EQ(open_file("/dev/xvda", O_RDONLY, &file), -ENOENT);
    CHECK_EQ(starts, 1);
}

static void found_meanwhile(void)
{
    make(&disk_a, "xvda", 0, 512);
    plug(&disk_a);
    discovering = false;
}

TEST(an_open_waits_until_announced_disks_are_there)
{
    struct file *file;

    start();
    discovering = true;
    glue_on_sleep = found_meanwhile;
    CHECK_EQ(open_file("/dev/xvda", O_RDWR, &file), 0);
    file_put(file);
    unplug(&disk_a);
}

TEST(a_search_that_never_ends_is_given_up)
{
    struct file *file;
    uint64_t before;

    start();
    before = glue_monotonic_ns;
    discovering = true;
    CHECK_EQ(open_file("/dev/xvdq", O_RDWR, &file), -ENOENT);
    CHECK(glue_monotonic_ns - before <= 61000000000u);
    discovering = false;
}

TEST(a_node_has_its_number_and_kind)
{
    struct stat stat;
    struct file *file;

    mode_t mode = S_IFBLK | 0660;
    start_with(512);
    file = opened("/dev/xvda");
    CHECK_EQ(file_stat(file, &stat), 0);
    CHECK_EQ(stat.st_mode, mode);
    CHECK_EQ(stat.st_rdev, 202 << 8);
    file_put(file);
    unplug(&disk_a);
}

TEST(an_unplugged_disk_fails_and_another_in_its_place_works)
{
    struct file *file, *second;
    unsigned char byte;

    start_with(512);
    file = opened("/dev/xvda");
    unplug(&disk_a);
    CHECK_EQ(read_at(file, &byte, 1, 0), -EIO);
    CHECK_EQ(file->ops->sync(file, false), -EIO);
    CHECK_EQ(open_file("/dev/xvda", O_RDWR, &second), -ENXIO);
    CHECK_EQ(open_file("/dev/xvda", O_RDWR, &second), -ENOENT);

    make(&disk_b, "xvda", 0, 512);
    disk_b.bytes[5] = 77;
    plug(&disk_b);
    second = opened("/dev/xvda");
    CHECK_EQ(read_at(second, &byte, 1, 5), 1);
    CHECK_EQ(byte, 77);
    CHECK_EQ(read_at(file, &byte, 1, 0), -EIO); /* still the old one */
    file_put(file);
    file_put(second);
    unplug(&disk_b);
}

/* Unplugged and another plugged in before anybody looked. */
TEST(a_disk_replaced_unseen_is_found_by_the_next_open)
{
    unsigned char byte;

    start_with(512);
    file_put(opened("/dev/xvda"));
    unplug(&disk_a);
    make(&disk_b, "xvda", 0, 512);
    disk_b.bytes[0] = 99;
    plug(&disk_b);
    struct file *file = opened("/dev/xvda");
    CHECK_EQ(read_at(file, &byte, 1, 0), 1);
    CHECK_EQ(byte, 99);
    file_put(file);
    unplug(&disk_b);
}

TEST(a_disk_lost_before_anybody_looked_never_was)
{
    struct file *file;

    start_with(512);
    unplug(&disk_a);
    CHECK_EQ(open_file("/dev/xvda", O_RDWR, &file), -ENOENT);
}

TEST(read_only_disks_are_not_opened_for_writing)
{
    struct file *file;
    int flag = 0;

    start_with(512);
    disk_a.block.read_only = true;
    CHECK_EQ(open_file("/dev/xvda", O_RDWR, &file), -EACCES);
    CHECK_EQ(open_file("/dev/xvda", O_RDONLY, &file), 0);
    CHECK_EQ(file_ioctl(file, BLKROGET, &flag), 0);
    CHECK_EQ(flag, 1);
    file_put(file);
    unplug(&disk_a);
}

TEST(a_size_that_changes_is_seen)
{
    uint64_t size = 0;

    start_with(512);
    struct file *file = opened("/dev/xvda");
    disk_a.block.sectors = 100;
    disk_a.block.changed(&disk_a.block);
    CHECK_EQ(file_ioctl(file, BLKGETSIZE64, &size), 0);
    CHECK_EQ(size, 51200);
    CHECK_EQ(file_seek(file, 0, SEEK_END), 51200);
    file_put(file);
    unplug(&disk_a);
}

/*
 * ---- transfers --------------------------------------------------------------------------------
 */

static void test_spans(unsigned sector_size)
{
    static unsigned char model[BYTES], data[200000];
    static const size_t lens[] = { 1, 2, 511, 512, 513, 4095, 4096, 4097, 100000 };

    start_with(sector_size);
    struct file *file = opened("/dev/xvda");
    memcpy(model, disk_a.bytes, BYTES);
    for (unsigned i = 0; i < 9 * 40; i++) {
        off_t at = (off_t)(i * 7919u % 8192) + (i % 4 == 0 ? 0 : 4096 * (i % 5));
        size_t len = lens[i % 9];

        if (i % 3 == 0)
            at -= at % 512;
        memset(data, (int)i, len);
        CHECK_EQ(write_at(file, data, len, at), len);
        memset(model + at, (int)i, len);
        CHECK(memcmp(disk_a.bytes, model, BYTES) == 0);
        CHECK_EQ(read_at(file, data, len + 7, at - at % 3), len + 7);
        CHECK(memcmp(data, model + at - at % 3, len + 7) == 0);
    }
    file_put(file);
    unplug(&disk_a);
}

TEST(any_span_is_read_and_written_with_sectors_of_512)
{
    test_spans(512);
}

TEST(any_span_is_read_and_written_with_sectors_of_4096)
{
    test_spans(4096);
}

TEST(many_pieces_make_one_request)
{
    static unsigned char data[64 * 100];
    struct iovec iov[64];
    off_t at = 512;

    start_with(512);
    struct file *file = opened("/dev/xvda");
    for (int i = 0; i < 64; i++)
        iov[i] = (struct iovec){ data + i * 100, i == 9 ? 0 : 100 };
    unsigned before = disk_a.requests;
    CHECK_EQ(file_read(file, iov, 64, &at), 6300);
    CHECK_EQ(disk_a.requests, before + 1);
    CHECK(memcmp(data, disk_a.bytes + 512, 900) == 0);
    CHECK(memcmp(data + 1000, disk_a.bytes + 512 + 900, 5400) == 0);
    file_put(file);
    unplug(&disk_a);
}

TEST(the_end_of_the_disk_is_the_end_of_the_file)
{
    unsigned char data[4096];

    start_with(4096);
    struct file *file = opened("/dev/xvda");
    CHECK_EQ(read_at(file, data, 4096, BYTES - 10), 10);
    CHECK_EQ(read_at(file, data, 4096, BYTES), 0);
    CHECK_EQ(read_at(file, data, 4096, (off_t)BYTES * 1000), 0);
    CHECK_EQ(write_at(file, data, 4096, BYTES - 10), 10);
    CHECK_EQ(write_at(file, data, 1, BYTES), -ENOSPC);
    CHECK_EQ(write_at(file, data, 0, BYTES), 0);
    CHECK_EQ(file_seek(file, 0, SEEK_END), BYTES);
    CHECK_EQ(file_seek(file, -1, SEEK_SET), -EINVAL);
    file_put(file);
    unplug(&disk_a);
}

TEST(a_read_waits_for_its_answer)
{
    unsigned char data[512];

    start_with(512);
    struct file *file = opened("/dev/xvda");
    disk_a.late = true;
    glue_on_sleep = answer_late;
    CHECK_EQ(read_at(file, data, 512, 1024), 512);
    CHECK(memcmp(data, disk_a.bytes + 1024, 512) == 0);
    disk_a.late = false;
    file_put(file);
    unplug(&disk_a);
}

TEST(errors_of_the_disk_come_through)
{
    unsigned char data[512];

    start_with(512);
    struct file *file = opened("/dev/xvda");
    disk_a.status = -EIO;
    CHECK_EQ(read_at(file, data, 512, 0), -EIO);
    CHECK_EQ(write_at(file, data, 5, 0), -EIO);
    disk_a.status = 0;
    CHECK_EQ(read_at(file, data, 512, 0), 512);
    disk_a.flush_status = -EIO;
    CHECK_EQ(file->ops->sync(file, false), -EIO);
    disk_a.flush_status = -EOPNOTSUPP; /* said in the log, and no more to be done */
    CHECK_EQ(file->ops->sync(file, false), 0);
    file_put(file);
    unplug(&disk_a);
}

TEST(o_sync_writes_flush)
{
    struct file *file;

    start_with(512);
    CHECK_EQ(open_file("/dev/xvda", O_RDWR | O_SYNC, &file), 0);
    CHECK_EQ(write_at(file, "x", 1, 0), 1);
    CHECK_EQ(disk_a.flushes, 1);
    disk_a.flush_status = -EIO;
    CHECK_EQ(write_at(file, "x", 1, 0), -EIO);
    file_put(file);
    unplug(&disk_a);
}

TEST(discard_takes_whole_sectors_within_the_disk)
{
    uint64_t range[2] = { 4096, 8192 };

    start_with(4096);
    struct file *file = opened("/dev/xvda");
    CHECK_EQ(file_ioctl(file, BLKDISCARD, range), 0);
    CHECK(disk_a.bytes[4096] == 0 && disk_a.bytes[12287] == 0 && disk_a.bytes[12288] != 0);
    range[0] = 512;
    CHECK_EQ(file_ioctl(file, BLKDISCARD, range), -EINVAL);
    range[0] = BYTES;
    CHECK_EQ(file_ioctl(file, BLKDISCARD, range), -EINVAL);
    range[0] = UINT64_MAX - 4095;
    CHECK_EQ(file_ioctl(file, BLKDISCARD, range), -EINVAL);
    CHECK_EQ(disk_a.discards, 1);
    file_put(file);
    unplug(&disk_a);
}

/*
 * ---- partitions -------------------------------------------------------------------------------
 */

static void put_entry(unsigned char *sector, unsigned i, unsigned type, uint32_t first,
                      uint32_t count)
{
    unsigned char *entry = sector + 446 + 16 * i;

    entry[4] = (unsigned char)type;
    memcpy(entry + 8, &first, 4);
    memcpy(entry + 12, &count, 4);
    sector[510] = 0x55;
    sector[511] = 0xaa;
}

TEST(partitions_have_nodes_and_sectors_of_their_own)
{
    struct block_device *part;
    uint64_t size = 0;
    unsigned char data[1024];
    struct stat stat;

    start();
    make(&disk_a, "xvda", 0, 512);
    put_entry(disk_a.bytes, 0, 0x83, 100, 10);
    put_entry(disk_a.bytes, 2, 0x83, 200, 7992);
    plug(&disk_a);
    struct file *file = opened("/dev/xvda1");
    CHECK_EQ(file_ioctl(file, BLKGETSIZE64, &size), 0);
    CHECK_EQ(size, 5120);
    CHECK_EQ(file_stat(file, &stat), 0);
    CHECK_EQ(stat.st_rdev, (202 << 8) + 1);
    memset(data, 3, sizeof(data));
    CHECK_EQ(write_at(file, data, 1024, 5120 - 512), 512);
    CHECK_EQ(disk_a.bytes[110 * 512 - 1], 3);
    CHECK_EQ(disk_a.bytes[110 * 512], 0);
    file_put(file);
    file_put(opened("/dev/xvda3"));
    CHECK_EQ(open_file("/dev/xvda2", O_RDWR, &file), -ENOENT);

    /* The block device refuses what lies behind it, too. */
    CHECK_EQ(disk_get("/dev/xvda1", &part), 0);
    CHECK_EQ(part->sectors, 10);
    CHECK_EQ(disk_transfer(part, BLOCK_READ, 9, data, 512), 0);
    CHECK_EQ(disk_transfer(part, BLOCK_READ, 9, data, 1024), -EINVAL);
    CHECK_EQ(disk_transfer(part, BLOCK_READ, UINT64_MAX, data, 512), -EINVAL);
    CHECK_EQ(disk_transfer(part, BLOCK_DISCARD, 5, NULL, 6 * 512), -EINVAL);
    CHECK_EQ(disk_transfer(part, BLOCK_FLUSH, 0, NULL, 0), 0);
    unplug(&disk_a);
    CHECK_EQ(disk_transfer(part, BLOCK_READ, 0, data, 512), -EIO);
    CHECK(part->gone);
    disk_put(part);
    CHECK_EQ(disk_get("xvda1", &part), -ENXIO);
    CHECK_EQ(disk_get("nothing", &part), -ENXIO);
}

TEST(a_table_written_anew_is_read_when_asked_for)
{
    uint64_t size = 0;
    struct file *part;

    start();
    make(&disk_a, "xvda", 0, 512);
    put_entry(disk_a.bytes, 0, 0x83, 100, 10);
    put_entry(disk_a.bytes, 1, 0x83, 200, 20);
    plug(&disk_a);
    struct file *whole = opened("/dev/xvda");
    put_entry(disk_a.bytes, 0, 0x83, 300, 30);
    put_entry(disk_a.bytes, 1, 0, 0, 0);
    put_entry(disk_a.bytes, 3, 0x83, 400, 40);

    part = opened("/dev/xvda2");
    CHECK_EQ(file_ioctl(whole, BLKRRPART, NULL), -EBUSY);
    CHECK_EQ(file_ioctl(part, BLKRRPART, NULL), -EINVAL);
    CHECK_EQ(file_ioctl(part, BLKGETSIZE64, &size), 0);
    CHECK_EQ(size, 20 * 512);
    CHECK_EQ(write_at(part, "old", 3, 0), 3); /* as if nobody had asked */
    CHECK_EQ(disk_a.bytes[200 * 512], 'o');
    file_put(part);

    CHECK_EQ(file_ioctl(whole, BLKRRPART, NULL), 0);
    CHECK_EQ(open_file("/dev/xvda2", O_RDWR, &part), -ENOENT);
    part = opened("/dev/xvda1");
    CHECK_EQ(file_ioctl(part, BLKGETSIZE64, &size), 0);
    CHECK_EQ(size, 30 * 512);
    CHECK_EQ(write_at(part, "new", 3, 0), 3);
    CHECK_EQ(disk_a.bytes[300 * 512], 'n');
    file_put(part);
    file_put(opened("/dev/xvda4"));

    disk_a.status = -EIO; /* what cannot be read changes nothing */
    CHECK_EQ(file_ioctl(whole, BLKRRPART, NULL), -EIO);
    disk_a.status = 0;
    file_put(opened("/dev/xvda4"));
    unplug(&disk_a);
    CHECK_EQ(file_ioctl(whole, BLKRRPART, NULL), -ENXIO);
    file_put(whole);
}

TEST(a_disk_that_is_called_a_partition_is_not_searched_for_more)
{
    struct file *file;

    start();
    make(&disk_a, "xvda1", 1, 512);
    disk_a.block.is_partition = true;
    put_entry(disk_a.bytes, 0, 0x83, 100, 10);
    plug(&disk_a);
    file_put(opened("/dev/xvda1"));
    CHECK_EQ(disk_a.requests, 0);
    CHECK_EQ(open_file("/dev/xvda1p1", O_RDWR, &file), -ENOENT);
    unplug(&disk_a);
}

static int read_bytes(void *arg, uint64_t sector, void *buffer, size_t len)
{
    struct memory_disk *disk = arg;

    CHECK(sector * 512 + len <= BYTES);
    memcpy(buffer, disk->bytes + sector * 512, len);
    return disk->status;
}

static int table(struct partition out[PARTITION_MAX], unsigned sector_size)
{
    struct partition_disk disk = {
        .sectors = BYTES / 512, .sector_size = sector_size, .read = read_bytes, .arg = &disk_a
    };

    return partition_read(&disk, out);
}

static struct partition parts[PARTITION_MAX];

TEST(a_chain_of_logical_partitions_that_goes_in_circles_ends)
{
    make(&disk_a, "x", 0, 512);
    put_entry(disk_a.bytes, 0, 0x05, 100, 1000);
    put_entry(disk_a.bytes + 100 * 512, 0, 0x83, 1, 5);
    put_entry(disk_a.bytes + 100 * 512, 1, 0x05, 0, 5);
    CHECK_EQ(table(parts, 512), 1);
    CHECK_EQ(parts[0].number, 5);
    CHECK_EQ(parts[0].start, 101);

    /* A link back, and one that leads out of the extended partition. */
    put_entry(disk_a.bytes + 100 * 512, 1, 0x05, 50, 5);
    put_entry(disk_a.bytes + 150 * 512, 0, 0x83, 1, 5);
    put_entry(disk_a.bytes + 150 * 512, 1, 0x05, 20, 5);
    CHECK_EQ(table(parts, 512), 2);
    put_entry(disk_a.bytes + 150 * 512, 1, 0x05, 1000, 5);
    CHECK_EQ(table(parts, 512), 2);
}

TEST(entries_are_counted_in_the_disk_s_own_sectors)
{
    make(&disk_a, "x", 0, 4096);
    put_entry(disk_a.bytes, 0, 0x83, 10, 20);
    put_entry(disk_a.bytes, 1, 0x83, 1000, 25); /* one beyond the end */
    put_entry(disk_a.bytes, 2, 0x83, 1000, 24);
    CHECK_EQ(table(parts, 4096), 2);
    CHECK_EQ(parts[0].start, 80);
    CHECK_EQ(parts[0].sectors, 160);
    CHECK_EQ(parts[1].number, 3);
}

TEST(a_boot_sector_without_a_table_has_no_partitions)
{
    make(&disk_a, "x", 0, 512);
    memset(disk_a.bytes, 0x37, 510);
    disk_a.bytes[510] = 0x55;
    disk_a.bytes[511] = 0xaa;
    CHECK_EQ(table(parts, 512), 0);
    disk_a.status = -EIO;
    CHECK_EQ(table(parts, 512), -EIO);
}

/* Tables of noise: whatever is found lies within the disk. */
TEST(noise_makes_no_partition_outside_of_the_disk)
{
    uint32_t seed = 1;

    for (unsigned round = 0; round < 3000; round++) {
        make(&disk_a, "x", 0, 512);
        for (unsigned i = 0; i < 8 * 512; i++) {
            seed = seed * 1664525 + 1013904223;
            disk_a.bytes[i] = (unsigned char)(seed >> 24);
        }
        put_entry(disk_a.bytes, 0, round % 2 ? 0xee : 0x05, 1, 8000);
        for (unsigned i = 0; i < 4; i++)
            disk_a.bytes[446 + 16 * i] = 0;
        if (round % 4 == 1)
            memcpy(disk_a.bytes + 512, "EFI PART", 8);
        if (round % 4 == 2)
            put_entry(disk_a.bytes + 512, 1, 0x05, 1 + round % 7, 5);
        int n = table(parts, 512);
        CHECK(n >= 0 && n <= (int)PARTITION_MAX);
        for (int i = 0; i < n; i++)
            CHECK(parts[i].start > 0 && parts[i].start < BYTES / 512 &&
                  parts[i].sectors <= BYTES / 512 - parts[i].start);
    }
}
