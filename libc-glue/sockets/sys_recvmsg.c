/* sys_recvmsg: recv, recvfrom, recvmsg, recvmmsg. */
#define _GNU_SOURCE
#include <sys/socket.h>

#include <platform/clock.h>

#include "files/sys_deadline.h"
#include "sys_socket.h"

/* A negative errno instead of errno itself. */
static ssize_t sys_receive(int fd, struct msghdr *header, int flags)
{
    ssize_t len = header->msg_iovlen > UIO_MAXIOV
                      ? -EMSGSIZE
                      : iov_length(header->msg_iov, (int)header->msg_iovlen);
    struct socket_message message;
    ssize_t done;

    interrupt_cancel_point();
    do {
        message = (struct socket_message){
            .iov = header->msg_iov,
            .n = (int)header->msg_iovlen,
            .len = (size_t)len,
            .flags = flags,
            .name = header->msg_name,
            .name_len = header->msg_name != NULL ? header->msg_namelen : 0,
            .control = header->msg_control,
            .control_len = header->msg_control != NULL ? header->msg_controllen : 0,
        };
        interrupt_hold();
        done = len < 0 ? len : sys_message(fd, &message, socket_receive);
    } while (interrupt_again(done));
    if (done >= 0) {
        if (header->msg_name != NULL)
            header->msg_namelen = message.name_len;
        header->msg_controllen = message.control_used;
        header->msg_flags = message.out_flags;
    }
    return done;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    return result(sys_receive(fd, message, flags));
}

ssize_t recvfrom(int fd, void *restrict buffer, size_t len, int flags,
                 struct sockaddr *restrict address, socklen_t *restrict address_len)
{
    struct iovec iov = { .iov_base = buffer, .iov_len = len };
    struct msghdr header = { .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_name = address_len != NULL ? address : NULL,
                             .msg_namelen = address_len != NULL ? *address_len : 0 };
    ssize_t done = sys_receive(fd, &header, flags);

    if (done >= 0 && address != NULL && address_len != NULL)
        *address_len = header.msg_namelen;
    return result(done);
}

ssize_t recv(int fd, void *buffer, size_t len, int flags)
{
    return recvfrom(fd, buffer, len, flags, NULL, NULL);
}

/* The timeout is looked at after each message only, as on Linux. */
int recvmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags, struct timespec *timeout)
{
    uint64_t deadline_ns;
    ssize_t done = sys_deadline_timespec(timeout, &deadline_ns);
    unsigned int received = 0;

    while (done >= 0 && received < n && received < UIO_MAXIOV) {
        done = sys_receive(fd, &messages[received].msg_hdr, flags & ~MSG_WAITFORONE);
        if (done < 0)
            break;
        messages[received++].msg_len = (unsigned int)done;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (deadline_ns != CLOCK_NEVER && clock_monotonic_ns() >= deadline_ns)
            break;
    }
    return (int)result(received > 0 ? (long)received : done);
}
