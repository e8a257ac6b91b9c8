/*
 * check: a guest test's words. CHECK() ends the program with the verdict FAIL and the place at the
 * first thing that is not so; the last line of a good run is `puts("PASS")`.
 */
#ifndef TESTS_GUEST_CHECK_H
#define TESTS_GUEST_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition))                                                                         \
            check_failed(__FILE__, __LINE__, #condition);                                         \
    } while (0)

/* Both as long long; the values are in the verdict. */
#define CHECK_EQ(got, wanted)                                                                     \
    do {                                                                                          \
        long long check_got = (long long)(got), check_wanted = (long long)(wanted);               \
        if (check_got != check_wanted) {                                                          \
            printf("got %lld, wanted %lld\n", check_got, check_wanted);                           \
            check_failed(__FILE__, __LINE__, #got " == " #wanted);                                \
        }                                                                                         \
    } while (0)

#define CHECK_STR(got, wanted)                                                                    \
    do {                                                                                          \
        const char *check_got = (got);                                                            \
        if (check_got == NULL || strcmp(check_got, (wanted)) != 0) {                              \
            printf("got \"%s\", wanted \"%s\"\n", check_got, (wanted));                           \
            check_failed(__FILE__, __LINE__, #got " == " #wanted);                                \
        }                                                                                         \
    } while (0)

/* The call fails, and with that errno. */
#define CHECK_ERRNO(call, error)                                                                  \
    do {                                                                                          \
        errno = 0;                                                                                \
        CHECK_EQ((long long)(call), -1);                                                          \
        CHECK_EQ(errno, (error));                                                                 \
    } while (0)

static inline void __attribute__((noreturn)) check_failed(const char *file, int line,
                                                          const char *what)
{
    const char *name = strstr(file, "guest/");

    printf("FAIL %s:%d: %s (errno %d)\n", name != NULL ? name : file, line, what, errno);
    exit(1);
}

#endif
