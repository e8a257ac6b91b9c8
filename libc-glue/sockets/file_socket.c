/* file_socket: sockets as files: read, write, poll, ioctl; and what all kinds have in common. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include <platform/clock.h>

#include "files/fd.h"
#include "signals/interrupt.h"
#include "socket.h"

static ssize_t file_socket_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    struct socket_message message = { .iov = iov, .n = n, .len = (size_t)iov_length(iov, n) };

    (void)offset;
    return socket_receive((struct socket *)file, &message);
}

static ssize_t file_socket_write(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    struct socket_message message = { .iov = iov, .n = n, .len = (size_t)iov_length(iov, n) };

    (void)offset;
    return socket_send((struct socket *)file, &message);
}

static unsigned file_socket_ready(struct file *file)
{
    return socket_ready((struct socket *)file);
}

static int file_socket_stat(struct file *file, struct stat *out)
{
    out->st_mode = S_IFSOCK | 0777;
    out->st_nlink = 1;
    out->st_ino = ((struct socket *)file)->ino;
    out->st_blksize = 4096;
    return 0;
}

static int file_socket_ioctl(struct file *file, unsigned long request, void *arg)
{
    struct socket *socket = (struct socket *)file;

    if (request == SIOCATMARK) {
        *(int *)arg = 0; /* urgent data is not told apart */
        return 0;
    }
    return socket->ops->ioctl != NULL ? socket->ops->ioctl(socket, request, arg) : -ENOTTY;
}

static void file_socket_close(struct file *file)
{
    struct socket *socket = (struct socket *)file;

    socket->ops->close(socket);
}

static const struct file_ops file_socket_ops = {
    .kind = "socket",
    .read = file_socket_read,
    .write = file_socket_write,
    .stat = file_socket_stat,
    .ioctl = file_socket_ioctl,
    .ready = file_socket_ready,
    .close = file_socket_close,
};

void socket_init(struct socket *socket, const struct socket_ops *ops, int family, int type,
                 int protocol, int flags)
{
    static ino_t last_ino; /* atomic */

    memset(socket, 0, sizeof(*socket));
    file_init(&socket->file, &file_socket_ops, O_RDWR | flags);
    socket->file.source = &socket->source;
    poll_source_init(&socket->source);
    socket->ops = ops;
    socket->family = family;
    socket->type = type;
    socket->protocol = protocol;
    socket->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
    socket->send_buffer = socket->receive_buffer = SOCKET_BUFFER;
    socket->low_water = 1;
}

struct socket *socket_of(struct file *file)
{
    return file->ops == &file_socket_ops ? (struct socket *)file : NULL;
}

struct socket *socket_get(int fd, int *error)
{
    struct file *file = fd_get(fd);

    *error = file == NULL ? -EBADF : -ENOTSOCK;
    if (file == NULL)
        return NULL;
    if (file->ops != &file_socket_ops) {
        file_put(file);
        return NULL;
    }
    *error = 0;
    return (struct socket *)file;
}

void socket_set_ready(struct socket *socket, unsigned ready, unsigned news)
{
    unsigned before = socket_ready(socket);

    if (before != ready) /* a kind has a lock around this: nobody else writes */
        __atomic_store_n(&socket->ready, ready, __ATOMIC_SEQ_CST);
    news = (news & ready) | (ready & ~before);
    if (news != 0)
        poll_source_notify(&socket->source, news);
}

int socket_take_error(struct socket *socket)
{
    if (__atomic_load_n(&socket->error, __ATOMIC_RELAXED) == 0)
        return 0;
    return -__atomic_exchange_n(&socket->error, 0, __ATOMIC_RELAXED);
}

/* ---- waiting ---- */

void socket_wait_begin(struct socket_wait *wait, struct socket *socket, unsigned events, int flags)
{
    uint64_t timeout_ns = events & POLLOUT ? socket->send_timeout_ns : socket->receive_timeout_ns;

    wait->on = socket;
    wait->events = events;
    wait->may_wait = !(flags & MSG_DONTWAIT) && !(file_flags(&socket->file) & O_NONBLOCK);
    wait->deadline_ns = CLOCK_NEVER;
    if (timeout_ns != 0 && wait->may_wait)
        wait->deadline_ns = clock_monotonic_ns() + timeout_ns;
    wait->registered = false;
}

int socket_wait_next(struct socket_wait *wait, const char *reason)
{
    int error;

    if (!wait->may_wait)
        return -EAGAIN;
    if (!wait->registered) {
        poll_waiter_init(&wait->waiter);
        poll_wait_add(&wait->wait, &wait->waiter, &wait->on->file, wait->events);
        wait->registered = true;
        return 0; /* look once more: it may have changed before the watch was there */
    }
    error = poll_waiter_sleep(&wait->waiter, wait->deadline_ns, reason);
    return error == -ETIMEDOUT ? -EAGAIN : error;
}

void socket_wait_end(struct socket_wait *wait)
{
    if (wait->registered)
        poll_wait_remove(&wait->wait);
}

/* ---- transfers ---- */

ssize_t socket_send(struct socket *socket, struct socket_message *message)
{
    ssize_t done;

    if (message->flags & MSG_OOB)
        return -EOPNOTSUPP;
    done = socket->ops->send != NULL ? socket->ops->send(socket, message) : -EOPNOTSUPP;
    if (done == -EPIPE && !(message->flags & MSG_NOSIGNAL))
        interrupt_broken_pipe();
    return done;
}

ssize_t socket_receive(struct socket *socket, struct socket_message *message)
{
    if (message->flags & MSG_OOB)
        return -EINVAL;
    if (message->flags & MSG_ERRQUEUE)
        return -EAGAIN;
    return socket->ops->receive != NULL ? socket->ops->receive(socket, message) : -EOPNOTSUPP;
}

void socket_message_name(struct socket_message *message, const void *address, socklen_t len)
{
    if (message->name != NULL)
        memcpy(message->name, address, len < message->name_len ? len : message->name_len);
    message->name_len = len;
}

bool socket_message_control(struct socket_message *message, int level, int type, const void *data,
                            size_t len)
{
    size_t room = message->control_len - message->control_used;
    struct cmsghdr *header = (struct cmsghdr *)((char *)message->control + message->control_used);

    if (message->control == NULL || room < CMSG_LEN(len)) {
        message->out_flags |= MSG_CTRUNC;
        return false;
    }
    header->cmsg_len = CMSG_LEN(len);
    header->cmsg_level = level;
    header->cmsg_type = type;
    memcpy(CMSG_DATA(header), data, len);
    message->control_used += CMSG_SPACE(len) < room ? CMSG_SPACE(len) : room;
    return true;
}

void socket_message_time(const struct socket *socket, struct socket_message *message,
                         uint64_t realtime_ns)
{
    if (socket->timestamp_ns) {
        struct timespec time = { .tv_sec = (time_t)(realtime_ns / 1000000000u),
                                 .tv_nsec = (long)(realtime_ns % 1000000000u) };

        socket_message_control(message, SOL_SOCKET, SCM_TIMESTAMPNS, &time, sizeof(time));
    } else if (socket->timestamp) {
        struct timeval time = { .tv_sec = (time_t)(realtime_ns / 1000000000u),
                                .tv_usec = (suseconds_t)(realtime_ns % 1000000000u / 1000) };

        socket_message_control(message, SOL_SOCKET, SCM_TIMESTAMP, &time, sizeof(time));
    }
}
