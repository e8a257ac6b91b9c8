/*
 * The guest of test_net_load.py: a server of many connections, in one thread.
 *
 *   server epoll|poll|select [hoard]
 *
 * Port 7000 sends back what it gets; `hoard`: it never reads, and asks its peers every few seconds
 * whether they are still there, as what said that they are not may have been lost. Whoever connects to port 7001 is told
 * how many connections there are and how many pages are free. Runs until xl shutdown.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define MOST 8192 /* descriptors */
#define PORT 7000

static bool hoard;
static int epoll, echo_listener, about_listener, n_open;
static bool is_open[MOST];

static void die(const char *what)
{
    printf("server: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- three ways to wait ---- */

static struct epoll_event events[256];
static struct pollfd polled[MOST];
static fd_set readable, failed;

static void wait_epoll(void (*act)(int fd, bool in, bool end))
{
    int n = epoll_wait(epoll, events, sizeof(events) / sizeof(events[0]), -1);

    for (int i = 0; i < n; i++)
        act(events[i].data.fd, events[i].events & EPOLLIN,
            events[i].events & (EPOLLERR | EPOLLHUP));
}

static void wait_poll(void (*act)(int fd, bool in, bool end))
{
    int n = 0;

    for (int fd = 0; fd < MOST; fd++)
        if (is_open[fd])
            polled[n++] =
                (struct pollfd){ .fd = fd, .events = hoard && fd > about_listener ? 0 : POLLIN };
    poll(polled, (nfds_t)n, -1);
    for (int i = 0; i < n; i++)
        if (polled[i].revents != 0)
            act(polled[i].fd, polled[i].revents & POLLIN, polled[i].revents & (POLLERR | POLLHUP));
}

static void wait_select(void (*act)(int fd, bool in, bool end))
{
    FD_ZERO(&readable);
    FD_ZERO(&failed);
    for (int fd = 0; fd < FD_SETSIZE; fd++)
        if (is_open[fd])
            FD_SET(fd, &readable);
    if (select(FD_SETSIZE, &readable, NULL, NULL, NULL) < 0)
        die("select");
    for (int fd = 0; fd < FD_SETSIZE; fd++)
        if (FD_ISSET(fd, &readable))
            act(fd, true, false);
}

static const struct way {
    const char *name;
    void (*wait)(void (*act)(int fd, bool in, bool end));
} ways[] = { { "epoll", wait_epoll }, { "poll", wait_poll }, { "select", wait_select } };

/* ---- connections ---- */

static void watch(int fd, bool in)
{
    struct epoll_event event = { .events = in ? EPOLLIN : 0, .data.fd = fd };

    if (fd >= MOST)
        errno = EMFILE, die("accept");
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        close(fd); /* no memory: the peer sees the end, and may come again */
        return;
    }
    is_open[fd] = true;
    n_open++;
}

static void end(int fd)
{
    is_open[fd] = false;
    n_open--;
    close(fd);
}

static void echo(int fd)
{
    char data[4096];
    ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || send(fd, data, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
        end(fd);
}

static void tell_about(int fd)
{
    char text[80];
    struct sysinfo about;

    sysinfo(&about);
    snprintf(text, sizeof(text), "open %d free %lu\n", n_open - 2,
             about.freeram * about.mem_unit / 4096);
    send(fd, text, strlen(text), MSG_NOSIGNAL);
    close(fd);
}

static void act(int fd, bool in, bool ended)
{
    int made;

    if (fd == echo_listener || fd == about_listener) {
        while ((made = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
            fd == echo_listener ? watch(made, !hoard) : tell_about(made);
        return;
    }
    if (in && !hoard)
        echo(fd);
    else if (ended)
        end(fd);
}

/* Inherited by what is accepted. */
static void keep_alive(int fd)
{
    const int on = 1, seconds = 5;

    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds)) < 0)
        die("keep alive");
}

static int listen_at(int port)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0)
        die("socket");
    if (hoard)
        keep_alive(fd);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, SOMAXCONN) < 0)
        die("listen");
    watch(fd, true);
    return fd;
}

int main(int argc, char **argv)
{
    const struct way *way = NULL;

    for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(ways[i].name, argv[1]) == 0)
            way = &ways[i];
    if (way == NULL)
        errno = EINVAL, die("usage");
    hoard = argc > 2 && strcmp(argv[2], "hoard") == 0;
    epoll = epoll_create1(0);
    echo_listener = listen_at(PORT);
    about_listener = listen_at(PORT + 1);
    printf("server: ready\n");
    fflush(stdout);
    for (;;)
        way->wait(act);
}
