/*
 * bench_disk: what a disk costs a program. One source for both contenders of `xenolith bench disk`: a
 * guest program of the SDK, and a program in a Linux guest.
 *
 * Usage: bench_disk ROUNDS DEVICE [DIRECTORY]
 *
 * DEVICE is read and written past any cache (O_DIRECT), with one request or DEPTH requests in flight
 * from one thread: by aio.h here, by Linux's own interface there, which glibc's aio.h does not use.
 * DIRECTORY is in a file system on another disk. Each line is `bench: NAME PICOSECONDS`, per request or
 * per file, or `bench: NAME.SIZE PICOSECONDS` per MiB; the last is `bench: end`. What goes wrong is
 * `bench: failed: WHY`. Both sides read the same random offsets.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#else
#include <aio.h>
#endif

#include "bench_common.h"

#define DEPTH 32
#define SEQUENTIAL_DEPTH 4
#define SEQUENTIAL_BYTES (16 << 20)
#define BLOCK_MOST (1 << 20)

/* --- the disk, and requests in flight on it --------------------------------------------------- */

struct request {
    uint8_t *buffer;
    bool busy;
#ifdef __linux__
    struct iocb control;
#else
    struct aiocb control;
#endif
};

static struct {
    int fd;
    off_t size;
    struct request requests[DEPTH];
#ifdef __linux__
    aio_context_t context;
#endif
} disk;

static void disk_open(const char *device)
{
    disk.fd = open(device, O_RDWR | O_DIRECT);
    must(disk.fd >= 0, device);
    disk.size = lseek(disk.fd, 0, SEEK_END);
    must(disk.size >= SEQUENTIAL_BYTES, "the disk is too small");
    for (int i = 0; i < DEPTH; i++) {
        disk.requests[i].buffer = aligned_alloc(PAGE, i < SEQUENTIAL_DEPTH ? BLOCK_MOST : PAGE);
        must(disk.requests[i].buffer != NULL, "memory");
        memset(disk.requests[i].buffer, i, PAGE);
    }
#ifdef __linux__
    must(syscall(SYS_io_setup, DEPTH, &disk.context) == 0, "io_setup");
#endif
}

static void disk_prepare(struct request *request, bool writing, size_t len, off_t offset)
{
    request->busy = true;
#ifdef __linux__
    request->control = (struct iocb){ .aio_data = (uintptr_t)request,
                                      .aio_lio_opcode = writing ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
                                      .aio_fildes = (uint32_t)disk.fd,
                                      .aio_buf = (uintptr_t)request->buffer,
                                      .aio_nbytes = len,
                                      .aio_offset = offset };
#else
    memset(&request->control, 0, sizeof(request->control));
    request->control.aio_lio_opcode = writing ? LIO_WRITE : LIO_READ;
    request->control.aio_fildes = disk.fd;
    request->control.aio_buf = request->buffer;
    request->control.aio_nbytes = len;
    request->control.aio_offset = offset;
    request->control.aio_sigevent.sigev_notify = SIGEV_NONE;
#endif
}

/* All that were prepared, in one call. */
static void disk_submit(struct request **prepared, int count)
{
#ifdef __linux__
    struct iocb *list[DEPTH];

    for (int i = 0; i < count; i++)
        list[i] = &prepared[i]->control;
    must(syscall(SYS_io_submit, disk.context, count, list) == count, "io_submit");
#else
    struct aiocb *list[DEPTH];

    for (int i = 0; i < count; i++)
        list[i] = &prepared[i]->control;
    must(lio_listio(LIO_NOWAIT, list, count, NULL) == 0, "lio_listio");
#endif
}

/* Wait until at least one is done; those that are come out. */
static int disk_take(struct request **done, int depth, size_t len)
{
    int count = 0;
#ifdef __linux__
    struct io_event events[DEPTH];

    (void)depth;
    count = (int)syscall(SYS_io_getevents, disk.context, 1, DEPTH, events, NULL);
    must(count > 0, "io_getevents");
    for (int i = 0; i < count; i++) {
        done[i] = (struct request *)(uintptr_t)events[i].data;
        must(events[i].res == (int64_t)len, "a request");
        done[i]->busy = false;
    }
#else
    const struct aiocb *waiting[DEPTH];
    int left = 0;

    for (int i = 0; i < depth; i++) {
        if (disk.requests[i].busy)
            waiting[left++] = &disk.requests[i].control;
    }
    must(aio_suspend(waiting, left, NULL) == 0, "aio_suspend");
    for (int i = 0; i < depth; i++) {
        struct request *request = &disk.requests[i];

        if (!request->busy || aio_error(&request->control) == EINPROGRESS)
            continue;
        must(aio_return(&request->control) == (ssize_t)len, "a request");
        request->busy = false;
        done[count++] = request;
    }
#endif
    return count;
}

/* Nanoseconds of `count` requests, `depth` of them in flight; offsets random, or one after the other. */
static int64_t disk_run(bool writing, int depth, size_t len, int count, uint32_t *random)
{
    struct request *free_ones[DEPTH];
    int64_t begun_ns = now_ns();
    int submitted = 0, finished = 0, free_count = depth;
    off_t places = disk.size / (off_t)len;

    for (int i = 0; i < depth; i++)
        free_ones[i] = &disk.requests[i];
    while (finished < count) {
        int prepared = free_count < count - submitted ? free_count : count - submitted;

        for (int i = 0; i < prepared; i++) {
            off_t place = random != NULL ? (off_t)next_random(random) % places
                                         : (off_t)(submitted + i) % places;
            disk_prepare(free_ones[i], writing, len, place * (off_t)len);
        }
        if (prepared > 0)
            disk_submit(free_ones, prepared);
        submitted += prepared;
        free_count = disk_take(free_ones, depth, len);
        finished += free_count;
    }
    return now_ns() - begun_ns;
}

/* Depth 1 is what an ordinary program does: it waits in each call. */
static int64_t disk_run_plain(bool writing, int count, uint32_t *random)
{
    uint8_t *buffer = disk.requests[0].buffer;
    int64_t begun_ns = now_ns();

    for (int i = 0; i < count; i++) {
        off_t offset = (off_t)next_random(random) % (disk.size / PAGE) * PAGE;
        ssize_t done =
            writing ? pwrite(disk.fd, buffer, PAGE, offset) : pread(disk.fd, buffer, PAGE, offset);

        must(done == PAGE, writing ? "pwrite" : "pread");
    }
    return now_ns() - begun_ns;
}

/* --- files -------------------------------------------------------------------------------------- */

/* Files that are there for good: made, written, synchronised, and their name with them. */
static int64_t files_run(const char *directory, int count)
{
    static uint8_t page[PAGE];
    int64_t begun_ns = now_ns();
    char path[300];

    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/bench-%d", directory, i);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

        must(fd >= 0, path);
        must(write(fd, page, sizeof(page)) == sizeof(page), "writing a file");
        must(fsync(fd) == 0, "fsync");
        must(close(fd) == 0 && unlink(path) == 0, "unlink");
    }
    return now_ns() - begun_ns;
}

/* --- the measures ------------------------------------------------------------------------------- */

enum kind { RANDOM_READ, RANDOM_WRITE, SEQUENTIAL_READ, SEQUENTIAL_WRITE, FILES };

struct measure {
    const char *name;
    enum kind kind;
    int depth, count;
    size_t len;
};

static const struct measure measures[] = {
    { "read1", RANDOM_READ, 1, 500, PAGE },
    { "write1", RANDOM_WRITE, 1, 500, PAGE },
    { "read32", RANDOM_READ, DEPTH, 2000, PAGE },
    { "write32", RANDOM_WRITE, DEPTH, 2000, PAGE },
    { "seqread.64", SEQUENTIAL_READ, SEQUENTIAL_DEPTH, 0, 64 << 10 },
    { "seqread.128", SEQUENTIAL_READ, SEQUENTIAL_DEPTH, 0, 128 << 10 },
    { "seqread.256", SEQUENTIAL_READ, SEQUENTIAL_DEPTH, 0, 256 << 10 },
    { "seqread.1024", SEQUENTIAL_READ, SEQUENTIAL_DEPTH, 0, 1 << 20 },
    { "seqwrite.64", SEQUENTIAL_WRITE, SEQUENTIAL_DEPTH, 0, 64 << 10 },
    { "seqwrite.128", SEQUENTIAL_WRITE, SEQUENTIAL_DEPTH, 0, 128 << 10 },
    { "seqwrite.256", SEQUENTIAL_WRITE, SEQUENTIAL_DEPTH, 0, 256 << 10 },
    { "seqwrite.1024", SEQUENTIAL_WRITE, SEQUENTIAL_DEPTH, 0, 1 << 20 },
    { "files", FILES, 1, 50, 0 },
};

/* Picoseconds per unit of one batch: a request, a file, or a MiB. */
static int64_t run_batch(const struct measure *measure, const char *directory)
{
    uint32_t random = 1;
    int count = measure->count;
    int64_t taken_ns;

    switch (measure->kind) {
    case RANDOM_READ:
    case RANDOM_WRITE:
        taken_ns = measure->depth == 1
                       ? disk_run_plain(measure->kind == RANDOM_WRITE, count, &random)
                       : disk_run(measure->kind == RANDOM_WRITE, measure->depth, measure->len,
                                  count, &random);
        break;
    case SEQUENTIAL_READ:
    case SEQUENTIAL_WRITE:
        taken_ns = disk_run(measure->kind == SEQUENTIAL_WRITE, measure->depth, measure->len,
                            (int)(SEQUENTIAL_BYTES / measure->len), NULL);
        count = SEQUENTIAL_BYTES >> 20;
        break;
    default:
        taken_ns = files_run(directory, count);
    }
    return taken_ns * 1000 / count;
}

/* The first batch meets pages and grants that nobody has used: it is run and not counted. */
static void run(const struct measure *measure, int rounds, const char *directory)
{
    int64_t taken_ps[BATCHES_MOST];

    run_batch(measure, directory);
    for (int i = 0; i < rounds; i++)
        taken_ps[i] = run_batch(measure, directory);
    tell(measure->name, taken_ps, rounds);
}

int main(int argc, char **argv)
{
    int rounds = argc >= 3 ? atoi(argv[1]) : 0;
    const char *directory = argc == 4 ? argv[3] : NULL;
    struct timespec settled = { .tv_sec = 1 };

    must(rounds >= 1 && rounds <= BATCHES_MOST, "the number of rounds");
    disk_open(argv[2]);
    nanosleep(&settled, NULL); /* the boot's own work, and dom0's with it, is over */
    for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
        if (measures[i].kind != FILES || directory != NULL)
            run(&measures[i], rounds, directory);
    }
    printf("bench: end\n");
    return 0;
}
