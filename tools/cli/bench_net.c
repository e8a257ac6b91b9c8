/*
 * bench_net: what a network costs a program. One source for three: the server in a guest of ours,
 * the same in a Linux guest, and the client in dom0 that `xenolith bench net` lets loose on both.
 *
 * Usage: bench_net serve                          in a guest; `bench: listening`, then for ever
 *        bench_net measure ROUNDS ADDRESS DOMID   in dom0
 *        bench_net reach ADDRESS DOMID SECONDS    in dom0; lets a paused guest go and waits until it
 *                                                 has accepted a connection
 *        bench_net cpu DOMID                      in dom0; the guest's processor time, in nanoseconds
 *
 * Each line of `measure` is `bench: NAME PICOSECONDS`, per request, connection or MiB; the last
 * is `bench: end`; `reach` has the one line `bench: listen PICOSECONDS`. What goes wrong is `bench:
 * failed: WHY`. `http.cpu` is the guest's processor time.
 * Source: xen/domctl.h (XEN_DOMCTL_getdomaininfo, XEN_DOMCTL_unpausedomain), xen/sys/privcmd.h.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (64 << 10)
#define STREAM_MIB 16
#define ROUND_TRIPS 500
#define CONNECTIONS 200
#define HTTP_REQUESTS 2000
#define HTTP_CLIENTS 50
#define BATCHES_MOST 100
#define EVENTS 64
#define QUIET_NS 30000000ll /* what a measure has left behind is dealt with in this time */
#define SECOND_NS 1000000000ll
#define SETTLE_NS 50000000ll   /* what dom0 did to make the guest is over by then */
#define ANSWER_NS 1000000ll    /* a first packet is answered in this time, or was lost */
#define REFUSED_NS 500000ll    /* and after this it may be another answer */
#define REQUEST "GET / HTTP/1.1\r\nHost: guest\r\n\r\n"
#define ANSWER \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nHello, Xen!\n"

enum service { SINK, SOURCE, ECHO, HTTP, SERVICES };

static const uint16_t ports[SERVICES] = { 7001, 7002, 7003, 80 };
static char block[BLOCK];

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("bench: failed: %s (%s)\n", what, strerror(errno));
    fflush(stdout);
    exit(1);
}

/* Small messages go at once; streams come in whole blocks anyway. */
static void set_nodelay(int fd)
{
    int on = 1;

    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "TCP_NODELAY");
}

/* --- the server: one thread, all connections --- */

struct peer {
    int fd;
    enum service service;
    bool listens;
    size_t left; /* source: bytes to send; HTTP: bytes of REQUEST that have come */
};

static int server_epoll;

static void server_watch(struct peer *peer, int operation, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = peer };

    must(epoll_ctl(server_epoll, operation, peer->fd, &event) == 0, "epoll_ctl");
}

static struct peer *server_add(int fd, enum service service, bool listens)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    must(peer != NULL, "memory");
    *peer = (struct peer){ .fd = fd, .service = service, .listens = listens };
    server_watch(peer, EPOLL_CTL_ADD, EPOLLIN);
    return peer;
}

static void server_accept(const struct peer *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK);

    if (fd < 0)
        return;
    set_nodelay(fd);
    server_add(fd, listener->service, false);
}

static void server_drop(struct peer *peer)
{
    close(peer->fd);
    free(peer);
}

/* One block; false when all is sent, or nobody is there. */
static bool server_send_more(struct peer *peer)
{
    ssize_t sent = write(peer->fd, block, peer->left < BLOCK ? peer->left : BLOCK);

    if (sent < 0)
        return errno == EAGAIN;
    peer->left -= (size_t)sent;
    return peer->left > 0;
}

/* Requests are all of one text, so that their number follows from their length. */
static bool server_answer(struct peer *peer, size_t got)
{
    for (peer->left += got; peer->left >= strlen(REQUEST); peer->left -= strlen(REQUEST)) {
        if (write(peer->fd, ANSWER, strlen(ANSWER)) != (ssize_t)strlen(ANSWER))
            return false;
    }
    return true;
}

static bool server_receive(struct peer *peer)
{
    ssize_t got = read(peer->fd, block, BLOCK);

    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    switch (peer->service) {
    case SINK:
        return true;
    case SOURCE: /* the byte is the number of MiB */
        peer->left = (size_t)(unsigned char)block[0] << 20;
        server_watch(peer, EPOLL_CTL_MOD, EPOLLOUT);
        return peer->left > 0;
    case ECHO:
        return write(peer->fd, block, (size_t)got) == got;
    default:
        return server_answer(peer, (size_t)got);
    }
}

static void serve(void)
{
    struct epoll_event events[EVENTS];
    int on = 1;

    server_epoll = epoll_create1(0);
    must(server_epoll >= 0, "epoll_create1");
    for (enum service service = 0; service < SERVICES; service++) {
        struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(ports[service]) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

        must(fd >= 0, "socket");
        must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0, "SO_REUSEADDR");
        must(bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0, "bind");
        must(listen(fd, 128) == 0, "listen");
        server_add(fd, service, true);
    }
    printf("bench: listening\n");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(server_epoll, events, EVENTS, -1);

        must(count >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < count; i++) {
            struct peer *peer = events[i].data.ptr;

            if (peer->listens)
                server_accept(peer);
            else if ((events[i].events & EPOLLOUT) ? !server_send_more(peer)
                                                   : !server_receive(peer))
                server_drop(peer);
        }
    }
}

#ifdef __linux__
/* --- the client, in dom0 --- */
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define __XEN_TOOLS__ 1
#include <xen/xen.h>
#include <xen/domctl.h>
#define __user
#include <xen/sys/privcmd.h>

static struct in_addr guest;
static unsigned guest_domid;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void rest_ns(int64_t ns)
{
    struct timespec quiet = { .tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS };

    nanosleep(&quiet, NULL);
}

/* Have Xen do cmd to the guest. It writes its answer into our memory, which must stay where it is. */
static const struct xen_domctl *guest_domctl(uint32_t cmd, const char *what)
{
    static struct xen_domctl *op;
    static int privcmd = -1;

    if (op == NULL) {
        op = mmap(NULL, sizeof(*op), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
        privcmd = open("/dev/xen/privcmd", O_RDWR);
        must(op != MAP_FAILED && privcmd >= 0, "/dev/xen/privcmd");
    }
    memset(op, 0, sizeof(*op));
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = (domid_t)guest_domid;
    privcmd_hypercall_t call = { .op = __HYPERVISOR_domctl, .arg = { (uintptr_t)op } };
    must(ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call) == 0, what);
    return op;
}

static int64_t guest_cpu_ns(void)
{
    const struct xen_domctl *op = guest_domctl(XEN_DOMCTL_getdomaininfo, "XEN_DOMCTL_getdomaininfo");

    return (int64_t)op->u.getdomaininfo.cpu_time;
}

static struct sockaddr_in address_of(enum service service)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(ports[service]),
                                 .sin_addr = guest };
}

static int connect_to(enum service service)
{
    struct sockaddr_in to = address_of(service);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    must(fd >= 0, "socket");
    must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
    set_nodelay(fd);
    return fd;
}

static size_t read_to_end(int fd)
{
    size_t total = 0;
    ssize_t got;

    while ((got = read(fd, block, BLOCK)) > 0)
        total += (size_t)got;
    must(got == 0, "reading");
    return total;
}

static void run_to_guest(void)
{
    int fd = connect_to(SINK);

    for (int i = 0; i < (STREAM_MIB << 20) / BLOCK; i++)
        must(write(fd, block, BLOCK) == BLOCK, "sending");
    must(shutdown(fd, SHUT_WR) == 0, "shutdown");
    must(read_to_end(fd) == 0, "a sink that says something");
    close(fd);
}

static void run_from_guest(void)
{
    int fd = connect_to(SOURCE);
    char mib = STREAM_MIB;

    must(write(fd, &mib, 1) == 1, "asking");
    must(read_to_end(fd) == (size_t)STREAM_MIB << 20, "a stream that is short");
    close(fd);
}

static void one_round_trip(int fd)
{
    char byte = 'x';

    must(write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1 && byte == 'x', "a round trip");
}

static void run_round_trips(void)
{
    int fd = connect_to(ECHO);

    for (int i = 0; i < ROUND_TRIPS; i++)
        one_round_trip(fd);
    close(fd);
}

static void run_connections(void)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = connect_to(ECHO);

        one_round_trip(fd);
        close(fd);
    }
}

/* Connections that are there already, one request in flight on each. */
static struct {
    int fd[HTTP_CLIENTS];
    int epoll;
} http;

static void http_open(void)
{
    http.epoll = epoll_create1(0);
    must(http.epoll >= 0, "epoll_create1");
    for (int i = 0; i < HTTP_CLIENTS; i++) {
        http.fd[i] = connect_to(HTTP);
        struct epoll_event event = { .events = EPOLLIN, .data.fd = http.fd[i] };

        must(epoll_ctl(http.epoll, EPOLL_CTL_ADD, http.fd[i], &event) == 0, "epoll_ctl");
    }
}

static void http_ask(int fd)
{
    must(write(fd, REQUEST, strlen(REQUEST)) == (ssize_t)strlen(REQUEST), "asking");
}

/* An answer is short and comes in one piece. */
static void run_http(void)
{
    struct epoll_event events[EVENTS];
    int asked = 0, answered = 0;

    for (; asked < HTTP_CLIENTS; asked++)
        http_ask(http.fd[asked]);
    while (answered < HTTP_REQUESTS) {
        int count = epoll_wait(http.epoll, events, EVENTS, -1);

        must(count > 0, "epoll_wait");
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            must(read(fd, block, BLOCK) == (ssize_t)strlen(ANSWER) &&
                     memcmp(block, ANSWER, strlen(ANSWER)) == 0,
                 "an answer");
            answered++;
            if (asked < HTTP_REQUESTS) {
                http_ask(fd);
                asked++;
            }
        }
    }
}

/* --- the measures --- */

struct measure {
    const char *name;
    void (*run)(void);
    int count;
};

static const struct measure measures[] = {
    { "to", run_to_guest, STREAM_MIB },       { "from", run_from_guest, STREAM_MIB },
    { "trip", run_round_trips, ROUND_TRIPS }, { "connect", run_connections, CONNECTIONS },
    { "http", run_http, HTTP_REQUESTS },
};

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void say_median(const char *name, const char *suffix, int64_t *values, int rounds)
{
    qsort(values, (size_t)rounds, sizeof(values[0]), compare);
    printf("bench: %s%s %lld\n", name, suffix, (long long)values[rounds / 2]);
    fflush(stdout);
}

/* The first batch meets pages and grants that nobody has used: it is run and not counted. */
static void run(const struct measure *measure, int rounds)
{
    int64_t taken_ps[BATCHES_MOST], cpu_ps[BATCHES_MOST];

    measure->run();
    for (int i = 0; i < rounds; i++) {
        rest_ns(QUIET_NS);
        int64_t cpu_ns = guest_cpu_ns(), begun_ns = now_ns();

        measure->run();
        taken_ps[i] = (now_ns() - begun_ns) * 1000 / measure->count;
        cpu_ps[i] = (guest_cpu_ns() - cpu_ns) * 1000 / measure->count;
    }
    say_median(measure->name, "", taken_ps, rounds);
    say_median(measure->name, ".cpu", cpu_ps, rounds);
    rest_ns(QUIET_NS);
}

static int measure_all(int rounds)
{
    must(rounds >= 1 && rounds <= BATCHES_MOST, "the number of rounds");
    rest_ns(SECOND_NS); /* the boot's own work, and dom0's with it, is over */
    http_open();
    for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
        run(&measures[i], rounds);
    printf("bench: end\n");
    return 0;
}

/* One try. Lost packets are not waited for: the kernel would send them again after a second. */
static bool reach_once(void)
{
    struct sockaddr_in to = address_of(HTTP);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd ready = { .fd = fd, .events = POLLOUT };
    struct timespec bound = { .tv_nsec = ANSWER_NS };
    socklen_t len = sizeof(int);
    int error = 0;

    must(fd >= 0, "socket");
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        error = errno;
        if (error == EINPROGRESS && ppoll(&ready, 1, &bound, NULL) == 1)
            must(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0, "SO_ERROR");
    }
    close(fd);
    if (error == ECONNREFUSED)
        rest_ns(REFUSED_NS);
    return error == 0;
}

/* A socket that hears of interfaces: that of the guest gets its carrier when both ends are connected. */
static int open_links(void)
{
    struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

    must(fd >= 0 && bind(fd, (struct sockaddr *)&links, sizeof(links)) == 0, "netlink");
    return fd;
}

/* Is there an interface with a carrier among what one message tells? */
static bool tells_carrier(const char *message, size_t len)
{
    const struct nlmsghdr *one = (const struct nlmsghdr *)message;

    for (; NLMSG_OK(one, len); one = NLMSG_NEXT(one, len)) {
        const struct ifinfomsg *link = NLMSG_DATA(one);

        if (one->nlmsg_type == RTM_NEWLINK && (link->ifi_flags & IFF_LOWER_UP) != 0)
            return true;
    }
    return false;
}

static void wait_for_carrier(int links, int64_t deadline_ns)
{
    struct pollfd ready = { .fd = links, .events = POLLIN };
    static _Alignas(struct nlmsghdr) char message[32768];
    ssize_t got = 0;

    do {
        int64_t left_ns = deadline_ns - now_ns();

        must(left_ns > 0 && poll(&ready, 1, (int)(left_ns / 1000000) + 1) == 1,
             "waiting for the guest's interface to have a carrier");
        got = recv(links, message, sizeof(message), 0);
        must(got >= 0, "netlink");
    } while (!tells_carrier(message, (size_t)got));
}

/*
 * It unpauses the guest itself and sleeps until an interface has a carrier: dom0 has one processor, and
 * what else runs there the guest must wait for, beginning with xenstored and netback.
 */
static int reach(int seconds)
{
    int links = open_links();

    rest_ns(SETTLE_NS);
    int64_t begun_ns = now_ns(), deadline_ns = begun_ns + seconds * SECOND_NS;

    guest_domctl(XEN_DOMCTL_unpausedomain, "XEN_DOMCTL_unpausedomain");
    wait_for_carrier(links, deadline_ns);
    while (!reach_once())
        must(now_ns() < deadline_ns, "reaching the server");
    printf("bench: listen %lld\n", (long long)(now_ns() - begun_ns) * 1000);
    return 0;
}

static int client(int argc, char **argv)
{
    bool measures_it = argc == 5 && strcmp(argv[1], "measure") == 0;
    bool reaches = argc == 5 && strcmp(argv[1], "reach") == 0;

    if (argc == 3 && strcmp(argv[1], "cpu") == 0) {
        guest_domid = (unsigned)atoi(argv[2]);
        printf("%lld\n", (long long)guest_cpu_ns());
        return 0;
    }
    if (!measures_it && !reaches) {
        fprintf(stderr, "usage: see bench_net.c\n");
        return 2;
    }
    must(inet_aton(argv[measures_it ? 3 : 2], &guest) == 1, "the guest's address");
    guest_domid = (unsigned)atoi(argv[measures_it ? 4 : 3]);
    return reaches ? reach(atoi(argv[4])) : measure_all(atoi(argv[2]));
}
#else
static int client(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    must(false, "no server");
    return 2;
}
#endif

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        serve();
    return client(argc, argv);
}
