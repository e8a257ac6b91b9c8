/* sys_socketpair: two connected sockets, which needs no network. */
#include <sys/socket.h>

#include "sys_socket.h"

int socketpair(int family, int type, int protocol, int fds[2])
{
    int flags = type & SYS_SOCKET_FLAGS, error, one, other;
    struct socket *pair[2];

    if (family == AF_INET || family == AF_INET6)
        return (int)result(-EOPNOTSUPP);
    if (family != AF_UNIX)
        return (int)result(-EAFNOSUPPORT);
    error = unix_make_pair(type & ~SYS_SOCKET_FLAGS, protocol, flags & SOCK_NONBLOCK, pair);
    if (error < 0)
        return (int)result(error);
    one = sys_socket_install(pair[0], flags);
    other = sys_socket_install(pair[1], flags);
    if (one >= 0 && other >= 0) {
        fds[0] = one;
        fds[1] = other;
        return 0;
    }
    if (one >= 0)
        fd_close(one);
    if (other >= 0)
        fd_close(other);
    return (int)result(one < 0 ? one : other);
}
