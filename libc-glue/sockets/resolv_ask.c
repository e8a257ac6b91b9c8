#include "resolv_ask.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RESOLV_PORTS      16384u /* from here to the end of the range */
#define RESOLV_PORT_TRIES 8
#define RESOLV_MS_PER_S   1000
#define RESOLV_AT_ONCE    64 /* packets of one server between two looks at the clock */

struct resolv_round {
    const struct resolv_conf *conf;
    struct resolv_exchange *exchanges;
    int n;
    int fds[MAXNS];                           /* a connected socket for each server, or -1 */
    unsigned refused[RESOLV_TOGETHER];        /* bits of servers that will not answer it */
    uint8_t packet[4096];
};

static int64_t resolv_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * RESOLV_MS_PER_S + now.tv_nsec / 1000000;
}

/* Wait for events until then: what poll() says, 0 when it is over. */
static int resolv_poll(struct pollfd *fds, nfds_t n, int64_t until_ms)
{
    for (;;) {
        int64_t left = until_ms - resolv_now_ms();
        int got = poll(fds, n, left > 0 ? (int)left : 0);

        if (got >= 0 || errno != EINTR)
            return got > 0 ? got : 0;
        if (left <= 0)
            return 0;
    }
}

/* ---- datagrams ---- */

/* A port by chance, so that an answer cannot be forged without seeing the question. */
static void resolv_bind(int fd, int family)
{
    struct sockaddr_storage any = { .ss_family = (sa_family_t)family };

    for (int i = 0; i < RESOLV_PORT_TRIES; i++) {
        in_port_t port = htons((uint16_t)(65536u - RESOLV_PORTS + arc4random_uniform(RESOLV_PORTS)));

        if (family == AF_INET6)
            ((struct sockaddr_in6 *)&any)->sin6_port = port;
        else
            ((struct sockaddr_in *)&any)->sin_port = port;
        if (bind(fd, (struct sockaddr *)&any, resolv_server_len(&any)) == 0 || errno != EADDRINUSE)
            return;
    }
}

/* A socket that hears this server only, or -1. */
static int resolv_open(const struct sockaddr_storage *server)
{
    int fd = socket(server->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    resolv_bind(fd, server->ss_family);
    if (connect(fd, (const struct sockaddr *)server, resolv_server_len(server)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool resolv_is_open(const struct resolv_round *round, int i)
{
    unsigned all = (1u << round->conf->n) - 1;

    return round->exchanges[i].len == 0 && (round->refused[i] & all) != all;
}

static void resolv_refuse(struct resolv_round *round, int server)
{
    for (int i = 0; i < round->n; i++)
        round->refused[i] |= 1u << server;
}

static void resolv_send(struct resolv_round *round)
{
    for (int server = 0; server < round->conf->n; server++) {
        for (int i = 0; i < round->n; i++) {
            const struct resolv_exchange *exchange = &round->exchanges[i];

            if (round->fds[server] >= 0 && resolv_is_open(round, i) &&
                !(round->refused[i] & 1u << server) &&
                send(round->fds[server], exchange->question, exchange->question_len, 0) < 0 &&
                errno != EAGAIN && errno != ENOBUFS)
                resolv_refuse(round, server); /* nobody there, or no way to it */
        }
    }
}

static void resolv_keep(struct resolv_exchange *exchange, const uint8_t *packet, size_t len)
{
    exchange->len = len < exchange->size ? len : exchange->size;
    memcpy(exchange->answer, packet, exchange->len);
    if (exchange->len < len)
        resolv_set_cut(exchange->answer);
}

/* ---- TCP ---- */

/* All len bytes, in or out. */
static bool resolv_stream(int fd, uint8_t *bytes, size_t len, bool out, int64_t until_ms)
{
    struct pollfd pollfd = { .fd = fd, .events = out ? POLLOUT : POLLIN };

    while (len > 0) {
        ssize_t n = out ? send(fd, bytes, len, MSG_NOSIGNAL) : recv(fd, bytes, len, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (resolv_poll(&pollfd, 1, until_ms) == 0)
                return false;
            continue;
        }
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* RFC 1035, 4.2.2: each message behind its length. Returns the answer's length or 0. */
static size_t resolv_talk(int fd, const struct resolv_exchange *exchange, uint8_t **out,
                          int64_t until_ms)
{
    uint8_t head[2 + NS_PACKETSZ], *packet;
    size_t len;

    if (exchange->question_len > NS_PACKETSZ)
        return 0;
    head[0] = (uint8_t)(exchange->question_len >> 8);
    head[1] = (uint8_t)exchange->question_len;
    memcpy(head + 2, exchange->question, exchange->question_len);
    if (!resolv_stream(fd, head, 2 + exchange->question_len, true, until_ms) ||
        !resolv_stream(fd, head, 2, false, until_ms))
        return 0;
    len = (size_t)head[0] << 8 | head[1];
    packet = malloc(len + 1);
    if (packet == NULL || !resolv_stream(fd, packet, len, false, until_ms) ||
        !resolv_is_answer(packet, len, exchange->question, exchange->question_len)) {
        free(packet);
        return 0;
    }
    *out = packet;
    return len;
}

/* The whole of an answer that was cut. False: it cannot be had. */
static bool resolv_ask_stream(const struct sockaddr_storage *server,
                              struct resolv_exchange *exchange, int64_t until_ms)
{
    int fd = socket(server->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd pollfd = { .fd = fd, .events = POLLOUT };
    uint8_t *packet = NULL;
    size_t len = 0;

    if (fd < 0)
        return false;
    if (connect(fd, (const struct sockaddr *)server, resolv_server_len(server)) == 0 ||
        (errno == EINPROGRESS && resolv_poll(&pollfd, 1, until_ms) > 0))
        len = resolv_talk(fd, exchange, &packet, until_ms);
    close(fd);
    if (len > 0)
        resolv_keep(exchange, packet, len);
    free(packet);
    return len > 0;
}

/* ---- one round after the other ---- */

/* A packet of this server. */
static void resolv_hear(struct resolv_round *round, int server, size_t len, int64_t until_ms)
{
    for (int i = 0; i < round->n; i++) {
        struct resolv_exchange *exchange = &round->exchanges[i];
        unsigned code;

        if (!resolv_is_open(round, i) ||
            !resolv_is_answer(round->packet, len, exchange->question, exchange->question_len))
            continue;
        code = resolv_code(round->packet);
        if (code != ns_r_noerror && code != ns_r_nxdomain) { /* another one may know */
            round->refused[i] |= 1u << server;
            if (!resolv_is_open(round, i))
                resolv_keep(exchange, round->packet, len);
        } else if (!resolv_is_cut(round->packet) ||
                   !resolv_ask_stream(&round->conf->servers[server], exchange, until_ms)) {
            resolv_keep(exchange, round->packet, len);
        }
        return;
    }
}

static void resolv_receive(struct resolv_round *round, int server, int64_t until_ms)
{
    ssize_t len = 1;

    for (unsigned i = 0; len > 0 && i < RESOLV_AT_ONCE; i++) {
        len = recv(round->fds[server], round->packet, sizeof(round->packet), 0);
        if (len > 0)
            resolv_hear(round, server, (size_t)len, until_ms);
        else if (len < 0 && errno != EAGAIN && errno != EINTR)
            resolv_refuse(round, server); /* ECONNREFUSED, ... */
    }
}

static bool resolv_is_done(const struct resolv_round *round)
{
    for (int i = 0; i < round->n; i++) {
        if (resolv_is_open(round, i))
            return false;
    }
    return true;
}

/* Until all is answered, or then. */
static void resolv_wait(struct resolv_round *round, int64_t until_ms, int64_t end_ms)
{
    struct pollfd fds[MAXNS];

    for (int i = 0; i < round->conf->n; i++)
        fds[i] = (struct pollfd){ .fd = round->fds[i], .events = POLLIN };
    while (!resolv_is_done(round) && resolv_poll(fds, (nfds_t)round->conf->n, until_ms) > 0) {
        for (int i = 0; i < round->conf->n; i++) {
            if (fds[i].revents != 0)
                resolv_receive(round, i, end_ms);
        }
        if (resolv_now_ms() >= until_ms) /* though there may be more of them, without end */
            break;
    }
}

static int resolv_run(struct resolv_round *round)
{
    const struct resolv_conf *conf = round->conf;
    int64_t begin_ms = resolv_now_ms(), span_ms = conf->timeout_s * RESOLV_MS_PER_S;
    int64_t end_ms = begin_ms + span_ms * conf->attempts;
    int error = 0, opened = 0;

    for (int i = 0; i < conf->n; i++) {
        round->fds[i] = resolv_open(&conf->servers[i]);
        if (round->fds[i] < 0)
            error = -errno;
        opened += round->fds[i] >= 0;
        if (round->fds[i] < 0)
            resolv_refuse(round, i);
    }
    /* A datagram may be lost: the first is sent twice within its time. */
    for (unsigned i = 0; i < 2 * conf->attempts && !resolv_is_done(round); i++) {
        int64_t next_ms = begin_ms + span_ms * (i / 2) + (i % 2 == 0 ? span_ms / 4 : span_ms);

        resolv_send(round);
        resolv_wait(round, next_ms, end_ms);
    }
    for (int i = 0; i < conf->n; i++) {
        if (round->fds[i] >= 0)
            close(round->fds[i]);
    }
    return opened > 0 ? 0 : error;
}

int resolv_ask(const struct resolv_conf *conf, struct resolv_exchange *exchanges, int n)
{
    struct resolv_round *round;
    int error, state;

    for (int i = 0; i < n; i++)
        exchanges[i].len = 0;
    if (conf->n == 0)
        return -EAGAIN;
    round = malloc(sizeof(*round));
    if (round == NULL)
        return -ENOMEM;
    *round = (struct resolv_round){ .conf = conf, .exchanges = exchanges, .n = n };
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state); /* it has descriptors of its own */
    error = resolv_run(round);
    pthread_setcancelstate(state, NULL);
    free(round);
    return error;
}
