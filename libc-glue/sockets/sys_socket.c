/* sys_socket: socket() of all families. */
#include <sys/socket.h>

#include "sys_socket.h"

/*
 * A program that only has sockets of AF_UNIX leaves the network out by -Wl,--defsym=inet_make=0.
 * Volatile, for the compiler takes it that a function's address is never 0.
 */
static int (*volatile const sys_socket_inet)(int family, int type, int protocol, int flags,
                                             struct socket **out) = inet_make;

int socket(int family, int type, int protocol)
{
    int flags = type & SYS_SOCKET_FLAGS, error;
    struct socket *made;

    type &= ~SYS_SOCKET_FLAGS;
    if (family == AF_UNIX)
        error = unix_make(type, protocol, flags & SOCK_NONBLOCK, &made);
    else if ((family == AF_INET || family == AF_INET6) && sys_socket_inet != NULL)
        error = sys_socket_inet(family, type, protocol, flags & SOCK_NONBLOCK, &made);
    else
        error = -EAFNOSUPPORT;
    return (int)result(error < 0 ? error : sys_socket_install(made, flags));
}
