/*
 * Sockets until there is no memory for more, in a small guest: each call that begins something says
 * so, what was there before works on, and when all is closed there is as much room as before.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#define MOST 30000

static int fds[MOST];
static struct sockaddr_in at = { .sin_family = AF_INET };

static bool is_want_of_room(int error)
{
    return error == ENOMEM || error == ENOBUFS || error == EMFILE || error == ENFILE;
}

static void close_all(int n)
{
    while (n > 0)
        CHECK_EQ(close(fds[--n]), 0);
}

/* A byte there and back, over a connection. */
static void talk(int one, int other)
{
    struct pollfd wait = { .fd = other, .events = POLLIN };
    char byte = 'x';

    CHECK_EQ(send(one, &byte, 1, 0), 1);
    CHECK_EQ(poll(&wait, 1, 60000), 1);
    CHECK_EQ(recv(other, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'x');
}

/* Returns how many there were. */
static int open_all(int type, bool listening)
{
    int most = listening ? 3000 : MOST; /* finding each a port takes long */

    for (int n = 0; n < most; n++) {
        fds[n] = socket(AF_INET, type, 0);
        if (fds[n] < 0) {
            CHECK(is_want_of_room(errno));
            return n;
        }
        if (!listening)
            continue;
        if (listen(fds[n], 5) < 0) {
            CHECK(is_want_of_room(errno) || errno == EADDRINUSE /* of 16384 ports */);
            close(fds[n]);
            return n;
        }
    }
    return most;
}

/* Pairs, by a listener that accepts each. Returns how many descriptors there are. */
static int connect_all(int listener)
{
    int n = 0;

    while (n < MOST - 2) {
        struct pollfd wait = { .fd = listener, .events = POLLIN };
        int error = 0;

        fds[n] = socket(AF_INET, SOCK_STREAM, 0);
        if (fds[n] < 0) {
            CHECK(is_want_of_room(errno));
            return n;
        }
        if (connect(fds[n], (struct sockaddr *)&at, sizeof(at)) < 0) {
            error = errno;
        } else if (poll(&wait, 1, 60000) == 1) {
            fds[n + 1] = accept(listener, NULL, NULL);
            if (fds[n + 1] < 0)
                error = errno;
        } else {
            error = ETIMEDOUT;
        }
        if (error != 0) {
            /* The other end had no memory: it was refused, or is not there. */
            CHECK(is_want_of_room(error) || error == ECONNRESET || error == ECONNREFUSED ||
                  error == ECONNABORTED);
            close(fds[n]);
            return n;
        }
        n += 2;
    }
    return n;
}

/* Bytes that nobody reads, until no connection takes any. Returns how many. */
static long long fill_all(int n)
{
    static const char bytes[4096];
    long long sent = 0;

    for (int i = 0; i < n; i++) {
        ssize_t done;

        while ((done = send(fds[i], bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
            sent += done;
        CHECK(errno == EAGAIN || is_want_of_room(errno));
    }
    return sent;
}

int main(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), friend, other, first, second;
    socklen_t len = sizeof(at);
    long long filled;

    CHECK_EQ(listen(listener, 100), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    friend = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect(friend, (struct sockaddr *)&at, sizeof(at)), 0);
    other = accept(listener, NULL, NULL);
    CHECK(other >= 0);

    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        first = open_all(type, false);
        printf("%d sockets of type %d\n", first, type);
        CHECK(first > 1000);
        talk(friend, other);
        close_all(first);
        second = open_all(type, false);
        close_all(second);
        CHECK(second >= first - first / 20);
    }

    first = open_all(SOCK_STREAM, true);
    printf("%d that listen\n", first);
    CHECK(first > 1000);
    talk(friend, other);
    close_all(first);
    second = open_all(SOCK_STREAM, true);
    close_all(second);
    CHECK(second >= first - first / 20);

    first = connect_all(listener);
    printf("%d ends of connections\n", first);
    CHECK(first > 1000);
    talk(friend, other);
    close_all(first);

    first = connect_all(listener);
    if (first > 400) { /* so that there is room for bytes */
        for (int i = 400; i < first; i++)
            CHECK_EQ(close(fds[i]), 0);
        first = 400;
    }
    filled = fill_all(first);
    /* Connections that were closed end by and by, each with its last segments; so their memory comes. */
    for (int tries = 0; filled <= 1 << 20 && tries < 600; tries++) {
        usleep(100000);
        filled += fill_all(first);
    }
    printf("%lld bytes in %d ends\n", filled, first);
    CHECK(filled > 1 << 20);
    close_all(first);
    talk(friend, other);
    puts("PASS");
    return 0;
}
