/*
 * glue_test: what the host tests of libc-glue's files share: a tiny runner, and fakes of what lies
 * below (mutexes, wait queues, clock, random source, pages, console, log) on one thread.
 *
 * Nothing can really sleep here. A call that would wait runs glue_on_sleep, in which the test plays
 * the other thread or the event; if nothing woke the sleeper then, its deadline passes, and without a
 * deadline the test fails.
 */
#ifndef TESTS_HOST_GLUE_TEST_H
#define TESTS_HOST_GLUE_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct glue_test {
    const char *name;
    void (*run)(void);
    struct glue_test *next;
};
void glue_test_add(struct glue_test *test);
void glue_test_fail(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

#define TEST(test_name)                                                                            \
    static void test_name(void);                                                                   \
    static struct glue_test glue_test_##test_name = { #test_name, test_name, NULL };               \
    __attribute__((constructor)) static void glue_add_##test_name(void)                            \
    {                                                                                              \
        glue_test_add(&glue_test_##test_name);                                                     \
    }                                                                                              \
    static void test_name(void)

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            glue_test_fail(__FILE__, __LINE__, "%s", #what);                                       \
    } while (0)

#define CHECK_EQ(got, want)                                                                        \
    do {                                                                                           \
        long long got_ = (long long)(got), want_ = (long long)(want);                              \
        if (got_ != want_)                                                                         \
            glue_test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #got, got_, want_);         \
    } while (0)

#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        const char *got_ = (got), *want_ = (want);                                                 \
        if (strcmp(got_, want_) != 0)                                                              \
            glue_test_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #got, got_, want_);     \
    } while (0)

/* The other side of a wait. Set back to NULL before each test. */
extern void (*glue_on_sleep)(void);
/* How often somebody was woken. */
extern unsigned glue_woken;
/* Before a mutex is taken; returns when it is free. Set back to NULL before each test. */
struct mutex;
extern void (*glue_on_lock)(struct mutex *mutex);

/* The clocks, in ns; moved by hand and by passing deadlines. */
extern uint64_t glue_monotonic_ns, glue_realtime_ns;

/* vcpu_random(): false when off, else a sequence; how often it was asked. */
extern bool glue_random_works;

/* pages_get() gives at most this many pages; how many are out now. */
extern size_t glue_pages_limit, glue_pages_used;

/* The console: output collected as a string, room left for it, and input that was "typed". */
extern char glue_output[65536];
extern size_t glue_output_room;
void glue_output_clear(void);
void glue_type(const char *text);
/* Signals that the terminal raised, as a bit set; cleared before each test. */
extern uint32_t glue_signals;
/* Lines logged in this test. */
extern unsigned glue_logged;

#endif
