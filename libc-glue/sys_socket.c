/* sys_socket: socket() of all families. */
#include <sys/socket.h>

#include "sys_socket.h"

int socket(int family, int type, int protocol)
{
    int flags = type & SYS_SOCKET_FLAGS, error;
    struct socket *made;

    type &= ~SYS_SOCKET_FLAGS;
    if (family == AF_UNIX)
        error = unix_make(type, protocol, flags & SOCK_NONBLOCK, &made);
    else if (family == AF_INET || family == AF_INET6)
        error = inet_make(family, type, protocol, flags & SOCK_NONBLOCK, &made);
    else
        error = -EAFNOSUPPORT;
    return (int)result(error < 0 ? error : sys_socket_install(made, flags));
}
