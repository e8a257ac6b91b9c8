/*
 * Every orderly way out of a program, by the first argument; the second is the status it gives. What
 * stdio holds is written by all but _exit().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void says_pass(void)
{
    puts("PASS");
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "return";
    int status = argc > 2 ? atoi(argv[2]) : 0;

    if (strcmp(way, "exit") == 0) {
        atexit(says_pass);
        exit(status);
    }
    if (strcmp(way, "quick_exit") == 0) {
        at_quick_exit(says_pass);
        atexit(abort); /* not run */
        quick_exit(status);
    }
    puts("PASS");
    if (strcmp(way, "_exit") == 0) {
        atexit(abort);
        fflush(stdout);
        _exit(status);
    }
    return status;
}
