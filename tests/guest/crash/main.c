/*
 * What a program must not do, by its first argument. Each ends in a crash report that says what it was;
 * the verdict below is never reached.
 */
#include <stdint.h>
#include <sys/mman.h>

#include "check.h"

int main(int argc, char **argv);

static volatile uintptr_t zero; /* what the compiler cannot see through */
static const int constant = 1;
static unsigned char data_code[] = { 0xc3 }; /* ret */

static void read_null(void)
{
    (void)*(volatile int *)(zero + 8);
}

static void write_text(void)
{
    *(volatile unsigned char *)((uintptr_t)main + zero) = 0xcc;
}

static void write_constant(void)
{
    *(volatile int *)((uintptr_t)&constant + zero) = 2;
}

static void execute_data(void)
{
    ((void (*)(void))((uintptr_t)data_code + zero))();
}

static void execute_heap(void)
{
    unsigned char *code = malloc(16);

    code[0] = 0xc3;
    ((void (*)(void))((uintptr_t)code + zero))();
}

static void execute_null(void)
{
    ((void (*)(void))zero)();
}

static void divide(void)
{
    zero = 10 / zero;
}

static void invalid(void)
{
    __asm__ volatile("ud2");
}

static void unmapped(void)
{
    unsigned char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(at != MAP_FAILED);
    munmap(at, 4096);
    *(volatile unsigned char *)(at + zero) = 1;
}

static __attribute__((noinline, optimize("stack-protector-all"))) void smash(void)
{
    char buffer[16];

    memset((char *)((uintptr_t)buffer + zero), 'A', 64);
    __asm__ volatile("" : : "r"(buffer) : "memory");
}

static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {
    { "read-null", read_null },       { "write-text", write_text },
    { "write-constant", write_constant }, { "execute-data", execute_data },
    { "execute-heap", execute_heap }, { "execute-null", execute_null },
    { "divide", divide },             { "invalid", invalid },
    { "unmapped", unmapped },         { "smash", smash },
    { "abort", abort },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(argv[1], ways[i].name) == 0) {
            printf("now: %s\n", ways[i].name);
            ways[i].run();
            puts("FAIL it did no harm");
            return 1;
        }
    }
    puts("FAIL no such way");
    return 1;
}
