/*
 * Waiting for descriptors: pipes, eventfds and timerfds, each with threads on both sides, through
 * blocking calls, poll, select and epoll; ends of file, broken pipes, O_NONBLOCK.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define MS 1000000ll

static long long now_ns(void)
{
    struct timespec now;

    CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void make_pipe(int *in, int *out, int flags)
{
    int fds[2];

    CHECK_EQ(pipe2(fds, flags), 0);
    *in = fds[0];
    *out = fds[1];
}

static short events_of(int fd, short events)
{
    struct pollfd at = { .fd = fd, .events = events };

    CHECK(poll(&at, 1, 0) == (at.revents != 0));
    return at.revents;
}

static void *later(void *(*what)(void *), intptr_t fd)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, what, (void *)fd), 0);
    return (void *)thread;
}

static void join(void *thread)
{
    CHECK_EQ(pthread_join((pthread_t)thread, NULL), 0);
}

static void *write_x_later(void *fd)
{
    usleep(10000);
    CHECK_EQ(write((int)(intptr_t)fd, "x", 1), 1);
    return NULL;
}

static void *write_8_later(void *fd)
{
    uint64_t one = 1;

    usleep(10000);
    CHECK_EQ(write((int)(intptr_t)fd, &one, sizeof(one)), 8);
    return NULL;
}

static void *close_later(void *fd)
{
    usleep(10000);
    CHECK_EQ(close((int)(intptr_t)fd), 0);
    return NULL;
}

/* ---- pipes ---- */

static volatile sig_atomic_t broken;

static void on_broken_pipe(int signal)
{
    CHECK_EQ(signal, SIGPIPE);
    broken++;
}

static void test_pipe_ends(void)
{
    char text[16];
    struct stat st;
    int in, out, n;

    make_pipe(&in, &out, O_CLOEXEC);
    CHECK_EQ(fcntl(in, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(out, F_GETFL), O_WRONLY);
    CHECK_EQ(fstat(in, &st), 0);
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_ERRNO(lseek(in, 0, SEEK_CUR), ESPIPE);
    CHECK_ERRNO(pread(in, text, 1, 0), ESPIPE);
    CHECK_ERRNO(read(out, text, 1), EBADF);
    CHECK_ERRNO(write(in, text, 1), EBADF);
    CHECK_ERRNO(fsync(in), EINVAL);
    CHECK_EQ(write(out, "hello", 5), 5);
    CHECK_EQ(ioctl(in, FIONREAD, &n), 0);
    CHECK_EQ(n, 5);
    CHECK_EQ(read(in, text, 2), 2);
    CHECK_EQ(read(in, text, sizeof(text)), 3); /* what is there, without waiting for more */
    CHECK_EQ(events_of(in, POLLIN), 0);
    CHECK_EQ(write(out, "end", 3), 3);
    CHECK_EQ(close(out), 0);
    CHECK_EQ(events_of(in, POLLIN), POLLIN | POLLHUP);
    CHECK_EQ(read(in, text, sizeof(text)), 3);
    CHECK_EQ(events_of(in, POLLIN), POLLHUP);
    CHECK_EQ(read(in, text, sizeof(text)), 0);
    CHECK_EQ(read(in, text, sizeof(text)), 0);
    CHECK_EQ(close(in), 0);
    int fds[2];
    CHECK_ERRNO(pipe2(fds, O_APPEND), EINVAL);

    /* Nobody reads any more. */
    make_pipe(&in, &out, 0);
    CHECK(signal(SIGPIPE, on_broken_pipe) != SIG_ERR);
    CHECK_EQ(close(in), 0);
    CHECK(events_of(out, POLLOUT) & POLLERR);
    CHECK_ERRNO(write(out, "x", 1), EPIPE);
    CHECK_EQ(broken, 1);
    CHECK(signal(SIGPIPE, SIG_IGN) == on_broken_pipe);
    CHECK_ERRNO(write(out, "x", 1), EPIPE);
    CHECK_EQ(broken, 1);
    CHECK_EQ(close(out), 0);
}

static void test_pipe_does_not_wait(void)
{
    static char block[PIPE_BUF];
    int in, out, total = 0;
    ssize_t n;
    char c;

    make_pipe(&in, &out, O_NONBLOCK);
    CHECK_EQ(fcntl(in, F_GETFL), O_RDONLY | O_NONBLOCK);
    CHECK_ERRNO(read(in, &c, 1), EAGAIN);
    while ((n = write(out, block, 1000)) > 0)
        total += (int)n;
    CHECK_EQ(errno, EAGAIN);
    CHECK(total >= 65536 - 1000 && total <= 65536);
    CHECK_EQ(total % 1000, 0); /* up to PIPE_BUF all or nothing */
    CHECK_EQ(events_of(out, POLLOUT), 0);
    CHECK_EQ(read(in, block, 5), 5);
    CHECK_EQ(write(out, block, 5), 5);
    CHECK_EQ(fcntl(in, F_SETFL, 0), 0);
    while (total > 0) {
        n = read(in, block, sizeof(block));
        CHECK(n > 0);
        total -= (int)n;
    }
    CHECK_EQ(events_of(in, POLLIN), 0);
    CHECK_EQ(events_of(out, POLLOUT), POLLOUT);
    CHECK_EQ(close(in) + close(out), 0);
}

#define STREAM (3 * 1000 * 1000)

static void *write_stream(void *arg)
{
    int fd = (int)(intptr_t)arg;
    static unsigned char bytes[100000];
    int done = 0;

    while (done < STREAM) {
        int len = 1 + (done * 7919) % 100000;

        if (len > STREAM - done)
            len = STREAM - done;
        for (int i = 0; i < len; i++)
            bytes[i] = (unsigned char)((done + i) % 251);
        CHECK_EQ(write(fd, bytes, len), len); /* waits for room until all is written */
        done += len;
    }
    CHECK_EQ(close(fd), 0);
    return NULL;
}

/* Three megabytes through 64 KiB, in pieces of all sizes, arrive in order and end. */
static void test_pipe_stream(void)
{
    static unsigned char bytes[50000];
    int in, out, done = 0;
    ssize_t n;
    void *thread;

    make_pipe(&in, &out, 0);
    thread = later(write_stream, out);
    while ((n = read(in, bytes, 1 + (done * 104729ll) % sizeof(bytes))) > 0) {
        for (int i = 0; i < n; i++)
            CHECK_EQ(bytes[i], (done + i) % 251);
        done += (int)n;
    }
    CHECK_EQ(n, 0);
    CHECK_EQ(done, STREAM);
    join(thread);
    CHECK_EQ(close(in), 0);
}

static void test_pipe_waits(void)
{
    int in, out;
    char c;
    void *thread;

    make_pipe(&in, &out, 0);
    thread = later(write_x_later, out);
    CHECK_EQ(read(in, &c, 1), 1);
    join(thread);
    thread = later(close_later, out);
    CHECK_EQ(read(in, &c, 1), 0); /* the end wakes who reads */
    join(thread);
    CHECK_EQ(close(in), 0);
}

static void *write_too_much(void *arg)
{
    static char block[70000];

    CHECK(write((int)(intptr_t)arg, block, sizeof(block)) < (ssize_t)sizeof(block));
    CHECK_ERRNO(write((int)(intptr_t)arg, block, 1), EPIPE);
    return NULL;
}

static void test_reader_goes(void)
{
    int in, out;
    void *thread;

    make_pipe(&in, &out, 0);
    thread = later(write_too_much, out);
    usleep(10000);
    CHECK_EQ(close(in), 0); /* wakes who writes */
    join(thread);
    CHECK_EQ(close(out), 0);
}

static void *open_to_write(void *arg)
{
    int fd = open("/tmp/fifo", O_WRONLY);

    (void)arg;
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "named", 5), 5);
    CHECK_EQ(close(fd), 0);
    return NULL;
}

static void *read_some_later(void *fd)
{
    static char block[PIPE_BUF];

    usleep(10000);
    CHECK_EQ(read((int)(intptr_t)fd, block, sizeof(block)), sizeof(block));
    return NULL;
}

static void test_named_pipe(void)
{
    static char block[65536];
    char text[8];
    int fd, both;
    void *thread;

    CHECK_EQ(mkfifo("/tmp/fifo", 0600), 0);
    CHECK_ERRNO(mkfifo("/tmp/fifo", 0600), EEXIST);
    CHECK_ERRNO(open("/tmp/fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    thread = later(open_to_write, 0);
    fd = open("/tmp/fifo", O_RDONLY); /* meets the writer */
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, text, sizeof(text)), 5);
    CHECK_EQ(read(fd, text, sizeof(text)), 0);
    join(thread);
    CHECK_EQ(close(fd), 0);
    both = open("/tmp/fifo", O_RDWR);
    CHECK_EQ(write(both, "abc", 3), 3);
    CHECK_EQ(read(both, text, sizeof(text)), 3);
    CHECK_EQ(write(both, block, sizeof(block)), sizeof(block));
    thread = later(read_some_later, both);
    CHECK_EQ(write(both, "x", 1), 1); /* an end for both ways waits for room, too */
    join(thread);
    CHECK_EQ(close(both) + unlink("/tmp/fifo"), 0);
}

/* ---- eventfd, timerfd ---- */

static void test_eventfd(void)
{
    uint64_t value;
    void *thread;
    int fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);

    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 3);
    CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
    CHECK_ERRNO(read(fd, &value, 7), EINVAL);
    value = UINT64_MAX;
    CHECK_ERRNO(write(fd, &value, 8), EINVAL);
    value = UINT64_MAX - 1;
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(events_of(fd, POLLIN | POLLOUT), POLLIN);
    value = 1;
    CHECK_ERRNO(write(fd, &value, 8), EAGAIN);
    CHECK_EQ(eventfd_read(fd, &value), 0);
    CHECK(value == UINT64_MAX - 1);
    CHECK_EQ(events_of(fd, POLLIN | POLLOUT), POLLOUT);
    CHECK_EQ(eventfd_write(fd, 5) + eventfd_write(fd, 6), 0);
    CHECK_EQ(eventfd_read(fd, &value), 0);
    CHECK_EQ(value, 11);
    CHECK_EQ(close(fd), 0);
    CHECK_ERRNO(eventfd(0, O_APPEND), EINVAL);

    fd = eventfd(2, EFD_SEMAPHORE);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(eventfd_read(fd, &value), 0);
        CHECK_EQ(value, 1);
    }
    thread = later(write_8_later, fd);
    CHECK_EQ(eventfd_read(fd, &value), 0); /* waits */
    join(thread);
    CHECK_EQ(close(fd), 0);
}

static void test_timerfd(void)
{
    struct itimerspec times = { .it_value.tv_nsec = 20 * MS }, left;
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    long long before = now_ns();
    uint64_t n;

    CHECK(fd >= 0);
    CHECK_EQ(timerfd_settime(fd, 0, &times, NULL), 0);
    CHECK_EQ(timerfd_gettime(fd, &left), 0);
    CHECK(left.it_value.tv_nsec <= 20 * MS);
    CHECK(left.it_value.tv_nsec > 0 || now_ns() - before >= 20 * MS);
    CHECK(events_of(fd, POLLIN) == 0 || now_ns() - before >= 20 * MS);
    CHECK_EQ(read(fd, &n, 8), 8);
    CHECK_EQ(n, 1);
    CHECK(now_ns() - before >= 20 * MS);
    CHECK_EQ(timerfd_gettime(fd, &left), 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);

    times.it_interval.tv_nsec = 5 * MS;
    times.it_value.tv_nsec = 5 * MS;
    CHECK_EQ(timerfd_settime(fd, 0, &times, &left), 0);
    usleep(40000);
    CHECK_EQ(read(fd, &n, 8), 8);
    CHECK(n >= 7);
    CHECK_EQ(read(fd, &n, 8), 8); /* goes on */
    times.it_value.tv_nsec = 0;
    CHECK_EQ(timerfd_settime(fd, 0, &times, &left), 0); /* disarmed */
    CHECK_EQ(left.it_interval.tv_nsec, 5 * MS);
    CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    CHECK_ERRNO(read(fd, &n, 8), EAGAIN);
    CHECK_ERRNO(read(fd, &n, 4), EINVAL);
    CHECK_ERRNO(write(fd, &n, 8), EINVAL);

    /* By the wall clock, at a time that is past: at once. */
    int wall = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    times = (struct itimerspec){ .it_value.tv_sec = 1 };
    CHECK_EQ(timerfd_settime(wall, TFD_TIMER_ABSTIME, &times, NULL), 0);
    CHECK_EQ(poll(&(struct pollfd){ .fd = wall, .events = POLLIN }, 1, 10000), 1);
    CHECK_EQ(read(wall, &n, 8), 8);
    CHECK_EQ(close(wall) + close(fd), 0);
    times.it_value.tv_nsec = 1000000000;
    fd = timerfd_create(CLOCK_MONOTONIC, 0);
    CHECK_ERRNO(timerfd_settime(fd, 0, &times, NULL), EINVAL);
    CHECK_ERRNO(timerfd_settime(0, 0, &left, NULL), EINVAL); /* the terminal is no timer */
    CHECK_ERRNO(timerfd_create(99, 0), EINVAL);
    CHECK_EQ(close(fd), 0);
}

/* ---- poll and select ---- */

static void test_poll(void)
{
    int in, out, other = eventfd(0, 0);
    struct pollfd fds[3];
    long long before;
    char c;
    void *thread;

    make_pipe(&in, &out, 0);
    fds[0] = (struct pollfd){ .fd = in, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = other, .events = POLLIN };
    fds[2] = (struct pollfd){ .fd = -1, .events = POLLIN, .revents = 77 };
    CHECK_EQ(poll(fds, 3, 0), 0);
    CHECK_EQ(fds[2].revents, 0);
    before = now_ns();
    CHECK_EQ(poll(fds, 3, 20), 0);
    CHECK(now_ns() - before >= 20 * MS);
    thread = later(write_x_later, out);
    CHECK_EQ(poll(fds, 3, -1), 1);
    CHECK(fds[0].revents == POLLIN && fds[1].revents == 0);
    CHECK_EQ(poll(fds, 3, -1), 1); /* still */
    join(thread);
    CHECK_EQ(read(in, &c, 1), 1);
    thread = later(write_8_later, other);
    CHECK_EQ(poll(fds, 3, 60000), 1);
    CHECK(fds[0].revents == 0 && fds[1].revents == POLLIN);
    join(thread);
    fds[2] = (struct pollfd){ .fd = 999, .events = POLLIN };
    CHECK_EQ(poll(fds, 3, -1), 2);
    CHECK_EQ(fds[2].revents, POLLNVAL);
    fds[1] = (struct pollfd){ .fd = out, .events = POLLOUT };
    thread = later(close_later, out);
    CHECK_EQ(poll(&fds[0], 1, -1), 1); /* not asked for, yet told */
    CHECK_EQ(fds[0].revents, POLLHUP);
    join(thread);
    CHECK_EQ(poll(NULL, 0, 1), 0);
    CHECK_EQ(ppoll(fds, 1, &(struct timespec){ 0, 0 }, NULL), 1);
    CHECK_ERRNO(ppoll(fds, 1, &(struct timespec){ 0, -1 }, NULL), EINVAL);
    CHECK_EQ(close(in) + close(other), 0);
}

static void test_select(void)
{
    struct timeval none = { 0, 0 }, some = { 0, 20000 };
    int in, out, n;
    fd_set read_set, write_set;
    void *thread;
    char c;

    make_pipe(&in, &out, 0);
    n = (in > out ? in : out) + 1;
    FD_ZERO(&read_set);
    FD_ZERO(&write_set);
    FD_SET(in, &read_set);
    FD_SET(out, &write_set);
    CHECK_EQ(select(n, &read_set, &write_set, NULL, &none), 1);
    CHECK(!FD_ISSET(in, &read_set) && FD_ISSET(out, &write_set));
    FD_SET(in, &read_set);
    CHECK_EQ(select(n, &read_set, NULL, NULL, &some), 0);
    CHECK(!FD_ISSET(in, &read_set));
    FD_SET(in, &read_set);
    thread = later(write_x_later, out);
    CHECK_EQ(select(n, &read_set, NULL, NULL, NULL), 1);
    CHECK(FD_ISSET(in, &read_set));
    join(thread);
    CHECK_EQ(select(n, &read_set, &write_set, NULL, NULL), 2);
    CHECK_EQ(read(in, &c, 1), 1);
    CHECK_EQ(close(out), 0);
    CHECK_EQ(select(n, &read_set, NULL, NULL, NULL), 1); /* the end can be read without waiting */
    CHECK_EQ(close(in), 0);
    CHECK_ERRNO(select(n, &read_set, NULL, NULL, &none), EBADF);
    CHECK_ERRNO(select(-1, NULL, NULL, NULL, &none), EINVAL);
    CHECK_EQ(select(0, NULL, NULL, NULL, &(struct timeval){ 0, 1000 }), 0);
    CHECK_EQ(pselect(0, NULL, NULL, NULL, &(struct timespec){ 0, 1000 }, NULL), 0);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
    (void)signal;
    alarms++;
}

/* A signal ends a wait; SA_RESTART makes read() go on, but never poll(). */
static void test_interrupted(void)
{
    struct sigaction action = { .sa_handler = on_alarm };
    struct itimerval soon = { .it_value.tv_usec = 10000 };
    sigset_t blocked, none;
    int in, out;
    char c;
    void *thread;

    make_pipe(&in, &out, 0);
    struct pollfd at = { .fd = in, .events = POLLIN };
    struct epoll_event event;
    int epoll = epoll_create1(0);

    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
    CHECK_ERRNO(read(in, &c, 1), EINTR);
    CHECK_EQ(alarms, 1);
    action.sa_flags = SA_RESTART;
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
    CHECK_ERRNO(poll(&at, 1, -1), EINTR);
    CHECK_EQ(alarms, 2);
    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
    CHECK_ERRNO(epoll_wait(epoll, &event, 1, -1), EINTR);
    CHECK_EQ(alarms, 3);
    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
    CHECK_ERRNO(select(0, NULL, NULL, NULL, NULL), EINTR);
    CHECK_EQ(alarms, 4);
    soon.it_value.tv_usec = 3000;
    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
    thread = later(write_x_later, out);
    CHECK_EQ(read(in, &c, 1), 1); /* restarted */
    CHECK_EQ(alarms, 5);
    join(thread);

    /* Blocked but for ppoll's wait. */
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    CHECK_EQ(raise(SIGALRM), 0);
    CHECK_EQ(alarms, 5);
    CHECK_ERRNO(ppoll(&at, 1, NULL, &none), EINTR);
    CHECK_EQ(alarms, 6);
    CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL), 0);
    CHECK_EQ(close(in) + close(out) + close(epoll), 0);
}

/* ---- epoll ---- */

static int wait_now(int epoll, struct epoll_event *event)
{
    return epoll_wait(epoll, event, 1, 0);
}

static void watch(int epoll, int op, int fd, unsigned events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };

    CHECK_EQ(epoll_ctl(epoll, op, fd, &event), 0);
}

static void test_epoll(void)
{
    struct epoll_event event = { .events = EPOLLIN }, events[4];
    int epoll = epoll_create1(EPOLL_CLOEXEC), in, out, other = eventfd(0, 0);
    long long before;
    uint64_t value;
    void *thread;
    char c;

    CHECK(epoll >= 0);
    make_pipe(&in, &out, 0);
    watch(epoll, EPOLL_CTL_ADD, in, EPOLLIN);
    watch(epoll, EPOLL_CTL_ADD, other, EPOLLIN);
    CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, in, &event), EEXIST);
    CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_MOD, out, &event), ENOENT);
    CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_DEL, out, NULL), ENOENT);
    CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event), EINVAL);
    CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, 999, &event), EBADF);
    CHECK_ERRNO(epoll_ctl(in, EPOLL_CTL_ADD, out, &event), EINVAL);
    CHECK_ERRNO(epoll_wait(epoll, events, 0, 0), EINVAL);
    CHECK_ERRNO(epoll_wait(in, events, 1, 0), EINVAL);
    int file = open("/tmp/plain", O_RDWR | O_CREAT, 0600);
    CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event), EPERM);
    CHECK_EQ(close(file) + unlink("/tmp/plain"), 0);

    before = now_ns();
    CHECK_EQ(epoll_wait(epoll, events, 4, 20), 0);
    CHECK(now_ns() - before >= 20 * MS);

    /* Level: told again and again until it is read. */
    thread = later(write_x_later, out);
    CHECK_EQ(epoll_wait(epoll, events, 4, -1), 1);
    CHECK(events[0].data.fd == in && events[0].events == EPOLLIN);
    CHECK_EQ(epoll_wait(epoll, events, 4, -1), 1);
    join(thread);
    CHECK_EQ(eventfd_write(other, 1), 0);
    CHECK_EQ(epoll_wait(epoll, events, 4, -1), 2);
    CHECK_EQ(read(in, &c, 1), 1);
    CHECK_EQ(epoll_wait(epoll, events, 4, -1), 1);
    CHECK_EQ(events[0].data.fd, other);
    CHECK_EQ(eventfd_read(other, &value), 0);
    CHECK_EQ(wait_now(epoll, &event), 0);

    /* Edge: told once for each time something comes. */
    watch(epoll, EPOLL_CTL_MOD, in, EPOLLIN | EPOLLET);
    CHECK_EQ(write(out, "ab", 2), 2);
    CHECK_EQ(wait_now(epoll, &event), 1);
    CHECK_EQ(wait_now(epoll, &event), 0);
    CHECK_EQ(read(in, &c, 1), 1);
    CHECK_EQ(wait_now(epoll, &event), 0);
    CHECK_EQ(write(out, "c", 1), 1);
    CHECK_EQ(wait_now(epoll, &event), 1);
    CHECK_EQ(wait_now(epoll, &event), 0);
    watch(epoll, EPOLL_CTL_MOD, in, EPOLLIN | EPOLLET); /* setting it again looks again */
    CHECK_EQ(wait_now(epoll, &event), 1);

    /* Once, until it is set again. */
    watch(epoll, EPOLL_CTL_MOD, in, EPOLLIN | EPOLLONESHOT);
    CHECK_EQ(wait_now(epoll, &event), 1);
    CHECK_EQ(write(out, "d", 1), 1);
    CHECK_EQ(wait_now(epoll, &event), 0);
    watch(epoll, EPOLL_CTL_MOD, in, EPOLLIN | EPOLLONESHOT);
    CHECK_EQ(wait_now(epoll, &event), 1);

    /* A closed file is forgotten, but only with its last descriptor. */
    watch(epoll, EPOLL_CTL_MOD, in, EPOLLIN);
    int copy = dup(in);
    CHECK_EQ(close(in), 0);
    CHECK_EQ(wait_now(epoll, &event), 1);
    CHECK_EQ(close(copy), 0);
    CHECK_EQ(wait_now(epoll, &event), 0);
    CHECK_EQ(close(out), 0);

    /* The other side's end is told unasked; an epoll can be watched itself. */
    make_pipe(&in, &out, 0);
    watch(epoll, EPOLL_CTL_ADD, in, 0);
    int outer = epoll_create(1);
    watch(outer, EPOLL_CTL_ADD, epoll, EPOLLIN);
    CHECK_EQ(wait_now(outer, &event), 0);
    struct epoll_event loop = { .events = EPOLLIN };
    CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, outer, &loop), ELOOP);
    thread = later(close_later, out);
    CHECK_EQ(epoll_wait(outer, &event, 1, -1), 1);
    CHECK_EQ(event.data.fd, epoll);
    CHECK_EQ(wait_now(epoll, &event), 1);
    CHECK_EQ(event.events, EPOLLHUP);
    join(thread);
    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_DEL, in, NULL), 0);
    CHECK_EQ(wait_now(epoll, &event), 0);
    CHECK_EQ(wait_now(outer, &event), 0);
    CHECK_EQ(close(in) + close(epoll) + close(outer) + close(other), 0);
}

#define PAIRS 40
#define ROUNDS 200

static int ping[PAIRS][2], pong[PAIRS][2];

static void *echo(void *arg)
{
    int pair = (int)(intptr_t)arg;
    char c;

    while (read(ping[pair][0], &c, 1) == 1)
        CHECK_EQ(write(pong[pair][1], &c, 1), 1);
    return NULL;
}

/* Forty threads answer through pipes; one thread hears them all through one epoll. */
static void test_epoll_of_many(void)
{
    struct epoll_event events[8];
    int epoll = epoll_create1(0), rounds[PAIRS] = { 0 }, done = 0;
    void *threads[PAIRS];

    for (int i = 0; i < PAIRS; i++) {
        CHECK_EQ(pipe(ping[i]) + pipe(pong[i]), 0);
        struct epoll_event event = { .events = EPOLLIN | (i % 2 ? EPOLLET : 0), .data.u32 = i };
        CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, pong[i][0], &event), 0);
        threads[i] = later(echo, i);
        CHECK_EQ(write(ping[i][1], "!", 1), 1);
    }
    while (done < PAIRS * ROUNDS) {
        int n = epoll_wait(epoll, events, 8, 60000);

        CHECK(n > 0);
        for (int e = 0; e < n; e++) {
            int i = (int)events[e].data.u32;
            char c;

            CHECK_EQ(read(pong[i][0], &c, 1), 1);
            done++;
            if (++rounds[i] < ROUNDS)
                CHECK_EQ(write(ping[i][1], "!", 1), 1);
        }
    }
    for (int i = 0; i < PAIRS; i++) {
        CHECK_EQ(rounds[i], ROUNDS);
        CHECK_EQ(close(ping[i][1]), 0);
        join(threads[i]);
        CHECK_EQ(close(ping[i][0]) + close(pong[i][0]) + close(pong[i][1]), 0);
    }
    CHECK_EQ(close(epoll), 0);
}

int main(void)
{
    test_pipe_ends();
    test_pipe_does_not_wait();
    test_pipe_stream();
    test_pipe_waits();
    test_reader_goes();
    test_named_pipe();
    test_eventfd();
    test_timerfd();
    test_poll();
    test_select();
    test_interrupted();
    test_epoll();
    test_epoll_of_many();
    puts("PASS");
    return 0;
}
