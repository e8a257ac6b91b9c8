/*
 * Small blocks, which threads keep for themselves when they free them, and hand to each other: every block
 * is aligned, its own and keeps its content, calloc's are zero whatever was there before, and what a
 * thread kept is there for others when it has ended.
 */
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

#define THREADS 4
#define SLOTS 64
#define STEPS 6000
#define ROUNDS 12

struct block {
    uint32_t size;
    uint32_t seed;
    unsigned char fill[];
};

/* Blocks that any thread may take and free, whoever made them. */
static struct block *shelf[SLOTS];
static pthread_mutex_t shelf_mutex = PTHREAD_MUTEX_INITIALIZER;

static unsigned char fill_of(const struct block *block, size_t i)
{
    return (unsigned char)(block->seed + i * 7);
}

static void fill(struct block *block, size_t from)
{
    for (size_t i = from; i < block->size; i++)
        block->fill[i] = fill_of(block, i);
}

static void check_block(const struct block *block, size_t size)
{
    CHECK_EQ((uintptr_t)block % 16, 0);
    for (size_t i = 0; i < size; i++)
        CHECK_EQ(block->fill[i], fill_of(block, i));
}

static struct block *make(uint32_t random)
{
    uint32_t size = (random >> 8) % 1500 >> random % 4;
    struct block *block;

    if ((random & 0x10) != 0) {
        block = calloc(1, sizeof(*block) + size);
        CHECK(block != NULL);
        for (size_t i = 0; i < size; i++)
            CHECK_EQ(block->fill[i], 0);
    } else {
        block = malloc(sizeof(*block) + size);
        CHECK(block != NULL);
    }
    block->size = size;
    block->seed = random >> 3;
    fill(block, 0);
    return block;
}

static struct block *change(struct block *block, uint32_t random)
{
    uint32_t before = block->size, size = (random >> 9) % 1500 >> random % 4;

    block = realloc(block, sizeof(*block) + size);
    CHECK(block != NULL);
    block->size = size;
    check_block(block, before < size ? before : size);
    fill(block, 0);
    return block;
}

static void *work(void *arg)
{
    uint32_t random = (uint32_t)(uintptr_t)arg;

    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525u + 1013904223u;
        unsigned slot = (random >> 20) % SLOTS;

        pthread_mutex_lock(&shelf_mutex);
        struct block *block = shelf[slot];
        shelf[slot] = NULL;
        pthread_mutex_unlock(&shelf_mutex);
        if (block != NULL)
            check_block(block, block->size);
        if (block != NULL && random >> 29 == 0) {
            block = change(block, random);
        } else {
            free(block);
            block = make(random);
        }
        pthread_mutex_lock(&shelf_mutex);
        struct block *other = shelf[slot];
        shelf[slot] = block;
        pthread_mutex_unlock(&shelf_mutex);
        free(other);
    }
    return NULL;
}

/* Threads that begin, work and end; then nothing is left but what this thread keeps. */
static void work_round(unsigned round)
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, (void *)(round * THREADS + i)), 0);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        free(shelf[slot]);
        shelf[slot] = NULL;
    }
}

int main(void)
{
    char *settled = NULL;

    for (unsigned round = 0; round < ROUNDS; round++) {
        work_round(round);
        if (round == ROUNDS / 2)
            settled = sbrk(0);
    }
    /* A thread that took what it kept with it would leave up to a quarter of a MiB each time. */
    CHECK((char *)sbrk(0) - settled < 128 << 10);
    puts("PASS");
    return 0;
}
