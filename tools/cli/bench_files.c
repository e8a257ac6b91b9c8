/*
 * bench_files: what files on a disk cost a program. One source for both contenders of `xenolith bench
 * disk`, as bench_disk.c is.
 *
 * Usage: bench_files ROUNDS DEVICE DIRECTORY
 *
 * DEVICE holds an ext4 that is mounted at DIRECTORY; it is unmounted and mounted again before each
 * measure, so that nothing of it is in memory. Each line is `bench: NAME PICOSECONDS`, per request, per
 * MiB or per name; the last is `bench: end`. What goes wrong is `bench: failed: WHY`.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench_common.h"

#define CHUNK (64 << 10)
#define FILE_BYTES (16 << 20)
#define READS 800
#define SYNCS 240
#define NAMES 4000
#define THREADS 8
#define APPENDS 80
#define APPENDS_MOST 1000 /* the disk has no room for many more */
#define HOT_BYTES (1 << 20)
#define BESIDE_NS 50000000ll

static const char *device, *directory;
static char file_path[300], names_path[300];
static uint8_t chunk[CHUNK];

/* Nothing of the file system is in memory afterwards. */
static void forget(void)
{
    must(umount(directory) == 0, "umount");
    must(mount(device, directory, "ext4", 0, NULL) == 0, "mount");
}

/* ---- one file, by one thread or many ----------------------------------------------------------- */

struct worker {
    pthread_t thread;
    int fd, count;
    bool writes;
    uint32_t random;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    uint8_t page[PAGE] __attribute__((aligned(16)));

    memset(page, (int)worker->random, sizeof(page));
    for (int i = 0; i < worker->count; i++) {
        off_t at = (off_t)next_random(&worker->random) % (FILE_BYTES / PAGE) * PAGE;

        if (worker->writes)
            must(pwrite(worker->fd, page, PAGE, at) == PAGE && fdatasync(worker->fd) == 0, "pwrite");
        else
            must(pread(worker->fd, page, PAGE, at) == PAGE, "pread");
    }
    return NULL;
}

/* Picoseconds for each of count requests of a page. */
static int64_t random_run(bool writes, int threads, int count)
{
    static struct worker workers[THREADS];
    int fd = open(file_path, O_RDWR);
    int64_t begun_ns = now_ns(), taken_ns;

    must(fd >= 0, file_path);
    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){
            .fd = fd, .count = count / threads, .writes = writes, .random = (uint32_t)i + 1
        };
        if (threads > 1)
            must(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0, "a thread");
        else
            work(&workers[i]);
    }
    for (int i = 0; i < threads && threads > 1; i++)
        must(pthread_join(workers[i].thread, NULL) == 0, "the end of a thread");
    taken_ns = now_ns() - begun_ns;
    close(fd);
    return taken_ns * 1000 / count;
}

/* ---- files that grow by a page and are synchronised: blocks, size, journal ------------------- */

struct appender {
    pthread_t thread;
    char path[320];
    int count; /* at most */
    int done;
    const volatile bool *over;
};

static void *append(void *arg)
{
    struct appender *appender = arg;
    int fd = open(appender->path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    must(fd >= 0, appender->path);
    for (appender->done = 0; appender->done < appender->count && !*appender->over; appender->done++)
        must(write(fd, chunk, PAGE) == PAGE && fsync(fd) == 0, "growing a file");
    must(close(fd) == 0 && unlink(appender->path) == 0, appender->path);
    return NULL;
}

static void append_begin(struct appender *appender, int i, int count, const volatile bool *over)
{
    *appender = (struct appender){ .count = count, .over = over };
    snprintf(appender->path, sizeof(appender->path), "%s/grows-%d", directory, i);
    must(pthread_create(&appender->thread, NULL, append, appender) == 0, "a thread");
}

/* Picoseconds for each page of all files together. */
static int64_t append_run(int threads, int count)
{
    static struct appender appenders[THREADS];
    static const volatile bool never;
    int64_t begun_ns = now_ns();

    for (int i = 0; i < threads; i++)
        append_begin(&appenders[i], i, count / threads, &never);
    for (int i = 0; i < threads; i++)
        must(pthread_join(appenders[i].thread, NULL) == 0, "the end of a thread");
    return (now_ns() - begun_ns) * 1000 / count;
}

/*
 * One thread reads pages of a file, all over it or a part that is in memory, while another lets a
 * file grow. Picoseconds for each page that was read, or synchronised.
 */
static int64_t beside_run(bool hot, bool of_the_other)
{
    static volatile bool over;
    static struct appender appender;
    static uint8_t page[PAGE];
    int fd = open(file_path, O_RDONLY), reads = 0;
    int64_t begun_ns, taken_ns;
    uint32_t random = 1;

    must(fd >= 0, file_path);
    for (int at = 0; hot && at < HOT_BYTES; at += PAGE)
        must(pread(fd, page, PAGE, at) == PAGE, "pread");
    over = false;
    begun_ns = now_ns();
    append_begin(&appender, 0, APPENDS_MOST, &over);
    for (; (taken_ns = now_ns() - begun_ns) < BESIDE_NS; reads++) {
        off_t at = (off_t)next_random(&random) % ((hot ? HOT_BYTES : FILE_BYTES) / PAGE) * PAGE;

        must(pread(fd, page, PAGE, at) == PAGE, "pread");
    }
    over = true;
    must(pthread_join(appender.thread, NULL) == 0, "the end of a thread");
    if (of_the_other)
        taken_ns = now_ns() - begun_ns;
    close(fd);
    return taken_ns * 1000 / (of_the_other ? (appender.done > 0 ? appender.done : 1) : reads);
}

/* Picoseconds for each MiB, with the fsync() that makes it last. */
static int64_t write_run(void)
{
    int64_t begun_ns = now_ns();
    int fd = open(file_path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    must(fd >= 0, file_path);
    for (int at = 0; at < FILE_BYTES; at += CHUNK)
        must(write(fd, chunk, CHUNK) == CHUNK, "writing a file");
    must(fsync(fd) == 0, "fsync");
    close(fd);
    return (now_ns() - begun_ns) * 1000 / (FILE_BYTES >> 20);
}

static int64_t read_run(void)
{
    int64_t begun_ns = now_ns();
    int fd = open(file_path, O_RDONLY);

    must(fd >= 0, file_path);
    for (int at = 0; at < FILE_BYTES; at += CHUNK)
        must(read(fd, chunk, CHUNK) == CHUNK, "reading a file");
    close(fd);
    return (now_ns() - begun_ns) * 1000 / (FILE_BYTES >> 20);
}

/* ---- a directory with many names --------------------------------------------------------------- */

static void name_of(char path[320], int i)
{
    snprintf(path, 320, "%s/name-%d", names_path, i);
}

static int64_t create_run(void)
{
    int64_t begun_ns;
    char path[320];

    must(mkdir(names_path, 0700) == 0, names_path);
    begun_ns = now_ns();
    for (int i = 0; i < NAMES; i++) {
        name_of(path, i);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

        must(fd >= 0 && close(fd) == 0, path);
    }
    return (now_ns() - begun_ns) * 1000 / NAMES;
}

static int64_t lookup_run(void)
{
    int64_t begun_ns = now_ns();
    uint32_t random = 1;
    struct stat info;
    char path[320];

    for (int i = 0; i < NAMES; i++) {
        name_of(path, (int)(next_random(&random) % NAMES));
        must(stat(path, &info) == 0, path);
    }
    return (now_ns() - begun_ns) * 1000 / NAMES;
}

static int64_t list_run(void)
{
    int64_t begun_ns = now_ns();
    DIR *dir = opendir(names_path);
    int count = 0;

    must(dir != NULL, names_path);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    must(count == NAMES + 2, "the number of names");
    return (now_ns() - begun_ns) * 1000 / NAMES;
}

static int64_t unlink_run(void)
{
    int64_t begun_ns = now_ns();
    char path[320];

    for (int i = 0; i < NAMES; i++) {
        name_of(path, i);
        must(unlink(path) == 0, path);
    }
    begun_ns = now_ns() - begun_ns;
    must(rmdir(names_path) == 0, names_path);
    return begun_ns * 1000 / NAMES;
}

/* ---- the measures, in an order in which each finds what it needs -------------------------------- */

enum {
    SEQWRITE,
    SEQREAD,
    READ1,
    READ8,
    SYNC1,
    SYNC8,
    APPEND1,
    APPEND8,
    COLD_BESIDE,
    HOT_BESIDE,
    SYNC_BESIDE,
    CREATE,
    LOOKUP,
    LIST,
    UNLINK,
    MEASURES
};

static const char *const measure_names[MEASURES] = {
    "file.seqwrite", "file.seqread", "file.read1",  "file.read8",  "file.sync1",
    "file.sync8",    "file.append1", "file.append8", "beside.cold", "beside.hot",
    "beside.sync",   "dir.create",   "dir.lookup",  "dir.list",    "dir.unlink",
};

static int64_t run_batch(int measure)
{
    switch (measure) {
    case SEQWRITE:
        return write_run();
    case SEQREAD:
        return read_run();
    case READ1:
        return random_run(false, 1, READS);
    case READ8:
        return random_run(false, THREADS, READS);
    case SYNC1:
        return random_run(true, 1, SYNCS);
    case SYNC8:
        return random_run(true, THREADS, SYNCS);
    case APPEND1:
        return append_run(1, APPENDS);
    case APPEND8:
        return append_run(THREADS, APPENDS);
    case COLD_BESIDE:
        return beside_run(false, false);
    case HOT_BESIDE:
        return beside_run(true, false);
    case SYNC_BESIDE:
        return beside_run(true, true);
    case CREATE:
        return create_run();
    case LOOKUP:
        return lookup_run();
    case LIST:
        return list_run();
    default:
        return unlink_run();
    }
}

int main(int argc, char **argv)
{
    static int64_t taken_ps[MEASURES][BATCHES_MOST];
    int rounds = argc == 4 ? atoi(argv[1]) : 0;
    struct timespec settled = { .tv_sec = 1 };

    must(rounds >= 1 && rounds < BATCHES_MOST, "the number of rounds");
    device = argv[2];
    directory = argv[3];
    snprintf(file_path, sizeof(file_path), "%s/file", directory);
    snprintf(names_path, sizeof(names_path), "%s/names", directory);
    memset(chunk, 'x', sizeof(chunk));
    nanosleep(&settled, NULL); /* the boot's own work, and dom0's with it, is over */
    /* The first round meets memory and grants that nobody has used: it is run and not counted. */
    for (int round = 0; round <= rounds; round++) {
        for (int measure = 0; measure < MEASURES; measure++) {
            forget();
            taken_ps[measure][round > 0 ? round - 1 : 0] = run_batch(measure);
        }
    }
    must(unlink(file_path) == 0, file_path);
    for (int measure = 0; measure < MEASURES; measure++)
        tell(measure_names[measure], taken_ps[measure], rounds);
    printf("bench: end\n");
    return 0;
}
