/*
 * The console as a terminal.
 *
 * Without arguments: settings, and reading when nothing is typed (standard input is at its end: one
 * Ctrl-D comes). With one, somebody types: see tests/boot/test_run.py, TheTerminalIsATerminal.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../check.h" /* `xenolith run` compiles this file, too, by its name alone */

static struct termios settings(void)
{
    struct termios now;

    CHECK_EQ(tcgetattr(0, &now), 0);
    return now;
}

static void set(struct termios wanted)
{
    CHECK_EQ(tcsetattr(0, TCSANOW, &wanted), 0);
}

static struct termios raw(int least, int tenths)
{
    struct termios raw = settings();

    cfmakeraw(&raw);
    raw.c_cc[VMIN] = (cc_t)least;
    raw.c_cc[VTIME] = (cc_t)tenths;
    return raw;
}

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- nobody types ---- */

static void test_settings(void)
{
    struct termios saved = settings(), now, wanted;
    int fds[2];

    CHECK(isatty(0) && isatty(1) && isatty(2));
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(isatty(fds[0]), 0);
    CHECK_EQ(errno, ENOTTY);
    CHECK_EQ(isatty(99), 0);
    CHECK_EQ(errno, EBADF);
    CHECK_ERRNO(tcgetattr(fds[0], &now), ENOTTY);
    CHECK_ERRNO(tcgetattr(99, &now), EBADF);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);

    CHECK((saved.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG));
    CHECK(saved.c_iflag & ICRNL);
    CHECK(saved.c_cc[VEOF] == 4 && saved.c_cc[VINTR] == 3 && saved.c_cc[VERASE] == 0x7f);
    CHECK_EQ(cfgetospeed(&saved), B38400);
    wanted = raw(1, 0);
    CHECK((wanted.c_lflag & (ICANON | ECHO | ISIG)) == 0 && (wanted.c_iflag & ICRNL) == 0);
    CHECK_EQ(tcsetattr(2, TCSADRAIN, &wanted), 0); /* one terminal behind all three */
    now = settings();
    CHECK_EQ(memcmp(&now, &wanted, sizeof(now)), 0);
    CHECK_EQ(tcsetattr(1, TCSAFLUSH, &saved), 0);
    now = settings();
    CHECK_EQ(memcmp(&now, &saved, sizeof(now)), 0);
    CHECK_ERRNO(tcsetattr(0, 17, &saved), EINVAL);
    CHECK_ERRNO(cfsetospeed(&now, 12345), EINVAL);
    CHECK_EQ(tcdrain(1) + tcflush(0, TCOFLUSH) + tcflow(1, TCOON) + tcsendbreak(0, 0), 0);
    CHECK_ERRNO(tcflush(0, 17), EINVAL);
    CHECK_ERRNO(tcflow(0, 17), EINVAL);
    CHECK_EQ(tcgetpgrp(0), getpgrp());
}

static volatile sig_atomic_t resized;

static void on_resize(int signal)
{
    resized = signal;
}

/* There are none: what takes a master is told what it has instead. */
static void test_pseudo_terminals(void)
{
    char name[64];

    CHECK_ERRNO(posix_openpt(O_RDWR | O_NOCTTY), ENOENT);
    CHECK_ERRNO(grantpt(0), EINVAL);
    CHECK_ERRNO(unlockpt(0), EINVAL);
    CHECK_ERRNO(unlockpt(99), EBADF);
    CHECK(ptsname(0) == NULL);
    CHECK_EQ(errno, ENOTTY);
    CHECK_EQ(ptsname_r(0, name, sizeof(name)), ENOTTY);
    CHECK(ptsname(99) == NULL);
    CHECK_EQ(errno, EBADF);
}

static void test_window(void)
{
    struct winsize size, wanted = { .ws_row = 50, .ws_col = 132 };

    CHECK_EQ(ioctl(1, TIOCGWINSZ, &size), 0);
    CHECK(size.ws_row == 24 && size.ws_col == 80);
    CHECK(signal(SIGWINCH, on_resize) != SIG_ERR);
    CHECK_EQ(ioctl(1, TIOCSWINSZ, &wanted), 0);
    CHECK_EQ(ioctl(0, TIOCGWINSZ, &size), 0);
    CHECK(size.ws_row == 50 && size.ws_col == 132);
    CHECK_EQ(resized, SIGWINCH);
    CHECK_ERRNO(ioctl(0, 0x12345678, NULL), ENOTTY);
}

static void test_nothing_typed(void)
{
    struct termios saved = settings();
    struct pollfd at = { .fd = 0, .events = POLLIN | POLLOUT };
    long long before;
    char c;
    int n;

    CHECK_EQ(read(0, &c, 1), 0); /* the end of input that came */
    CHECK_EQ(ioctl(0, FIONREAD, &n), 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(poll(&at, 1, 0), 1);
    CHECK_EQ(at.revents, POLLOUT);
    CHECK_EQ(fcntl(0, F_SETFL, O_NONBLOCK), 0);
    CHECK_ERRNO(read(0, &c, 1), EAGAIN);
    CHECK(fcntl(1, F_GETFL) & O_NONBLOCK); /* one open file behind 0, 1 and 2, as after a login */
    CHECK_EQ(fcntl(0, F_SETFL, 0), 0);

    set(raw(0, 0));
    CHECK_EQ(read(0, &c, 1), 0);
    set(raw(0, 2));
    before = now_ms();
    CHECK_EQ(read(0, &c, 1), 0);
    CHECK(now_ms() - before >= 200);
    set(saved);
}

/* ---- somebody types ---- */

static void say(const char *text)
{
    CHECK_EQ(write(1, text, strlen(text)), strlen(text));
}

/* Lines, as they were when their end was typed. */
static int lines(void)
{
    char line[100];

    say("ready\n");
    for (int round = 0; round < 2; round++) {
        while (fgets(line, sizeof(line), stdin) != NULL) {
            line[strcspn(line, "\n")] = '\0';
            printf("[%s]\n", line);
            fflush(stdout);
        }
        CHECK(feof(stdin) && !ferror(stdin));
        clearerr(stdin); /* what follows an end of input can be read */
        say("end\n");
    }
    return 0;
}

/* Keys one by one, without echo and without meaning, until q; then a line again. */
static int keys(void)
{
    struct termios saved = settings();
    unsigned char key;
    char line[100];

    set(raw(1, 0));
    say("ready\n");
    do {
        CHECK_EQ(read(0, &key, 1), 1);
        printf("<%02x>", key);
        fflush(stdout);
    } while (key != 'q');
    set(raw(5, 0)); /* not before five are there */
    say("five\n");
    CHECK_EQ(read(0, line, sizeof(line)), 5);
    printf("<%.5s>", line);
    fflush(stdout);
    set(saved);
    say("cooked\n");
    CHECK(fgets(line, sizeof(line), stdin) != NULL);
    printf("[%s]\n", line);
    return 0;
}

/* Ctrl-C interrupts a read and forgets what was typed; without a handler it ends the program. */
static int interrupt(void)
{
    struct sigaction action = { .sa_handler = on_resize };
    char line[100];
    ssize_t n;

    CHECK_EQ(sigaction(SIGINT, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGQUIT, &action, NULL), 0);
    say("ready\n");
    CHECK_ERRNO(read(0, line, sizeof(line)), EINTR);
    CHECK_EQ(resized, SIGINT);
    say("interrupted\n");
    CHECK_ERRNO(read(0, line, sizeof(line)), EINTR);
    CHECK_EQ(resized, SIGQUIT);
    say("quit\n");
    n = read(0, line, sizeof(line));
    printf("[%.*s]\n", (int)n, line);
    fflush(stdout);
    signal(SIGINT, SIG_DFL);
    say("waiting\n");
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "lines") == 0)
        return lines();
    if (strcmp(what, "keys") == 0)
        return keys();
    if (strcmp(what, "interrupt") == 0)
        return interrupt();
    test_settings();
    test_pseudo_terminals();
    test_window();
    test_nothing_typed();
    puts("PASS");
    return 0;
}
