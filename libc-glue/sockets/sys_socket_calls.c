/* sys_socket_calls: what is done to a socket besides transfers: bind, listen, accept, connect... */
#define _GNU_SOURCE
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sys_socket.h"

int sys_socket_name_out(const struct socket_name *name, struct sockaddr *address, socklen_t *len)
{
    if ((int)*len < 0)
        return -EINVAL;
    memcpy(address, &name->address, *len < name->len ? *len : name->len);
    *len = name->len;
    return 0;
}

int bind(int fd, const struct sockaddr *address, socklen_t len)
{
    int error;
    struct socket *socket;

    do {
        interrupt_hold();
        socket = socket_get(fd, &error);
        if (socket != NULL) {
            error =
                socket->ops->bind != NULL ? socket->ops->bind(socket, address, len) : -EOPNOTSUPP;
            socket_put(socket);
        }
    } while (interrupt_again(error));
    return (int)result(error);
}

int listen(int fd, int backlog)
{
    int error;
    struct socket *socket;

    interrupt_hold();
    socket = socket_get(fd, &error);
    if (socket != NULL) {
        error = socket->ops->listen != NULL ? socket->ops->listen(socket, backlog) : -EOPNOTSUPP;
        socket_put(socket);
    }
    interrupt_again(0);
    return (int)result(error);
}

static int sys_accept(int fd, int flags, struct socket_name *name)
{
    struct socket *socket, *made;
    int error;

    socket = socket_get(fd, &error);
    if (socket == NULL)
        return error;
    error = socket->ops->accept != NULL
                ? socket->ops->accept(socket, flags & SOCK_NONBLOCK, &made, name)
                : -EOPNOTSUPP;
    socket_put(socket);
    return error < 0 ? error : sys_socket_install(made, flags);
}

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict len, int flags)
{
    struct socket_name name;
    int made;

    if ((flags & ~SYS_SOCKET_FLAGS) != 0)
        return (int)result(-EINVAL);
    interrupt_cancel_point();
    do {
        interrupt_hold();
        made = sys_accept(fd, flags, &name);
    } while (interrupt_again(made));
    if (made >= 0 && address != NULL && sys_socket_name_out(&name, address, len) < 0) {
        fd_close(made);
        made = -EINVAL;
    }
    return (int)result(made);
}

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
    return accept4(fd, address, len, 0);
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    struct socket *socket;
    int error;

    interrupt_cancel_point();
    do {
        interrupt_hold();
        socket = socket_get(fd, &error);
        if (socket != NULL) {
            error = socket->ops->connect != NULL ? socket->ops->connect(socket, address, len)
                                                 : -EOPNOTSUPP;
            socket_put(socket);
        }
    } while (interrupt_again(error));
    return (int)result(error);
}

int shutdown(int fd, int how)
{
    int error;
    struct socket *socket;

    interrupt_hold();
    socket = socket_get(fd, &error);
    if (socket != NULL) {
        error = -EINVAL;
        if (how == SHUT_RD || how == SHUT_WR || how == SHUT_RDWR)
            error =
                socket->ops->shutdown != NULL ? socket->ops->shutdown(socket, how) : -EOPNOTSUPP;
        socket_put(socket);
    }
    interrupt_again(0);
    return (int)result(error);
}

static int sys_socket_name(int fd, bool peer, struct sockaddr *address, socklen_t *len)
{
    struct socket_name name;
    struct socket *socket;
    int error;

    interrupt_hold();
    socket = socket_get(fd, &error);
    if (socket != NULL) {
        error = socket->ops->name(socket, peer, &name);
        socket_put(socket);
    }
    interrupt_again(0);
    return (int)result(error < 0 ? error : sys_socket_name_out(&name, address, len));
}

int getsockname(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
    return sys_socket_name(fd, false, address, len);
}

int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
    return sys_socket_name(fd, true, address, len);
}

int sockatmark(int fd)
{
    int mark;

    return ioctl(fd, SIOCATMARK, &mark) < 0 ? -1 : mark;
}

/* type: S_IFSOCK, S_IFREG, ... */
int isfdtype(int fd, int type)
{
    struct stat about;

    return fstat(fd, &about) < 0 ? -1 : (about.st_mode & S_IFMT) == (mode_t)type;
}
