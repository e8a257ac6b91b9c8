/*
 * Name servers that are slow, broken, or hostile: every question is answered, or given up within
 * its time. Sockets are played here, and so is the clock: nothing of this takes any time.
 */
#include "glue_test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "sockets/resolv_ask.h"

#define FDS 8
#define PARCELS 64
#define FOREVER 3600000 /* ms: whoever waits so long hangs */

/* What arrives at a socket: a datagram, or some bytes of a stream (none: its end), or an error. */
struct parcel {
    int64_t at_ms;
    int error;
    size_t len;
    uint8_t bytes[700];
};

/* Descriptor 100 + i. */
static struct wire {
    bool open, stream;
    unsigned server;
    struct parcel parcels[PARCELS];
    unsigned first, n;
    size_t used;        /* bytes of the first parcel */
    uint8_t asked[600]; /* what the program sent into a stream */
    size_t asked_len;
} wires[FDS];

/* A server: what it does with a question over UDP, and with one over TCP. */
struct server {
    void (*datagram)(struct wire *wire, const uint8_t *question, size_t len);
    void (*stream)(struct wire *wire, const uint8_t *question, size_t len);
    bool floods;    /* there is always one more datagram of noise */
    int connect;    /* errno of connect() over TCP; 0: it is never done, and never fails */
    unsigned asked; /* datagrams */
};

static struct server servers[MAXNS];
static struct resolv_conf conf;
static int64_t now_ms;
static uint32_t noise = 1;

static uint8_t random_byte(void)
{
    noise = noise * 1664525u + 1013904223u;
    return (uint8_t)(noise >> 24);
}

uint32_t arc4random_uniform(uint32_t below)
{
    return (uint32_t)(random_byte() << 8 | random_byte()) % below;
}

/* ---- sockets and the clock ---- */

static struct wire *wire_of(int fd)
{
    CHECK(fd >= 100 && fd < 100 + FDS && wires[fd - 100].open);
    return &wires[fd - 100];
}

static void pass(int64_t ms)
{
    now_ms += ms;
    CHECK(now_ms < FOREVER);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    CHECK_EQ(clock, CLOCK_MONOTONIC);
    *out = (struct timespec){ now_ms / 1000, now_ms % 1000 * 1000000 };
    return 0;
}

int socket(int family, int type, int protocol)
{
    CHECK_EQ(family, AF_INET);
    CHECK_EQ(protocol, 0);
    CHECK(type & SOCK_NONBLOCK);
    for (int i = 0; i < FDS; i++) {
        if (wires[i].open)
            continue;
        wires[i] = (struct wire){ .open = true, .stream = (type & 15) == SOCK_STREAM };
        return 100 + i;
    }
    errno = EMFILE;
    return -1;
}

int close(int fd)
{
    wire_of(fd)->open = false;
    return 0;
}

int bind(int fd, const struct sockaddr *address, socklen_t len)
{
    (void)address, (void)len;
    CHECK(!wire_of(fd)->stream);
    return 0;
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    struct wire *wire = wire_of(fd);

    CHECK_EQ(len, sizeof(struct sockaddr_in));
    wire->server = (ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) & 255) - 1;
    if (!wire->stream)
        return 0;
    errno = servers[wire->server].stream != NULL ? EINPROGRESS
            : servers[wire->server].connect != 0 ? servers[wire->server].connect
                                                 : EINPROGRESS;
    return -1;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    struct wire *wire = wire_of(fd);
    struct server *server = &servers[wire->server];

    (void)flags;
    if (!wire->stream) {
        server->asked++;
        if (server->datagram != NULL)
            server->datagram(wire, bytes, len);
        return (ssize_t)len;
    }
    CHECK(wire->asked_len + len <= sizeof(wire->asked));
    memcpy(wire->asked + wire->asked_len, bytes, len);
    wire->asked_len += len;
    if (wire->asked_len > 2 &&
        wire->asked_len == 2 + ((size_t)wire->asked[0] << 8 | wire->asked[1]))
        server->stream(wire, wire->asked + 2, wire->asked_len - 2);
    return (ssize_t)len;
}

static bool has_arrived(const struct wire *wire)
{
    return wire->n > 0 && wire->parcels[wire->first].at_ms <= now_ms;
}

static ssize_t take(struct wire *wire, uint8_t *bytes, size_t len)
{
    struct parcel *parcel = &wire->parcels[wire->first];
    size_t left = parcel->len - wire->used;
    size_t n = len < left ? len : left;

    memcpy(bytes, parcel->bytes + wire->used, n);
    wire->used += n;
    if (wire->stream && parcel->error == 0 && (parcel->len == 0 || n < left))
        return (ssize_t)n; /* more of it, or the end, which stays */
    wire->first++;
    wire->n--;
    wire->used = 0;
    errno = parcel->error;
    return parcel->error != 0 ? -1 : (ssize_t)n;
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    struct wire *wire = wire_of(fd);

    (void)flags;
    if (has_arrived(wire))
        return take(wire, bytes, len);
    if (!wire->stream && servers[wire->server].floods) {
        pass(1);
        for (size_t i = 0; i < 40; i++)
            ((uint8_t *)bytes)[i] = random_byte();
        return 40;
    }
    errno = EAGAIN;
    return -1;
}

static short ready(const struct pollfd *pollfd)
{
    const struct wire *wire;
    short events = 0;

    if (pollfd->fd < 0)
        return 0;
    wire = wire_of(pollfd->fd);
    if (has_arrived(wire) || (!wire->stream && servers[wire->server].floods))
        events |= POLLIN;
    if (!wire->stream || servers[wire->server].stream != NULL)
        events |= POLLOUT;
    return events & pollfd->events;
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    int64_t until_ms = now_ms + timeout_ms;
    int found = 0;

    CHECK(timeout_ms >= 0);
    for (;;) {
        for (nfds_t i = 0; i < n; i++)
            found += (fds[i].revents = ready(&fds[i])) != 0;
        if (found > 0 || now_ms == until_ms)
            return found;
        pass(1);
    }
}

/* ---- what servers send ---- */

static struct parcel *deliver(struct wire *wire, int64_t after_ms, const void *bytes, size_t len)
{
    struct parcel *parcel = &wire->parcels[wire->first + wire->n];

    CHECK(wire->first + wire->n < PARCELS && len <= sizeof(parcel->bytes));
    wire->n++;
    *parcel = (struct parcel){ .at_ms = now_ms + after_ms, .len = len };
    memcpy(parcel->bytes, bytes, len);
    return parcel;
}

/* An answer with so many addresses. */
static size_t answer(uint8_t *out, const uint8_t *question, size_t len, unsigned addresses)
{
    static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3 };

    memcpy(out, question, len);
    out[2] |= 0x80;
    out[7] = (uint8_t)addresses;
    for (unsigned i = 0; i < addresses; i++, len += sizeof(record))
        memcpy(out + len, record, sizeof(record));
    return len;
}

static void answers(struct wire *wire, const uint8_t *question, size_t len)
{
    uint8_t bytes[600];

    deliver(wire, 10, bytes, answer(bytes, question, len, 1));
}

static void answers_the_second_time(struct wire *wire, const uint8_t *question, size_t len)
{
    if (servers[wire->server].asked > 2)
        answers(wire, question, len);
}

static void fails(struct wire *wire, const uint8_t *question, size_t len)
{
    uint8_t bytes[600];

    len = answer(bytes, question, len, 0);
    bytes[3] |= 2;
    deliver(wire, 10, bytes, len);
}

static void is_not_there(struct wire *wire, const uint8_t *question, size_t len)
{
    (void)question, (void)len;
    deliver(wire, 10, "", 0)->error = ECONNREFUSED;
}

static void answers_after_noise(struct wire *wire, const uint8_t *question, size_t len)
{
    uint8_t bytes[600], other[600];
    size_t n = answer(bytes, question, len, 1);

    deliver(wire, 1, "", 0);
    deliver(wire, 1, question, len); /* no answer: our own question */
    for (size_t cut = 1; cut < len; cut += 5)
        deliver(wire, 2, bytes, cut);
    for (size_t at = 0; at < len; at += at == 0 ? 12 : 3) {
        memcpy(other, bytes, n);
        other[at] ^= 0x13;
        deliver(wire, 3, other, n);
    }
    deliver(wire, 4, bytes, n);
}

static void cuts(struct wire *wire, const uint8_t *question, size_t len)
{
    uint8_t bytes[600];

    len = answer(bytes, question, len, 0);
    bytes[2] |= 2;
    deliver(wire, 10, bytes, len);
}

static void cuts_the_first(struct wire *wire, const uint8_t *question, size_t len)
{
    (servers[wire->server].asked % 2 == 1 ? cuts : answers)(wire, question, len);
}

/* Over TCP: a length, and bytes that may be as many, each by itself and so long after the other. */
static void send_bytes(struct wire *wire, unsigned length, const uint8_t *bytes, size_t len,
                       int64_t each_ms)
{
    uint8_t head[2] = { (uint8_t)(length >> 8), (uint8_t)length };

    deliver(wire, each_ms, head, 1);
    deliver(wire, 2 * each_ms, head + 1, 1);
    for (size_t i = 0; i < len; i++)
        deliver(wire, (int64_t)(i + 3) * each_ms, bytes + i, 1);
}

static void streams_bytes(struct wire *wire, const uint8_t *question, size_t len)
{
    uint8_t bytes[600];

    len = answer(bytes, question, len, 2);
    CHECK(len < PARCELS - 2);
    send_bytes(wire, (unsigned)len, bytes, len, 5);
}

static void streams_much(struct wire *wire, const uint8_t *question, size_t len)
{
    uint8_t bytes[600], head[2];

    len = answer(bytes, question, len, 30);
    head[0] = (uint8_t)(len >> 8);
    head[1] = (uint8_t)len;
    deliver(wire, 1, head, 2);
    deliver(wire, 1, bytes, len);
}

static void streams_nothing(struct wire *wire, const uint8_t *question, size_t len)
{
    (void)question, (void)len;
    send_bytes(wire, 0, NULL, 0, 1);
}

static void streams_its_end(struct wire *wire, const uint8_t *question, size_t len)
{
    send_bytes(wire, 65535, question, len, 1);
    deliver(wire, 1000, "", 0);
}

static void streams_drops(struct wire *wire, const uint8_t *question, size_t len)
{
    send_bytes(wire, 65535, question, len, 200);
}

static void streams_another(struct wire *wire, const uint8_t *question, size_t len)
{
    uint8_t bytes[600];

    len = answer(bytes, question, len, 1);
    bytes[0] ^= 1;
    send_bytes(wire, (unsigned)len, bytes, len, 1);
}

static void streams_silence(struct wire *wire, const uint8_t *question, size_t len)
{
    (void)wire, (void)question, (void)len;
}

static void streams_a_reset(struct wire *wire, const uint8_t *question, size_t len)
{
    (void)question, (void)len;
    deliver(wire, 1, "", 0)->error = ECONNRESET;
}

/* ---- asking ---- */

static uint8_t questions[RESOLV_TOGETHER][RESOLV_QUESTION], got[RESOLV_TOGETHER][4096];
static struct resolv_exchange exchanges[RESOLV_TOGETHER];

static void begin(int n_servers)
{
    memset(servers, 0, sizeof(servers));
    now_ms = 0;
    conf = (struct resolv_conf){ .n = n_servers, .timeout_s = 5, .attempts = 2 };
    for (int i = 0; i < n_servers; i++)
        *(struct sockaddr_in *)&conf.servers[i] =
            (struct sockaddr_in){ .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(0x0a000001u + (unsigned)i) };
}

/* With room for `size` bytes of each answer. Afterwards no socket is left. */
static int ask(int n, size_t size)
{
    int error;

    for (int i = 0; i < n; i++) {
        int len = resolv_question(questions[i], sizeof(questions[i]), (uint16_t)(0x1200 + i),
                                  "www.test", i == 0 ? 1 : 28);

        CHECK(len > 0);
        exchanges[i] = (struct resolv_exchange){
            .question = questions[i], .question_len = (size_t)len, .answer = got[i], .size = size
        };
    }
    error = resolv_ask(&conf, exchanges, n);
    for (unsigned i = 0; i < FDS; i++)
        CHECK(!wires[i].open);
    return error;
}

/* The number of addresses that the answer claims, -1 without one. */
static int addresses(int i)
{
    if (exchanges[i].len == 0)
        return -1;
    CHECK(resolv_is_answer(got[i], exchanges[i].len, questions[i], exchanges[i].question_len));
    return got[i][7];
}

TEST(the_first_good_answer_counts)
{
    begin(3);
    servers[0].datagram = fails;
    servers[2].datagram = answers;
    CHECK_EQ(ask(2, 4096), 0);
    CHECK_EQ(addresses(0), 1);
    CHECK_EQ(addresses(1), 1);
    CHECK_EQ(now_ms, 10);
}

TEST(lost_questions_are_sent_again)
{
    begin(1);
    servers[0].datagram = answers_the_second_time;
    CHECK_EQ(ask(2, 4096), 0);
    CHECK_EQ(addresses(1), 1);
    CHECK(now_ms > 10 && now_ms < 5000);
}

TEST(no_server_answers)
{
    begin(2);
    CHECK_EQ(ask(1, 4096), 0);
    CHECK_EQ(addresses(0), -1);
    CHECK_EQ(now_ms, 10000);
    begin(2);
    servers[0].datagram = servers[1].datagram = is_not_there;
    CHECK_EQ(ask(2, 4096), 0);
    CHECK_EQ(addresses(0), -1);
    CHECK_EQ(now_ms, 10);
    begin(0);
    CHECK_EQ(ask(1, 4096), -EAGAIN);
}

TEST(the_failure_of_all_servers_is_an_answer)
{
    begin(2);
    servers[0].datagram = is_not_there;
    servers[1].datagram = fails;
    CHECK_EQ(ask(1, 4096), 0);
    CHECK_EQ(addresses(0), 0);
    CHECK_EQ(resolv_code(got[0]), 2);
}

TEST(what_is_no_answer_is_passed_over)
{
    begin(1);
    servers[0].datagram = answers_after_noise;
    CHECK_EQ(ask(1, 4096), 0);
    CHECK_EQ(addresses(0), 1);
    CHECK_EQ(now_ms, 4);
}

/* Whoever sends as much as is read keeps nobody: the time is over when it is over. */
TEST(a_flood_of_noise_ends_with_the_time)
{
    begin(1);
    servers[0].floods = true;
    CHECK_EQ(ask(2, 4096), 0);
    CHECK_EQ(addresses(0), -1);
    CHECK(now_ms >= 10000 && now_ms < 11000);
    begin(2);
    servers[0].floods = true;
    servers[1].datagram = answers;
    CHECK_EQ(ask(2, 4096), 0);
    CHECK_EQ(addresses(1), 1);
    CHECK(now_ms < 1000);
}

TEST(a_cut_answer_is_had_over_tcp)
{
    begin(1);
    servers[0].datagram = cuts;
    servers[0].stream = streams_bytes;
    CHECK_EQ(ask(1, 4096), 0);
    CHECK_EQ(addresses(0), 2);
    CHECK(!resolv_is_cut(got[0]));
    begin(1);
    servers[0].datagram = cuts;
    servers[0].stream = streams_much;
    CHECK_EQ(ask(2, 4096), 0);
    CHECK_EQ(addresses(0), 30);
    CHECK_EQ(addresses(1), 30);
}

/* What the program has no room for is missing, and the answer says so. */
TEST(an_answer_too_long_is_cut)
{
    begin(1);
    servers[0].datagram = cuts;
    servers[0].stream = streams_much;
    CHECK_EQ(ask(1, 100), 0);
    CHECK_EQ(exchanges[0].len, 100);
    CHECK(resolv_is_cut(got[0]));
}

TEST(without_tcp_the_cut_answer_counts)
{
    void (*const streams[])(struct wire *, const uint8_t *, size_t) = {
        streams_nothing, streams_its_end, streams_drops,
        streams_another, streams_silence, streams_a_reset,
    };

    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        begin(1);
        servers[0].datagram = cuts;
        servers[0].stream = streams[i];
        CHECK_EQ(ask(1, 4096), 0);
        CHECK_EQ(addresses(0), 0);
        CHECK(resolv_is_cut(got[0]));
        CHECK(now_ms <= 10000);
    }
    for (int refused = 0; refused < 2; refused++) { /* or a connect() that never ends */
        begin(1);
        servers[0].datagram = cuts;
        servers[0].connect = refused ? ECONNREFUSED : 0;
        CHECK_EQ(ask(1, 4096), 0);
        CHECK_EQ(addresses(0), 0);
        CHECK(now_ms <= 10000);
    }
}

TEST(a_stream_that_hangs_does_not_cost_the_other_answer)
{
    begin(1);
    servers[0].datagram = cuts_the_first;
    servers[0].stream = streams_silence;
    CHECK_EQ(ask(2, 4096), 0);
    CHECK_EQ(addresses(0), 0);
    CHECK_EQ(addresses(1), 1);
}
