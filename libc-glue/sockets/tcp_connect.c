/*
 * tcp_connect: connections that begin on this side.
 *
 * Before the guest has an address of that kind, connect() only leaves a note, and the network's thread begins
 * the connection as soon as there is one: so a program with many sockets stands still for none of
 * them. A connection also ends early when nobody on the link answers for its next hop, or ICMP says
 * that it leads nowhere; lwIP itself would go on asking for a minute.
 */
#include <errno.h>
#include <poll.h>

#include <lwip/etharp.h>
#include <lwip/priv/nd6_priv.h>
#include <platform/clock.h>

#include "inet_errors.h"
#include "socket_tcp.h"

/* As on Linux: three questions a second apart, and no answer. */
#define TCP_NO_NEIGHBOUR_NS 3000000000u

static err_t tcp_is_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct tcp_socket *tcp = arg;

    (void)pcb;
    (void)error; /* always ERR_OK */
    tcp->unreported = true;
    tcp_established(tcp);
    return ERR_OK;
}

static int tcp_begin_connect(struct tcp_socket *tcp, const ip_addr_t *ip, uint16_t port)
{
    int error = tcp_need_pcb(tcp);
    err_t failed;

    if (error < 0)
        return error;
    inet_errors_listen();
    failed = tcp_connect(tcp->pcb, ip, port, tcp_is_connected);
    if (failed != ERR_OK) {
        ip_addr_set_any(IP_IS_V6(ip), &tcp->pcb->remote_ip);
        return failed == ERR_USE || failed == ERR_BUF ? -EADDRNOTAVAIL : inet_error(failed);
    }
    tcp->connect_ns = clock_monotonic_ns();
    tcp->state = TCP_CONNECTING;
    tcp_update(tcp, 0);
    return 0;
}

static void tcp_connect_failed(struct tcp_socket *tcp, int error)
{
    socket_set_error(&tcp->inet.socket, error);
    tcp->state = TCP_ENDED;
    tcp_update(tcp, POLLIN | POLLOUT | POLLERR | POLLRDHUP | POLLHUP);
}

/* ---- before there is an address ---- */

static void tcp_connect_early(struct net_waiter *waiter)
{
    struct tcp_socket *tcp = list_entry(waiter, struct tcp_socket, early.waiter);
    int error = tcp_begin_connect(tcp, &tcp->early.ip, tcp->early.port);

    if (error < 0)
        tcp_connect_failed(tcp, error);
}

static int tcp_prepare_connect(struct tcp_socket *tcp, const ip_addr_t *ip, uint16_t port)
{
    int error;

    if (ip_addr_ismulticast(ip))
        return -ENETUNREACH;
    if (!inet_address_is_early(ip))
        return tcp_begin_connect(tcp, ip, port);
    error = tcp_need_pcb(tcp); /* for the options, and so that a lack of memory shows now */
    if (error < 0)
        return error;
    tcp->early.ip = *ip;
    tcp->early.port = port;
    tcp->early.waiter.ready = tcp_connect_early;
    net_when_ready(&tcp->early.waiter, inet_address_need(ip));
    tcp->state = TCP_CONNECTING;
    tcp_update(tcp, 0);
    return 0;
}

/* ---- when nobody answers ---- */

static bool tcp_hop4_is_silent(struct netif *netif, const ip4_addr_t *to)
{
    const ip4_addr_t *hop = ip4_addr_net_eq(to, netif_ip4_addr(netif), netif_ip4_netmask(netif))
                                ? to
                                : netif_ip4_gw(netif);
    const ip4_addr_t *found;
    struct eth_addr *mac;

    return etharp_find_addr(netif, hop, &mac, &found) < 0;
}

static bool tcp_hop6_is_silent(const ip6_addr_t *to)
{
    const ip6_addr_t *hop = to;

    for (size_t i = 0; i < LWIP_ND6_NUM_DESTINATIONS; i++) {
        if (ip6_addr_eq(to, &destination_cache[i].destination_addr))
            hop = &destination_cache[i].next_hop_addr;
    }
    for (size_t i = 0; i < LWIP_ND6_NUM_NEIGHBORS; i++) {
        if (neighbor_cache[i].state != ND6_NO_ENTRY && neighbor_cache[i].state != ND6_INCOMPLETE &&
            ip6_addr_eq(hop, &neighbor_cache[i].next_hop_address))
            return false;
    }
    return true;
}

err_t tcp_look_at_connect(struct tcp_socket *tcp, struct tcp_pcb *pcb)
{
    struct netif *netif;

    if (pcb->state != SYN_SENT || clock_monotonic_ns() - tcp->connect_ns < TCP_NO_NEIGHBOUR_NS)
        return ERR_OK;
    netif = ip_route(&pcb->local_ip, &pcb->remote_ip);
    if (netif != NULL &&
        (!(netif->flags & NETIF_FLAG_ETHARP) ||
         !(IP_IS_V6_VAL(pcb->remote_ip) ? tcp_hop6_is_silent(ip_2_ip6(&pcb->remote_ip))
                                        : tcp_hop4_is_silent(netif, ip_2_ip4(&pcb->remote_ip)))))
        return ERR_OK;
    tcp_detach(pcb);
    tcp_forget_pcb(tcp);
    tcp_abort(pcb);
    tcp_connect_failed(tcp, EHOSTUNREACH);
    return ERR_ABRT;
}

void tcp_connect_error(uint16_t port, const ip_addr_t *peer, uint16_t peer_port, uint32_t seqno,
                       int error)
{
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        struct tcp_socket *tcp = pcb->callback_arg;

        if (pcb->local_port != port || pcb->remote_port != peer_port || pcb->state != SYN_SENT ||
            tcp == NULL || pcb->lastack != seqno || !ip_addr_zoneless_eq(&pcb->remote_ip, peer))
            continue;
        tcp_detach(pcb);
        tcp_forget_pcb(tcp);
        tcp_abort(pcb);
        tcp_connect_failed(tcp, error);
        return;
    }
}

/* ---- connect() ---- */

/* How a call has to do with the connection: several threads may call at once, and wait for one. */
enum tcp_connect_part { TCP_PART_NONE, TCP_PART_WAITS, TCP_PART_BEGAN };

/* One step of connect(): -EAGAIN while it is under way. */
static int tcp_try_connect(struct tcp_socket *tcp, const ip_addr_t *ip, uint16_t port,
                           enum tcp_connect_part *part)
{
    int error = 0;

    net_lock();
    switch (tcp->state) {
    case TCP_IDLE:
        if (*part != TCP_PART_NONE) { /* it failed, and another call has said why */
            error = -ECONNABORTED;
            break;
        }
        error = tcp_prepare_connect(tcp, ip, port);
        *part = TCP_PART_BEGAN;
        if (error == 0)
            error = -EAGAIN;
        break;
    case TCP_CONNECTING:
        if (*part == TCP_PART_NONE)
            *part = TCP_PART_WAITS;
        error = -EAGAIN;
        break;
    case TCP_CONNECTED:
        error = tcp->unreported || *part != TCP_PART_NONE ? 0 : -EISCONN;
        tcp->unreported = false;
        break;
    case TCP_LISTENING:
        error = -EISCONN;
        break;
    case TCP_ENDED:
        error = socket_take_error(&tcp->inet.socket);
        if (error == 0)
            error = tcp->remote_port != 0 ? -EISCONN : -ECONNABORTED;
        if (tcp->remote_port == 0) /* never connected: it may be tried again */
            tcp->state = TCP_IDLE;
        tcp_update(tcp, 0);
        break;
    }
    net_unlock();
    return error;
}

/* With AF_UNSPEC: back to the beginning. */
static int tcp_disconnect(struct tcp_socket *tcp)
{
    net_lock();
    if (tcp->state == TCP_LISTENING)
        tcp_stop_listening(tcp);
    tcp_release(tcp);
    tcp->state = TCP_IDLE;
    tcp->fin = tcp->read_shut = tcp->write_shut = tcp->unreported = false;
    tcp->remote_port = tcp->local_port = 0;
    tcp->window = 0;
    tcp_update(tcp, 0);
    net_unlock();
    return 0;
}

int tcp_socket_connect(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct tcp_socket *tcp = tcp_of(socket);
    struct socket_wait wait;
    enum tcp_connect_part part = TCP_PART_NONE;
    uint16_t port;
    ip_addr_t ip;
    int error;

    if (len >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC)
        return tcp_disconnect(tcp);
    error = inet_address_in(&tcp->inet, address, len, &ip, &port);
    if (error < 0)
        return error;
    inet_address_target(&ip);
    socket_wait_begin(&wait, socket, POLLOUT, 0);
    do
        error = tcp_try_connect(tcp, &ip, port, &part);
    while (error == -EAGAIN && (error = socket_wait_next(&wait, "connect")) == 0);
    socket_wait_end(&wait);
    if (error == -EAGAIN) /* not allowed to wait (longer): it goes on by itself */
        error = part == TCP_PART_BEGAN ? -EINPROGRESS : -EALREADY;
    return error;
}
