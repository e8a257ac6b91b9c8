/* socket_udp: UDP sockets. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <lwip/netif.h>
#include <lwip/udp.h>

#include "inet.h"
#include "inet_errors.h"
#include "inet_queue.h"
#include "inet_send.h"
#include "lwip/net_heap.h"

#define UDP_MOST 65507u /* bytes of one datagram over IPv4 */

struct udp_socket {
    struct inet_socket inet;
    struct udp_pcb *pcb; /* NULL until there is need */
    struct inet_queue queue;
    bool bound_by_connect; /* the local address is connect()'s choice */
    bool read_shut, write_shut;
};

static const struct socket_ops udp_socket_ops;

static struct udp_socket *udp_of(struct socket *socket)
{
    return (struct udp_socket *)socket;
}

/* ---- with the lock held ---- */

static void udp_update(struct udp_socket *udp, unsigned news)
{
    unsigned ready = POLLOUT | POLLWRNORM;

    if (udp->queue.n > 0 || udp->read_shut)
        ready |= POLLIN | POLLRDNORM;
    if (udp->read_shut)
        ready |= POLLRDHUP;
    if (udp->read_shut && udp->write_shut)
        ready |= POLLHUP;
    if (__atomic_load_n(&udp->inet.socket.error, __ATOMIC_RELAXED) != 0)
        ready |= POLLERR;
    socket_set_ready(&udp->inet.socket, ready, news);
}

static void udp_received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                         u16_t port)
{
    struct udp_socket *udp = arg;

    (void)pcb;
    if (udp->read_shut) {
        pbuf_free(p);
        return;
    }
    if (inet_queue_put(&udp->queue, &udp->inet, p, from, port))
        udp_update(udp, POLLIN | POLLRDNORM);
}

void udp_error(uint16_t port, const ip_addr_t *peer, uint16_t peer_port, int error)
{
    for (struct udp_pcb *pcb = udp_pcbs; pcb != NULL; pcb = pcb->next) {
        struct udp_socket *udp = pcb->recv_arg;

        if (pcb->local_port != port || pcb->remote_port != peer_port || pcb->recv != udp_received ||
            !(pcb->flags & UDP_FLAGS_CONNECTED) || !ip_addr_zoneless_eq(&pcb->remote_ip, peer))
            continue;
        socket_set_error(&udp->inet.socket, error);
        udp_update(udp, POLLERR);
        return;
    }
}

static void udp_apply(struct inet_socket *inet)
{
    struct udp_pcb *pcb = udp_of(&inet->socket)->pcb;

    if (pcb == NULL)
        return;
    udp_set_multicast_ttl(
        pcb, (u8_t)(inet->socket.family == AF_INET6 ? inet->multicast_hops : inet->multicast_ttl));
    if (inet->multicast_loop)
        udp_set_flags(pcb, UDP_FLAGS_MULTICAST_LOOP);
    else
        udp_clear_flags(pcb, UDP_FLAGS_MULTICAST_LOOP);
}

static int udp_need_pcb(struct udp_socket *udp)
{
    if (udp->pcb != NULL)
        return 0;
    udp->pcb = net_heap_is_too_low() ? NULL : udp_new_ip_type(inet_address_type(&udp->inet));
    if (udp->pcb == NULL)
        return -ENOBUFS;
    udp->inet.ip_pcb = (struct ip_pcb *)udp->pcb;
    udp_recv(udp->pcb, udp_received, udp);
    inet_apply(&udp->inet);
    return 0;
}

/* A pcb with a port, so that answers find it. */
static int udp_need_port(struct udp_socket *udp)
{
    int error = udp_need_pcb(udp);

    if (error == 0 && udp->pcb->local_port == 0 &&
        udp_bind(udp->pcb, &udp->pcb->local_ip, 0) != ERR_OK)
        error = -EAGAIN;
    return error;
}

/* ---- bind, connect ---- */

static int udp_socket_bind(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct udp_socket *udp = udp_of(socket);
    uint16_t port;
    ip_addr_t ip;
    int error = inet_address_in(&udp->inet, address, len, &ip, &port);

    if (error == 0)
        error = inet_address_wait(&ip, true);
    if (error < 0)
        return error;
    net_lock();
    error = udp_need_pcb(udp);
    if (error == 0 && udp->pcb->local_port != 0)
        error = -EINVAL;
    else if (error == 0 && !inet_address_is_ours(&ip))
        error = -EADDRNOTAVAIL;
    else if (error == 0 && udp_bind(udp->pcb, &ip, port) != ERR_OK)
        error = -EADDRINUSE;
    net_unlock();
    return error;
}

static void udp_socket_disconnect(struct udp_socket *udp)
{
    if (udp->pcb == NULL)
        return;
    udp_disconnect(udp->pcb);
    if (udp->bound_by_connect) {
        ip_addr_set_any(IP_IS_V6(&udp->pcb->local_ip), &udp->pcb->local_ip);
        IP_SET_TYPE_VAL(udp->pcb->local_ip, inet_address_type(&udp->inet));
        udp->bound_by_connect = false;
    }
}

static int udp_connect_locked(struct udp_socket *udp, const ip_addr_t *ip, uint16_t port)
{
    struct inet_send how = { .ttl = -1, .tos = -1 };
    const ip_addr_t *source;
    struct netif *netif;
    int error = udp_need_port(udp);

    if (error < 0)
        return error;
    udp_socket_disconnect(udp);
    ip_addr_set_any(false, &how.source);
    error = inet_send_route(&udp->inet, &how, ip, &netif, &source);
    if (error < 0)
        return error;
    if (ip_addr_isbroadcast(ip, netif) && !udp->inet.socket.broadcast)
        return -EACCES;
    if (ip_addr_isany(&udp->pcb->local_ip)) { /* getsockname() is to show it */
        ip_addr_copy(udp->pcb->local_ip, *source);
        udp->bound_by_connect = true;
    }
    inet_errors_listen();
    return inet_error(udp_connect(udp->pcb, ip, port));
}

static int udp_socket_connect(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct udp_socket *udp = udp_of(socket);
    uint16_t port;
    ip_addr_t ip;
    int error;

    if (len >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC) {
        net_lock();
        udp_socket_disconnect(udp);
        net_unlock();
        return 0;
    }
    error = inet_address_in(&udp->inet, address, len, &ip, &port);
    if (error < 0)
        return error;
    inet_address_target(&ip);
    error = inet_address_wait(&ip, false);
    if (error < 0)
        return error;
    net_lock();
    error = udp_connect_locked(udp, &ip, port);
    net_unlock();
    return error;
}

static bool udp_is_connected(const struct udp_socket *udp)
{
    return udp->pcb != NULL && (udp->pcb->flags & UDP_FLAGS_CONNECTED) != 0;
}

static int udp_socket_name(struct socket *socket, bool peer, struct socket_name *out)
{
    struct udp_socket *udp = udp_of(socket);
    ip_addr_t any;

    ip_addr_set_any(inet_address_type(&udp->inet) == IPADDR_TYPE_V6, &any);
    net_lock();
    if (peer && !udp_is_connected(udp)) {
        net_unlock();
        return -ENOTCONN;
    }
    if (udp->pcb == NULL)
        inet_address_out(socket->family, &any, 0, out);
    else if (peer)
        inet_address_out(socket->family, &udp->pcb->remote_ip, udp->pcb->remote_port, out);
    else
        inet_address_out(socket->family, &udp->pcb->local_ip, udp->pcb->local_port, out);
    net_unlock();
    return 0;
}

static int udp_socket_shutdown(struct socket *socket, int how)
{
    struct udp_socket *udp = udp_of(socket);
    int error = 0;

    net_lock();
    if (!udp_is_connected(udp))
        error = -ENOTCONN;
    if (error == 0) {
        udp->read_shut = udp->read_shut || how != SHUT_WR;
        udp->write_shut = udp->write_shut || how != SHUT_RD;
        udp_update(udp, POLLIN | POLLHUP);
    }
    net_unlock();
    return error;
}

/* ---- transfers ---- */

static int udp_send_locked(struct udp_socket *udp, const struct inet_send *how, struct pbuf *p,
                           const ip_addr_t *ip, uint16_t port)
{
    struct udp_pcb *pcb = udp->pcb;
    const ip_addr_t *source;
    struct netif *netif;
    uint8_t ttl, tos, multicast_ttl;
    err_t sent;
    int error = inet_send_route(&udp->inet, how, ip, &netif, &source);

    if (error < 0)
        return error;
    if (ip_addr_isbroadcast(ip, netif) && !udp->inet.socket.broadcast)
        return -EACCES;
    ttl = pcb->ttl;
    tos = pcb->tos;
    multicast_ttl = udp_get_multicast_ttl(pcb);
    if (how->ttl >= 0) {
        pcb->ttl = (uint8_t)how->ttl;
        udp_set_multicast_ttl(pcb, (uint8_t)how->ttl);
    }
    if (how->tos >= 0)
        pcb->tos = (uint8_t)how->tos;
    sent = udp_sendto_if_src(pcb, p, ip, port, netif, source);
    pcb->ttl = ttl;
    pcb->tos = tos;
    udp_set_multicast_ttl(pcb, multicast_ttl);
    return sent == ERR_RTE ? -EHOSTUNREACH : inet_error(sent);
}

/* To the peer, or to the name. */
static int udp_target(struct udp_socket *udp, const struct socket_message *message, ip_addr_t *ip,
                      uint16_t *port)
{
    if (message->name != NULL) {
        int error = inet_address_in(&udp->inet, message->name, message->name_len, ip, port);

        if (error == 0)
            inet_address_target(ip);
        return error == 0 && *port == 0 ? -EINVAL : error;
    }
    if (!udp_is_connected(udp))
        return -EDESTADDRREQ;
    *ip = udp->pcb->remote_ip;
    *port = udp->pcb->remote_port;
    return 0;
}

static ssize_t udp_socket_send(struct socket *socket, struct socket_message *message)
{
    struct udp_socket *udp = udp_of(socket);
    struct inet_send how;
    struct pbuf *p;
    uint16_t port;
    ip_addr_t ip;
    int error;

    if (message->len > UDP_MOST)
        return -EMSGSIZE;
    if (udp->write_shut)
        return -EPIPE;
    error = udp_target(udp, message, &ip, &port);
    if (error == 0)
        error = inet_send_control(&udp->inet, message, &how);
    if (error == 0)
        error = inet_address_wait(&ip, false);
    if (error < 0)
        return error;
    net_lock();
    error = socket_take_error(socket);
    if (error == 0)
        error = udp_need_port(udp);
    if (error == 0) {
        p = inet_send_pbuf(message);
        error = p != NULL ? udp_send_locked(udp, &how, p, &ip, port) : -ENOBUFS;
        if (p != NULL)
            pbuf_free(p);
    }
    net_unlock();
    return error < 0 ? error : (ssize_t)message->len;
}

static ssize_t udp_try_receive(struct udp_socket *udp, struct socket_message *message)
{
    ssize_t done;

    if (!(socket_ready(&udp->inet.socket) & (POLLIN | POLLERR)))
        return -EAGAIN;
    net_lock();
    done = inet_queue_take(&udp->queue, &udp->inet, message);
    if (done == -EAGAIN) {
        done = socket_take_error(&udp->inet.socket);
        if (done == 0)
            done = udp->read_shut ? 0 : -EAGAIN;
    }
    if (udp->queue.n == 0)
        udp_update(udp, 0);
    net_unlock();
    return done;
}

static ssize_t udp_socket_receive(struct socket *socket, struct socket_message *message)
{
    struct udp_socket *udp = udp_of(socket);
    struct socket_wait wait;
    ssize_t done;

    socket_wait_begin(&wait, socket, POLLIN, message->flags);
    do
        done = udp_try_receive(udp, message);
    while (done == -EAGAIN && (done = socket_wait_next(&wait, "udp, for a datagram")) == 0);
    socket_wait_end(&wait);
    return done;
}

/* ---- the rest ---- */

static int udp_socket_set_option(struct socket *socket, int level, int option, const void *value,
                                 socklen_t len)
{
    return inet_set_option(inet_of(socket), level, option, value, len);
}

static int udp_socket_get_option(struct socket *socket, int level, int option, void *value,
                                 socklen_t *len)
{
    return inet_get_option(inet_of(socket), level, option, value, len);
}

static int udp_socket_ioctl(struct socket *socket, unsigned long request, void *arg)
{
    if (request != FIONREAD && request != TIOCOUTQ)
        return inet_ioctl(socket, request, arg);
    net_lock();
    *(int *)arg = request == FIONREAD ? (int)inet_queue_first(&udp_of(socket)->queue) : 0;
    net_unlock();
    return 0;
}

static void udp_socket_close(struct socket *socket)
{
    struct udp_socket *udp = udp_of(socket);

    net_lock();
    if (udp->pcb != NULL)
        udp_remove(udp->pcb);
    inet_queue_empty(&udp->queue);
    inet_group_leave_all(&udp->inet);
    net_unlock();
    free(udp);
}

static const struct socket_ops udp_socket_ops = {
    .bind = udp_socket_bind,
    .connect = udp_socket_connect,
    .shutdown = udp_socket_shutdown,
    .name = udp_socket_name,
    .send = udp_socket_send,
    .receive = udp_socket_receive,
    .set_option = udp_socket_set_option,
    .get_option = udp_socket_get_option,
    .option_changed = inet_option_changed,
    .ioctl = udp_socket_ioctl,
    .close = udp_socket_close,
};

int udp_socket_make(int family, int protocol, int flags, struct socket **out)
{
    struct udp_socket *udp = calloc(1, sizeof(*udp));

    if (udp == NULL)
        return -ENOMEM;
    inet_init(&udp->inet, &udp_socket_ops, family, SOCK_DGRAM, protocol, flags);
    udp->inet.apply = udp_apply;
    udp_update(udp, 0);
    *out = &udp->inet.socket;
    return 0;
}
