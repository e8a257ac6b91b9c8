#include "inet.h"

#include <errno.h>

void inet_init(struct inet_socket *inet, const struct socket_ops *ops, int family, int type,
               int protocol, int flags)
{
    socket_init(&inet->socket, ops, family, type, protocol, flags);
    inet->ip_pcb = NULL;
    inet->apply = NULL;
    inet->ttl = inet->hops = -1;
    inet->tos = inet->traffic_class = 0;
    inet->multicast_ttl = inet->multicast_hops = 1;
    inet->multicast_loop = true;
    inet->only_v6 = inet->header_included = false;
    inet->want_packet_info = inet->want_ttl = inet->want_tos = false;
    inet->multicast_index = inet->device = 0;
    inet->multicast_address.s_addr = INADDR_ANY;
    inet->groups = NULL;
}

int inet_make(int family, int type, int protocol, int flags, struct socket **out)
{
    switch (type) {
    case SOCK_STREAM:
        if (protocol != 0 && protocol != IPPROTO_TCP)
            return -EPROTONOSUPPORT;
        return tcp_socket_make(family, IPPROTO_TCP, flags, out);
    case SOCK_DGRAM:
        if (protocol != 0 && protocol != IPPROTO_UDP)
            return -EPROTONOSUPPORT;
        return udp_socket_make(family, IPPROTO_UDP, flags, out);
    case SOCK_RAW:
        if (protocol <= 0 || protocol >= IPPROTO_MAX)
            return -EPROTONOSUPPORT;
        return raw_socket_make(family, protocol, flags, out);
    default:
        return -ESOCKTNOSUPPORT;
    }
}

int inet_error(err_t error)
{
    switch (error) {
    case ERR_OK:
        return 0;
    case ERR_MEM:
    case ERR_BUF:
        return -ENOBUFS;
    case ERR_TIMEOUT:
        return -ETIMEDOUT;
    case ERR_RTE:
        return -ENETUNREACH;
    case ERR_INPROGRESS:
        return -EINPROGRESS;
    case ERR_WOULDBLOCK:
        return -EAGAIN;
    case ERR_USE:
        return -EADDRINUSE;
    case ERR_ALREADY:
        return -EALREADY;
    case ERR_ISCONN:
        return -EISCONN;
    case ERR_CONN:
    case ERR_CLSD:
        return -ENOTCONN;
    case ERR_ABRT:
        return -ECONNABORTED;
    case ERR_RST:
        return -ECONNRESET;
    case ERR_IF:
        return -ENETDOWN;
    default:
        return -EINVAL;
    }
}
