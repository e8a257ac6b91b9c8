/*
 * socket_raw: raw IP sockets, for ping and its like. IPv4 packets are received with their IP
 * header, IPv6's without, as everywhere.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <stdlib.h>

#include <lwip/netif.h>
#include <lwip/raw.h>

#include "datagram.h"
#include "lwip/net_heap.h"

struct raw_socket {
    struct datagram_socket dg;
    struct raw_pcb *pcb;
    struct icmp6_filter filter;
    int checksum_at; /* IPV6_CHECKSUM, -1: none */
};

static struct raw_socket *raw_of(struct socket *socket)
{
    return (struct raw_socket *)socket;
}

static struct raw_socket *raw_of_datagram(struct datagram_socket *dg)
{
    return (struct raw_socket *)dg;
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
        if (raw->dg.inet.socket.protocol == IPPROTO_ICMPV6 &&
            (copy->len == 0 ||
             ICMP6_FILTER_WILLBLOCK(*(const uint8_t *)copy->payload, &raw->filter))) {
            pbuf_free(copy);
            return 0;
        }
    }
    datagram_received(&raw->dg, copy, from, 0);
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

static int raw_datagram_bind(struct datagram_socket *dg, const ip_addr_t *ip, uint16_t port)
{
    (void)port;
    return inet_error(raw_bind(raw_of_datagram(dg)->pcb, ip));
}

static int raw_datagram_connect(struct datagram_socket *dg, const ip_addr_t *ip, uint16_t port,
                                bool early)
{
    (void)port, (void)early;
    return inet_error(raw_connect(raw_of_datagram(dg)->pcb, ip));
}

static void raw_datagram_disconnect(struct datagram_socket *dg)
{
    raw_disconnect(raw_of_datagram(dg)->pcb);
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

static int raw_datagram_send(struct datagram_socket *dg, const struct inet_send *how,
                             struct pbuf *p, const ip_addr_t *ip, uint16_t port)
{
    struct raw_socket *raw = raw_of_datagram(dg);
    struct raw_pcb *pcb = raw->pcb;
    const ip_addr_t *source;
    struct netif *netif;
    uint8_t ttl = pcb->ttl, tos = pcb->tos;
    err_t sent;
    int error = inet_send_route(&dg->inet, how, ip, &netif, &source);

    (void)port;
    if (error < 0)
        return error;
    if (ip_addr_isbroadcast(ip, netif) && !dg->inet.socket.broadcast)
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

static int raw_allows(const struct datagram_socket *dg, size_t len)
{
    return len > 0xffffu - (dg->inet.header_included ? 0 : IP_HLEN) ? -EMSGSIZE : 0;
}

static int raw_peer(const struct datagram_socket *dg, ip_addr_t *ip, uint16_t *port)
{
    const struct raw_socket *raw = (const struct raw_socket *)dg;

    if (!(raw->pcb->flags & RAW_FLAGS_CONNECTED))
        return -EDESTADDRREQ;
    *ip = raw->pcb->remote_ip;
    *port = 0;
    return 0;
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
        raw_apply(&raw->dg.inet);
        net_unlock();
        return 0;
    }
    return inet_set_option(&raw->dg.inet, level, option, value, len);
}

static int raw_socket_get_option(struct socket *socket, int level, int option, void *value,
                                 socklen_t *len)
{
    struct raw_socket *raw = raw_of(socket);

    if (level == IPPROTO_ICMPV6 && option == ICMP6_FILTER)
        return socket_option_out(value, len, &raw->filter, sizeof(raw->filter));
    return inet_get_option(&raw->dg.inet, level, option, value, len);
}

static void raw_socket_close(struct socket *socket)
{
    struct raw_socket *raw = raw_of(socket);

    net_lock();
    raw_remove(raw->pcb);
    datagram_end(&raw->dg);
    net_unlock();
    free(raw);
}

static const struct socket_ops raw_socket_ops = {
    .bind = datagram_bind,
    .connect = datagram_connect,
    .name = raw_socket_name,
    .send = datagram_send,
    .receive = datagram_receive,
    .set_option = raw_socket_set_option,
    .get_option = raw_socket_get_option,
    .option_changed = inet_option_changed,
    .ioctl = datagram_ioctl,
    .close = raw_socket_close,
};

static const struct datagram_kind raw_kind = {
    .waiting = "raw socket, for a packet",
    .allows = raw_allows,
    .peer = raw_peer,
    .bind = raw_datagram_bind,
    .connect = raw_datagram_connect,
    .disconnect = raw_datagram_disconnect,
    .send = raw_datagram_send,
};

int raw_socket_make(int family, int protocol, int flags, struct socket **out)
{
    struct raw_socket *raw = calloc(1, sizeof(*raw));

    if (raw == NULL)
        return -ENOMEM;
    datagram_init(&raw->dg, &raw_kind, &raw_socket_ops, family, SOCK_RAW, protocol, flags);
    raw->dg.inet.header_included = protocol == IPPROTO_RAW;
    /* RFC 3542, 3.1: the guest computes ICMPv6's checksum, which is in its third byte. */
    raw->checksum_at = family == AF_INET6 && protocol == IPPROTO_ICMPV6 ? 2 : -1;
    net_lock();
    if (!net_heap_is_too_low())
        raw->pcb =
            raw_new_ip_type(family == AF_INET6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4, (u8_t)protocol);
    if (raw->pcb != NULL) {
        raw->dg.inet.ip_pcb = (struct ip_pcb *)raw->pcb;
        raw->dg.inet.apply = raw_apply;
        raw_recv(raw->pcb, raw_received, raw);
        inet_apply(&raw->dg.inet);
    }
    net_unlock();
    if (raw->pcb == NULL) {
        free(raw);
        return -ENOBUFS;
    }
    datagram_update(&raw->dg, 0);
    *out = &raw->dg.inet.socket;
    return 0;
}
