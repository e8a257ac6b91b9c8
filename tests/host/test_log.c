/* log: the formatter against the C library's, levels, sinks and the emergency console. */
#include "test.h"

#include <limits.h>

#include <runtime/log.h>

static char got[512], want[512];

/* The same result, length and truncation as snprintf. The format is not constant, on purpose. */
#define CHECK_FORMAT(...)                                                                  \
    do {                                                                                   \
        for (size_t size_ = 0; size_ <= 64; size_ += size_ < 8 ? 1 : 56) {                 \
            memset(got, '#', sizeof(got));                                                 \
            memset(want, '#', sizeof(want));                                               \
            int got_len_ = log_format(got, size_, __VA_ARGS__);                            \
            CHECK_EQ(got_len_, snprintf(want, size_, __VA_ARGS__));                        \
            if (memcmp(got, want, sizeof(got)) != 0)                                       \
                fakexen_fail(__FILE__, __LINE__, "\"%.64s\" is not \"%.64s\"", got, want); \
        }                                                                                  \
    } while (0)

TEST(plain_text_stays)
{
    CHECK_FORMAT("hello");
    CHECK_FORMAT("100%%");
}

TEST(numbers_look_as_printf_makes_them)
{
    CHECK_FORMAT("%d %d %d", 0, -1, 42);
    CHECK_FORMAT("%d %d", INT_MIN, INT_MAX);
    CHECK_FORMAT("%ld %ld", LONG_MIN, LONG_MAX);
    CHECK_FORMAT("%lld", LLONG_MIN);
    CHECK_FORMAT("%u %lu %llu", UINT_MAX, ULONG_MAX, ULLONG_MAX);
    CHECK_FORMAT("%zu %zx", (size_t)123, (size_t)0xabc);
    CHECK_FORMAT("%i %hd %hu", -7, (short)-3, (unsigned short)65535);
    CHECK_FORMAT("%x %lx", 0xdeadbeefu, 0x123456789abcdeful);
    CHECK_FORMAT("%p", (void *)0x1234);
}

TEST(fields_are_filled_as_printf_fills_them)
{
    CHECK_FORMAT("[%5d] [%-5d] [%05d]", 42, 42, 42);
    CHECK_FORMAT("[%5d] [%-5d] [%05d]", -42, -42, -42);
    CHECK_FORMAT("[%016lx] [%8x] [%-8x]", 0x1234ul, 0xabu, 0xcdu);
    CHECK_FORMAT("[%1d] [%01d]", 12345, 12345);
    CHECK_FORMAT("[%10s] [%-10s] [%s]", "right", "left", "");
    CHECK_FORMAT("[%.3s] [%.0s] [%8.2s] [%.20s]", "abcdef", "abc", "xyz", "short");
    CHECK_FORMAT("[%c] [%3c] [%-3c]", 'a', 'b', 'c');
    CHECK_FORMAT("%13s:  %lu\n", "nr_pages", 8192ul);
}

/* What stands in a buffer that is not a string must not be read beyond its precision. */
TEST(a_precision_bounds_the_reading)
{
    char *bytes = malloc(4);

    memcpy(bytes, "abcd", 4);
    log_format(got, sizeof(got), "%.4s", bytes);
    CHECK_STR(got, "abcd");
    free(bytes);
}

TEST(a_null_string_is_shown)
{
    const char *volatile null = NULL;

    log_format(got, sizeof(got), "<%s>", null);
    CHECK_STR(got, "<(null)>");
}

/* The types of further arguments are unknown then: nothing may be taken for a pointer. */
TEST(an_unknown_conversion_shows_the_rest_as_it_is)
{
    const char *volatile format = "%d %f %s";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    log_format(got, sizeof(got), format, 1, 2.0, "x");
    CHECK_STR(got, "1 %f %s");
    format = "at the end %l";
    log_format(got, sizeof(got), format);
    CHECK_STR(got, "at the end %l");
    format = "%";
    log_format(got, sizeof(got), format);
#pragma GCC diagnostic pop
    CHECK_STR(got, "%");
}

/* ---- lines and sinks ---- */

static char sink_text[4096];
static size_t sink_len;
static unsigned sink_writes, sink_drains;

static void sink_write(const char *text, size_t len)
{
    memcpy(sink_text + sink_len, text, len);
    sink_len += len;
    sink_text[sink_len] = '\0';
    sink_writes++;
}

static void sink_drain(void)
{
    sink_drains++;
}

static struct log_sink sink = { .write = sink_write, .drain = sink_drain };
static struct log_sink bare_sink = { .write = sink_write };

TEST(a_line_reaches_a_sink_in_one_write)
{
    log_add_sink(&sink);
    log_line(LOG_INFO, "disk: error: %d", 5);
    CHECK_STR(sink_text, "disk: error: 5\n");
    CHECK_EQ(sink_writes, 1);
}

TEST(every_sink_gets_every_line_once)
{
    log_add_sink(&sink);
    log_add_sink(&bare_sink);
    log_add_sink(&sink);
    log_print("x\n");
    CHECK_STR(sink_text, "x\nx\n");
    log_drain();
    CHECK_EQ(sink_drains, 1);
}

TEST(what_is_above_the_level_is_not_said)
{
    log_add_sink(&sink);
    log_line(LOG_DEBUG, "debug");
    CHECK_EQ(sink_writes, 0);
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "debug");
    CHECK_EQ(sink_writes, 1);
    log_set_level(LOG_ERROR);
    CHECK_EQ(log_get_level(), LOG_ERROR);
    log_line(LOG_WARNING, "warning");
    CHECK_EQ(sink_writes, 1);
    log_line(LOG_ERROR, "error");
    CHECK_EQ(sink_writes, 2);
    log_print("always\n");
    CHECK_EQ(sink_writes, 3);
}

TEST(a_line_too_long_is_cut_and_stays_a_line)
{
    char text[1000];

    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    log_add_sink(&sink);
    log_line(LOG_ERROR, "%s", text);
    CHECK(sink_len > 100 && sink_len < sizeof(text));
    CHECK_EQ(sink_text[sink_len - 1], '\n');
    sink_len = 0;
    log_print("%s\n", text);
    CHECK_EQ(sink_text[sink_len - 1], '\n');
}

TEST(early_lines_go_to_xens_console)
{
    fakexen_start(NULL);
    fakexen_emergency_allow(true);
    log_line(LOG_INFO, "early");
    log_add_sink(&sink);
    log_line(LOG_INFO, "later");
    CHECK_STR(fakexen_emergency_text(), "early\nlater\n");
    CHECK_STR(sink_text, "later\n");
}

/* Each refusal is a hypercall: one is enough. */
TEST(a_xen_that_refuses_is_not_asked_again)
{
    fakexen_start(NULL);
    log_line(LOG_INFO, "refused");
    fakexen_emergency_allow(true);
    log_line(LOG_INFO, "not even tried");
    CHECK_STR(fakexen_emergency_text(), "");
}
