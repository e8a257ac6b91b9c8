/*
 * Connections and datagrams to elsewhere from the first moment on: before there is an address,
 * non-blocking ones are under way at once and come about later; what nobody answers fails as it does
 * on Linux. The guest has one interface, its address by DHCP, and dom0 is 10.78.0.1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#define DOM0   "10.78.0.1"
#define NOBODY "10.78.255.254" /* no guest's: their addresses end before */
#define CLOSED 9               /* a port of dom0 that nobody listens at */

static struct sockaddr_in address(const char *text, int port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

    CHECK_EQ(inet_pton(AF_INET, text, &in.sin_addr), 1);
    return in;
}

static int begin(const char *text, int port)
{
    struct sockaddr_in to = address(text, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    CHECK(fd >= 0);
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&to, sizeof(to)), EINPROGRESS);
    return fd;
}

/* Of a socket that sends one datagram. */
static int ask(const char *text, int port)
{
    struct sockaddr_in to = address(text, port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    CHECK(fd >= 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    CHECK_EQ(send(fd, "x", 1, 0), 1);
    return fd;
}

static int error_of(int fd, short events)
{
    struct pollfd pollfd = { .fd = fd, .events = events };
    socklen_t len = sizeof(int);
    int error = 0;

    CHECK_EQ(poll(&pollfd, 1, 60000), 1);
    CHECK(pollfd.revents & POLLERR);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    close(fd);
    return error;
}

static void test_at_once(void)
{
    struct sockaddr_in to = address(DOM0, CLOSED), nobody = address(NOBODY, 80);
    int asked = ask(DOM0, CLOSED), refused = begin(DOM0, CLOSED), lost = begin(NOBODY, 80),
        given_up = begin(DOM0, CLOSED);

    CHECK_ERRNO(connect(lost, (struct sockaddr *)&nobody, sizeof(nobody)), EALREADY);
    close(given_up);
    CHECK_EQ(error_of(asked, 0), ECONNREFUSED); /* it has arrived */
    CHECK_EQ(error_of(refused, POLLOUT), ECONNREFUSED);
    CHECK_EQ(error_of(lost, POLLOUT), EHOSTUNREACH);
    refused = socket(AF_INET, SOCK_STREAM, 0); /* and one that waits */
    CHECK_ERRNO(connect(refused, (struct sockaddr *)&to, sizeof(to)), ECONNREFUSED);
    close(refused);
}

static void test_datagrams(void)
{
    struct sockaddr_in to = address(DOM0, CLOSED);
    struct pollfd pollfd = { .fd = socket(AF_INET, SOCK_DGRAM, 0) };
    char byte;

    CHECK_EQ(connect(pollfd.fd, (struct sockaddr *)&to, sizeof(to)), 0);
    CHECK_EQ(send(pollfd.fd, "x", 1, 0), 1);
    CHECK_EQ(poll(&pollfd, 1, 60000), 1);
    CHECK_EQ(pollfd.revents, POLLERR);
    CHECK_ERRNO(recv(pollfd.fd, &byte, 1, 0), ECONNREFUSED);
    close(pollfd.fd);
}

/* Names that the SDK's own sources use: a program's functions are its own all the same. */
#define OUR_OWN(name) \
    int name(void);   \
    int name(void)    \
    {                 \
        abort();      \
    }
OUR_OWN(panic)
OUR_OWN(result)
OUR_OWN(socket_init)
OUR_OWN(tcp_connect)
OUR_OWN(netif_add)
OUR_OWN(net_lock)
OUR_OWN(file_put)
OUR_OWN(mutex_lock)
OUR_OWN(thread_create)

int main(void)
{
    test_at_once();
    test_datagrams();
    puts("PASS");
    return 0;
}
