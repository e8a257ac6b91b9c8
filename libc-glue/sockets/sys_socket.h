/* sys_socket: what the files with sockets' POSIX names share. */
#ifndef LIBC_GLUE_SYS_SOCKET_H
#define LIBC_GLUE_SYS_SOCKET_H

#include <errno.h>
#include <fcntl.h>

#include "files/fd.h"
#include "signals/interrupt.h"
#include "process/result.h"
#include "socket.h"

#define SYS_SOCKET_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

/* A descriptor for a new socket, whose reference it takes over in any case. */
static inline int sys_socket_install(struct socket *socket, int type_flags)
{
    int fd = fd_install(&socket->file, (type_flags & SOCK_CLOEXEC) != 0);

    if (fd < 0)
        socket_put(socket);
    return fd;
}

/*
 * socket_send() or socket_receive() of the socket behind fd. Memory of the message that shows a file
 * stays meanwhile; its pieces may be others afterwards.
 */
typedef ssize_t (*sys_message_t)(struct socket *socket, struct socket_message *message);
ssize_t sys_message(int fd, struct socket_message *message, sys_message_t transfer);

/* An address out, as far as it fits. */
int sys_socket_name_out(const struct socket_name *name, struct sockaddr *address, socklen_t *len);

#endif
