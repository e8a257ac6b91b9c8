/*
 * The clients of test_net_load.py, in dom0: many connections to port 7000 of one server.
 *
 *   client ADDRESS serve N [TIMES]  N connections at once; each is served so often (three times),
 *                                   in any order
 *   client ADDRESS hold N           N connections at once that never send; then all of them end
 *   client ADDRESS syn N            N requests to connect, from addresses that never answer
 *   client ADDRESS stuff N          N connections, each with more and more bytes until none takes
 *                                   any; then all of them are reset
 *   client ADDRESS idle [PAGES]     wait until the server has no connection, and at least so many
 *                                   pages free; how many it has free
 *
 * Linux only; says what it did, or why not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 7000
#define PATIENCE_MS 300000 /* without any progress */
#define LOOK_MS 100
#define QUIET_MS 1500 /* stuff: so long nobody takes a byte */
#define ROUNDS 3
#define STRANGERS 0xc6120000u /* 198.18.0.0/15, for measurements: nobody is there */

static struct sockaddr_in server = { .sin_family = AF_INET };
static struct pollfd *at;

static void die(const char *what)
{
    printf("client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void patient_poll(int n)
{
    if (poll(at, (nfds_t)n, PATIENCE_MS) > 0)
        return;
    for (int i = 0; i < n; i++)
        if (at[i].events != 0)
            printf("client: connection %d still waits for %#x\n", i, (unsigned)at[i].events);
    errno = ETIMEDOUT;
    die("no progress");
}

/* All at once; returns when all are there. */
static void connect_all(int n)
{
    struct rlimit most = { (rlim_t)n + 64, (rlim_t)n + 64 };
    int left = n;

    if (setrlimit(RLIMIT_NOFILE, &most) < 0)
        die("setrlimit");
    at = calloc((size_t)n, sizeof(*at));
    for (int i = 0; i < n; i++) {
        at[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        at[i].events = POLLOUT;
        if (at[i].fd < 0 || (connect(at[i].fd, (struct sockaddr *)&server, sizeof(server)) < 0 &&
                             errno != EINPROGRESS))
            die("connect");
    }
    while (left > 0) {
        patient_poll(n);
        for (int i = 0; i < n; i++) {
            socklen_t len = sizeof(errno);

            if (at[i].revents == 0)
                continue;
            getsockopt(at[i].fd, SOL_SOCKET, SO_ERROR, &errno, &len);
            if (errno != 0)
                die("connect");
            at[i].events = 0;
            left--;
        }
    }
}

/* ---- serve ---- */

static void serve_round(int n, int round)
{
    int left = n;

    for (int i = 0; i < n; i++) {
        uint32_t words[2] = { (uint32_t)i, (uint32_t)round };

        if (send(at[i].fd, words, sizeof(words), 0) != sizeof(words))
            die("send");
        at[i].events = POLLIN;
    }
    while (left > 0) {
        patient_poll(n);
        for (int i = 0; i < n; i++) {
            uint32_t words[2];

            if (at[i].revents == 0)
                continue;
            if (recv(at[i].fd, words, sizeof(words), 0) != sizeof(words))
                die("recv");
            if (words[0] != (uint32_t)i || words[1] != (uint32_t)round)
                die("another's bytes");
            at[i].events = 0;
            left--;
        }
    }
}

static void serve(int n, int rounds)
{
    connect_all(n);
    for (int round = 0; round < rounds; round++)
        serve_round(n, round);
    printf("served %d\n", n);
}

/* ---- stuff ---- */

static void stuff(int n)
{
    static const char bytes[65536];
    struct linger reset = { .l_onoff = 1 };
    long long sent = 0;
    int refused = 0;

    connect_all(n);
    for (int i = 0; i < n; i++) {
        int little = 16384; /* of it all, most is to be with the server */

        setsockopt(at[i].fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
        at[i].events = POLLOUT;
    }
    while (poll(at, (nfds_t)n, QUIET_MS) > 0) {
        for (int i = 0; i < n; i++) {
            ssize_t done;

            if (at[i].revents == 0)
                continue;
            done = send(at[i].fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
            if (done > 0) {
                sent += done;
            } else if (errno != EAGAIN) {
                at[i].events = 0;
                at[i].fd = -1;
                refused++;
            }
        }
    }
    printf("stuffed %lld bytes, %d refused\n", sent, refused);
    for (int i = 0; i < n; i++) {
        setsockopt(at[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(at[i].fd);
    }
}

/* ---- syn ---- */

struct packet {
    struct iphdr ip;
    struct tcphdr tcp;
};

static uint16_t sum(const void *data, size_t len, uint32_t sum)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static void syn(int n)
{
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    uint32_t to = ntohl(server.sin_addr.s_addr);

    if (fd < 0)
        die("raw socket");
    for (int i = 0; i < n; i++) {
        uint32_t from = STRANGERS + 1 + (uint32_t)i;
        struct packet packet = {
            .ip = { .version = 4,
                    .ihl = 5,
                    .ttl = 64,
                    .protocol = IPPROTO_TCP,
                    .tot_len = htons(sizeof(packet)),
                    .saddr = htonl(from),
                    .daddr = htonl(to) },
            .tcp = { .source = htons((uint16_t)(1024 + i % 60000)),
                     .dest = htons(PORT),
                     .seq = htonl((uint32_t)i * 7919),
                     .doff = 5,
                     .syn = 1,
                     .window = htons(64240) },
        };

        packet.tcp.check = sum(&packet.tcp, sizeof(packet.tcp),
                               (from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff) +
                                   IPPROTO_TCP + sizeof(packet.tcp));
        while (sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&server, sizeof(server)) <
               0)
            if (errno != ENOBUFS)
                die("sendto");
    }
    printf("asked %d times\n", n);
}

/* ---- idle ---- */

static int ask(unsigned long *free)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), n_open;
    char text[128];
    ssize_t n;

    if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0) {
        close(fd); /* of a machine with much to do even ARP's answer may be late */
        return -errno;
    }
    n = recv(fd, text, sizeof(text) - 1, MSG_WAITALL);
    text[n > 0 ? n : 0] = '\0';
    if (n <= 0 || sscanf(text, "open %d free %lu", &n_open, free) != 2)
        die("recv");
    close(fd);
    return n_open;
}

static void idle(unsigned long least)
{
    struct timespec now, begin;
    unsigned long free = 0;
    int n_open;

    server.sin_port = htons(PORT + 1);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        n_open = ask(&free);
        if (n_open == 0 && free >= least) {
            printf("%lu pages free\n", free);
            return;
        }
        usleep(LOOK_MS * 1000);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - begin.tv_sec < PATIENCE_MS / 1000);
    if (n_open < 0)
        errno = -n_open, die("connect");
    printf("client: the server has %d connections and %lu pages free\n", n_open, free);
    exit(1);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[2] : "";
    int n = argc > 3 ? atoi(argv[3]) : 0;

    server.sin_port = htons(PORT);
    if (argc < 3 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
        errno = EINVAL, die("usage");
    if (strcmp(what, "serve") == 0)
        serve(n, argc > 4 ? atoi(argv[4]) : ROUNDS);
    else if (strcmp(what, "hold") == 0)
        connect_all(n), printf("held %d\n", n);
    else if (strcmp(what, "syn") == 0)
        syn(n);
    else if (strcmp(what, "stuff") == 0)
        stuff(n);
    else if (strcmp(what, "idle") == 0)
        idle((unsigned long)n);
    else
        errno = EINVAL, die("usage");
    return 0;
}
