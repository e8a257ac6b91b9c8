/* sys_sockopt: setsockopt and getsockopt. */
#include <sys/socket.h>

#include "sys_socket.h"

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    struct socket *socket;
    int error;

    interrupt_hold();
    socket = socket_get(fd, &error);
    if (socket != NULL) {
        if ((int)len < 0)
            error = -EINVAL;
        else if (value == NULL && len != 0)
            error = -EFAULT;
        else if (level == SOL_SOCKET)
            error = socket_set_option(socket, option, value, len);
        else
            error = socket->ops->set_option != NULL
                        ? socket->ops->set_option(socket, level, option, value, len)
                        : -EOPNOTSUPP;
        socket_put(socket);
    }
    interrupt_again(0);
    return (int)result(error);
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict len)
{
    struct socket *socket;
    int error;

    interrupt_hold();
    socket = socket_get(fd, &error);
    if (socket != NULL) {
        if (value == NULL || len == NULL)
            error = -EFAULT;
        else if ((int)*len < 0)
            error = -EINVAL;
        else if (level == SOL_SOCKET)
            error = socket_get_option(socket, option, value, len);
        else
            error = socket->ops->get_option != NULL
                        ? socket->ops->get_option(socket, level, option, value, len)
                        : -EOPNOTSUPP;
        socket_put(socket);
    }
    interrupt_again(0);
    return (int)result(error);
}
