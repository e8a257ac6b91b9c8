/*
 * Sockets in poll, select and epoll, level and edge, together with pipes, eventfds and each other;
 * a server of many connections on one epoll; signals and cancellation in waiting calls.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"

static int server;
static struct sockaddr_in server_at;

static int connected(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK_EQ(connect(fd, (struct sockaddr *)&server_at, sizeof(server_at)), 0);
    return fd;
}

static void listen_on_any_port(void)
{
    socklen_t len = sizeof(server_at);

    server = socket(AF_INET, SOCK_STREAM, 0);
    server_at =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    CHECK_EQ(bind(server, (struct sockaddr *)&server_at, len), 0);
    CHECK_EQ(listen(server, SOMAXCONN), 0);
    CHECK_EQ(getsockname(server, (struct sockaddr *)&server_at, &len), 0);
}

static void make_pair(int fds[2])
{
    fds[0] = connected();
    fds[1] = accept(server, NULL, NULL);
    CHECK(fds[1] >= 0);
}

static void *later(void *(*function)(void *), int arg)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, function, (void *)(intptr_t)arg), 0);
    return (void *)thread;
}

static void join(void *thread)
{
    CHECK_EQ(pthread_join((pthread_t)thread, NULL), 0);
}

static void *write_later(void *arg)
{
    usleep(5000);
    CHECK_EQ(write((int)(intptr_t)arg, "later!!!", 8), 8);
    return NULL;
}

/* ---- level and edge ---- */

static void test_all_kinds(void)
{
    int tcp[2], unix_pair[2], ends[2], event = eventfd(0, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(here);
    char text[8];

    make_pair(tcp);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair) + pipe(ends), 0);
    CHECK_EQ(bind(udp, (struct sockaddr *)&here, len), 0);
    CHECK_EQ(getsockname(udp, (struct sockaddr *)&here, &len), 0);
    CHECK_EQ(connect(udp, (struct sockaddr *)&here, len), 0); /* to itself */

    int from[] = { tcp[0], unix_pair[0], ends[0], event, udp };
    int to[] = { tcp[1], unix_pair[1], ends[1], event, udp };
    for (int i = 0; i < 5; i++) {
        struct pollfd all[5];
        fd_set set;
        int epoll = epoll_create1(0), max = 0;
        struct epoll_event got;
        void *thread;

        FD_ZERO(&set);
        for (int k = 0; k < 5; k++) {
            struct epoll_event want = { .events = EPOLLIN | (k % 2 ? EPOLLET : 0),
                                        .data.fd = from[k] };

            all[k] = (struct pollfd){ .fd = from[k], .events = POLLIN };
            FD_SET(from[k], &set);
            max = from[k] > max ? from[k] : max;
            CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, from[k], &want), 0);
        }
        CHECK_EQ(poll(all, 5, 0), 0);
        CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 0);
        thread = later(write_later, to[i]);
        CHECK_EQ(poll(all, 5, 60000), 1);
        CHECK_EQ(all[i].revents, POLLIN);
        CHECK_EQ(select(max + 1, &set, NULL, NULL, NULL), 1);
        CHECK(FD_ISSET(from[i], &set));
        CHECK_EQ(epoll_wait(epoll, &got, 1, 60000), 1);
        CHECK_EQ(got.data.fd, from[i]);
        join(thread);
        CHECK_EQ(read(from[i], text, 8), 8);
        CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 0);
        CHECK_EQ(close(epoll), 0);
    }
    for (int i = 0; i < 2; i++)
        CHECK_EQ(close(tcp[i]) + close(unix_pair[i]) + close(ends[i]), 0);
    CHECK_EQ(close(event) + close(udp), 0);
}

static void wait_readable(int fd)
{
    struct pollfd at = { .fd = fd, .events = POLLIN };

    CHECK_EQ(poll(&at, 1, 60000), 1);
}

static void test_edge(void)
{
    struct epoll_event want = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET }, got;
    int epoll = epoll_create1(0), fds[2];
    static char block[4096];
    size_t sent = 0, taken = 0;
    char c;

    make_pair(fds);
    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &want), 0);
    CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 1);
    CHECK_EQ(got.events, EPOLLOUT);
    CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 0); /* told once */
    CHECK_EQ(write(fds[1], "ab", 2), 2);
    wait_readable(fds[0]);
    CHECK_EQ(epoll_wait(epoll, &got, 1, 60000), 1);
    CHECK(got.events & EPOLLIN);
    CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 0); /* unread, but nothing new */
    CHECK_EQ(write(fds[1], "c", 1), 1);
    CHECK_EQ(epoll_wait(epoll, &got, 1, 60000), 1);
    CHECK_EQ(read(fds[0], &c, 1), 1);

    /* Full, and then room again: one edge. */
    CHECK_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK) + fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    for (int quiet = 0; quiet < 3; quiet++) {
        ssize_t n;

        for (; (n = write(fds[0], block, sizeof(block))) > 0; quiet = 0)
            sent += (size_t)n;
        usleep(5000);
    }
    while (epoll_wait(epoll, &got, 1, 0) > 0)
        ;
    for (ssize_t n; taken < sent; taken += (size_t)n) {
        wait_readable(fds[1]);
        n = read(fds[1], block, sizeof(block));
        CHECK(n > 0);
    }
    CHECK_EQ(epoll_wait(epoll, &got, 1, 60000), 1);
    CHECK(got.events & EPOLLOUT);
    CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ(epoll_wait(epoll, &got, 1, 60000), 1);
    CHECK(got.events & EPOLLRDHUP);
    CHECK_EQ(close(fds[0]), 0);
    CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 0); /* it went with its last descriptor */
    CHECK_EQ(close(fds[1]) + close(epoll), 0);
}

/* ---- a server ---- */

#define CLIENTS 100
#define ROUNDS 20

static void *client(void *arg)
{
    int fd = connected(), id = (int)(intptr_t)arg;

    for (int i = 0; i < ROUNDS; i++) {
        int out[2] = { id, i }, in[2];

        CHECK_EQ(write(fd, out, sizeof(out)), sizeof(out));
        CHECK_EQ(recv(fd, in, sizeof(in), MSG_WAITALL), sizeof(in));
        CHECK(in[0] == id && in[1] == i + 1);
    }
    CHECK_EQ(close(fd), 0);
    return NULL;
}

/* True when the client had enough. */
static bool answer(int fd)
{
    int value[2];
    ssize_t n;

    while ((n = recv(fd, value, sizeof(value), MSG_DONTWAIT)) == sizeof(value)) {
        value[1]++;
        CHECK_EQ(write(fd, value, sizeof(value)), sizeof(value));
    }
    if (n == 0)
        CHECK_EQ(close(fd), 0);
    else
        CHECK_EQ(errno, EAGAIN);
    return n == 0;
}

static void test_server(void)
{
    struct epoll_event want = { .events = EPOLLIN, .data.fd = server }, events[16];
    int epoll = epoll_create1(0), open = 0, ended = 0;
    void *threads[CLIENTS];

    CHECK_EQ(fcntl(server, F_SETFL, O_NONBLOCK), 0);
    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, server, &want), 0);
    for (int i = 0; i < CLIENTS; i++)
        threads[i] = later(client, i);
    while (ended < CLIENTS) {
        int n = epoll_wait(epoll, events, 16, 60000);

        CHECK(n > 0);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != server) {
                ended += answer(events[i].data.fd);
                continue;
            }
            for (int fd; (fd = accept4(server, NULL, NULL, SOCK_CLOEXEC)) >= 0; open++) {
                want =
                    (struct epoll_event){ .events = EPOLLIN | EPOLLRDHUP | (open % 2 ? EPOLLET : 0),
                                          .data.fd = fd };
                CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want), 0);
            }
            CHECK_EQ(errno, EAGAIN);
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        join(threads[i]);
    CHECK_EQ(open, CLIENTS);
    CHECK_EQ(fcntl(server, F_SETFL, 0) + close(epoll), 0);
}

/* ---- interrupted ---- */

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
    (void)signal;
    alarms++;
}

static void test_signals(void)
{
    struct sigaction action = { .sa_handler = on_alarm };
    struct itimerval soon = { .it_value.tv_usec = 10000 };
    int fds[2];
    char c;
    void *thread;

    make_pair(fds);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
    CHECK_ERRNO(read(fds[0], &c, 1), EINTR);
    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
    CHECK_ERRNO(accept(server, NULL, NULL), EINTR);
    CHECK_EQ(alarms, 2);
    action.sa_flags = SA_RESTART;
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    soon.it_value.tv_usec = 3000;
    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
    thread = later(write_later, fds[1]);
    CHECK_EQ(recv(fds[0], &c, 1, 0), 1); /* goes on */
    CHECK_EQ(alarms, 3);
    join(thread);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);
}

static void *wait_in_recv(void *arg)
{
    char c;

    recv((int)(intptr_t)arg, &c, 1, 0);
    return NULL;
}

static void *wait_in_accept(void *arg)
{
    accept((int)(intptr_t)arg, NULL, NULL);
    return NULL;
}

static void test_cancel(void)
{
    void *(*const waits[])(void *) = { wait_in_recv, wait_in_accept };
    int fds[2];
    char c;

    make_pair(fds);
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        void *result;

        CHECK_EQ(
            pthread_create(&thread, NULL, waits[i], (void *)(intptr_t)(i == 0 ? fds[0] : server)),
            0);
        usleep(5000);
        CHECK_EQ(pthread_cancel(thread), 0);
        CHECK_EQ(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
    }
    CHECK_EQ(write(fds[1], "x", 1), 1); /* the socket is none the worse */
    CHECK_EQ(read(fds[0], &c, 1), 1);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);
}

int main(void)
{
    listen_on_any_port();
    test_all_kinds();
    test_edge();
    test_server();
    test_signals();
    test_cancel();
    puts("PASS");
    return 0;
}
