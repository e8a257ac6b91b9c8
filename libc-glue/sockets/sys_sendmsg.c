/* sys_sendmsg: send, sendto, sendmsg, sendmmsg. */
#define _GNU_SOURCE
#include <sys/socket.h>

#include "sys_socket.h"

/* A negative errno instead of errno itself. */
static ssize_t sys_send(int fd, const struct msghdr *header, int flags)
{
    ssize_t len = header->msg_iovlen > UIO_MAXIOV
                      ? -EMSGSIZE
                      : iov_length(header->msg_iov, (int)header->msg_iovlen);
    ssize_t done;

    interrupt_cancel_point();
    do {
        struct socket_message message = {
            .iov = header->msg_iov,
            .n = (int)header->msg_iovlen,
            .len = (size_t)len,
            .flags = flags,
            .name = header->msg_namelen > 0 ? header->msg_name : NULL,
            .name_len = header->msg_namelen,
            .control = header->msg_control,
            .control_len = header->msg_control != NULL ? header->msg_controllen : 0,
        };

        interrupt_hold();
        done = len < 0 ? len : sys_message(fd, &message, socket_send);
    } while (interrupt_again(done));
    return done;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return result(sys_send(fd, message, flags));
}

ssize_t sendto(int fd, const void *buffer, size_t len, int flags, const struct sockaddr *address,
               socklen_t address_len)
{
    struct iovec iov = { .iov_base = (void *)(uintptr_t)buffer, .iov_len = len };
    struct msghdr header = { .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_name = (void *)(uintptr_t)address,
                             .msg_namelen = address != NULL ? address_len : 0 };

    return result(sys_send(fd, &header, flags));
}

ssize_t send(int fd, const void *buffer, size_t len, int flags)
{
    return sendto(fd, buffer, len, flags, NULL, 0);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags)
{
    ssize_t done = 0;
    unsigned int sent;

    for (sent = 0; sent < n && sent < UIO_MAXIOV; sent++) {
        done = sys_send(fd, &messages[sent].msg_hdr, flags);
        if (done < 0)
            break;
        messages[sent].msg_len = (unsigned int)done;
    }
    return (int)result(sent > 0 ? (long)sent : done);
}
