/*
 * The heap to the last page: malloc gives what memory there is, then NULL and ENOMEM without a crash,
 * every byte of it is usable, and what is freed can be had again.
 */
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

#define BLOCK (64ul << 10)
#define BLOCKS_MAX 40000

struct block {
    struct block *next;
    uint64_t number;
    unsigned char fill[];
};

static struct block *take_all(size_t size, size_t *n)
{
    struct block *list = NULL, *block;

    for (*n = 0; *n < BLOCKS_MAX && (block = malloc(size)) != NULL; ++*n) {
        block->next = list;
        block->number = *n;
        memset(block->fill, (int)(*n & 255), size - sizeof(*block));
        list = block;
    }
    return list;
}

static void check_and_free(struct block *list, size_t size, size_t n)
{
    while (list != NULL) {
        struct block *next = list->next;

        CHECK_EQ(list->number, --n);
        for (size_t i = 0; i < size - sizeof(*list); i += 509)
            CHECK_EQ(list->fill[i], n & 255);
        free(list);
        list = next;
    }
    CHECK_EQ(n, 0);
}

int main(void)
{
    long free_pages = sysconf(_SC_AVPHYS_PAGES);
    size_t first, second;
    struct block *list;

    CHECK(free_pages > 256);
    list = take_all(BLOCK, &first);
    CHECK_EQ(errno, ENOMEM);
    long left = sysconf(_SC_AVPHYS_PAGES);
    printf("%zu blocks of %lu KiB; %ld pages were free, %ld are left\n", first, BLOCK >> 10,
           free_pages, left);
    CHECK(left < 40); /* the reserve for page tables, and less than a block */
    CHECK(first * BLOCK / 4096 > (size_t)free_pages * 95 / 100);
    check_and_free(list, BLOCK, first);

    /* All of it again, in small pieces; and one piece as large as what can be. */
    list = take_all(1000, &second);
    CHECK(second >= first * (BLOCK / 1100) || second == BLOCKS_MAX);
    check_and_free(list, 1000, second);
    void *large = malloc(first * BLOCK * 9 / 10);
    CHECK(large != NULL);
    memset(large, 1, first * BLOCK * 9 / 10);
    free(large);

    volatile size_t huge = SIZE_MAX; /* the compiler would warn of it */
    CHECK(malloc(huge >> 14) == NULL && errno == ENOMEM);
    CHECK(malloc(huge - 64) == NULL);
    CHECK(calloc(huge / 2, 3) == NULL);
    unsigned char *zeroed = calloc(1000, 100);
    for (size_t i = 0; i < 100000; i++)
        CHECK_EQ(zeroed[i], 0);
    free(zeroed);
    void *aligned = NULL;
    CHECK_EQ(posix_memalign(&aligned, 4096, 100), 0);
    CHECK_EQ((uintptr_t)aligned % 4096, 0);
    free(aligned);
    CHECK_EQ(posix_memalign(&aligned, 24, 100), EINVAL);
    puts("PASS");
    return 0;
}
