/*
 * mmap and its relatives on anonymous memory: zeroed, protected, reserved, replaced, moved, given back.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static int all(const unsigned char *at, size_t len, int value)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] != value)
            return 0;
    }
    return 1;
}

static unsigned char *map(size_t pages, int prot)
{
    unsigned char *at = mmap(NULL, pages * PAGE, prot, ANON, -1, 0);

    CHECK(at != MAP_FAILED);
    CHECK_EQ((uintptr_t)at % PAGE, 0);
    return at;
}

static void test_arguments(void)
{
    CHECK(mmap(NULL, 0, RW, ANON, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, PAGE, 64, ANON, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, SIZE_MAX, RW, ANON, -1, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(NULL, (size_t)1 << 40, RW, ANON, -1, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0) == MAP_FAILED && errno == EBADF);
    CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, 1, 0) == MAP_FAILED && errno == ENODEV);
    CHECK_ERRNO(munmap((void *)123, PAGE), EINVAL);
    CHECK_ERRNO(mprotect((void *)123, PAGE, RW), EINVAL);
    CHECK_ERRNO(mprotect((void *)(1ul << 46), PAGE, RW), ENOMEM);
}

static void test_memory_comes_back(void)
{
    long before = sysconf(_SC_AVPHYS_PAGES);

    for (int i = 0; i < 20; i++) {
        unsigned char *at = map(500, RW);
        CHECK(all(at, 500 * PAGE, 0));
        memset(at, 0xaa, 500 * PAGE);
        CHECK_EQ(munmap(at, 500 * PAGE), 0);
    }
    CHECK(sysconf(_SC_AVPHYS_PAGES) > before - 20); /* page tables stay */
}

/* A large reservation costs nothing; parts of it get pages by mprotect() or a fixed mapping. */
static void test_reservation(void)
{
    long before = sysconf(_SC_AVPHYS_PAGES);
    unsigned char *at = map((size_t)1 << 24, PROT_NONE);

    CHECK(sysconf(_SC_AVPHYS_PAGES) > before - 8);
    CHECK_EQ(mprotect(at + 16 * PAGE, 8 * PAGE, RW), 0);
    CHECK(all(at + 16 * PAGE, 8 * PAGE, 0));
    memset(at + 16 * PAGE, 5, 8 * PAGE);
    CHECK_EQ(mprotect(at + 16 * PAGE, 8 * PAGE, PROT_NONE), 0);
    CHECK_EQ(mprotect(at + 16 * PAGE, 8 * PAGE, PROT_READ), 0);
    CHECK(all(at + 16 * PAGE, 8 * PAGE, 5));
    CHECK(mmap(at + 18 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == at + 18 * PAGE);
    CHECK(all(at + 18 * PAGE, PAGE, 0) && all(at + 19 * PAGE, PAGE, 5));
    CHECK(mmap(at + 40 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, EEXIST);
    CHECK_EQ(munmap(at + 40 * PAGE, PAGE), 0);
    CHECK(mmap(at + 40 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == at + 40 * PAGE);
    CHECK_EQ(munmap(at, PAGE << 24), 0);
    CHECK_ERRNO(mprotect(at, PAGE, RW), ENOMEM);
}

static void test_code(void)
{
    static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
    unsigned char *at = map(1, RW);

    memcpy(at, code, sizeof(code));
    CHECK_EQ(mprotect(at, PAGE, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(((int (*)(void))(uintptr_t)at)(), 42);
    CHECK_EQ(munmap(at, PAGE), 0);
}

static void test_advice(void)
{
    unsigned char *at = map(4, RW);
    unsigned char resident[4] = { 0 };

    memset(at, 7, 4 * PAGE);
    CHECK_EQ(madvise(at + PAGE, PAGE, MADV_DONTNEED), 0);
    CHECK(all(at, PAGE, 7) && all(at + PAGE, PAGE, 0) && all(at + 2 * PAGE, 2 * PAGE, 7));
    CHECK_EQ(mincore(at, 4 * PAGE, resident), 0);
    CHECK(all(resident, 4, 1));
    CHECK_EQ(mlock(at + 5, 100), 0);
    CHECK_EQ(msync(at, 4 * PAGE, MS_SYNC), 0);
    CHECK_ERRNO(msync(at, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_ERRNO(madvise(at, PAGE, 1000), EINVAL);
    CHECK_EQ(munmap(at, 4 * PAGE), 0);
    CHECK_ERRNO(madvise(at, PAGE, MADV_WILLNEED), ENOMEM);
}

static void test_remap(void)
{
    unsigned char *at = map(10, RW);

    memset(at, 3, 10 * PAGE);
    CHECK(mremap(at, 10 * PAGE, 4 * PAGE, 0) == at);
    CHECK(mremap(at, 4 * PAGE, 8 * PAGE, 0) == at);
    CHECK(all(at, 4 * PAGE, 3) && all(at + 4 * PAGE, 4 * PAGE, 0));
    unsigned char *wall = mmap(at + 8 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
    CHECK(wall == at + 8 * PAGE);
    CHECK(mremap(at, 8 * PAGE, 20 * PAGE, 0) == MAP_FAILED && errno == ENOMEM);
    unsigned char *moved = mremap(at, 8 * PAGE, 20 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved != at);
    CHECK(all(moved, 4 * PAGE, 3) && all(moved + 4 * PAGE, 16 * PAGE, 0));
    CHECK_ERRNO(mprotect(at, PAGE, RW), ENOMEM);
    CHECK_EQ(munmap(moved, 20 * PAGE), 0);
    CHECK_EQ(munmap(wall, PAGE), 0);
}

int main(void)
{
    test_arguments();
    test_memory_comes_back();
    test_reservation();
    test_code();
    test_advice();
    test_remap();
    puts("PASS");
    return 0;
}
