/*
 * What a disk does, asked for line by line: the boot tests send a command on the console and read
 * one line that begins with "= ", or with "later NAME = " for a command begun with "later NAME".
 *
 * Content follows from a seed and the offset, so that whoever knows both can check it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536u
#define LOADS 8
#define LOAD_PIECES 64u
#define LOAD_PAUSE_US 10000 /* leaves dom0 time for what is tried under the load */

/* Somebody who writes and reads back all the time, in a thread; errors are counted, not fatal. */
struct load {
    char name[16], path[64];
    pthread_t thread;
    size_t piece;
    volatile int stop;
    volatile unsigned long good, bad, wrong; /* transfers, and those that brought other content */
    volatile int error;                      /* the last one's errno */
};

static struct load loads[LOADS];

/* Offsets are multiples of 8; len is made one. */
static void content(unsigned char *data, size_t len, uint64_t offset, unsigned seed)
{
    uint64_t *words = (uint64_t *)(void *)data;

    for (size_t i = 0; i < (len + 7) / 8; i++)
        words[i] = (offset / 8 + i + 1) * 0x9e3779b97f4a7c15u + seed;
}

static const char *error_name(int error)
{
    switch (error) {
    case EIO:
        return "EIO";
    case ENOSPC:
        return "ENOSPC";
    case EROFS:
        return "EROFS";
    case ENXIO:
        return "ENXIO";
    case EACCES:
        return "EACCES";
    case EBUSY:
        return "EBUSY";
    case ENOENT:
        return "ENOENT";
    case ENODEV:
        return "ENODEV";
    default:
        return strerror(error);
    }
}

/* ---- one command's work: 0 or a negative errno, and words in out ---- */

static int transfer(const char *path, uint64_t offset, uint64_t len, unsigned seed, int is_write)
{
    unsigned char *data = malloc(2 * PIECE), *wanted = data + PIECE;
    /* No file of its own where a disk was. */
    int create = strncmp(path, "/dev/", 5) == 0 ? 0 : O_CREAT;
    int fd = open(path, is_write ? O_WRONLY | create : O_RDONLY, 0644), error = 0;

    if (fd < 0 || data == NULL)
        error = fd < 0 ? -errno : -ENOMEM;
    while (error == 0 && len > 0) {
        size_t part = len < PIECE ? len : PIECE;
        ssize_t n;

        content(wanted, part, offset, seed);
        n = is_write ? pwrite(fd, wanted, part, (off_t)offset)
                     : pread(fd, data, part, (off_t)offset);
        if (n <= 0)
            error = n < 0 ? -errno : -ENODATA;
        else if (!is_write && memcmp(data, wanted, (size_t)n) != 0)
            error = -EILSEQ;
        offset += n > 0 ? (uint64_t)n : 0;
        len -= n > 0 ? (uint64_t)n : 0;
    }
    if (error == 0 && is_write && fsync(fd) < 0)
        error = -errno;
    if (fd >= 0)
        close(fd);
    free(data);
    return error;
}

/* Write until nothing more fits. */
static int fill(const char *path, char *out, size_t out_size)
{
    static unsigned char data[PIECE] __attribute__((aligned(8)));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644), error;
    uint64_t len = 0;
    ssize_t n;

    if (fd < 0)
        return -errno;
    do {
        content(data, PIECE, len, 1);
        n = write(fd, data, PIECE);
        error = n < 0 ? errno : 0;
        len += n > 0 ? (uint64_t)n : 0;
    } while (n > 0);
    if (fsync(fd) < 0)
        error = errno;
    close(fd);
    snprintf(out, out_size, "%llu %s", (unsigned long long)len, error_name(error));
    return 0;
}

/* The first line of a file. */
static int text(const char *path, char *out, size_t out_size)
{
    FILE *file = fopen(path, "r");
    int error = file == NULL || fgets(out, (int)out_size, file) == NULL ? -errno : 0;

    out[strcspn(out, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
    return error;
}

static int device_size(const char *path, char *out, size_t out_size)
{
    unsigned long size;
    int fd = open(path, O_RDONLY), error = 0, sector;
    unsigned char byte[4096];

    if (fd < 0)
        return -errno;
    /* Linux' back end looks at its size when it is asked for something. */
    if (pread(fd, byte, sizeof(byte), 0) < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0 ||
        ioctl(fd, BLKSSZGET, &sector) < 0)
        error = -errno;
    else
        snprintf(out, out_size, "%lu %d", size, sector);
    close(fd);
    return error;
}

static void load_note(struct load *load, int error)
{
    if (error == 0) {
        load->good++;
    } else if (error == -EILSEQ) {
        load->wrong++;
    } else {
        load->error = -error;
        load->bad++;
    }
    usleep(LOAD_PAUSE_US);
}

static void *load_run(void *arg)
{
    struct load *load = arg;
    unsigned char written[LOAD_PIECES] = { 0 }; /* the seed with which a piece is known to be there */

    for (unsigned i = 1; !load->stop; i++) {
        unsigned at = i * 37 % LOAD_PIECES, other = i * 11 % LOAD_PIECES;
        int error = transfer(load->path, (uint64_t)at * load->piece, load->piece, i % 200 + 1, 1);

        written[at] = error == 0 ? (unsigned char)(i % 200 + 1) : 0; /* half of it may be there */
        load_note(load, error);
        if (written[other] != 0)
            load_note(load, transfer(load->path, (uint64_t)other * load->piece, load->piece,
                                     written[other], 0));
    }
    return NULL;
}

static struct load *load_of(const char *name)
{
    for (unsigned i = 0; i < LOADS; i++) {
        if (strcmp(loads[i].name, name) == 0)
            return &loads[i];
    }
    return NULL;
}

static int load_start(const char *name, const char *path)
{
    struct load *load = load_of("");

    if (load == NULL)
        return -ENOMEM;
    *load = (struct load){ .piece = 8192 };
    snprintf(load->name, sizeof(load->name), "%s", name);
    snprintf(load->path, sizeof(load->path), "%s", path);
    return -pthread_create(&load->thread, NULL, load_run, load);
}

static int load_tell(const char *name, int stop, char *out, size_t out_size)
{
    struct load *load = load_of(name);

    if (load == NULL)
        return -ESRCH;
    if (stop) {
        load->stop = 1;
        pthread_join(load->thread, NULL);
    }
    snprintf(out, out_size, "%lu %lu %lu %s", load->good, load->bad, load->wrong,
             load->error != 0 ? error_name(load->error) : "-");
    if (stop)
        load->name[0] = '\0';
    return 0;
}

/* ---- the console ---- */

static int posix(int status)
{
    return status < 0 ? -errno : 0;
}

static int run(char *words[8], int n, char *out, size_t out_size)
{
    const char *what = words[0], *path = n > 1 ? words[1] : "";
    uint64_t offset = n > 2 ? strtoull(words[2], NULL, 0) : 0;
    uint64_t len = n > 3 ? strtoull(words[3], NULL, 0) : 0;
    unsigned seed = n > 4 ? (unsigned)atoi(words[4]) : 0;

    if (strcmp(what, "write") == 0)
        return transfer(path, offset, len, seed, 1);
    if (strcmp(what, "check") == 0)
        return transfer(path, offset, len, seed, 0);
    if (strcmp(what, "fill") == 0)
        return fill(path, out, out_size);
    if (strcmp(what, "size") == 0)
        return device_size(path, out, out_size);
    if (strcmp(what, "text") == 0)
        return text(path, out, out_size);
    if (strcmp(what, "unlink") == 0)
        return posix(unlink(path));
    if (strcmp(what, "mkdir") == 0)
        return posix(mkdir(path, 0755));
    if (strcmp(what, "mount") == 0 && n == 4) /* DEV DIR rw|ro */
        return posix(mount(path, words[2], "ext4", strcmp(words[3], "ro") == 0 ? MS_RDONLY : 0,
                           NULL));
    if (strcmp(what, "umount") == 0)
        return posix(umount(path));
    if (strcmp(what, "load") == 0 && n == 3) /* NAME PATH */
        return load_start(path, words[2]);
    if (strcmp(what, "progress") == 0 || strcmp(what, "stop") == 0)
        return load_tell(path, what[0] == 's', out, out_size);
    return -EINVAL;
}

static void answer(const char *before, char *words[8], int n)
{
    char out[100] = "ok";
    int error = run(words, n, out, sizeof(out));

    printf("%s= %s\n", before, error < 0 ? error_name(-error) : out);
    fflush(stdout);
}

struct later {
    char line[200], *words[8], before[30];
    int n;
};

static void *later_run(void *arg)
{
    struct later *later = arg;

    answer(later->before, later->words, later->n);
    free(later);
    return NULL;
}

static int split(char *line, char *words[8])
{
    int n = 0;

    for (char *word = strtok(line, " \n"); word != NULL && n < 8; word = strtok(NULL, " \n"))
        words[n++] = word;
    return n;
}

/* later NAME COMMAND... */
static void begin_later(char *words[8], int n)
{
    struct later *later = calloc(1, sizeof(*later));
    pthread_t thread;

    snprintf(later->before, sizeof(later->before), "later %s ", words[1]);
    for (int i = 2; i < n; i++) {
        strcat(later->line, words[i]);
        strcat(later->line, " ");
    }
    later->n = split(later->line, later->words);
    if (pthread_create(&thread, NULL, later_run, later) != 0)
        abort();
    pthread_detach(thread);
}

int main(void)
{
    static char line[200];
    char *words[8];
    int n;

    puts("= ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        n = split(line, words);
        if (n == 0)
            continue;
        if (strcmp(words[0], "exit") == 0)
            return 0;
        if (strcmp(words[0], "later") == 0 && n > 2)
            begin_later(words, n);
        else
            answer("", words, n);
    }
    return 1;
}
