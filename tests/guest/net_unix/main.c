/*
 * Sockets within the guest: streams, datagrams and packets; names in the file system and without;
 * files handed over; what happens when the other side goes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static struct sockaddr_un path_address(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    strcpy(address.sun_path, path);
    return address;
}

#define ADDRESS(a) (const struct sockaddr *)&(a), sizeof(a)

static short events_of(int fd, short events)
{
    struct pollfd at = { .fd = fd, .events = events };

    CHECK(poll(&at, 1, 0) >= 0);
    return at.revents;
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

/* ---- pairs ---- */

static void test_pair(void)
{
    struct sockaddr_un name;
    socklen_t len = sizeof(name);
    char text[32];
    int fds[2], n, type;
    struct stat about;

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    CHECK_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fstat(fds[0], &about), 0);
    CHECK(S_ISSOCK(about.st_mode));
    CHECK_EQ(isfdtype(fds[0], S_IFSOCK), 1);
    CHECK_EQ(write(fds[0], "hello", 5), 5);
    CHECK_EQ(send(fds[0], " world", 6, 0), 6);
    CHECK_EQ(ioctl(fds[1], FIONREAD, &n), 0);
    CHECK_EQ(n, 11);
    CHECK_EQ(recv(fds[1], text, sizeof(text), MSG_PEEK), 11);
    CHECK_EQ(read(fds[1], text, 4), 4);
    CHECK_EQ(recv(fds[1], text, sizeof(text), MSG_DONTWAIT), 7);
    CHECK_EQ(memcmp(text, "o world", 7), 0);
    CHECK_ERRNO(recv(fds[1], text, sizeof(text), MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(getsockname(fds[0], (struct sockaddr *)&name, &len), 0);
    CHECK_EQ(len, offsetof(struct sockaddr_un, sun_path));
    CHECK_EQ(name.sun_family, AF_UNIX);
    len = sizeof(type);
    CHECK_EQ(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &len), 0);
    CHECK_EQ(type, SOCK_STREAM);
    CHECK_EQ(events_of(fds[0], POLLIN | POLLOUT), POLLOUT);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQ(read(fds[1], text, sizeof(text)), 0);
    CHECK_EQ(events_of(fds[1], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(write(fds[1], "back", 4), 4); /* the other direction lives */
    CHECK_EQ(read(fds[0], text, sizeof(text)), 4);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(close(fds[0]), 0);
    CHECK_EQ(events_of(fds[1], POLLIN), POLLIN | POLLHUP);
    CHECK_ERRNO(send(fds[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(close(fds[1]), 0);

    CHECK_ERRNO(socketpair(AF_INET, SOCK_STREAM, 0, fds), EOPNOTSUPP);
    CHECK_ERRNO(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT); /* left out of this program */
    CHECK_ERRNO(socketpair(AF_UNIX, 77, 0, fds), ESOCKTNOSUPPORT);
    CHECK_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 3, fds), EPROTONOSUPPORT);
    CHECK_ERRNO(send(1, "x", 1, 0), ENOTSOCK);
    CHECK_ERRNO(recv(999, text, 1, 0), EBADF);
}

static int broken;

static void on_pipe(int signal)
{
    (void)signal;
    broken++;
}

/* Unread data at the end is a reset, told once. */
static void test_reset(void)
{
    struct sigaction action = { .sa_handler = on_pipe };
    char c;
    int fds[2];

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    CHECK_EQ(write(fds[0], "unread", 6), 6);
    CHECK_EQ(close(fds[1]), 0);
    CHECK_ERRNO(read(fds[0], &c, 1), ECONNRESET);
    CHECK_EQ(read(fds[0], &c, 1), 0);
    CHECK_EQ(sigaction(SIGPIPE, &action, NULL), 0);
    CHECK_ERRNO(write(fds[0], "x", 1), EPIPE);
    CHECK_EQ(broken, 1);
    CHECK_EQ(close(fds[0]), 0);
}

#define STREAM_BYTES (3 << 20)

static unsigned char stream_byte(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8) + (i >> 16));
}

static void *write_stream(void *arg)
{
    static unsigned char block[70001];
    size_t done = 0;

    while (done < STREAM_BYTES) {
        size_t len = 1 + done % sizeof(block);
        ssize_t n;

        if (len > STREAM_BYTES - done)
            len = STREAM_BYTES - done;
        for (size_t i = 0; i < len; i++)
            block[i] = stream_byte(done + i);
        n = write((int)(intptr_t)arg, block, len);
        CHECK_EQ(n, len); /* a waiting writer writes all of it */
        done += len;
    }
    CHECK_EQ(shutdown((int)(intptr_t)arg, SHUT_WR), 0);
    return NULL;
}

static void test_stream(void)
{
    static unsigned char block[50000];
    size_t done = 0;
    void *thread;
    int fds[2];
    ssize_t n;

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    thread = later(write_stream, fds[0]);
    while ((n = read(fds[1], block, 1 + done % sizeof(block))) > 0)
        for (ssize_t i = 0; i < n; i++)
            CHECK_EQ(block[i], stream_byte(done++));
    CHECK_EQ(n, 0);
    CHECK_EQ(done, STREAM_BYTES);
    join(thread);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);
}

static void *send_halves(void *arg)
{
    int fd = (int)(intptr_t)arg;

    usleep(3000);
    CHECK_EQ(send(fd, "abc", 3, 0), 3);
    usleep(3000);
    CHECK_EQ(send(fd, "def", 3, 0), 3);
    return NULL;
}

static void test_waiting(void)
{
    struct timeval soon = { .tv_usec = 20000 };
    struct timespec before, after;
    char text[16];
    int fds[2];
    void *thread;

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    thread = later(send_halves, fds[0]);
    CHECK_EQ(recv(fds[1], text, 6, MSG_WAITALL), 6);
    CHECK_EQ(memcmp(text, "abcdef", 6), 0);
    join(thread);
    CHECK_EQ(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK_ERRNO(recv(fds[1], text, 6, 0), EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 20000000);
    CHECK_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    while (send(fds[0], text, sizeof(text), 0) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(events_of(fds[0], POLLOUT), 0);
    while (recv(fds[1], text, sizeof(text), MSG_DONTWAIT) > 0)
        ;
    CHECK_EQ(events_of(fds[0], POLLOUT), POLLOUT);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);
}

/* ---- listening ---- */

static void *serve_one(void *arg)
{
    int fd = accept4((int)(intptr_t)arg, NULL, NULL, SOCK_CLOEXEC);
    char c;

    CHECK(fd >= 0);
    while (read(fd, &c, 1) == 1) {
        c++;
        CHECK_EQ(write(fd, &c, 1), 1);
    }
    CHECK_EQ(close(fd), 0);
    return NULL;
}

static void test_listen(void)
{
    struct sockaddr_un name = path_address("/tmp/server"), got;
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client, other, one = 1;
    socklen_t len = sizeof(got);
    struct stat about;
    void *thread;
    char c = 'a';

    CHECK(server >= 0);
    CHECK_ERRNO(listen(server, 5), EINVAL);
    CHECK_EQ(bind(server, ADDRESS(name)), 0);
    CHECK_ERRNO(bind(server, ADDRESS(name)), EINVAL);
    CHECK_EQ(stat("/tmp/server", &about), 0);
    CHECK(S_ISSOCK(about.st_mode));
    CHECK_ERRNO(open("/tmp/server", O_RDWR), ENXIO);
    other = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(bind(other, ADDRESS(name)), EADDRINUSE);
    CHECK_ERRNO(connect(other, ADDRESS(name)), ECONNREFUSED); /* nobody listens yet */
    CHECK_ERRNO(accept(server, NULL, NULL), EINVAL);
    CHECK_EQ(listen(server, 1), 0);
    len = sizeof(one);
    CHECK_EQ(getsockopt(server, SOL_SOCKET, SO_ACCEPTCONN, &one, &len), 0);
    CHECK_EQ(one, 1);

    thread = later(serve_one, server);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(connect(client, ADDRESS(name)), 0);
    CHECK_ERRNO(connect(client, ADDRESS(name)), EISCONN);
    CHECK_EQ(write(client, &c, 1), 1);
    CHECK_EQ(read(client, &c, 1), 1);
    CHECK_EQ(c, 'b');
    len = sizeof(got);
    CHECK_EQ(getpeername(client, (struct sockaddr *)&got, &len), 0);
    CHECK_STR(got.sun_path, "/tmp/server");
    CHECK_EQ(len, offsetof(struct sockaddr_un, sun_path) + sizeof("/tmp/server"));
    CHECK_EQ(close(client), 0);
    join(thread);

    /* The queue is full after backlog + 1. */
    int waiting[2];
    for (int i = 0; i < 2; i++) {
        waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK_EQ(connect(waiting[i], ADDRESS(name)), 0);
        CHECK_EQ(write(waiting[i], "early", 5), 5);
    }
    CHECK_EQ(fcntl(other, F_SETFL, O_NONBLOCK), 0);
    CHECK_ERRNO(connect(other, ADDRESS(name)), EAGAIN);
    CHECK_EQ(events_of(server, POLLIN), POLLIN);
    len = sizeof(got);
    int first = accept(server, (struct sockaddr *)&got, &len);
    CHECK(first >= 0);
    CHECK_EQ(len, offsetof(struct sockaddr_un, sun_path));
    CHECK_EQ(connect(other, ADDRESS(name)), 0);
    CHECK_EQ(close(server), 0); /* those that nobody accepted are reset */
    CHECK_ERRNO(read(waiting[1], &c, 1), ECONNRESET);
    CHECK_EQ(read(first, &c, 1), 1);
    CHECK_EQ(c, 'e');
    CHECK_ERRNO(connect(socket(AF_UNIX, SOCK_STREAM, 0), ADDRESS(name)), ECONNREFUSED);
    CHECK_EQ(unlink("/tmp/server"), 0);
    CHECK_ERRNO(connect(socket(AF_UNIX, SOCK_STREAM, 0), ADDRESS(name)), ENOENT);
    CHECK_EQ(close(first) + close(waiting[0]) + close(waiting[1]) + close(other), 0);
}

/* Names that are none in the file system. */
static void test_abstract(void)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0hidden" }, got;
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + 7, len = sizeof(got);
    int server = socket(AF_UNIX, SOCK_SEQPACKET, 0), other = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    int client = socket(AF_UNIX, SOCK_SEQPACKET, 0), stream = socket(AF_UNIX, SOCK_STREAM, 0), peer;
    char text[16];

    CHECK_EQ(bind(server, (struct sockaddr *)&name, size), 0);
    CHECK_ERRNO(bind(other, (struct sockaddr *)&name, size), EADDRINUSE);
    CHECK_EQ(listen(server, 5), 0);
    CHECK_ERRNO(connect(stream, (struct sockaddr *)&name, size), EPROTOTYPE);
    CHECK_EQ(bind(client, (struct sockaddr *)&name, sizeof(sa_family_t)), 0); /* any name */
    CHECK_EQ(getsockname(client, (struct sockaddr *)&got, &len), 0);
    CHECK_EQ(len, offsetof(struct sockaddr_un, sun_path) + 6);
    CHECK_EQ(connect(client, (struct sockaddr *)&name, size), 0);
    len = sizeof(got);
    peer = accept(server, (struct sockaddr *)&got, &len);
    CHECK_EQ(len, offsetof(struct sockaddr_un, sun_path) + 6);
    CHECK_EQ(send(client, "one", 3, 0), 3); /* packets stay apart */
    CHECK_EQ(send(client, "second", 6, 0), 6);
    CHECK_EQ(recv(peer, text, sizeof(text), 0), 3);
    CHECK_EQ(recv(peer, text, 2, MSG_TRUNC), 6);
    CHECK_EQ(close(client), 0);
    CHECK_EQ(recv(peer, text, sizeof(text), 0), 0);
    CHECK_EQ(close(server) + close(other) + close(stream) + close(peer), 0);
}

/* ---- datagrams ---- */

static void *drain_later(void *arg)
{
    char text[4096];

    usleep(5000);
    while (recv((int)(intptr_t)arg, text, sizeof(text), MSG_DONTWAIT) > 0)
        ;
    return NULL;
}

static void test_datagrams(void)
{
    struct sockaddr_un here = path_address("/tmp/here"), there = path_address("/tmp/there"), from;
    int receiver = socket(AF_UNIX, SOCK_DGRAM, 0), sender = socket(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t len = sizeof(from);
    static char big[4096];
    char text[16];
    void *thread;

    CHECK_EQ(bind(receiver, ADDRESS(here)), 0);
    CHECK_ERRNO(send(sender, "x", 1, 0), ENOTCONN);
    CHECK_EQ(sendto(sender, "anonymous", 9, 0, ADDRESS(here)), 9);
    CHECK_EQ(recvfrom(receiver, text, sizeof(text), 0, (struct sockaddr *)&from, &len), 9);
    CHECK_EQ(len, 0);
    CHECK_EQ(bind(sender, ADDRESS(there)), 0);
    CHECK_EQ(sendto(sender, "", 0, 0, ADDRESS(here)), 0);
    len = sizeof(from);
    CHECK_EQ(recvfrom(receiver, text, sizeof(text), 0, (struct sockaddr *)&from, &len), 0);
    CHECK_STR(from.sun_path, "/tmp/there");
    CHECK_EQ(connect(sender, ADDRESS(here)), 0);
    CHECK_EQ(send(sender, "one", 3, 0), 3);
    CHECK_EQ(send(sender, "two!", 4, 0), 4);
    CHECK_EQ(recv(receiver, text, 2, 0), 2);
    CHECK_EQ(recv(receiver, text, sizeof(text), 0), 4);
    CHECK_EQ(memcmp(text, "two!", 4), 0);

    /* Full: not ready to write; a waiting sender goes on when there is room. */
    CHECK_EQ(fcntl(sender, F_SETFL, O_NONBLOCK), 0);
    while (send(sender, big, sizeof(big), 0) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(events_of(sender, POLLOUT), 0);
    CHECK_EQ(fcntl(sender, F_SETFL, 0), 0);
    thread = later(drain_later, receiver);
    CHECK_EQ(send(sender, big, sizeof(big), 0), sizeof(big));
    join(thread);
    while (recv(receiver, big, sizeof(big), MSG_DONTWAIT) > 0)
        ;
    CHECK_EQ(fcntl(receiver, F_SETFL, O_NONBLOCK), 0);
    int unconnected = socket(AF_UNIX, SOCK_DGRAM, 0);
    while (sendto(unconnected, big, sizeof(big), MSG_DONTWAIT, ADDRESS(here)) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
    thread = later(drain_later, receiver);
    CHECK_EQ(sendto(unconnected, big, sizeof(big), 0, ADDRESS(here)), sizeof(big));
    join(thread);

    CHECK_EQ(close(receiver), 0);
    CHECK_ERRNO(send(sender, "x", 1, 0), ECONNREFUSED);
    CHECK_ERRNO(send(sender, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(sendto(sender, "x", 1, 0, ADDRESS(here)), ECONNREFUSED);
    CHECK_EQ(unlink("/tmp/here") + unlink("/tmp/there"), 0);
    CHECK_ERRNO(sendto(sender, "x", 1, 0, ADDRESS(here)), ENOENT);
    CHECK_EQ(close(sender) + close(unconnected), 0);
}

/* ---- control data ---- */

static ssize_t send_files(int to, const int *files, int n)
{
    union {
        char bytes[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct iovec iov = { .iov_base = "F", .iov_len = 1 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
    struct cmsghdr *header;

    message.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
    memcpy(CMSG_DATA(header), files, (size_t)n * sizeof(int));
    return sendmsg(to, &message, 0);
}

/* Returns how many, and the message's flags. */
static int receive_files(int from, int *files, size_t room, int flags, int *out_flags)
{
    union {
        char bytes[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    char c;
    struct iovec iov = { .iov_base = &c, .iov_len = 1 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
    struct cmsghdr *header;

    message.msg_controllen = room;
    CHECK_EQ(recvmsg(from, &message, flags), 1);
    CHECK_EQ(c, 'F');
    *out_flags = message.msg_flags;
    header = CMSG_FIRSTHDR(&message);
    if (header == NULL)
        return 0;
    CHECK(header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS);
    CHECK(CMSG_NXTHDR(&message, header) == NULL);
    memcpy(files, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
    return (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

static void test_rights(void)
{
    int fds[2], ends[2], got[4], flags, bad = 999;
    char text[8];

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(send_files(fds[0], ends, 2), 1);
    CHECK_EQ(close(ends[0]) + close(ends[1]), 0); /* they live in the message */
    CHECK_EQ(receive_files(fds[1], got, CMSG_SPACE(4 * sizeof(int)), MSG_CMSG_CLOEXEC, &flags), 2);
    CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(write(got[1], "through", 7), 7);
    CHECK_EQ(read(got[0], text, sizeof(text)), 7);

    /* Too little room: what fits, and it is said. What is not taken is closed. */
    CHECK_EQ(send_files(fds[0], got, 2), 1);
    CHECK_EQ(close(got[1]), 0);
    CHECK_EQ(receive_files(fds[1], got + 2, CMSG_LEN(sizeof(int)), 0, &flags), 1);
    CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    CHECK_EQ(read(got[0], text, 1), 0); /* no writer is left */
    CHECK_EQ(close(got[2]), 0);

    /* read() loses them. */
    CHECK_EQ(send_files(fds[0], got, 1), 1);
    CHECK_EQ(read(fds[1], text, 1), 1);
    CHECK_ERRNO(send_files(fds[0], &bad, 1), EBADF);
    /* A connection that ends with files on their way. */
    CHECK_EQ(send_files(fds[0], got, 1), 1);
    CHECK_EQ(close(fds[0]) + close(fds[1]) + close(got[0]), 0);
}

static void test_many(void)
{
    struct mmsghdr out[3] = { 0 }, in[4] = { 0 };
    struct iovec out_iov[3], in_iov[4];
    char text[4][8];
    int fds[2], one = 1;
    struct ucred who;
    socklen_t len = sizeof(who);

    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    for (int i = 0; i < 3; i++) {
        out_iov[i] = (struct iovec){ .iov_base = "123", .iov_len = (size_t)i + 1 };
        out[i].msg_hdr = (struct msghdr){ .msg_iov = &out_iov[i], .msg_iovlen = 1 };
    }
    for (int i = 0; i < 4; i++) {
        in_iov[i] = (struct iovec){ .iov_base = text[i], .iov_len = sizeof(text[i]) };
        in[i].msg_hdr = (struct msghdr){ .msg_iov = &in_iov[i], .msg_iovlen = 1 };
    }
    CHECK_EQ(sendmmsg(fds[0], out, 3, 0), 3);
    CHECK_EQ(recvmmsg(fds[1], in, 4, MSG_WAITFORONE, NULL), 3);
    CHECK(in[0].msg_len == 1 && in[1].msg_len == 2 && in[2].msg_len == 3);

    CHECK_EQ(getsockopt(fds[0], SOL_SOCKET, SO_PEERCRED, &who, &len), 0);
    CHECK_EQ(who.pid, getpid());
    CHECK_EQ(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)), 0);
    CHECK_EQ(send(fds[0], "who", 3, 0), 3);
    union {
        char bytes[128];
        struct cmsghdr align;
    } control;
    in[0].msg_hdr.msg_control = &control;
    in[0].msg_hdr.msg_controllen = sizeof(control);
    CHECK_EQ(recvmsg(fds[1], &in[0].msg_hdr, 0), 3);
    struct cmsghdr *header = CMSG_FIRSTHDR(&in[0].msg_hdr);
    CHECK(header != NULL && header->cmsg_type == SCM_CREDENTIALS);
    CHECK_EQ(close(fds[0]) + close(fds[1]), 0);
}

int main(void)
{
    test_pair();
    test_reset();
    test_stream();
    test_waiting();
    test_listen();
    test_abstract();
    test_datagrams();
    test_rights();
    test_many();
    puts("PASS");
    return 0;
}
