/*
 * test: host tests as sentences, on top of cmocka.
 *
 *     TEST(a_full_ring_takes_nothing) { ... CHECK_EQ(console_write("x", 1), 0); }
 *
 * Every test runs in a process of its own, forked from the runner, so that each begins with modules in
 * their first state, and a crash is the failure of one test. After the test, fakexen_check_clean()
 * checks what is left behind. `./test_x NAME` runs one test, without the fork for a debugger.
 */
#ifndef TESTS_HOST_TEST_H
#define TESTS_HOST_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fakexen.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};
void test_add(struct test *test);

#define TEST(test_name)                                                       \
    static void test_name(void);                                              \
    static struct test test_of_##test_name = { #test_name, test_name, NULL }; \
    __attribute__((constructor)) static void test_add_##test_name(void)       \
    {                                                                         \
        test_add(&test_of_##test_name);                                       \
    }                                                                         \
    static void test_name(void)

#define CHECK(what)                                        \
    do {                                                   \
        if (!(what))                                       \
            fakexen_fail(__FILE__, __LINE__, "%s", #what); \
    } while (0)

#define CHECK_EQ(got, want)                                                              \
    do {                                                                                 \
        long long got_ = (long long)(got), want_ = (long long)(want);                    \
        if (got_ != want_)                                                               \
            fakexen_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #got, got_, want_); \
    } while (0)

#define CHECK_STR(got, want)                                                   \
    do {                                                                       \
        const char *got_ = (got), *want_ = (want);                             \
        if (got_ == NULL || strcmp(got_, want_) != 0)                          \
            fakexen_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #got, \
                         got_ != NULL ? got_ : "(null)", want_);               \
    } while (0)

#endif
