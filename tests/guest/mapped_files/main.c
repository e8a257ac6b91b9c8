/*
 * Files mapped into memory: one page for all who look at it, whichever way; what was written comes
 * back after unmapping; the end of the file moves; private copies stay private; a map larger than memory.
 * Arguments: a directory of a RAM file system; or one of a disk, and how many MiB to write to it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)

static const char *directory = "/tmp";

static const char *path(const char *name)
{
    static char text[100];

    snprintf(text, sizeof(text), "%s/%s", directory, name);
    return text;
}

static int create(const char *name, size_t size)
{
    int fd = open(path(name), O_RDWR | O_CREAT | O_TRUNC, 0644);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)size), 0);
    return fd;
}

static unsigned char *map(int fd, size_t pages, int prot, int flags, size_t first)
{
    unsigned char *at = mmap(NULL, pages * PAGE, prot, flags, fd, (off_t)(first * PAGE));

    CHECK(at != MAP_FAILED);
    return at;
}

static bool all(const unsigned char *at, size_t len, int value)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] != value)
            return false;
    }
    return true;
}

/* ---- what must not work ---- */

static sigjmp_buf back;
static volatile int got, code;
static void *volatile where;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    got = number;
    code = info->si_code;
    where = info->si_addr;
    siglongjmp(back, 1);
}

/* The signal that an access gets, or 0. */
static int touch(volatile unsigned char *at, bool write)
{
    got = 0;
    if (sigsetjmp(back, 1) == 0) {
        unsigned char byte = *at;

        if (write)
            *at = byte;
    } else {
        CHECK(where == (void *)(uintptr_t)at);
    }
    return got;
}

static void test_refusals(void)
{
    int fd = create("refuse", 3 * PAGE), reader = open(path("refuse"), O_RDONLY);
    int writer = open(path("refuse"), O_WRONLY), dir = open(directory, O_RDONLY);
    unsigned char *at;

    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writer, 0) == MAP_FAILED && errno == EACCES);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0) == MAP_FAILED && errno == EACCES);
    CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, reader, 0) == MAP_FAILED && errno == EACCES);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dir, 0) == MAP_FAILED && errno == ENODEV);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, INT64_MAX & -(long)PAGE) == MAP_FAILED);
    CHECK_EQ(errno, EOVERFLOW);
    at = map(reader, 3, PROT_READ, MAP_SHARED, 0);
    CHECK_ERRNO(mprotect(at, PAGE, RW), EACCES);
    CHECK_EQ(touch(at, false), 0);
    CHECK_EQ(touch(at, true), SIGSEGV);
    CHECK_EQ(code, SEGV_ACCERR);
    CHECK_EQ(munmap(at, 3 * PAGE), 0);
    CHECK_EQ(touch(at, false), SIGSEGV);
    at = map(fd, 3, PROT_NONE, MAP_SHARED, 0);
    CHECK_EQ(touch(at, false), SIGSEGV);
    CHECK_EQ(mprotect(at + PAGE, PAGE, RW), 0);
    CHECK_EQ(touch(at, false), SIGSEGV);
    CHECK_EQ(touch(at + PAGE, true), 0);
    CHECK_EQ(touch(at + 2 * PAGE, false), SIGSEGV);
    CHECK_EQ(munmap(at, 3 * PAGE), 0);
    close(fd);
    close(reader);
    close(writer);
    close(dir);
}

/* ---- one content ---- */

static void test_shared(void)
{
    int fd = create("shared", 5 * PAGE + 100);
    unsigned char *one = map(fd, 6, RW, MAP_SHARED, 0), *two = map(fd, 4, RW, MAP_SHARED, 2);
    unsigned char *view = map(fd, 6, PROT_READ, MAP_PRIVATE, 0);
    unsigned char buffer[3 * PAGE];

    CHECK(all(one, 6 * PAGE, 0));
    memset(one + 2 * PAGE, 'a', PAGE);
    CHECK(all(two, PAGE, 'a') && all(view + 2 * PAGE, PAGE, 'a'));
    two[PAGE] = 'b';
    CHECK(one[3 * PAGE] == 'b' && view[3 * PAGE] == 'b');

    CHECK_EQ(pread(fd, buffer, sizeof(buffer), (off_t)(PAGE + 10)), sizeof(buffer));
    CHECK(all(buffer, PAGE - 10, 0) && all(buffer + PAGE - 10, PAGE, 'a'));
    CHECK_EQ(buffer[2 * PAGE - 10], 'b');
    memset(buffer, 'c', sizeof(buffer));
    CHECK_EQ(pwrite(fd, buffer, sizeof(buffer), (off_t)(PAGE + 10)), sizeof(buffer));
    CHECK(all(one, PAGE + 10, 0) && all(one + PAGE + 10, 3 * PAGE, 'c'));
    CHECK(all(two, 2 * PAGE + 10, 'c') && all(two + 2 * PAGE + 10, PAGE, 0));
    CHECK(all(view + PAGE + 10, 3 * PAGE, 'c'));

    /* Behind the end, within its page: there, and no part of the file. */
    one[5 * PAGE + 100] = 'x';
    one[5 * PAGE + 99] = 'y';
    CHECK_EQ(msync(one, 6 * PAGE, MS_SYNC), 0);
    CHECK_EQ(pread(fd, buffer, sizeof(buffer), (off_t)(5 * PAGE)), 100);
    CHECK_EQ(buffer[99], 'y');
    CHECK_EQ(munmap(one, 6 * PAGE), 0);
    two[0] = 'd';
    CHECK_EQ(munmap(two, 4 * PAGE), 0);
    CHECK_EQ(munmap(view, 6 * PAGE), 0);
    CHECK_EQ(pread(fd, buffer, PAGE, (off_t)(2 * PAGE)), PAGE);
    CHECK(buffer[0] == 'd' && all(buffer + 1, PAGE - 1, 'c'));
    one = map(fd, 6, PROT_READ, MAP_SHARED, 0);
    close(fd);
    CHECK_EQ(one[2 * PAGE], 'd');
    CHECK_EQ(unlink(path("shared")), 0);
    CHECK(one[2 * PAGE + 1] == 'c' && one[5 * PAGE + 99] == 'y');
    CHECK_EQ(munmap(one, 6 * PAGE), 0);
}

static void test_private(void)
{
    int fd = create("private", 4 * PAGE);
    unsigned char *shared = map(fd, 4, RW, MAP_SHARED, 0);
    unsigned char *mine = map(fd, 4, RW, MAP_PRIVATE, 0);

    memset(shared, 1, 4 * PAGE);
    mine[PAGE] = 2;
    CHECK(all(shared, 4 * PAGE, 1));
    shared[PAGE + 1] = 3; /* a page that was copied stays as it was */
    CHECK(mine[PAGE] == 2 && mine[PAGE + 1] == 1 && mine[0] == 1);
    CHECK_EQ(mprotect(mine, 4 * PAGE, PROT_READ), 0);
    CHECK(touch(mine + PAGE, true) == SIGSEGV && touch(mine, true) == SIGSEGV);
    CHECK_EQ(mprotect(mine, 4 * PAGE, RW), 0);
    CHECK(mine[PAGE] == 2 && touch(mine + PAGE, true) == 0 && touch(mine + 2 * PAGE, true) == 0);
    CHECK_EQ(madvise(mine, 4 * PAGE, MADV_DONTNEED), 0);
    CHECK(mine[PAGE] == 1 && mine[PAGE + 1] == 3);
    mine[3 * PAGE] = 9;
    unsigned char *moved = mremap(mine + 2 * PAGE, 2 * PAGE, 9 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED);
    CHECK(moved[PAGE] == 9 && moved[PAGE + 1] == 1 && moved[0] == 1 && mine[0] == 1);
    CHECK_EQ(touch(moved + 2 * PAGE, false), SIGBUS);
    CHECK_EQ(munmap(moved, 9 * PAGE), 0);
    CHECK_EQ(munmap(mine, 2 * PAGE), 0);
    CHECK_EQ(munmap(shared, 4 * PAGE), 0);
    close(fd);
}

/* ---- pieces ---- */

static void test_pieces(void)
{
    int fd = create("pieces", 16 * PAGE);
    unsigned char *at = map(fd, 16, RW, MAP_SHARED, 0), resident[16];

    for (int i = 0; i < 16; i++)
        at[(unsigned)i * PAGE] = (unsigned char)i;
    CHECK_EQ(munmap(at + 4 * PAGE, 2 * PAGE), 0);
    CHECK_EQ(touch(at + 4 * PAGE, false), SIGSEGV);
    CHECK(at[3 * PAGE] == 3 && at[6 * PAGE] == 6);
    CHECK(mmap(at + 4 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
          at + 4 * PAGE);
    CHECK(mmap(at + 5 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == at + 5 * PAGE);
    CHECK(at[4 * PAGE] == 0 && at[5 * PAGE + 1] == 0);
    at[5 * PAGE + 1] = 77;
    CHECK_EQ(at[1], 77);
    CHECK_EQ(mprotect(at + 3 * PAGE, 4 * PAGE, PROT_READ), 0); /* three mappings */
    for (int i = 3; i < 7; i++)
        CHECK_EQ(touch(at + (unsigned)i * PAGE, true), SIGSEGV);
    CHECK_EQ(touch(at + 7 * PAGE, true), 0);
    CHECK(mmap(at + 8 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0) == MAP_FAILED);
    CHECK_EQ(errno, EEXIST);
    CHECK_EQ(mincore(at, 16 * PAGE, resident), 0);
    CHECK(resident[7] == 1 && resident[15] == 1);
    CHECK(mremap(at + 8 * PAGE, 8 * PAGE, 4 * PAGE, 0) == at + 8 * PAGE);
    CHECK(at[11 * PAGE] == 11 && touch(at + 12 * PAGE, false) == SIGSEGV);
    CHECK(mremap(at + 8 * PAGE, 4 * PAGE, 6 * PAGE, 0) == at + 8 * PAGE && at[13 * PAGE] == 13);
    CHECK(mmap(at + 14 * PAGE, 2 * PAGE, RW, MAP_SHARED, fd, (off_t)(14 * PAGE)) == at + 14 * PAGE);
    unsigned char *other = mmap(at + 14 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE, fd, 0);
    CHECK(other != MAP_FAILED && other != at + 14 * PAGE); /* that is taken */
    CHECK_EQ(munmap(other, PAGE), 0);
    CHECK(at[15 * PAGE] == 15);
    CHECK_EQ(munmap(at, 16 * PAGE), 0);
    close(fd);
}

/* ---- the end of the file ---- */

static void test_truncate(void)
{
    int fd = create("truncate", 4 * PAGE);
    unsigned char *at = map(fd, 8, RW, MAP_SHARED, 0), *mine = map(fd, 8, RW, MAP_PRIVATE, 0);

    memset(at, 5, 4 * PAGE);
    memset(mine, 6, 4 * PAGE);
    CHECK_EQ(touch(at + 4 * PAGE, false), SIGBUS);
    CHECK_EQ(code, BUS_ADRERR);
    CHECK_EQ(touch(mine + 4 * PAGE, true), SIGBUS);
    CHECK_EQ(ftruncate(fd, (off_t)(2 * PAGE + 100)), 0);
    CHECK(touch(at + 3 * PAGE, false) == SIGBUS && touch(at + 3 * PAGE, true) == SIGBUS);
    CHECK_EQ(touch(mine + 3 * PAGE, true), SIGBUS);
    CHECK(all(at, 2 * PAGE + 100, 5) && all(at + 2 * PAGE + 100, PAGE - 100, 0));
    CHECK(all(mine, 2 * PAGE + 100, 6));
    CHECK_EQ(ftruncate(fd, (off_t)(8 * PAGE)), 0);
    CHECK(all(at + 2 * PAGE + 100, 6 * PAGE - 100, 0) && mine[7 * PAGE] == 0);
    at[7 * PAGE + 5] = 8;
    CHECK_EQ(mine[7 * PAGE + 5], 8);
    CHECK_EQ(pwrite(fd, "end", 3, (off_t)(9 * PAGE)), 3);
    CHECK_EQ(munmap(at, 8 * PAGE), 0);
    CHECK_EQ(munmap(mine, 8 * PAGE), 0);
    close(fd);
}

/* ---- memory of files in system calls ---- */

static void test_calls(void)
{
    int from = create("from", 0), to = create("to", 300 * PAGE), pair[2];
    unsigned char *in, *out, byte = 'b';

    for (int i = 0; i < 300; i++) {
        unsigned char page[PAGE];

        memset(page, i, PAGE);
        CHECK_EQ(write(from, page, PAGE), PAGE);
    }
    in = map(from, 300, PROT_READ, MAP_SHARED, 0);
    out = map(to, 300, RW, MAP_SHARED, 0);
    /* More pages than are looked after at a time, never touched before; the file itself among them. */
    CHECK_EQ(pwrite(to, in + 7, 299 * PAGE, 3), 299 * PAGE);
    CHECK(out[2] == 0 && out[3] == 0 && out[3 + PAGE - 7] == 1 && out[298 * PAGE] == (298 & 255));
    CHECK_EQ(pread(from, out + PAGE, 150 * PAGE, 0), 150 * PAGE);
    CHECK(all(out + 101 * PAGE, PAGE, 100) && all(out + PAGE, PAGE, 0));
    CHECK_EQ(pwrite(to, out, 2 * PAGE, (off_t)(200 * PAGE)), 2 * PAGE);
    CHECK_EQ(memcmp(out, out + 200 * PAGE, 2 * PAGE), 0);
    CHECK_ERRNO(pread(from, in, PAGE, 0), EFAULT);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    CHECK_EQ(send(pair[0], in + 5 * PAGE - 1, 100, 0), 100);
    CHECK_EQ(recv(pair[1], out + 250 * PAGE - 50, 200, 0), 100);
    CHECK(out[250 * PAGE - 50] == 4 && all(out + 250 * PAGE - 49, 99, 5));
    CHECK_EQ(write(pair[0], &byte, 1), 1);
    CHECK_EQ(read(pair[1], out + 260 * PAGE, 1), 1);
    CHECK_EQ(out[260 * PAGE], 'b');
    CHECK_EQ(munmap(in, 300 * PAGE), 0);
    CHECK_EQ(munmap(out, 300 * PAGE), 0);
    close(from);
    close(to);
    close(pair[0]);
    close(pair[1]);
}

/* ---- threads ---- */

struct lock_page {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    unsigned turn;
    double sum;
};

static void *take_turns(void *page)
{
    struct lock_page *lock = page;
    double x = 1.0;

    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&lock->mutex);
        while (lock->turn % 2 != 1)
            pthread_cond_wait(&lock->cond, &lock->mutex);
        lock->turn++;
        x = x * 1.5 + 1.0;
        pthread_cond_broadcast(&lock->cond);
        pthread_mutex_unlock(&lock->mutex);
        if (i % 20 == 0)
            CHECK_EQ(msync(page, PAGE, MS_SYNC), 0); /* and it is read-only again */
        x = (x - 1.0) / 1.5;
    }
    lock->sum += x;
    return NULL;
}

static void test_threads(void)
{
    int fd = create("lock", PAGE);
    struct lock_page *lock = (void *)map(fd, 1, RW, MAP_SHARED, 0);
    pthread_mutexattr_t attr;
    pthread_t thread;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    CHECK_EQ(pthread_mutex_init(&lock->mutex, &attr), 0);
    CHECK_EQ(pthread_cond_init(&lock->cond, NULL), 0);
    CHECK_EQ(pthread_create(&thread, NULL, take_turns, lock), 0);
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&lock->mutex);
        while (lock->turn % 2 != 0)
            pthread_cond_wait(&lock->cond, &lock->mutex);
        lock->turn++;
        pthread_cond_broadcast(&lock->cond);
        pthread_mutex_unlock(&lock->mutex);
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(lock->turn == 400 && lock->sum == 1.0);
    CHECK_EQ(munmap(lock, PAGE), 0);
    close(fd);
}

/* ---- more than there is memory ---- */

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* A map of 1 GiB, of a file with holes; written here and there, twice what memory holds when `mib` says so. */
static void test_large(size_t mib)
{
    size_t pages = (size_t)1 << 18, n = mib * 256;
    int fd = create("large", pages * PAGE);
    uint64_t *at = (void *)map(fd, pages, RW, MAP_SHARED, 0), state = 1;
    struct stat stat;

    for (size_t i = 0; i < n; i++) {
        size_t page = i * 16411 % pages; /* all different, all over the place */

        at[page * 512 + i % 512] = page ^ 0x5a5a;
    }
    CHECK_EQ(fstat(fd, &stat), 0);
    CHECK_EQ(stat.st_size, pages * PAGE);
    for (size_t i = 0; i < 2000; i++) {
        size_t k = next(&state) % n, page = k * 16411 % pages;

        CHECK_EQ(at[page * 512 + k % 512], page ^ 0x5a5a);
        CHECK_EQ(at[page * 512 + (k + 1) % 512], 0);
    }
    CHECK_EQ(msync(at, pages * PAGE, MS_SYNC), 0);
    for (size_t i = 0; i < n; i += 97) {
        uint64_t word;
        size_t page = i * 16411 % pages;

        CHECK_EQ(pread(fd, &word, 8, (off_t)(page * PAGE + i % 512 * 8)), 8);
        CHECK_EQ(word, page ^ 0x5a5a);
    }
    CHECK_EQ(fstat(fd, &stat), 0);
    CHECK((size_t)stat.st_blocks >= n * 8 && (size_t)stat.st_blocks < n * 8 + n * 2 + 4096);
    CHECK_EQ(munmap(at, pages * PAGE), 0);
    CHECK_EQ(ftruncate(fd, 0), 0);
    close(fd);
}

/* Read from front to back, and again: pages come and go. */
static void test_front_to_back(size_t mib)
{
    size_t pages = mib * 256;
    int fd = create("long", 0);
    unsigned char page[PAGE];
    unsigned char *at;

    for (size_t i = 0; i < pages; i++) {
        memset(page, (int)(i % 251), PAGE);
        CHECK_EQ(write(fd, page, PAGE), PAGE);
    }
    at = map(fd, pages, PROT_READ, MAP_PRIVATE, 0);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < pages; i++)
            CHECK(at[i * PAGE] == i % 251 && at[i * PAGE + PAGE - 1] == i % 251);
    }
    char *heap = malloc(mib << 19); /* the rest of the program can have that memory */
    CHECK(heap != NULL);
    memset(heap, 1, mib << 19);
    free(heap);
    CHECK_EQ(munmap(at, pages * PAGE), 0);
    CHECK_EQ(ftruncate(fd, 0), 0);
    close(fd);
}

/* A full disk is told of by the access, and what was written before is there. */
static void test_full(void)
{
    size_t pages = (size_t)1 << 18, i;
    int fd = create("full", pages * PAGE);
    unsigned char *at = map(fd, pages, RW, MAP_SHARED, 0);
    unsigned char byte;

    for (i = 0; i < pages && touch(at + i * PAGE, true) == 0; i++)
        at[i * PAGE] = (unsigned char)(i % 251);
    CHECK(i > 200 && i < pages && got == SIGBUS);
    CHECK_EQ(touch(at + i * PAGE, false), 0); /* there is a hole, which can be read */
    CHECK_EQ(msync(at, i * PAGE, MS_SYNC), 0);
    CHECK_EQ(munmap(at, pages * PAGE), 0);
    for (size_t k = 0; k < i; k += 10) {
        CHECK_EQ(pread(fd, &byte, 1, (off_t)(k * PAGE)), 1);
        CHECK_EQ(byte, k % 251);
    }
    CHECK_EQ(ftruncate(fd, 0), 0);
    close(fd);
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    long before;

    if (argc > 1)
        directory = argv[1];
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    test_shared();
    before = sysconf(_SC_AVPHYS_PAGES);
    test_refusals();
    test_shared();
    test_private();
    test_pieces();
    test_truncate();
    test_calls();
    test_threads();
    test_large(argc > 2 ? (size_t)atoi(argv[2]) : 4);
    test_front_to_back(argc > 2 ? (size_t)atoi(argv[2]) : 4);
    if (argc > 2) /* a disk, and a small one */
        test_full();
    printf("pages free: %ld, before %ld\n", sysconf(_SC_AVPHYS_PAGES), before);
    puts("PASS");
    return 0;
}
