/* socket_udp: UDP sockets. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include <lwip/netif.h>
#include <lwip/udp.h>

#include "datagram.h"
#include "inet_errors.h"
#include "lwip/net_heap.h"

#define UDP_MOST 65507u /* bytes of one datagram over IPv4 */

struct udp_socket {
    struct datagram_socket dg;
    struct udp_pcb *pcb;   /* NULL until there is need */
    bool bound_by_connect; /* the local address is connect()'s choice */
};

static struct udp_socket *udp_of(struct socket *socket)
{
    return (struct udp_socket *)socket;
}

static struct udp_socket *udp_of_datagram(struct datagram_socket *dg)
{
    return (struct udp_socket *)dg;
}

static bool udp_is_connected(const struct udp_socket *udp)
{
    return udp->pcb != NULL && (udp->pcb->flags & UDP_FLAGS_CONNECTED) != 0;
}

/* ---- with the lock held ---- */

static void udp_received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                         u16_t port)
{
    struct udp_socket *udp = arg;

    (void)pcb;
    datagram_received(&udp->dg, p, from, port);
}

void udp_error(uint16_t port, const ip_addr_t *peer, uint16_t peer_port, int error)
{
    for (struct udp_pcb *pcb = udp_pcbs; pcb != NULL; pcb = pcb->next) {
        struct udp_socket *udp = pcb->recv_arg;

        if (pcb->local_port != port || pcb->remote_port != peer_port || pcb->recv != udp_received ||
            !(pcb->flags & UDP_FLAGS_CONNECTED) || !ip_addr_zoneless_eq(&pcb->remote_ip, peer))
            continue;
        datagram_failed(&udp->dg, error);
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
    udp->pcb = net_heap_is_too_low() ? NULL : udp_new_ip_type(inet_address_type(&udp->dg.inet));
    if (udp->pcb == NULL)
        return -ENOBUFS;
    udp->dg.inet.ip_pcb = (struct ip_pcb *)udp->pcb;
    udp_recv(udp->pcb, udp_received, udp);
    inet_apply(&udp->dg.inet);
    return 0;
}

/* A pcb with a port, so that answers find it. */
static int udp_prepare(struct datagram_socket *dg)
{
    struct udp_socket *udp = udp_of_datagram(dg);
    int error = udp_need_pcb(udp);

    if (error == 0 && udp->pcb->local_port == 0 &&
        udp_bind(udp->pcb, &udp->pcb->local_ip, 0) != ERR_OK)
        error = -EAGAIN;
    return error;
}

static int udp_datagram_bind(struct datagram_socket *dg, const ip_addr_t *ip, uint16_t port)
{
    struct udp_socket *udp = udp_of_datagram(dg);
    int error = udp_need_pcb(udp);

    if (error == 0 && udp->pcb->local_port != 0)
        error = -EINVAL;
    else if (error == 0 && udp_bind(udp->pcb, ip, port) != ERR_OK)
        error = -EADDRINUSE;
    return error;
}

static void udp_datagram_disconnect(struct datagram_socket *dg)
{
    struct udp_socket *udp = udp_of_datagram(dg);

    if (udp->pcb == NULL)
        return;
    udp_disconnect(udp->pcb);
    if (udp->bound_by_connect) {
        ip_addr_set_any(IP_IS_V6(&udp->pcb->local_ip), &udp->pcb->local_ip);
        IP_SET_TYPE_VAL(udp->pcb->local_ip, inet_address_type(&dg->inet));
        udp->bound_by_connect = false;
    }
}

/* The way to ip from here, which also chooses the local address. */
static int udp_take_route(struct udp_socket *udp, const ip_addr_t *ip)
{
    struct inet_send how = { .ttl = -1, .tos = -1 };
    const ip_addr_t *source;
    struct netif *netif;
    int error;

    ip_addr_set_any(false, &how.source);
    error = inet_send_route(&udp->dg.inet, &how, ip, &netif, &source);
    if (error < 0)
        return error;
    if (ip_addr_isbroadcast(ip, netif) && !udp->dg.inet.socket.broadcast)
        return -EACCES;
    if (ip_addr_isany(&udp->pcb->local_ip)) { /* getsockname() is to show it */
        ip_addr_copy(udp->pcb->local_ip, *source);
        udp->bound_by_connect = true;
    }
    return 0;
}

static int udp_datagram_connect(struct datagram_socket *dg, const ip_addr_t *ip, uint16_t port,
                                bool early)
{
    struct udp_socket *udp = udp_of_datagram(dg);
    int error = udp_prepare(dg);

    if (error < 0)
        return error;
    udp_datagram_disconnect(dg);
    if (!early && (error = udp_take_route(udp, ip)) < 0)
        return error;
    inet_errors_listen();
    return inet_error(udp_connect(udp->pcb, ip, port));
}

static int udp_datagram_send(struct datagram_socket *dg, const struct inet_send *how,
                             struct pbuf *p, const ip_addr_t *ip, uint16_t port)
{
    struct udp_pcb *pcb = udp_of_datagram(dg)->pcb;
    const ip_addr_t *source;
    struct netif *netif;
    uint8_t ttl, tos, multicast_ttl;
    err_t sent;
    int error = inet_send_route(&dg->inet, how, ip, &netif, &source);

    if (error < 0)
        return error;
    if (ip_addr_isbroadcast(ip, netif) && !dg->inet.socket.broadcast)
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

/* ---- the rest ---- */

static int udp_allows(const struct datagram_socket *dg, size_t len)
{
    if (len > UDP_MOST)
        return -EMSGSIZE;
    return dg->write_shut ? -EPIPE : 0;
}

static int udp_peer(const struct datagram_socket *dg, ip_addr_t *ip, uint16_t *port)
{
    const struct udp_socket *udp = (const struct udp_socket *)dg;

    if (!udp_is_connected(udp))
        return -EDESTADDRREQ;
    *ip = udp->pcb->remote_ip;
    *port = udp->pcb->remote_port;
    return 0;
}

static int udp_socket_name(struct socket *socket, bool peer, struct socket_name *out)
{
    struct udp_socket *udp = udp_of(socket);
    ip_addr_t any;

    ip_addr_set_any(inet_address_type(&udp->dg.inet) == IPADDR_TYPE_V6, &any);
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
        udp->dg.read_shut = udp->dg.read_shut || how != SHUT_WR;
        udp->dg.write_shut = udp->dg.write_shut || how != SHUT_RD;
        datagram_update(&udp->dg, POLLIN | POLLHUP);
    }
    net_unlock();
    return error;
}

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

static void udp_socket_close(struct socket *socket)
{
    struct udp_socket *udp = udp_of(socket);

    net_lock();
    if (udp->pcb != NULL)
        udp_remove(udp->pcb);
    datagram_end(&udp->dg);
    net_unlock();
    free(udp);
}

static const struct socket_ops udp_socket_ops = {
    .bind = datagram_bind,
    .connect = datagram_connect,
    .shutdown = udp_socket_shutdown,
    .name = udp_socket_name,
    .send = datagram_send,
    .receive = datagram_receive,
    .set_option = udp_socket_set_option,
    .get_option = udp_socket_get_option,
    .option_changed = inet_option_changed,
    .ioctl = datagram_ioctl,
    .close = udp_socket_close,
};

static const struct datagram_kind udp_kind = {
    .waiting = "udp, for a datagram",
    .has_ports = true,
    .allows = udp_allows,
    .peer = udp_peer,
    .bind = udp_datagram_bind,
    .connect = udp_datagram_connect,
    .disconnect = udp_datagram_disconnect,
    .prepare = udp_prepare,
    .send = udp_datagram_send,
};

int udp_socket_make(int family, int protocol, int flags, struct socket **out)
{
    struct udp_socket *udp = calloc(1, sizeof(*udp));

    if (udp == NULL)
        return -ENOMEM;
    datagram_init(&udp->dg, &udp_kind, &udp_socket_ops, family, SOCK_DGRAM, protocol, flags);
    udp->dg.inet.apply = udp_apply;
    datagram_update(&udp->dg, 0);
    *out = &udp->dg.inet.socket;
    return 0;
}
