/* socket_option: setsockopt() and getsockopt() of SOL_SOCKET. */
#include <errno.h>
#include <string.h>
#include <sys/time.h>

#include "socket.h"

#define SOCKET_BUFFER_MIN 2304
#define SOCKET_BUFFER_MAX (64 << 20)

int socket_option_out(void *value, socklen_t *len, const void *from, size_t size)
{
    if ((int)*len < 0)
        return -EINVAL;
    if (*len > size)
        *len = (socklen_t)size;
    memcpy(value, from, *len);
    return 0;
}

int socket_option_int(void *value, socklen_t *len, int number)
{
    return socket_option_out(value, len, &number, sizeof(number));
}

int socket_option_in(const void *value, socklen_t len, int *number)
{
    if (len < sizeof(*number))
        return -EINVAL;
    memcpy(number, value, sizeof(*number));
    return 0;
}

int socket_option_byte(const void *value, socklen_t len, int *number)
{
    if (len == 0)
        return -EINVAL;
    if (len < sizeof(*number)) {
        *number = *(const unsigned char *)value;
        return 0;
    }
    return socket_option_in(value, len, number);
}

/* The switches, in one place for both directions. */
static bool *socket_option_switch(struct socket *socket, int option)
{
    switch (option) {
    case SO_DEBUG:
        return &socket->debug;
    case SO_REUSEADDR:
        return &socket->reuse_address;
    case SO_REUSEPORT:
        return &socket->reuse_port;
    case SO_KEEPALIVE:
        return &socket->keep_alive;
    case SO_BROADCAST:
        return &socket->broadcast;
    case SO_OOBINLINE:
        return &socket->oob_inline;
    case SO_PASSCRED:
        return &socket->pass_credentials;
    case SO_TIMESTAMP:
        return &socket->timestamp;
    case SO_TIMESTAMPNS:
        return &socket->timestamp_ns;
    case SO_DONTROUTE:
        return &socket->dont_route;
    default:
        return NULL;
    }
}

static int *socket_option_number(struct socket *socket, int option)
{
    switch (option) {
    case SO_PRIORITY:
        return &socket->priority;
    case SO_MARK:
        return &socket->mark;
    case SO_RCVLOWAT:
        return &socket->low_water;
    default:
        return NULL;
    }
}

static int socket_option_buffer(int wanted)
{
    if (wanted < SOCKET_BUFFER_MIN / 2)
        return SOCKET_BUFFER_MIN;
    return wanted > SOCKET_BUFFER_MAX / 2 ? SOCKET_BUFFER_MAX : 2 * wanted; /* doubled, as Linux */
}

static int socket_option_timeout(const void *value, socklen_t len, uint64_t *ns)
{
    struct timeval time;

    if (len < sizeof(time))
        return -EINVAL;
    memcpy(&time, value, sizeof(time));
    if (time.tv_usec < 0 || time.tv_usec >= 1000000)
        return -EDOM;
    if (time.tv_sec < 0 || time.tv_sec > UINT32_MAX)
        *ns = 0;
    else
        *ns = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
    return 0;
}

int socket_set_option(struct socket *socket, int option, const void *value, socklen_t len)
{
    bool *on = socket_option_switch(socket, option);
    int *at = socket_option_number(socket, option), number = 0, error = 0;

    if (option == SO_RCVTIMEO)
        return socket_option_timeout(value, len, &socket->receive_timeout_ns);
    if (option == SO_SNDTIMEO)
        return socket_option_timeout(value, len, &socket->send_timeout_ns);
    if (option == SO_LINGER) {
        if (len < sizeof(socket->linger))
            return -EINVAL;
        memcpy(&socket->linger, value, sizeof(socket->linger));
        return 0;
    }
    if (option == SO_BINDTODEVICE)
        return socket->ops->set_option != NULL
                   ? socket->ops->set_option(socket, SOL_SOCKET, option, value, len)
                   : -ENOPROTOOPT;
    error = socket_option_in(value, len, &number);
    if (error < 0)
        return error;
    if (on != NULL) {
        *on = number != 0;
    } else if (at != NULL) {
        *at = option == SO_RCVLOWAT && number < 1 ? 1 : number;
    } else if (option == SO_SNDBUF || option == SO_SNDBUFFORCE) {
        socket->send_buffer = socket_option_buffer(number);
    } else if (option == SO_RCVBUF || option == SO_RCVBUFFORCE) {
        socket->receive_buffer = socket_option_buffer(number);
        socket->receive_buffer_set = true;
    } else if (option != SO_NO_CHECK && option != SO_BUSY_POLL && option != SO_RXQ_OVFL) {
        error = -ENOPROTOOPT;
    }
    if (error == 0 && socket->ops->option_changed != NULL)
        socket->ops->option_changed(socket, option);
    return error;
}

static int socket_option_time_out(void *value, socklen_t *len, uint64_t ns)
{
    struct timeval time = { .tv_sec = (time_t)(ns / 1000000000u),
                            .tv_usec = (suseconds_t)(ns % 1000000000u / 1000) };

    return socket_option_out(value, len, &time, sizeof(time));
}

int socket_get_option(struct socket *socket, int option, void *value, socklen_t *len)
{
    bool *on = socket_option_switch(socket, option);
    int *at = socket_option_number(socket, option);
    struct ucred self = { .pid = 1 };

    if (on != NULL)
        return socket_option_int(value, len, *on);
    if (at != NULL)
        return socket_option_int(value, len, *at);
    switch (option) {
    case SO_TYPE:
        return socket_option_int(value, len, socket->type);
    case SO_DOMAIN:
        return socket_option_int(value, len, socket->family);
    case SO_PROTOCOL:
        return socket_option_int(value, len, socket->protocol);
    case SO_ERROR:
        return socket_option_int(value, len, -socket_take_error(socket));
    case SO_ACCEPTCONN:
        return socket_option_int(value, len, socket->listening);
    case SO_SNDBUF:
        return socket_option_int(value, len, socket->send_buffer);
    case SO_RCVBUF:
        return socket_option_int(value, len, socket->receive_buffer);
    case SO_SNDLOWAT:
        return socket_option_int(value, len, 1);
    case SO_LINGER:
        return socket_option_out(value, len, &socket->linger, sizeof(socket->linger));
    case SO_RCVTIMEO:
        return socket_option_time_out(value, len, socket->receive_timeout_ns);
    case SO_SNDTIMEO:
        return socket_option_time_out(value, len, socket->send_timeout_ns);
    case SO_NO_CHECK:
    case SO_BUSY_POLL:
    case SO_RXQ_OVFL:
        return socket_option_int(value, len, 0);
    case SO_PEERCRED: /* there is one process, and one user */
        if (socket->family != AF_UNIX)
            return -ENOPROTOOPT;
        return socket_option_out(value, len, &self, sizeof(self));
    case SO_BINDTODEVICE:
        if (socket->ops->get_option != NULL)
            return socket->ops->get_option(socket, SOL_SOCKET, option, value, len);
        return -ENOPROTOOPT;
    default:
        return -ENOPROTOOPT;
    }
}
