/* sys_message: one transfer through the socket behind a descriptor, whichever way. */
#include "memory/mapping_pages.h"
#include "sys_socket.h"

struct sys_message_part {
    int fd;
    struct socket_message *message;
    sys_message_t transfer;
};

static ssize_t sys_message_once(int fd, struct socket_message *message, sys_message_t transfer)
{
    struct socket *socket;
    ssize_t done;
    int error;

    socket = socket_get(fd, &error);
    if (socket == NULL)
        return error;
    done = transfer(socket, message);
    socket_put(socket);
    return done;
}

static ssize_t sys_message_pinned(void *arg, const struct iovec *iov, int n)
{
    struct sys_message_part *part = arg;

    part->message->iov = iov;
    part->message->n = n;
    part->message->len = (size_t)iov_length(iov, n);
    return sys_message_once(part->fd, part->message, part->transfer);
}

ssize_t sys_message(int fd, struct socket_message *message, sys_message_t transfer)
{
    struct sys_message_part part = { fd, message, transfer };

    if (mapping_pin_needed == NULL || !mapping_pin_needed(message->iov, message->n))
        return sys_message_once(fd, message, transfer);
    return mapping_pinned(message->iov, message->n, transfer == socket_receive, sys_message_pinned,
                          &part);
}
