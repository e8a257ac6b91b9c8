/*
 * TCP over the loopback, IPv4 and IPv6: streams both ways at once, half-closed connections,
 * refusals and resets, connecting without waiting, full buffers, many connections, the queue of a
 * listening socket, sendfile.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static short events_of(int fd, short events)
{
    struct pollfd at = { .fd = fd, .events = events };

    CHECK(poll(&at, 1, 0) >= 0);
    return at.revents;
}

static void wait_for(int fd, short events)
{
    struct pollfd at = { .fd = fd, .events = events };

    CHECK_EQ(poll(&at, 1, 60000), 1);
}

static long long now_ns(void)
{
    struct timespec now;

    CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    };
    socklen_t len;
};

static struct address loopback(int family, int port)
{
    struct address address = { .len = sizeof(address.in) };

    if (family == AF_INET) {
        address.in = (struct sockaddr_in){ .sin_family = AF_INET,
                                           .sin_port = htons(port),
                                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    } else {
        address.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                             .sin6_port = htons(port),
                                             .sin6_addr = in6addr_loopback };
        address.len = sizeof(address.in6);
    }
    return address;
}

/* A listening socket on a free port, and its address. */
static int listening(int family, int backlog, struct address *address)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    *address = loopback(family, 0);
    CHECK_EQ(bind(fd, &address->any, address->len), 0);
    CHECK_EQ(listen(fd, backlog), 0);
    CHECK_EQ(getsockname(fd, &address->any, &address->len), 0);
    return fd;
}

static int connected(const struct address *to)
{
    int fd = socket(to->any.sa_family, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    CHECK_EQ(connect(fd, &to->any, to->len), 0);
    return fd;
}

static void make_pair(int family, int fds[2])
{
    struct address address;
    int server = listening(family, 5, &address);

    fds[0] = connected(&address);
    fds[1] = accept(server, NULL, NULL);
    CHECK(fds[1] >= 0);
    CHECK_EQ(close(server), 0);
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

/* ---- a small conversation ---- */

static void test_conversation(int family)
{
    struct address address, name;
    int server = listening(family, 5, &address), client = connected(&address), peer, n;
    struct iovec pieces[2] = { { "one ", 4 }, { "two", 3 } };
    char text[32];

    wait_for(server, POLLIN);
    name.len = sizeof(name.in6);
    peer = accept4(server, &name.any, &name.len, SOCK_NONBLOCK);
    CHECK(peer >= 0);
    CHECK_EQ(name.any.sa_family, family);
    CHECK_EQ(fcntl(peer, F_GETFL) & O_NONBLOCK, O_NONBLOCK);

    struct address own = { .len = sizeof(own.in6) };
    CHECK_EQ(getsockname(client, &own.any, &own.len), 0);
    CHECK_EQ(own.len, name.len);
    CHECK_EQ(memcmp(&own.any, &name.any, own.len), 0);
    CHECK_EQ(getpeername(client, &own.any, &own.len), 0);
    CHECK_EQ(memcmp(&own.any, &address.any, own.len), 0);

    CHECK_ERRNO(read(peer, text, sizeof(text)), EAGAIN);
    CHECK_EQ(writev(client, pieces, 2), 7);
    wait_for(peer, POLLIN);
    CHECK_EQ(ioctl(peer, FIONREAD, &n), 0);
    CHECK_EQ(n, 7);
    CHECK_EQ(recv(peer, text, sizeof(text), MSG_PEEK), 7);
    CHECK_EQ(recv(peer, text, 3, MSG_PEEK), 3);
    CHECK_EQ(read(peer, text, sizeof(text)), 7);
    CHECK_EQ(memcmp(text, "one two", 7), 0);
    CHECK_EQ(send(peer, "answer", 6, MSG_MORE), 6);
    CHECK_EQ(send(peer, "!", 1, 0), 1);
    CHECK_EQ(recv(client, text, 7, MSG_WAITALL), 7);
    CHECK_EQ(memcmp(text, "answer!", 7), 0);

    /* One way ends, the other goes on. */
    CHECK_EQ(shutdown(client, SHUT_WR), 0);
    wait_for(peer, POLLRDHUP);
    CHECK_EQ(events_of(peer, POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(read(peer, text, sizeof(text)), 0);
    CHECK_ERRNO(send(client, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(write(peer, "still", 5), 5);
    CHECK_EQ(recv(client, text, 5, MSG_WAITALL), 5);
    CHECK_EQ(close(peer), 0);
    CHECK_EQ(read(client, text, 1), 0);
    CHECK_EQ(events_of(client, POLLIN) & POLLHUP, POLLHUP);
    CHECK_EQ(close(client) + close(server), 0);
}

/* ---- streams ---- */

#define STREAM_BYTES (4 << 20)

static unsigned char stream_byte(size_t i, int salt)
{
    return (unsigned char)(i * 31 + (i >> 8) * 7 + (i >> 16) + (size_t)salt);
}

static void *write_stream(void *arg)
{
    unsigned char *block = malloc(100000);
    int fd = (int)(intptr_t)arg & 0xffff, salt = (int)((intptr_t)arg >> 16);
    size_t done = 0;

    CHECK(block != NULL);
    while (done < STREAM_BYTES) {
        size_t len = 1 + done * 7 % 100000;

        if (len > STREAM_BYTES - done)
            len = STREAM_BYTES - done;
        for (size_t i = 0; i < len; i++)
            block[i] = stream_byte(done + i, salt);
        CHECK_EQ(write(fd, block, len), len);
        done += len;
    }
    CHECK_EQ(shutdown(fd, SHUT_WR), 0);
    free(block);
    return NULL;
}

static void *read_stream(void *arg)
{
    unsigned char *block = malloc(60000);
    int fd = (int)(intptr_t)arg & 0xffff, salt = (int)((intptr_t)arg >> 16);
    size_t done = 0;
    ssize_t n;

    CHECK(block != NULL);
    while ((n = read(fd, block, 1 + done * 3 % 60000)) > 0)
        for (ssize_t i = 0; i < n; i++, done++)
            if (block[i] != stream_byte(done, salt))
                CHECK_EQ(block[i], stream_byte(done, salt));
    CHECK_EQ(n, 0);
    CHECK_EQ(done, STREAM_BYTES);
    free(block);
    return NULL;
}

static void test_streams(int family)
{
    void *threads[4];
    int fds[2];

    make_pair(family, fds);
    threads[0] = later(write_stream, fds[0] | 1 << 16);
    threads[1] = later(read_stream, fds[1] | 1 << 16);
    threads[2] = later(write_stream, fds[1] | 2 << 16);
    threads[3] = later(read_stream, fds[0] | 2 << 16);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);
}

/* Byte by byte, without a reader at first: it must not take a page each. */
static void test_small_pieces(void)
{
    char text[5000];
    int fds[2], one = 1, n = 0;

    make_pair(AF_INET, fds);
    CHECK_EQ(setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
    for (int i = 0; i < (int)sizeof(text); i++) {
        char c = (char)(i * 7);

        CHECK_EQ(write(fds[0], &c, 1), 1);
    }
    while (n < (int)sizeof(text)) {
        wait_for(fds[1], POLLIN);
        CHECK_EQ(recv(fds[1], text, sizeof(text), MSG_PEEK) > 0, 1);
        n += (int)read(fds[1], text + n, sizeof(text) - (size_t)n);
    }
    for (int i = 0; i < (int)sizeof(text); i++)
        CHECK_EQ(text[i], (char)(i * 7));
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);
}

/* A writer that must not wait fills the buffers; it is writable again when there is much room. */
static void test_full(void)
{
    static char block[8192];
    int fds[2];
    size_t sent = 0, got = 0;
    ssize_t n;

    make_pair(AF_INET, fds);
    CHECK_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    for (int quiet = 0; quiet < 3; quiet++) {
        while ((n = write(fds[0], block, sizeof(block))) > 0) {
            sent += (size_t)n;
            quiet = 0;
        }
        CHECK_EQ(errno, EAGAIN);
        usleep(10000);
    }
    CHECK_EQ(events_of(fds[0], POLLOUT), 0);
    while (got < sent) {
        wait_for(fds[1], POLLIN);
        n = read(fds[1], block, sizeof(block));
        CHECK(n > 0);
        got += (size_t)n;
    }
    wait_for(fds[0], POLLOUT);
    CHECK_EQ(events_of(fds[0], POLLOUT), POLLOUT);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);
}

/* ---- what goes wrong ---- */

static int broken;

static void on_pipe(int signal)
{
    (void)signal;
    broken++;
}

static void test_reset(void)
{
    struct sigaction action = { .sa_handler = on_pipe };
    struct linger hard = { .l_onoff = 1 };
    int fds[2], error;
    socklen_t len = sizeof(error);
    char c;

    CHECK_EQ(sigaction(SIGPIPE, &action, NULL), 0);
    make_pair(AF_INET, fds);
    CHECK_EQ(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    CHECK_EQ(close(fds[0]), 0);
    wait_for(fds[1], POLLIN);
    CHECK_EQ(events_of(fds[1], POLLIN | POLLOUT | POLLRDHUP),
             POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    CHECK_ERRNO(read(fds[1], &c, 1), ECONNRESET);
    CHECK_EQ(read(fds[1], &c, 1), 0); /* told once */
    CHECK_ERRNO(write(fds[1], &c, 1), EPIPE);
    CHECK_EQ(broken, 1);

    CHECK_EQ(close(fds[1]), 0);

    /* Closing with unread bytes is a reset, too. */
    make_pair(AF_INET, fds);
    CHECK_EQ(write(fds[0], "unread", 6), 6);
    wait_for(fds[1], POLLIN);
    CHECK_EQ(close(fds[1]), 0);
    wait_for(fds[0], POLLIN);
    CHECK_EQ(getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &error, &len), 0);
    CHECK_EQ(error, ECONNRESET);
    CHECK_EQ(getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &error, &len), 0);
    CHECK_EQ(error, 0);
    CHECK_EQ(close(fds[0]), 0);
}

static void test_refused(int family)
{
    struct address address;
    int fd = listening(family, 1, &address), error;
    socklen_t len = sizeof(error);

    CHECK_EQ(close(fd), 0);
    fd = socket(family, SOCK_STREAM, 0);
    CHECK_ERRNO(connect(fd, &address.any, address.len), ECONNREFUSED);
    CHECK_ERRNO(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(close(fd), 0);

    fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK_EQ(events_of(fd, POLLIN | POLLOUT), POLLOUT | POLLHUP); /* as Linux has it */
    CHECK_ERRNO(connect(fd, &address.any, address.len), EINPROGRESS);
    wait_for(fd, POLLOUT);
    CHECK_EQ(events_of(fd, POLLOUT) & (POLLOUT | POLLERR | POLLHUP), POLLOUT | POLLERR | POLLHUP);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    CHECK_EQ(error, ECONNREFUSED);
    CHECK_EQ(close(fd), 0);
}

static void test_connect_later(void)
{
    struct address address;
    int server = listening(AF_INET, 5, &address), error, peer;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t len = sizeof(error);

    if (connect(fd, &address.any, address.len) != 0)
        CHECK_EQ(errno, EINPROGRESS);
    wait_for(fd, POLLOUT);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    CHECK_EQ(error, 0);
    connect(fd, &address.any, address.len); /* says that it is done, at most once */
    CHECK_ERRNO(connect(fd, &address.any, address.len), EISCONN);
    peer = accept(server, NULL, NULL);
    CHECK_EQ(write(peer, "x", 1), 1);
    wait_for(fd, POLLIN);
    CHECK_EQ(close(fd) + close(peer) + close(server), 0);
}

static void test_bad_calls(void)
{
    struct address address, other = loopback(AF_INET, 0);
    int server = listening(AF_INET, 5, &address), fd = socket(AF_INET, SOCK_STREAM, 0);
    char c;

    CHECK_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    CHECK_ERRNO(socket(AF_INET, 77, 0), ESOCKTNOSUPPORT);
    CHECK_ERRNO(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERRNO(bind(fd, &address.any, address.len), EADDRINUSE);
    other.in.sin_addr.s_addr = inet_addr("203.0.113.77");
    CHECK_ERRNO(bind(fd, &other.any, other.len), EADDRNOTAVAIL);
    CHECK_ERRNO(bind(fd, &address.any, 3), EINVAL);
    CHECK_ERRNO(recv(fd, &c, 1, 0), ENOTCONN);
    CHECK_ERRNO(accept(fd, NULL, NULL), EINVAL);
    CHECK_ERRNO(shutdown(fd, SHUT_WR), ENOTCONN);
    CHECK_ERRNO(getpeername(fd, &other.any, &other.len), ENOTCONN);
    CHECK_ERRNO(shutdown(server, 77), EINVAL);
    CHECK_ERRNO(connect(server, &address.any, address.len), EISCONN);
    CHECK_ERRNO(sendto(1, "x", 1, 0, &address.any, address.len), ENOTSOCK);
    other = loopback(AF_INET6, 1);
    CHECK_ERRNO(connect(fd, &other.any, other.len), EAFNOSUPPORT);
    CHECK_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
    CHECK_EQ(shutdown(server, SHUT_RDWR), 0);
    CHECK_ERRNO(accept(server, NULL, NULL), EINVAL);
    CHECK_EQ(close(fd) + close(server), 0);
}

/* ---- waiting ---- */

static void *close_later(void *arg)
{
    usleep(5000);
    CHECK_EQ(shutdown((int)(intptr_t)arg, SHUT_RDWR), 0);
    return NULL;
}

static void test_timeouts(void)
{
    struct timeval soon = { .tv_usec = 30000 };
    struct address address;
    int fds[2], server;
    long long before;
    void *thread;
    char c;

    make_pair(AF_INET, fds);
    CHECK_EQ(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
    before = now_ns();
    CHECK_ERRNO(read(fds[0], &c, 1), EAGAIN);
    CHECK(now_ns() - before >= 30000000);
    soon.tv_usec = 0;
    CHECK_EQ(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
    thread = later(close_later, fds[1]);
    CHECK_EQ(read(fds[0], &c, 1), 0);
    join(thread);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);

    server = listening(AF_INET, 5, &address);
    soon.tv_usec = 30000;
    CHECK_EQ(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
    CHECK_ERRNO(accept(server, NULL, NULL), EAGAIN);
    soon.tv_usec = 0;
    CHECK_EQ(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
    thread = later(close_later, server);
    CHECK_ERRNO(accept(server, NULL, NULL), EINVAL); /* nobody will come any more */
    join(thread);
    CHECK_EQ(close(server), 0);
}

/* ---- many ---- */

#define MANY 300

static void test_many(void)
{
    static int clients[MANY], peers[MANY];
    struct address address;
    int server = listening(AF_INET, SOMAXCONN, &address);

    for (int i = 0; i < MANY; i++) {
        clients[i] = connected(&address);
        CHECK_EQ(write(clients[i], &i, sizeof(i)), sizeof(i));
    }
    for (int i = 0; i < MANY; i++) {
        int number;

        peers[i] = accept(server, NULL, NULL);
        CHECK(peers[i] >= 0);
        CHECK_EQ(recv(peers[i], &number, sizeof(number), MSG_WAITALL), sizeof(number));
        CHECK_EQ(number, i); /* first come, first served */
        number = -number;
        CHECK_EQ(write(peers[i], &number, sizeof(number)), sizeof(number));
    }
    for (int i = 0; i < MANY; i++) {
        int number;

        CHECK_EQ(recv(clients[i], &number, sizeof(number), MSG_WAITALL), sizeof(number));
        CHECK_EQ(number, -i);
        CHECK_EQ(close(clients[i]) + close(peers[i]), 0);
    }
    CHECK_EQ(close(server), 0);
}

/* The queue is short: what does not fit waits outside, and gets in when there is room. */
static void test_backlog(void)
{
    struct address address;
    int server = listening(AF_INET, 1, &address), fds[4], peer;

    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(fds[i], &address.any, address.len) != 0)
            CHECK_EQ(errno, EINPROGRESS);
    }
    wait_for(fds[0], POLLOUT);
    wait_for(fds[1], POLLOUT);
    usleep(20000);
    CHECK_EQ(events_of(fds[3], POLLOUT), 0);
    for (int i = 0; i < 4; i++) {
        peer = accept(server, NULL, NULL);
        CHECK(peer >= 0);
        CHECK_EQ(close(peer), 0);
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQ(close(fds[i]), 0);
    CHECK_EQ(close(server), 0);
}

/* Connections come and go: nothing is left behind. */
static void test_churn(void)
{
    struct address address;
    int server = listening(AF_INET, 16, &address), one = 1;
    char c;

    CHECK_EQ(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    for (int i = 0; i < 1000; i++) {
        int client = connected(&address), peer = accept(server, NULL, NULL);

        CHECK_EQ(write(client, "x", 1), 1);
        CHECK_EQ(read(peer, &c, 1), 1);
        CHECK_EQ(close(i % 2 ? client : peer) + close(i % 2 ? peer : client), 0);
    }
    CHECK_EQ(close(server), 0);
}

/* A server starts again at once, though connections of the last one linger. */
static void test_restart(void)
{
    struct address address;
    int server = listening(AF_INET, 5, &address), client = connected(&address), one = 1;
    int peer = accept(server, NULL, NULL);

    CHECK_EQ(close(server) + close(peer), 0); /* the server's side ends first: TIME_WAIT is there */
    usleep(5000);
    CHECK_EQ(close(client), 0);
    server = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    CHECK_EQ(bind(server, &address.any, address.len), 0);
    CHECK_EQ(listen(server, 5), 0);
    client = connected(&address);
    peer = accept(server, NULL, NULL);
    CHECK(peer >= 0);
    CHECK_EQ(close(client) + close(peer) + close(server), 0);
}

/* ---- files ---- */

static void test_sendfile(void)
{
    static char block[50000];
    int file = open("/tmp/file", O_RDWR | O_CREAT | O_TRUNC, 0600), fds[2];
    off_t at = 10;
    size_t got = 0;

    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (char)stream_byte(i, 3);
    CHECK_EQ(write(file, block, sizeof(block)), sizeof(block));
    make_pair(AF_INET, fds);
    CHECK_EQ(sendfile(fds[0], file, &at, sizeof(block)), sizeof(block) - 10);
    CHECK_EQ(at, sizeof(block));
    CHECK_EQ(close(fds[0]), 0);
    memset(block, 0, sizeof(block));
    for (ssize_t n; (n = read(fds[1], block + got, sizeof(block) - got)) > 0;)
        got += (size_t)n;
    CHECK_EQ(got, sizeof(block) - 10);
    for (size_t i = 0; i < got; i++)
        CHECK_EQ((unsigned char)block[i], stream_byte(i + 10, 3));
    CHECK_EQ(close(fds[1]) + close(file) + unlink("/tmp/file"), 0);
}

/* The round trips of one byte, for the curious. */
static void *echo(void *arg)
{
    char c;

    while (read((int)(intptr_t)arg, &c, 1) == 1)
        CHECK_EQ(write((int)(intptr_t)arg, &c, 1), 1);
    return NULL;
}

static void test_round_trip(void)
{
    enum { ROUNDS = 2000 };
    int fds[2], one = 1;
    long long before;
    void *thread;
    char c = 'x';

    make_pair(AF_INET, fds);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
    thread = later(echo, fds[1]);
    before = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(write(fds[0], &c, 1), 1);
        CHECK_EQ(read(fds[0], &c, 1), 1);
    }
    printf("one byte there and back: %lld us\n", (now_ns() - before) / ROUNDS / 1000);
    CHECK_EQ(close(fds[0]), 0);
    join(thread);
    CHECK_EQ(close(fds[1]), 0);
}

int main(void)
{
    test_conversation(AF_INET);
    test_conversation(AF_INET6);
    test_streams(AF_INET);
    test_streams(AF_INET6);
    test_small_pieces();
    test_full();
    test_reset();
    test_refused(AF_INET);
    test_refused(AF_INET6);
    test_connect_later();
    test_bad_calls();
    test_timeouts();
    test_many();
    test_backlog();
    test_churn();
    test_restart();
    test_sendfile();
    test_round_trip();
    puts("PASS");
    return 0;
}
