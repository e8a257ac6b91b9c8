/*
 * httpd: an event-driven web server in C and POSIX.
 *
 *   xenolith run -p 8000:80 examples/httpd                              a page of its own
 *   xenolith run -p 8000:80 --initrd site examples/httpd -- /           the files of ./site
 *   xenolith run -p 8000:80 --disk www.img --extra mount=/dev/xvda:/data examples/httpd -- /data
 *
 * Then: curl http://localhost:8000/
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd.h"

#define EVENTS 64

TAILQ_HEAD(connections, connection);

static struct server {
    int epoll, listener;
    bool listening; /* epoll watches the listener */
    struct connections by_age;
} server = { .by_age = TAILQ_HEAD_INITIALIZER(server.by_age) };

struct statistics statistics;
static volatile sig_atomic_t ending;

static void on_signal(int number)
{
    (void)number;
    ending = 1;
}

static void fail(const char *what)
{
    fprintf(stderr, "httpd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static time_t now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static int listen_at(int port)
{
    struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1, no = 0;

    if (fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, (struct sockaddr *)&any6, sizeof any6) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) != 0)
        fail("bind");
    if (listen(fd, SOMAXCONN) != 0)
        fail("listen");
    return fd;
}

static void watch_listener(bool on)
{
    struct epoll_event event = { .events = EPOLLIN };

    if (on != server.listening &&
        epoll_ctl(server.epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, server.listener, &event) != 0)
        fail("epoll_ctl");
    server.listening = on;
}

static void drop(struct connection *c)
{
    TAILQ_REMOVE(&server.by_age, c, by_age);
    answer_end(&c->answer);
    close(c->fd);
    free(c);
    statistics.open--;
    if (!ending)
        watch_listener(true);
}

/* Let it go on after an event, and tell epoll what it waits for now. */
static void serve(struct connection *c)
{
    uint32_t before = c->waiting_for;
    struct epoll_event event = { .data.ptr = c };

    if (!connection_go_on(c)) {
        drop(c);
        return;
    }
    event.events = c->waiting_for;
    if (event.events != before && epoll_ctl(server.epoll, EPOLL_CTL_MOD, c->fd, &event) != 0) {
        drop(c);
        return;
    }
    c->heard = now_s();
    TAILQ_REMOVE(&server.by_age, c, by_age);
    TAILQ_INSERT_TAIL(&server.by_age, c, by_age);
}

/* Take one connection; false when there is none, or no room for one. */
static bool take_connection(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    int fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
    struct connection *c;

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            watch_listener(false); /* until one of ours ends */
        return errno == ECONNABORTED || errno == EINTR;
    }
    c = malloc(sizeof *c);
    event.data.ptr = c;
    if (c == NULL || epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(c);
        close(fd);
        return true;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    c->fd = fd;
    c->writing = false;
    c->ending = false;
    c->waiting_for = EPOLLIN;
    c->in_len = 0;
    c->answer.file = -1;
    TAILQ_INSERT_TAIL(&server.by_age, c, by_age);
    statistics.connections++;
    statistics.open++;
    serve(c); /* often the request is there already */
    return true;
}

/* Close what has been silent too long; returns for how long to wait for events, in ms. */
static int close_silent_ones(void)
{
    struct connection *c;

    while ((c = TAILQ_FIRST(&server.by_age)) != NULL && now_s() - c->heard >= IDLE_S)
        drop(c);
    return c == NULL ? -1 : (int)(c->heard + IDLE_S - now_s()) * 1000;
}

static void loop(void)
{
    struct epoll_event events[EVENTS];
    sigset_t none;

    sigemptyset(&none);
    while (!ending) {
        int n = epoll_pwait(server.epoll, events, EVENTS, close_silent_ones(), &none);

        if (n < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr != NULL)
                serve(events[i].data.ptr);
            else
                while (take_connection())
                    ;
        }
    }
}

/* Signals come only while we wait: none is missed between a look and the wait. */
static void prepare_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t blocked;

    signal(SIGPIPE, SIG_IGN); /* of sendfile() */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv)
{
    int port = 80, option;

    while ((option = getopt(argc, argv, "p:")) != -1) {
        port = option == 'p' ? atoi(optarg) : 0;
        if (port < 1 || port > 65535) {
            fprintf(stderr, "usage: httpd [-p PORT] [DIRECTORY]\n");
            return 2;
        }
    }
    if (!answer_serve(argv[optind]))
        fail(argv[optind]);
    prepare_signals();
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server.epoll < 0)
        fail("epoll_create1");
    server.listener = listen_at(port);
    watch_listener(true);
    statistics.begun = now_s();
    printf("httpd: port %d, %s\n", port, argv[optind] != NULL ? argv[optind] : "a page of its own");
    fflush(stdout);

    loop();
    watch_listener(false);
    close(server.listener);
    while (!TAILQ_EMPTY(&server.by_age))
        drop(TAILQ_FIRST(&server.by_age));
    printf("httpd: %lu requests on %lu connections\n", statistics.requests, statistics.connections);
    return 0;
}
