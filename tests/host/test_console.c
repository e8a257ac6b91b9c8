/*
 * console: flow control in both directions, order of log and program output, CR LF, the drain, and a
 * back end that lies. The test is the back end, except where a peer reads by itself.
 */
#include "test.h"

#include <drivers/console.h>
#include <platform/clock.h>
#include <platform/vcpu.h>
#include <runtime/log.h>

#define OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define IN_SIZE sizeof(((struct xencons_interface *)0)->in)

static unsigned changes;
static char taken[65536];
static size_t taken_len;

static void on_change(void *arg)
{
    CHECK(arg == &changes);
    CHECK(vcpu_upcalls_masked());
    changes++;
}

static void on_timer(void)
{
}

static void start_at(uint32_t index)
{
    fakexen_start(&(struct fakexen_options){ .console_index = index });
    CHECK_EQ(clock_start(on_timer), 0);
    CHECK_EQ(console_start(), 0);
    console_set_listener(on_change, &changes);
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
}

static void start(void)
{
    start_at(0);
}

/* The back end takes up to n bytes. Returns everything taken so far, as a string. */
static const char *take(size_t n)
{
    struct xencons_interface *ring = fakexen_console();

    while (n-- > 0 && ring->out_cons != ring->out_prod)
        taken[taken_len++] = ring->out[ring->out_cons++ % OUT_SIZE];
    taken[taken_len] = '\0';
    fakexen_raise(FAKEXEN_CONSOLE_PORT);
    return taken;
}

/* Take until nothing more comes. */
static const char *take_all(void)
{
    struct xencons_interface *ring = fakexen_console();

    while (ring->out_cons != ring->out_prod)
        take(OUT_SIZE);
    return taken;
}

static void type(const char *text)
{
    struct xencons_interface *ring = fakexen_console();

    while (*text != '\0' && ring->in_prod - ring->in_cons < IN_SIZE)
        ring->in[ring->in_prod++ % IN_SIZE] = *text++;
    fakexen_raise(FAKEXEN_CONSOLE_PORT);
}

static size_t fill_ring(void)
{
    static char dots[OUT_SIZE + 1];
    size_t n;

    memset(dots, '.', sizeof(dots));
    n = console_write(dots, sizeof(dots));
    CHECK_EQ(console_write(dots, 1), 0);
    return n;
}

TEST(output_reaches_the_back_end_and_notifies_it)
{
    start();
    CHECK_EQ(console_write("hello", 5), 5);
    CHECK_EQ(fakexen_notified(FAKEXEN_CONSOLE_PORT), 1);
    CHECK_STR(take(100), "hello");
}

TEST(a_newline_becomes_cr_lf)
{
    start();
    CHECK_EQ(console_write("a\nb\n\n", 5), 5);
    CHECK_STR(take_all(), "a\r\nb\r\n\r\n");
}

/* What the program has begun stays a line; what follows in the log is one too. */
TEST(a_log_line_begins_a_line_of_its_own)
{
    start();
    log_line(LOG_ERROR, "first");
    console_write("prompt> ", 8);
    log_line(LOG_ERROR, "second");
    log_line(LOG_ERROR, "third");
    console_write("whole\n", 6);
    log_line(LOG_ERROR, "fourth");
    CHECK_STR(take_all(), "first\r\nprompt> \r\nsecond\r\nthird\r\nwhole\r\nfourth\r\n");
}

TEST(a_full_ring_takes_nothing_until_the_back_end_reads)
{
    start();
    CHECK_EQ(fill_ring(), OUT_SIZE);
    CHECK_EQ(console_ready(), 0);
    take(10);
    CHECK_EQ(console_ready(), CONSOLE_WRITABLE);
    CHECK_EQ(console_write("0123456789abc", 13), 10);
}

/* With room for one byte a newline has to wait: half of a CR LF would be a CR too many later. */
TEST(a_newline_is_never_split)
{
    start();
    fill_ring();
    take(1);
    CHECK_EQ(console_write("\n", 1), 0);
    CHECK_EQ(console_ready() & CONSOLE_WRITABLE, 0);
    CHECK_EQ(console_write("x\n", 2), 1);
    take(2);
    CHECK_EQ(console_write("\n", 1), 1);
    take_all();
    CHECK_EQ(taken_len, OUT_SIZE + 3);
    CHECK_STR(taken + OUT_SIZE, "x\r\n");
}

/* Pieces of any size give the same bytes as one write would. */
TEST(partial_writes_convert_each_newline_once)
{
    char text[8192], want[2 * sizeof(text)];
    size_t want_len = 0;

    start_at(UINT32_MAX - 1000);
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 7 == 3 || i % 11 == 4 ? '\n' : (char)('a' + i % 26);
        if (text[i] == '\n')
            want[want_len++] = '\r';
        want[want_len++] = text[i];
    }
    for (size_t at = 0, n = 0; at < sizeof(text); n++) {
        at += console_write(text + at, sizeof(text) - at);
        take(n % 50 + 1);
    }
    take_all();
    CHECK_EQ(taken_len, want_len);
    CHECK(memcmp(taken, want, want_len) == 0);
}

TEST(indices_wrap)
{
    start_at(UINT32_MAX - 3);
    CHECK_EQ(console_write("0123456789", 10), 10);
    CHECK_STR(take_all(), "0123456789");
    CHECK_EQ(fakexen_console()->out_prod, 6);
    type("abcdefgh");
    char text[16] = "";
    CHECK_EQ(console_read(text, sizeof(text)), 8);
    CHECK_STR(text, "abcdefgh");
    CHECK_EQ(fakexen_console()->in_cons, 4);
    CHECK_EQ(fill_ring(), OUT_SIZE);
}

TEST(a_log_line_and_output_keep_their_order)
{
    start();
    log_line(LOG_INFO, "one");
    console_write("two\n", 4);
    log_line(LOG_INFO, "three");
    CHECK_STR(take_all(), "one\r\ntwo\r\nthree\r\n");
}

/* A log line cannot wait; program output comes after it all the same. */
TEST(log_lines_are_held_while_the_ring_is_full)
{
    start();
    fill_ring();
    log_line(LOG_INFO, "held");
    take(5);
    CHECK_EQ(console_write("later\n", 6), 0);
    take(3); /* now CR LF "held" CR LF is in, and nothing is left of the room */
    CHECK_EQ(console_write("later\n", 6), 0);
    take(7);
    CHECK_EQ(console_write("later\n", 6), 6);
    take_all();
    CHECK_STR(taken + OUT_SIZE, "\r\nheld\r\nlater\r\n");
}

/* Room for one byte is not enough for a held newline, and still nothing may overtake it. */
TEST(output_never_overtakes_a_held_newline)
{
    start();
    fill_ring();
    log_print("report\n"); /* the ring's dots were no whole line: it begins one */
    take(1);
    CHECK_EQ(console_write("x", 1), 0);
    take_all();
    CHECK_EQ(console_write("x", 1), 1);
    take_all();
    CHECK_STR(taken + OUT_SIZE, "\r\nreport\r\nx");
}

TEST(held_lines_move_with_events_alone)
{
    start();
    fill_ring();
    for (int i = 0; i < 100; i++)
        log_line(LOG_INFO, "line %d", i);
    take_all();
    CHECK(strstr(taken, "line 0\r\nline 1\r\n") != NULL);
    CHECK(strstr(taken, "line 98\r\nline 99\r\n") != NULL);
    CHECK_EQ(console_ready(), CONSOLE_WRITABLE);
}

TEST(lines_that_fit_nowhere_are_counted)
{
    unsigned lost = 0;

    start();
    fill_ring();
    for (int i = 0; i < 1000; i++)
        log_line(LOG_INFO, "line %03d of many that nobody reads", i);
    take_all();
    const char *notice = strstr(taken, "console: lines lost: ");
    CHECK(notice != NULL);
    CHECK_EQ(sscanf(notice, "console: lines lost: %u\r\n", &lost), 1);
    CHECK(lost > 700 && lost < 1000);
    char last[64];
    snprintf(last, sizeof(last), "line %03u of many that nobody reads\r\nconsole", 999 - lost);
    CHECK(strstr(taken, last) != NULL);
    CHECK_EQ(console_write("x", 1), 1);
    CHECK(strcmp(take_all() + taken_len - 3, "\r\nx") == 0 || taken[taken_len - 1] == 'x');
}

TEST(input_arrives_and_makes_room)
{
    char text[8] = "";

    start();
    CHECK_EQ(console_read(text, sizeof(text)), 0);
    CHECK_EQ(console_ready(), CONSOLE_WRITABLE);
    type("hello");
    CHECK_EQ(changes, 1);
    CHECK_EQ(console_ready(), CONSOLE_READABLE | CONSOLE_WRITABLE);
    CHECK_EQ(console_read(text, 3), 3);
    CHECK_STR(text, "hel");
    CHECK_EQ(fakexen_console()->in_cons, 3);
    CHECK_EQ(fakexen_notified(FAKEXEN_CONSOLE_PORT), 1);
    CHECK_EQ(console_read(text, sizeof(text)), 2);
    CHECK_EQ(console_ready(), CONSOLE_WRITABLE);
}

TEST(a_full_input_ring_is_read_whole)
{
    char line[IN_SIZE + 1], text[IN_SIZE + 1] = "";

    start_at(UINT32_MAX - 100);
    memset(line, 'k', IN_SIZE);
    line[IN_SIZE] = '\0';
    type(line);
    CHECK_EQ(console_read(text, sizeof(text)), IN_SIZE);
    CHECK_STR(text, line);
}

TEST(reading_nothing_takes_nothing)
{
    start();
    type("a");
    CHECK_EQ(console_read(NULL, 0), 0);
    CHECK_EQ(fakexen_notified(FAKEXEN_CONSOLE_PORT), 0);
    CHECK_EQ(console_ready(), CONSOLE_READABLE | CONSOLE_WRITABLE);
}

/* ---- the drain ---- */

/* Ten bytes every half a second, as a slow terminal would. */
static void read_ten(void)
{
    take(10);
    clock_set_timer(fakexen_now() + 500000000);
}

TEST(the_drain_waits_for_a_slow_back_end)
{
    fakexen_start(NULL);
    CHECK_EQ(clock_start(read_ten), 0);
    CHECK_EQ(console_start(), 0);
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
    for (int i = 0; i < 20; i++)
        log_line(LOG_INFO, "last words %d", i);
    clock_set_timer(fakexen_now() + 500000000);
    uint64_t before = fakexen_now();
    console_drain();
    CHECK(fakexen_now() - before > 10000000000u);
    CHECK(strstr(taken, "last words 19\r\n") != NULL);
    CHECK_EQ(fakexen_console()->out_cons, fakexen_console()->out_prod);
    CHECK(!vcpu_upcalls_masked());
}

TEST(the_drain_gives_up_without_progress)
{
    start();
    fill_ring();
    uint64_t before = fakexen_now();
    console_drain();
    CHECK_EQ(fakexen_now() - before, 1000000000);
}

static void drip_ticks(void)
{
    if (fakexen_console()->out_cons == fakexen_console()->out_prod)
        return;
    take(1);
    clock_set_timer(fakexen_now() + 900000000);
}

/* Each byte is progress, but there is an end to patience: a guest must not live on for hours. */
TEST(the_drain_gives_up_on_a_drip)
{
    fakexen_start(NULL);
    CHECK_EQ(clock_start(drip_ticks), 0);
    CHECK_EQ(console_start(), 0);
    fakexen_mark_clean();
    fill_ring();
    uint64_t before = fakexen_now();
    console_drain();
    CHECK(fakexen_now() - before <= 32000000000u);
    CHECK(taken_len >= 20);
}

TEST(an_empty_ring_needs_no_drain)
{
    start();
    uint64_t before = fakexen_now();
    console_drain();
    CHECK_EQ(fakexen_now(), before);
}

/* ---- a back end that lies ---- */

static void check_broken(const char *why)
{
    char line[100];

    snprintf(line, sizeof(line), "console: broken: %s\n", why);
    CHECK(strstr(fakexen_emergency_text(), line) != NULL);
    CHECK(changes > 0);
    CHECK_EQ(console_ready(), CONSOLE_WRITABLE | CONSOLE_BROKEN);

    /* From here on: Xen's own console, and never the ring. */
    struct xencons_interface before = *fakexen_console();
    unsigned notified = fakexen_notified(FAKEXEN_CONSOLE_PORT);
    CHECK_EQ(console_write("after\n", 6), 6);
    log_line(LOG_INFO, "logged");
    CHECK(strstr(fakexen_emergency_text(), "after\nlogged\n") != NULL);
    char byte;
    CHECK_EQ(console_read(&byte, 1), 0);
    unsigned told = changes;
    fakexen_raise(FAKEXEN_CONSOLE_PORT); /* masked: a storm of events costs nothing */
    CHECK_EQ(changes, told);
    console_drain();
    CHECK(memcmp(&before, fakexen_console(), sizeof(before)) == 0);
    CHECK_EQ(fakexen_notified(FAKEXEN_CONSOLE_PORT), notified);

    const char *first = strstr(fakexen_emergency_text(), "broken");
    CHECK(strstr(first + 1, "broken") == NULL);
}

static void start_with_emergency(void)
{
    start();
    fakexen_emergency_allow(true);
}

TEST(reading_what_was_never_written_breaks_it)
{
    start_with_emergency();
    console_write("abc", 3);
    fakexen_console()->out_cons += 4;
    fakexen_raise(FAKEXEN_CONSOLE_PORT);
    check_broken("output index out of range");
}

TEST(taking_a_read_back_breaks_it)
{
    start_with_emergency();
    console_write("abc", 3);
    take(3);
    fakexen_console()->out_cons--;
    CHECK_EQ(console_write("def", 3), 3); /* goes to Xen's console */
    check_broken("output index out of range");
}

TEST(more_input_than_the_ring_holds_breaks_it)
{
    start_with_emergency();
    fakexen_console()->in_prod += IN_SIZE + 1;
    fakexen_raise(FAKEXEN_CONSOLE_PORT);
    check_broken("input index out of range");
}

TEST(input_that_goes_back_breaks_it)
{
    char text[4];

    start_with_emergency();
    type("abc");
    console_read(text, 3);
    fakexen_console()->in_prod--;
    CHECK_EQ(console_read(text, 3), 0);
    check_broken("input index out of range");
}

TEST(what_was_held_is_not_lost_when_it_breaks)
{
    start_with_emergency();
    fakexen_emergency_allow(false);
    log_line(LOG_INFO, "Xen refuses this, so the log does not ask it again");
    fakexen_emergency_allow(true);
    fill_ring();
    log_line(LOG_INFO, "held back");
    fakexen_console()->out_cons += OUT_SIZE + 1;
    fakexen_raise(FAKEXEN_CONSOLE_PORT);
    CHECK(strstr(fakexen_emergency_text(), "held back\n") != NULL);
}

/* What we keep of the indices is ours: scribbling on them changes nothing. */
TEST(our_own_indices_are_never_read_back)
{
    start();
    console_write("abc", 3);
    fakexen_console()->out_prod = 0x12345678;
    fakexen_console()->in_cons = 0x87654321;
    CHECK_EQ(console_write("def", 3), 3);
    CHECK_EQ(fakexen_console()->out_prod, 6);
    CHECK_STR(take_all(), "abcdef");
    fakexen_console()->in[0] = 'x';
    fakexen_console()->in_prod = 1;
    char byte;
    CHECK_EQ(console_read(&byte, 1), 1);
    CHECK_EQ(byte, 'x');
    CHECK_EQ(fakexen_console()->in_cons, 1);
}

TEST(nonsense_at_the_start_is_survived)
{
    fakexen_start(NULL);
    fakexen_emergency_allow(true);
    fakexen_console()->out_prod = 5000;
    CHECK_EQ(console_start(), 0);
    CHECK_EQ(console_write("x\n", 2), 2);
    CHECK_STR(fakexen_emergency_text(), "console: broken: output index out of range at start\nx\n");
}

/* ---- other places to run ---- */

TEST(without_a_ring_xens_console_is_used)
{
    fakexen_start(&(struct fakexen_options){ .no_console = true });
    fakexen_emergency_allow(true);
    CHECK_EQ(console_start(), 0);
    CHECK_EQ(console_write("out\n", 4), 4);
    log_line(LOG_INFO, "line");
    console_drain();
    CHECK_STR(fakexen_emergency_text(), "out\nline\n");
    CHECK_EQ(console_ready(), CONSOLE_WRITABLE);
}

TEST(as_dom0_input_comes_from_xens_console)
{
    char text[8] = "";

    fakexen_start(&(struct fakexen_options){ .dom0 = true });
    CHECK_EQ(console_start(), 0);
    fakexen_mark_clean();
    console_set_listener(on_change, &changes);
    vcpu_restore_upcalls(false);
    CHECK_EQ(console_ready(), CONSOLE_WRITABLE);
    fakexen_emergency_type("hello");
    CHECK_EQ(changes, 1);
    CHECK_EQ(console_ready(), CONSOLE_READABLE | CONSOLE_WRITABLE);
    CHECK_EQ(console_read(text, 2), 2);
    CHECK_EQ(console_read(text + 2, sizeof(text) - 2), 3);
    CHECK_STR(text, "hello");
    log_line(LOG_INFO, "once");
    CHECK_STR(fakexen_emergency_text(), "once\n");
}

/* Resume: the page is another one, with indices of its own; what was held comes through. */
TEST(a_second_start_takes_over_a_new_ring)
{
    start();
    fill_ring();
    log_line(LOG_INFO, "from the life before");
    memset(fakexen_console(), 0, sizeof(struct xencons_interface));
    fakexen_console()->out_cons = fakexen_console()->out_prod = 77;
    CHECK_EQ(console_start(), 0);
    CHECK_EQ(console_write("new\n", 4), 4);
    CHECK_STR(take_all(), "\r\nfrom the life before\r\nnew\r\n");
}
