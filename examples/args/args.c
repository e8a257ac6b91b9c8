/*
 * args: what a program is given: arguments, environment, the time, memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void print_time(void)
{
    time_t now = time(NULL);
    struct tm utc;
    char text[64];

    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
    printf("time: %s\n", text);
}

static void print_memory(void)
{
    long page = sysconf(_SC_PAGESIZE);
    long pages = sysconf(_SC_PHYS_PAGES);

    if (page > 0 && pages > 0)
        printf("memory: %lld KiB in pages of %ld bytes\n", (long long)pages * page / 1024, page);

    /* Take half of it, to show that it is there. */
    size_t size = (size_t)pages * (size_t)page / 2;
    char *block = malloc(size);

    if (block == NULL) {
        printf("malloc: no %zu KiB\n", size / 1024);
        return;
    }
    for (size_t i = 0; i < size; i += (size_t)page)
        block[i] = 1;
    printf("malloc: %zu KiB at %p\n", size / 1024, (void *)block);
    free(block);
}

int main(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        printf("argv[%d]: %s\n", i, argv[i]);
    for (char **variable = environ; *variable != NULL; variable++)
        printf("environ: %s\n", *variable);
    print_time();
    print_memory();
    return 0;
}
