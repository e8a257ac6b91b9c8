/*
 * The terminal on the console: lines and their editing, echo, signal keys, raw mode with VMIN and
 * VTIME, flow control; and the descriptors 0, 1 and 2 on it.
 */
#include "glue_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "files/fd.h"
#include "devices/file_console.h"
#include "devices/terminal.h"

static struct file *console;
static char text[8192];

/* A file on the terminal in its first state, nothing typed and nothing printed. */
static struct file *console_fresh(int flags)
{
    if (console != NULL)
        file_put(console);
    file_console_start();
    glue_output_clear();
    CHECK_EQ(file_console_open(O_RDWR | flags, &console), 0);
    return console;
}

static ssize_t console_get(size_t size)
{
    struct iovec iov = { text, size };

    memset(text, 0, sizeof(text));
    return file_read(console, &iov, 1, NULL);
}

static void console_local(tcflag_t clear, tcflag_t set, int min, int time)
{
    struct termios settings;

    CHECK_EQ(file_ioctl(console, TCGETS, &settings), 0);
    settings.c_lflag = (settings.c_lflag & ~clear) | set;
    if (min >= 0)
        settings.c_cc[VMIN] = (cc_t)min;
    if (time >= 0)
        settings.c_cc[VTIME] = (cc_t)time;
    CHECK_EQ(file_ioctl(console, TCSETS, &settings), 0);
}

static void check_line(const char *typed, const char *read, const char *shown)
{
    console_fresh(O_NONBLOCK);
    glue_type(typed);
    CHECK_EQ(console_get(sizeof(text)), strlen(read));
    CHECK_STR(text, read);
    CHECK_STR(glue_output, shown);
}

/* Is a line given only when it is complete, and one at a time? */
TEST(a_read_gives_one_complete_line)
{
    console_fresh(O_NONBLOCK);
    glue_type("fir");
    CHECK_EQ(console_get(100), -EAGAIN);
    CHECK_EQ(file_ready(console) & POLLIN, 0);
    glue_type("st\rsecond\r");
    CHECK(file_ready(console) & POLLIN);
    CHECK_EQ(console_get(100), 6);
    CHECK_STR(text, "first\n");
    CHECK_EQ(console_get(100), 7);
    CHECK_STR(text, "second\n");
    CHECK_EQ(console_get(100), -EAGAIN);
    CHECK_STR(glue_output, "first\nsecond\n");
}

/* A line longer than the buffer of the reader comes in pieces. */
TEST(a_long_line_is_read_in_pieces)
{
    console_fresh(O_NONBLOCK);
    glue_type("abcdef\nx\n");
    CHECK_EQ(console_get(4), 4);
    CHECK_STR(text, "abcd");
    CHECK_EQ(console_get(4), 3);
    CHECK_STR(text, "ef\n");
    CHECK_EQ(console_get(4), 2);
}

TEST(editing_keys_change_the_line)
{
    check_line("abX\x7f"
               "c\n",
               "abc\n", "abX\b \bc\n");
    check_line("\x7f\x7fok\n", "ok\n", "ok\n");
    check_line("wrong\x15right\n", "right\n",
               "wrong\b \b\b \b\b \b\b \b\b \bright\n");
    check_line("one two \x17three\n", "one three\n",
               "one two \b \b\b \b\b \b\b \bthree\n");
    check_line("a\x01\x7f"
               "b\n",
               "ab\n", "a^A\b \b\b \bb\n");
    check_line("ab\t\x7f"
               "c\n",
               "abc\n", "ab      \b \b\b \b\b \b\b \b\b \b\b \bc\n");
    check_line("a\x16\x03z\n", "a\003z\n", "a^Cz\n");
    check_line("ab\x12"
               "c\n",
               "abc\n", "ab^R\nabc\n");
}

TEST(utf8_characters_are_erased_whole)
{
    struct termios settings;

    console_fresh(O_NONBLOCK);
    file_ioctl(console, TCGETS, &settings);
    settings.c_iflag |= IUTF8;
    file_ioctl(console, TCSETS, &settings);
    glue_type("a\xc3\xa9\x7f"
              "b\n");
    CHECK_EQ(console_get(100), 3);
    CHECK_STR(text, "ab\n");
    CHECK_STR(glue_output, "a\xc3\xa9\b \bb\n");
}

/* Ctrl-D: at the start of a line end of file, after text the text without a newline. */
TEST(end_of_file_key)
{
    console_fresh(O_NONBLOCK);
    glue_type("abc\x04");
    CHECK_EQ(console_get(100), 3);
    CHECK_EQ(console_get(100), -EAGAIN);
    glue_type("\x04");
    CHECK(file_ready(console) & POLLIN);
    CHECK_EQ(console_get(100), 0);
    CHECK_EQ(console_get(100), -EAGAIN);
    CHECK_STR(glue_output, "abc");
}

/* Ctrl-C works although nobody reads, and takes the typed line with it. */
TEST(signal_keys_raise_signals)
{
    console_fresh(O_NONBLOCK);
    glue_type("half\x03");
    CHECK_EQ(glue_signals, 1u << SIGINT);
    CHECK_STR(glue_output, "half^C");
    glue_type("\x1c\x1a");
    CHECK_EQ(glue_signals, 1u << SIGINT | 1u << SIGQUIT | 1u << SIGTSTP);
    glue_type("x\n");
    CHECK_EQ(console_get(100), 2);

    glue_signals = 0;
    console_local(ISIG, 0, -1, -1);
    glue_type("\x03\n");
    CHECK_EQ(glue_signals, 0);
    CHECK_EQ(console_get(100), 2);
    CHECK_EQ(text[0], 3);
}

TEST(without_echo_nothing_is_shown_but_the_newline_when_asked)
{
    console_fresh(O_NONBLOCK);
    console_local(ECHO, 0, -1, -1);
    glue_type("secret\n");
    CHECK_STR(glue_output, "");
    console_local(0, ECHONL, -1, -1);
    glue_type("more\n");
    CHECK_STR(glue_output, "\n");
}

/* What was typed before the reader sleeps, while it sleeps, and by a byte at a time. */
static void type_rest(void)
{
    glue_type("!\n");
}

TEST(a_blocking_read_waits_for_the_line)
{
    console_fresh(0);
    glue_type("wait");
    glue_on_sleep = type_rest;
    CHECK_EQ(console_get(100), 6);
    CHECK_STR(text, "wait!\n");
}

TEST(raw_mode_gives_bytes_at_once)
{
    console_fresh(O_NONBLOCK);
    console_local(ICANON | ECHO | ISIG, 0, 1, 0);
    CHECK_EQ(console_get(10), -EAGAIN);
    glue_type("\x03\x04\x7f");
    CHECK_EQ(console_get(10), 3);
    CHECK_STR(text, "\x03\x04\x7f");
    CHECK_STR(glue_output, "");
}

static void type_one(void)
{
    glue_type("+");
}

TEST(vmin_and_vtime)
{
    uint64_t before;

    /* MIN 3: three bytes are waited for, and poll() waits as long. */
    console_fresh(0);
    console_local(ICANON | ECHO, 0, 3, 0);
    glue_type("a");
    CHECK_EQ(file_ready(console) & POLLIN, 0);
    glue_on_sleep = type_one;
    CHECK_EQ(console_get(10), 3);
    CHECK_STR(text, "a++");

    /* A buffer smaller than MIN is enough when full. */
    glue_type("bc");
    CHECK_EQ(console_get(2), 2);

    /* MIN 0, TIME 0: never waits. */
    glue_on_sleep = NULL;
    console_local(0, 0, 0, 0);
    CHECK_EQ(console_get(10), 0);
    glue_type("z");
    CHECK_EQ(console_get(10), 1);

    /* MIN 0, TIME 5: half a second for a first byte. */
    console_local(0, 0, 0, 5);
    before = glue_monotonic_ns;
    CHECK_EQ(console_get(10), 0);
    CHECK_EQ(glue_monotonic_ns - before, 500000000);

    /* MIN 5, TIME 2: between bytes 0.2 s, once the first is there. */
    console_local(0, 0, 5, 2);
    glue_type("hi");
    before = glue_monotonic_ns;
    CHECK_EQ(console_get(10), 2);
    CHECK_EQ(glue_monotonic_ns - before, 200000000);
}

TEST(a_half_line_becomes_readable_in_raw_mode_and_unread_bytes_a_line_in_canonical_mode)
{
    console_fresh(O_NONBLOCK);
    glue_type("half");
    console_local(ICANON, 0, 1, 0);
    CHECK_EQ(console_get(2), 2);
    console_local(0, ICANON, -1, -1);
    CHECK_EQ(console_get(10), 2);
    CHECK_STR(text, "lf");
}

/* More than the terminal holds: what does not fit stays at the sender and nothing is lost. */
TEST(much_input_is_kept_back_and_not_lost)
{
    static char line[101], all[20001];
    size_t got = 0;

    console_fresh(O_NONBLOCK);
    memset(line, 'l', 99);
    line[99] = '\n';
    for (int i = 0; i < 200; i++)
        memcpy(all + i * 100, line, 100);
    glue_type(all);
    CHECK(console_get(1) == 1);
    got = 1;
    for (;;) {
        ssize_t n = console_get(1000);

        if (n == -EAGAIN)
            break;
        CHECK(n == 100 || got == 1);
        got += (size_t)n;
    }
    CHECK_EQ(got, 20000);
}

/* A line without end fills the buffer: it rings, and can still be ended. */
TEST(a_line_too_long_rings_and_can_be_ended)
{
    static char all[6001];

    console_fresh(O_NONBLOCK);
    memset(all, 'x', 6000);
    glue_type(all);
    CHECK(strchr(glue_output, '\a') != NULL);
    glue_type("\n");
    CHECK_EQ(console_get(8000), 4096);
    CHECK_EQ(text[4095], '\n');
}

TEST(flow_control_holds_output)
{
    struct iovec iov = { (char *)"held", 4 };

    console_fresh(O_NONBLOCK);
    glue_type("\x13");
    CHECK_EQ(file_ready(console) & POLLOUT, 0);
    CHECK_EQ(file_write(console, &iov, 1, NULL), -EAGAIN);
    glue_type("\x11");
    CHECK(file_ready(console) & POLLOUT);
    CHECK_EQ(file_write(console, &iov, 1, NULL), 4);
    CHECK_STR(glue_output, "held");
}

static void make_room(void)
{
    glue_output_room += 3;
    glue_type("");
}

TEST(a_full_console_is_waited_for)
{
    struct iovec iov[2] = { { (char *)"01234", 5 }, { (char *)"56789", 5 } };

    console_fresh(0);
    glue_output_room = 2;
    glue_on_sleep = make_room;
    CHECK_EQ(file_write(console, iov, 2, NULL), 10);
    CHECK_STR(glue_output, "0123456789");

    /* And a write that may not wait says how much it wrote. */
    console_fresh(O_NONBLOCK);
    glue_output_room = 7;
    CHECK_EQ(file_write(console, iov, 2, NULL), 7);
    CHECK_EQ(file_write(console, iov, 2, NULL), -EAGAIN);
}

TEST(size_and_requests)
{
    struct winsize size = { .ws_row = 50, .ws_col = 132 };
    int n = 0;

    console_fresh(O_NONBLOCK);
    CHECK_EQ(file_ioctl(console, TIOCSWINSZ, &size), 0);
    CHECK_EQ(glue_signals, 1u << SIGWINCH);
    memset(&size, 0, sizeof(size));
    CHECK_EQ(file_ioctl(console, TIOCGWINSZ, &size), 0);
    CHECK_EQ(size.ws_col, 132);
    glue_type("abc");
    CHECK_EQ(file_ioctl(console, FIONREAD, &n), 0);
    CHECK_EQ(n, 0);
    glue_type("\n");
    CHECK_EQ(file_ioctl(console, FIONREAD, &n), 0);
    CHECK_EQ(n, 4);
    CHECK_EQ(file_ioctl(console, 0x9999, &n), -ENOTTY);
    CHECK_EQ(file_seek(console, 0, SEEK_SET), -ESPIPE);
}
