/*
 * Sockets within the guest, with the other side played by what runs during a wait. Whatever is left
 * behind, AddressSanitizer finds.
 */
#include "glue_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include <platform/clock.h>

#include "files/eventfd.h"
#include "files/fd.h"
#include "files/inode.h"
#include "signals/interrupt.h"
#include "files/ramfs.h"
#include "sockets/unix.h"
#include "files/vfs.h"

const char rootfs_is_linked = 1;

static unsigned broken;

void interrupt_broken_pipe(void)
{
    broken++;
}

static struct socket *pair[2];
static char buffer[300000];

static void make(int type, int flags)
{
    broken = 0;
    CHECK_EQ(unix_make_pair(type, 0, flags, pair), 0);
}

static void done(void)
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] != NULL)
            socket_put(pair[i]);
        pair[i] = NULL;
    }
}

static ssize_t send_flags(struct socket *to, const void *bytes, size_t len, int flags)
{
    struct iovec iov = { (void *)(uintptr_t)bytes, len };
    struct socket_message message = { .iov = &iov, .n = 1, .len = len, .flags = flags };

    return socket_send(to, &message);
}

static ssize_t receive_flags(struct socket *from, size_t len, int flags)
{
    struct iovec iov = { buffer, len };
    struct socket_message message = { .iov = &iov, .n = 1, .len = len, .flags = flags };

    return socket_receive(from, &message);
}

static unsigned ready(const struct socket *socket)
{
    return socket_ready(socket) & (POLLIN | POLLOUT | POLLHUP | POLLERR);
}

TEST(a_stream_is_what_was_sent)
{
    int n;

    make(SOCK_STREAM, O_NONBLOCK);
    CHECK_EQ(receive_flags(pair[1], 10, 0), -EAGAIN);
    CHECK_EQ(ready(pair[1]), POLLOUT);
    CHECK_EQ(send_flags(pair[0], "hello", 5, 0), 5);
    CHECK_EQ(send_flags(pair[0], " world", 6, 0), 6);
    CHECK_EQ(ready(pair[1]), POLLIN | POLLOUT);
    CHECK_EQ(file_ioctl(&pair[1]->file, FIONREAD, &n), 0);
    CHECK_EQ(n, 11);
    CHECK_EQ(receive_flags(pair[1], 3, MSG_PEEK), 3);
    CHECK_EQ(receive_flags(pair[1], 8, 0), 8);
    CHECK_EQ(memcmp(buffer, "hello wo", 8), 0);
    CHECK_EQ(receive_flags(pair[1], 100, 0), 3);
    CHECK_EQ(ready(pair[1]), POLLOUT);
    CHECK_EQ(receive_flags(pair[1], 0, 0), 0);
    done();
}

/* Through the whole buffer many times, in odd pieces. */
TEST(a_stream_keeps_its_order)
{
    static char out[7919];
    size_t sent = 0, got = 0;

    make(SOCK_STREAM, O_NONBLOCK);
    while (got < 3000000) {
        size_t len = 1 + sent % sizeof(out);
        ssize_t n;

        for (size_t i = 0; i < len; i++)
            out[i] = (char)((sent + i) * 31 >> 3);
        n = send_flags(pair[0], out, len, 0);
        CHECK(n > 0 || n == -EAGAIN);
        if (n > 0)
            sent += (size_t)n;
        if (n > 0 && sent % 7 != 0)
            continue;
        n = receive_flags(pair[1], 1 + got % 9001, 0);
        CHECK(n > 0 || n == -EAGAIN);
        for (ssize_t i = 0; i < n; i++, got++)
            CHECK_EQ(buffer[i], (char)(got * 31 >> 3));
    }
    done();
}

static void receive_some(void)
{
    CHECK(receive_flags(pair[1], sizeof(buffer), MSG_DONTWAIT) > 0);
}

TEST(a_writer_waits_for_room)
{
    make(SOCK_STREAM, 0);
    glue_on_sleep = receive_some;
    CHECK_EQ(send_flags(pair[0], buffer, sizeof(buffer), 0), sizeof(buffer));
    done();
}

static void close_other(void)
{
    glue_on_sleep = NULL;
    socket_put(pair[1]);
    pair[1] = NULL;
}

TEST(the_peer_goes_while_somebody_waits)
{
    make(SOCK_STREAM, 0);
    glue_on_sleep = close_other;
    CHECK_EQ(receive_flags(pair[0], 1, 0), 0);
    CHECK_EQ(send_flags(pair[0], "x", 1, 0), -EPIPE);
    CHECK_EQ(broken, 1);
    CHECK_EQ(send_flags(pair[0], "x", 1, MSG_NOSIGNAL), -EPIPE);
    CHECK_EQ(broken, 1);
    CHECK_EQ(ready(pair[0]), POLLIN | POLLOUT | POLLHUP);
    done();
    make(SOCK_STREAM, 0);
    CHECK(send_flags(pair[0], buffer, SOCKET_BUFFER, MSG_DONTWAIT) > 0);
    glue_on_sleep = close_other;
    CHECK_EQ(send_flags(pair[0], "x", 1, MSG_NOSIGNAL), -EPIPE);
    CHECK_EQ(receive_flags(pair[0], 1, 0), -ECONNRESET);
    CHECK_EQ(receive_flags(pair[0], 1, 0), 0);
    done();
}

TEST(time_outs_end_a_wait)
{
    make(SOCK_STREAM, 0);
    pair[0]->receive_timeout_ns = 5000000;
    CHECK_EQ(receive_flags(pair[0], 1, 0), -EAGAIN);
    pair[0]->send_timeout_ns = 5000000;
    CHECK(send_flags(pair[0], buffer, sizeof(buffer), 0) > 100000); /* as much as there was room */
    CHECK_EQ(send_flags(pair[0], buffer, 1, 0), -EAGAIN);
    done();
}

TEST(packets_stay_apart)
{
    make(SOCK_SEQPACKET, O_NONBLOCK);
    CHECK_EQ(send_flags(pair[0], "one", 3, 0), 3);
    CHECK_EQ(send_flags(pair[0], "", 0, 0), 0);
    CHECK_EQ(send_flags(pair[0], "three", 5, 0), 5);
    CHECK_EQ(receive_flags(pair[1], 100, 0), 3);
    CHECK_EQ(receive_flags(pair[1], 100, 0), 0);
    CHECK_EQ(receive_flags(pair[1], 2, MSG_TRUNC), 5);
    CHECK_EQ(receive_flags(pair[1], 2, 0), -EAGAIN);
    CHECK_EQ(send_flags(pair[0], buffer, SOCKET_BUFFER + 1, 0), -EMSGSIZE);
    while (send_flags(pair[0], buffer, 5000, 0) > 0)
        ;
    CHECK_EQ(ready(pair[0]), 0);
    done(); /* with unread packets */
}

/* ---- names ---- */

static int bind_to(struct socket *socket, const char *name, size_t len)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, name, len);
    return socket->ops->bind(socket, (const struct sockaddr *)&address,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static int connect_to(struct socket *socket, const char *name, size_t len)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, name, len);
    return socket->ops->connect(socket, (const struct sockaddr *)&address,
                                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static void ramfs_begin(void)
{
    struct fs *fs = NULL;

    CHECK_EQ(ramfs_new(&fs), 0);
    CHECK_EQ(vfs_mount(fs, NULL), 0);
}

TEST(connections_wait_to_be_accepted)
{
    struct socket *server, *clients[3], *peer;
    struct socket_name name;

    CHECK_EQ(unix_make(SOCK_STREAM, 0, O_NONBLOCK, &server), 0);
    CHECK_EQ(bind_to(server, "\0name", 5), 0);
    CHECK_EQ(server->ops->listen(server, 1), 0);
    CHECK_EQ(server->ops->accept(server, 0, &peer, &name), -EAGAIN);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(unix_make(SOCK_STREAM, 0, O_NONBLOCK, &clients[i]), 0);
        CHECK_EQ(connect_to(clients[i], "\0name", 5), i < 2 ? 0 : -EAGAIN);
    }
    CHECK_EQ(send_flags(clients[0], "early", 5, 0), 5);
    CHECK_EQ(ready(server), POLLIN);
    CHECK_EQ(server->ops->accept(server, O_NONBLOCK, &peer, &name), 0);
    CHECK_EQ(receive_flags(peer, 10, 0), 5);
    CHECK_EQ(connect_to(clients[2], "\0name", 5), 0);
    CHECK_EQ(connect_to(clients[2], "\0name", 5), -EISCONN);
    CHECK_EQ(send_flags(clients[2], "lost", 4, 0), 4);
    socket_put(server); /* two were not accepted */
    CHECK_EQ(receive_flags(clients[2], 1, 0), -ECONNRESET);
    CHECK_EQ(receive_flags(clients[1], 1, 0), 0);
    CHECK_EQ(connect_to(clients[1], "\0name", 5), -ECONNREFUSED);
    socket_put(peer);
    for (int i = 0; i < 3; i++)
        socket_put(clients[i]);
}

TEST(a_path_is_a_node)
{
    struct socket *one, *other;
    struct inode *inode;

    ramfs_begin();
    CHECK_EQ(unix_make(SOCK_DGRAM, 0, O_NONBLOCK, &one), 0);
    CHECK_EQ(unix_make(SOCK_DGRAM, 0, O_NONBLOCK, &other), 0);
    CHECK_EQ(bind_to(one, "/node", 5), 0);
    CHECK_EQ(bind_to(other, "/node", 5), -EADDRINUSE);
    CHECK_EQ(vfs_lookup(NULL, "/node", 0, &inode), 0);
    CHECK(S_ISSOCK(inode->kind));
    inode_put(inode);
    CHECK_EQ(connect_to(other, "/none", 5), -ENOENT);
    CHECK_EQ(connect_to(other, "/", 1), -ECONNREFUSED);
    CHECK_EQ(connect_to(other, "/node", 5), 0);
    CHECK_EQ(send_flags(other, "x", 1, 0), 1);
    CHECK_EQ(vfs_unlink(NULL, "/node"), 0);
    CHECK_EQ(send_flags(other, "y", 1, 0), 1); /* the connection does not need it */
    CHECK_EQ(receive_flags(one, 10, 0), 1);
    CHECK_EQ(connect_to(one, "/node", 5), -ENOENT);
    socket_put(one);
    CHECK_EQ(send_flags(other, "z", 1, 0), -ECONNREFUSED);
    CHECK_EQ(send_flags(other, "z", 1, 0), -ENOTCONN);
    CHECK_EQ(bind_to(other, "/node", 5), 0);
    socket_put(other);
    CHECK_EQ(vfs_unlink(NULL, "/node"), 0);
}

/* ---- rights ---- */

union control {
    char bytes[CMSG_SPACE(8 * sizeof(int))];
    struct cmsghdr align;
};

static ssize_t send_fds(struct socket *to, const int *fds, int n)
{
    union control control = { .align = { .cmsg_len = CMSG_LEN((size_t)n * sizeof(int)),
                                         .cmsg_level = SOL_SOCKET,
                                         .cmsg_type = SCM_RIGHTS } };
    struct iovec iov = { "F", 1 };
    struct socket_message message = { .iov = &iov, .n = 1, .len = 1, .control = &control };

    memcpy(CMSG_DATA(&control.align), fds, (size_t)n * sizeof(int));
    message.control_len = CMSG_SPACE((size_t)n * sizeof(int));
    return socket_send(to, &message);
}

TEST(files_on_their_way_are_not_lost)
{
    struct file *file;
    int fds[2], got;
    union control control;
    struct iovec iov = { buffer, 10 };
    struct socket_message message = {
        .iov = &iov, .n = 1, .len = 10, .control = &control, .control_len = CMSG_LEN(sizeof(int))
    };

    make(SOCK_STREAM, O_NONBLOCK);
    CHECK_EQ(eventfd_make(7, false, 0, &file), 0);
    fds[0] = fd_install(file, false);
    fds[1] = fds[0];
    CHECK(fds[0] >= 0);
    CHECK_EQ(send_fds(pair[0], fds, 2), 1);
    CHECK_EQ(send_flags(pair[0], "rest", 4, 0), 4);
    CHECK_EQ(file->refs, 3);
    CHECK_EQ(fd_close(fds[0]), 0);
    CHECK_EQ(socket_receive(pair[1], &message), 1); /* not the bytes behind them */
    CHECK_EQ(message.out_flags, MSG_CTRUNC);
    CHECK_EQ(file->refs, 1); /* the second did not fit, and is closed */
    memcpy(&got, CMSG_DATA(&control.align), sizeof(got));
    CHECK(fd_get(got) == file);
    file_put(file);
    fds[0] = got;
    CHECK_EQ(send_fds(pair[0], fds, 1), 1);
    CHECK_EQ(file->refs, 2);
    CHECK_EQ(receive_flags(pair[1], 100, 0), 4); /* up to them */
    CHECK_EQ(receive_flags(pair[1], 100, 0), 1); /* no room for control data: dropped */
    CHECK_EQ(file->refs, 1);
    fds[1] = 999;
    CHECK_EQ(send_fds(pair[0], fds, 2), -EBADF);
    CHECK_EQ(file->refs, 1);
    CHECK_EQ(send_fds(pair[0], fds, 1), 1);
    done();
    CHECK_EQ(file->refs, 1);
    CHECK_EQ(fd_close(got), 0);
}

TEST(bad_control_data_is_refused)
{
    union control control = { .align = { .cmsg_len = 3 } };
    struct iovec iov = { "F", 1 };
    struct socket_message message = {
        .iov = &iov, .n = 1, .len = 1, .control = &control, .control_len = sizeof(control)
    };

    make(SOCK_STREAM, O_NONBLOCK);
    CHECK_EQ(socket_send(pair[0], &message), -EINVAL);
    control.align.cmsg_len = sizeof(control) + 1;
    CHECK_EQ(socket_send(pair[0], &message), -EINVAL);
    control.align = (struct cmsghdr){ .cmsg_len = SIZE_MAX - 2, .cmsg_level = SOL_SOCKET };
    CHECK_EQ(socket_send(pair[0], &message), -EINVAL);
    control.align =
        (struct cmsghdr){ .cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = 77 };
    CHECK_EQ(socket_send(pair[0], &message), -EINVAL);
    message.control_len = 5; /* too short for anything */
    CHECK_EQ(socket_send(pair[0], &message), 1);
    done();
}

/* A socket sent over itself closes without a deadlock, when the other end reads on. */
TEST(a_socket_carries_its_own_end)
{
    int fd;

    make(SOCK_STREAM, O_NONBLOCK);
    fd = fd_install(&socket_ref(pair[0])->file, false);
    CHECK_EQ(send_fds(pair[0], &fd, 1), 1);
    CHECK_EQ(fd_close(fd), 0);
    socket_put(pair[0]);
    pair[0] = NULL;
    CHECK_EQ(receive_flags(pair[1], 1, 0), 1); /* the last reference goes with the message */
    CHECK_EQ(receive_flags(pair[1], 1, 0), 0);
    done();
}
