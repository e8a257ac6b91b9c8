/*
 * Signals that arrive anywhere inside calls to the system: a handler may make the same call on the
 * same descriptor, or leave for good by siglongjmp(), and all goes on working.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"

#define ROUNDS 300

static sigjmp_buf out;
static int ends[2], file, seen[2];
static volatile sig_atomic_t count;

static void handle(void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_flags = flags };

    action.sa_handler = handler;
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
}

static void leave(int number)
{
    (void)number;
    count++;
    siglongjmp(out, 1);
}

static void pipe_works(void)
{
    char text[8] = "";

    CHECK_EQ(write(ends[1], "1234567", 8), 8);
    CHECK_EQ(read(ends[0], text, 8), 8);
    CHECK_STR(text, "1234567");
}

/* The idiom for a time limit on a call that blocks. */
static void leave_blocked_calls(void)
{
    struct pollfd fd = { .fd = ends[0], .events = POLLIN };
    char byte;

    handle(leave, SA_RESTART);
    for (volatile int i = 0; i < 30; i++) {
        if (sigsetjmp(out, 1) == 0) {
            ualarm(1000, 0);
            if (i % 3 == 0)
                read(ends[0], &byte, 1);
            else if (i % 3 == 1)
                poll(&fd, 1, -1);
            else
                sleep(1000);
            CHECK(0);
        }
        pipe_works();
    }
    CHECK_EQ(count, 30);
}

static void work(volatile unsigned *bytes)
{
    struct pollfd fd = { .fd = ends[0], .events = POLLIN };
    char text[16];

    for (;;) {
        struct stat status;

        CHECK_EQ(write(ends[1], "x", 1), 1);
        CHECK_EQ(poll(&fd, 1, -1), 1);
        CHECK_EQ(read(ends[0], text, 1), 1);
        CHECK_EQ(stat("/tmp/f", &status), 0);
        CHECK_EQ(pwrite(file, "abc", 3, 0), 3);
        CHECK_EQ(pread(file, text, 3, 0), 3);
        ++*bytes;
    }
}

/* At any moment. What such a jump interrupts may be half done for the program, but not for the
 * system. */
static void leave_anywhere(void)
{
    static volatile unsigned bytes;
    char text[256];

    handle(leave, 0);
    for (volatile int i = 0; i < ROUNDS; i++) {
        struct pollfd fd = { .fd = ends[0], .events = POLLIN };

        if (sigsetjmp(out, 1) == 0) {
            ualarm(300 + i % 97, 0);
            work(&bytes);
        }
        while (poll(&fd, 1, 0) == 1)
            CHECK(read(ends[0], text, sizeof(text)) > 0);
        pipe_works();
    }
    printf("%u rounds between\n", bytes);
}

static void same_calls(int number)
{
    struct stat status;
    char text[16];

    (void)number;
    count++;
    CHECK_EQ(write(seen[1], "y", 1), 1);
    CHECK_EQ(write(ends[1], "yy", 2), 2);
    CHECK_EQ(read(ends[0], text, 2), 2);
    CHECK_EQ(stat("/tmp/f", &status), 0);
    CHECK_EQ(pwrite(file, "abc", 3, 0), 3);
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
}

/* Handlers that do what they interrupt. */
static void calls_from_handlers(void)
{
    struct itimerval timer = { .it_value.tv_usec = 300, .it_interval.tv_usec = 700 };
    struct stat status;
    char text[16];

    handle(same_calls, SA_RESTART);
    count = 0;
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    while (count < ROUNDS) {
        CHECK_EQ(write(ends[1], "xx", 2), 2);
        CHECK_EQ(read(ends[0], text, 2), 2);
        CHECK_EQ(stat("/tmp/f", &status), 0);
        CHECK_EQ(pwrite(file, "abc", 3, 0), 3);
        CHECK_EQ(pread(file, text, 3, 0), 3);
    }
    timer = (struct itimerval){ .it_value.tv_usec = 0 };
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* A console that is written by both. */
static void write_console(int number)
{
    (void)number;
    count++;
    CHECK_EQ(write(1, "h", 1), 1);
}

static void console(void)
{
    struct itimerval timer = { .it_value.tv_usec = 300, .it_interval.tv_usec = 2000 };
    char line[64];

    memset(line, '.', sizeof(line));
    handle(write_console, SA_RESTART);
    count = 0;
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    /* A write that waits for room and is interrupted tells how much was written. */
    while (count < 40)
        CHECK(write(1, line, sizeof(line)) > 0);
    timer = (struct itimerval){ .it_value.tv_usec = 0 };
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    puts("");
}

int main(void)
{
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(pipe2(seen, O_NONBLOCK), 0);
    mkdir("/tmp", 0777);
    file = open("/tmp/f", O_RDWR | O_CREAT, 0666);
    CHECK(file >= 0);
    leave_blocked_calls();
    puts("left blocked calls");
    leave_anywhere();
    puts("left anywhere");
    calls_from_handlers();
    puts("called from handlers");
    console();
    puts("PASS");
    return 0;
}
