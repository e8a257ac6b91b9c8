/*
 * socket_raw: raw IP sockets, for ping and its like. IPv4 packets are received with their IP
 * header, IPv6's without, as everywhere.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <lwip/netif.h>
#include <lwip/raw.h>

#include "inet.h"
#include "inet_queue.h"
#include "inet_send.h"
#include "lwip/net_heap.h"

struct raw_socket {
    struct inet_socket inet;
    struct raw_pcb *pcb;
    struct inet_queue queue;
    struct icmp6_filter filter;
    int checksum_at; /* IPV6_CHECKSUM, -1: none */
};

static const struct socket_ops raw_socket_ops;

static struct raw_socket *raw_of(struct socket *socket)
{
    return (struct raw_socket *)socket;
}

static void raw_update(struct raw_socket *raw, unsigned news)
{
    unsigned ready = POLLOUT | POLLWRNORM;

    if (raw->queue.n > 0)
        ready |= POLLIN | POLLRDNORM;
    socket_set_ready(&raw->inet.socket, ready, news);
}

/* A copy: lwIP itself may want the packet, too. */
static u8_t raw_received(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
    struct raw_socket *raw = arg;
    struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);

    (void)pcb;
    if (copy == NULL)
        return 0;
    if (ip_current_is_v6()) {
        pbuf_remove_header(copy, ip_current_header_tot_len());
        if (raw->inet.socket.protocol == IPPROTO_ICMPV6 &&
            (copy->len == 0 ||
             ICMP6_FILTER_WILLBLOCK(*(const uint8_t *)copy->payload, &raw->filter))) {
            pbuf_free(copy);
            return 0;
        }
    }
    if (inet_queue_put(&raw->queue, &raw->inet, copy, from, 0))
        raw_update(raw, POLLIN | POLLRDNORM);
    return 0;
}

static void raw_apply(struct inet_socket *inet)
{
    struct raw_socket *raw = raw_of(&inet->socket);
    struct raw_pcb *pcb = raw->pcb;

    raw_set_multicast_ttl(
        pcb, (u8_t)(inet->socket.family == AF_INET6 ? inet->multicast_hops : inet->multicast_ttl));
    if (inet->multicast_loop)
        raw_set_flags(pcb, RAW_FLAGS_MULTICAST_LOOP);
    else
        raw_clear_flags(pcb, RAW_FLAGS_MULTICAST_LOOP);
    if (inet->header_included)
        raw_set_flags(pcb, RAW_FLAGS_HDRINCL);
    else
        raw_clear_flags(pcb, RAW_FLAGS_HDRINCL);
    pcb->chksum_reqd = raw->checksum_at >= 0;
    pcb->chksum_offset = (u16_t)(raw->checksum_at >= 0 ? raw->checksum_at : 0);
}

static int raw_socket_bind(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct raw_socket *raw = raw_of(socket);
    uint16_t port;
    ip_addr_t ip;
    int error = inet_address_in(&raw->inet, address, len, &ip, &port);

    if (error == 0)
        error = inet_address_wait(&ip, true);
    if (error < 0)
        return error;
    net_lock();
    error = inet_address_is_ours(&ip) ? inet_error(raw_bind(raw->pcb, &ip)) : -EADDRNOTAVAIL;
    net_unlock();
    return error;
}

static int raw_socket_connect(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct raw_socket *raw = raw_of(socket);
    uint16_t port;
    ip_addr_t ip;
    int error;

    if (len >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC) {
        net_lock();
        raw_disconnect(raw->pcb);
        net_unlock();
        return 0;
    }
    error = inet_address_in(&raw->inet, address, len, &ip, &port);
    if (error < 0)
        return error;
    inet_address_target(&ip);
    error = inet_address_wait(&ip, false);
    if (error < 0)
        return error;
    net_lock();
    error = inet_error(raw_connect(raw->pcb, &ip));
    net_unlock();
    return error;
}

static int raw_socket_name(struct socket *socket, bool peer, struct socket_name *out)
{
    struct raw_socket *raw = raw_of(socket);
    int error = 0;

    net_lock();
    if (peer && !(raw->pcb->flags & RAW_FLAGS_CONNECTED))
        error = -ENOTCONN;
    else
        inet_address_out(socket->family, peer ? &raw->pcb->remote_ip : &raw->pcb->local_ip, 0, out);
    net_unlock();
    return error;
}

static int raw_send_locked(struct raw_socket *raw, const struct inet_send *how, struct pbuf *p,
                           const ip_addr_t *ip)
{
    struct raw_pcb *pcb = raw->pcb;
    const ip_addr_t *source;
    struct netif *netif;
    uint8_t ttl = pcb->ttl, tos = pcb->tos;
    err_t sent;
    int error = inet_send_route(&raw->inet, how, ip, &netif, &source);

    if (error < 0)
        return error;
    if (ip_addr_isbroadcast(ip, netif) && !raw->inet.socket.broadcast)
        return -EACCES;
    if (raw->checksum_at >= 0 && p->len < (size_t)raw->checksum_at + 2)
        return -EINVAL;
    if (how->ttl >= 0)
        pcb->ttl = (uint8_t)how->ttl;
    if (how->tos >= 0)
        pcb->tos = (uint8_t)how->tos;
    sent = raw_sendto_if_src(pcb, p, ip, netif, source);
    pcb->ttl = ttl;
    pcb->tos = tos;
    return sent == ERR_RTE ? -EHOSTUNREACH : inet_error(sent);
}

static ssize_t raw_socket_send(struct socket *socket, struct socket_message *message)
{
    struct raw_socket *raw = raw_of(socket);
    struct inet_send how;
    uint16_t port;
    ip_addr_t ip;
    struct pbuf *p;
    int error = 0;

    if (message->len > 0xffffu - (raw->inet.header_included ? 0 : IP_HLEN))
        return -EMSGSIZE;
    if (message->name != NULL)
        error = inet_address_in(&raw->inet, message->name, message->name_len, &ip, &port);
    else if (raw->pcb->flags & RAW_FLAGS_CONNECTED)
        ip = raw->pcb->remote_ip;
    else
        error = -EDESTADDRREQ;
    if (error < 0)
        return error;
    inet_address_target(&ip);
    error = inet_send_control(&raw->inet, message, &how);
    if (error == 0)
        error = inet_address_wait(&ip, false);
    if (error < 0)
        return error;
    net_lock();
    p = inet_send_pbuf(message);
    error = p != NULL ? raw_send_locked(raw, &how, p, &ip) : -ENOBUFS;
    if (p != NULL)
        pbuf_free(p);
    net_unlock();
    return error < 0 ? error : (ssize_t)message->len;
}

static ssize_t raw_try_receive(struct raw_socket *raw, struct socket_message *message)
{
    ssize_t done;

    net_lock();
    done = inet_queue_take(&raw->queue, &raw->inet, message);
    if (raw->queue.n == 0)
        raw_update(raw, 0);
    net_unlock();
    return done;
}

static ssize_t raw_socket_receive(struct socket *socket, struct socket_message *message)
{
    struct raw_socket *raw = raw_of(socket);
    struct socket_wait wait;
    ssize_t done;

    socket_wait_begin(&wait, socket, POLLIN, message->flags);
    do
        done = raw_try_receive(raw, message);
    while (done == -EAGAIN && (done = socket_wait_next(&wait, "raw socket, for a packet")) == 0);
    socket_wait_end(&wait);
    return done;
}

static int raw_socket_set_option(struct socket *socket, int level, int option, const void *value,
                                 socklen_t len)
{
    struct raw_socket *raw = raw_of(socket);
    int number, error = 0;

    if (level == IPPROTO_ICMPV6 && option == ICMP6_FILTER && len >= sizeof(raw->filter)) {
        net_lock();
        raw->filter = *(const struct icmp6_filter *)value;
        net_unlock();
        return 0;
    }
    if (level == IPPROTO_IPV6 && option == IPV6_CHECKSUM && socket->family == AF_INET6) {
        error = socket_option_in(value, len, &number);
        if (error < 0 || number < -1 || number > 1024 || (number > 0 && number % 2 != 0))
            return -EINVAL;
        net_lock();
        raw->checksum_at = number;
        raw_apply(&raw->inet);
        net_unlock();
        return 0;
    }
    return inet_set_option(&raw->inet, level, option, value, len);
}

static int raw_socket_get_option(struct socket *socket, int level, int option, void *value,
                                 socklen_t *len)
{
    struct raw_socket *raw = raw_of(socket);

    if (level == IPPROTO_ICMPV6 && option == ICMP6_FILTER)
        return socket_option_out(value, len, &raw->filter, sizeof(raw->filter));
    return inet_get_option(&raw->inet, level, option, value, len);
}

static int raw_socket_ioctl(struct socket *socket, unsigned long request, void *arg)
{
    if (request != FIONREAD && request != TIOCOUTQ)
        return inet_ioctl(socket, request, arg);
    net_lock();
    *(int *)arg = request == FIONREAD ? (int)inet_queue_first(&raw_of(socket)->queue) : 0;
    net_unlock();
    return 0;
}

static void raw_socket_close(struct socket *socket)
{
    struct raw_socket *raw = raw_of(socket);

    net_lock();
    raw_remove(raw->pcb);
    inet_queue_empty(&raw->queue);
    inet_group_leave_all(&raw->inet);
    net_unlock();
    free(raw);
}

static const struct socket_ops raw_socket_ops = {
    .bind = raw_socket_bind,
    .connect = raw_socket_connect,
    .name = raw_socket_name,
    .send = raw_socket_send,
    .receive = raw_socket_receive,
    .set_option = raw_socket_set_option,
    .get_option = raw_socket_get_option,
    .option_changed = inet_option_changed,
    .ioctl = raw_socket_ioctl,
    .close = raw_socket_close,
};

int raw_socket_make(int family, int protocol, int flags, struct socket **out)
{
    struct raw_socket *raw = calloc(1, sizeof(*raw));

    if (raw == NULL)
        return -ENOMEM;
    inet_init(&raw->inet, &raw_socket_ops, family, SOCK_RAW, protocol, flags);
    raw->inet.header_included = protocol == IPPROTO_RAW;
    /* RFC 3542, 3.1: the guest computes ICMPv6's checksum, which is in its third byte. */
    raw->checksum_at = family == AF_INET6 && protocol == IPPROTO_ICMPV6 ? 2 : -1;
    net_lock();
    if (!net_heap_is_too_low())
        raw->pcb =
            raw_new_ip_type(family == AF_INET6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4, (u8_t)protocol);
    if (raw->pcb != NULL) {
        raw->inet.ip_pcb = (struct ip_pcb *)raw->pcb;
        raw->inet.apply = raw_apply;
        raw_recv(raw->pcb, raw_received, raw);
        inet_apply(&raw->inet);
    }
    net_unlock();
    if (raw->pcb == NULL) {
        free(raw);
        return -ENOBUFS;
    }
    raw_update(raw, 0);
    *out = &raw->inet.socket;
    return 0;
}
