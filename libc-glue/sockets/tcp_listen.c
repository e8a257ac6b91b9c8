/*
 * tcp_listen: sockets that listen, and the connections that wait for accept().
 *
 * lwIP counts the connections of a listening pcb that are not established yet; those that are,
 * wait in the socket's own queue. When both together are as many as its backlog, or the first as
 * many as the guest's memory bears, lwIP is told to drop what asks to connect: it will ask again.
 *
 * Sockets with SO_REUSEPORT that listen at one address share one listening pcb, which is held by
 * one of a ring of them (`group`); each new connection goes to the next one in the ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "lwip/net_heap.h"
#include "lwip/net_priv.h"
#include "socket_tcp.h"

/* How many more connections lwIP may begin. */
static void tcp_set_backlog(struct tcp_socket *tcp)
{
    int room = tcp->backlog + 1 - tcp->n_waiting, most = (int)net_tcp_half_open_max();

    if (tcp->pcb == NULL)
        return;
    list_for_each(link, &tcp->group)
    {
        const struct tcp_socket *other = list_entry(link, struct tcp_socket, group);

        room += other->backlog + 1 - other->n_waiting;
    }
    room = room < 0 ? 0 : room > most ? most : room;
    ((struct tcp_pcb_listen *)tcp->pcb)->backlog = (u16_t)room;
}

/* The one of the ring who holds the pcb. */
static struct tcp_socket *tcp_pcb_holder(struct tcp_socket *tcp)
{
    if (tcp->pcb != NULL)
        return tcp;
    list_for_each(link, &tcp->group)
    {
        struct tcp_socket *other = list_entry(link, struct tcp_socket, group);

        if (other->pcb != NULL)
            return other;
    }
    return tcp;
}

/* Whose turn it is: the next in the ring with room. The ring is turned by exchanging the holder. */
static struct tcp_socket *tcp_next_of_group(struct tcp_socket *holder)
{
    struct tcp_socket *best = holder;

    list_for_each(link, &holder->group)
    {
        struct tcp_socket *other = list_entry(link, struct tcp_socket, group);

        if (other->n_waiting < best->n_waiting)
            best = other;
    }
    return best;
}

static void tcp_hand_over(struct tcp_socket *from, struct tcp_socket *to)
{
    to->pcb = from->pcb;
    to->inet.ip_pcb = from->inet.ip_pcb;
    from->pcb = NULL;
    from->inet.ip_pcb = NULL;
    tcp_arg(to->pcb, to);
    tcp_set_backlog(to);
}

static void tcp_inherit(struct tcp_socket *tcp, const struct tcp_socket *from)
{
    const struct socket *parent = &from->inet.socket;
    struct socket *socket = &tcp->inet.socket;

    socket->send_buffer = parent->send_buffer;
    socket->receive_buffer = parent->receive_buffer;
    socket->receive_buffer_set = parent->receive_buffer_set;
    socket->send_timeout_ns = parent->send_timeout_ns;
    socket->receive_timeout_ns = parent->receive_timeout_ns;
    socket->linger = parent->linger;
    socket->low_water = parent->low_water;
    socket->priority = parent->priority;
    socket->mark = parent->mark;
    socket->reuse_address = parent->reuse_address;
    socket->reuse_port = parent->reuse_port;
    socket->keep_alive = parent->keep_alive;
    socket->oob_inline = parent->oob_inline;
    tcp->inet.ttl = from->inet.ttl;
    tcp->inet.hops = from->inet.hops;
    tcp->inet.tos = from->inet.tos;
    tcp->inet.traffic_class = from->inet.traffic_class;
    tcp->inet.only_v6 = from->inet.only_v6;
    tcp->inet.device = from->inet.device;
    tcp->no_delay = from->no_delay;
    tcp->corked = from->corked;
    tcp->keep_idle_s = from->keep_idle_s;
    tcp->keep_interval_s = from->keep_interval_s;
    tcp->keep_count = from->keep_count;
    tcp->max_segment = from->max_segment;
}

/* lwIP: a connection is established. */
static err_t tcp_arrived(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct tcp_socket *listener = arg, *tcp, *to;

    if (error != ERR_OK || pcb == NULL || listener == NULL)
        return ERR_VAL;
    tcp = net_heap_is_too_low() ? NULL : tcp_socket_new(listener->inet.socket.family, 0);
    if (tcp == NULL)
        return ERR_MEM; /* lwIP resets it */
    to = tcp_next_of_group(listener);
    tcp_inherit(tcp, to);
    tcp_attach(tcp, pcb);
    tcp_established(tcp);
    list_append(&to->waiting, &tcp->waiting_link);
    to->n_waiting++;
    tcp_set_backlog(listener);
    tcp_update(to, POLLIN | POLLRDNORM);
    return ERR_OK;
}

/* Somebody with SO_REUSEPORT who listens at the very same address. */
static struct tcp_socket *tcp_find_group(const struct tcp_socket *tcp)
{
    if (!tcp->inet.socket.reuse_port)
        return NULL;
    for (struct tcp_pcb_listen *at = tcp_listen_pcbs.listen_pcbs; at != NULL; at = at->next) {
        struct tcp_socket *other = at->callback_arg;

        if (at->local_port == tcp->pcb->local_port &&
            ip_addr_eq(&at->local_ip, &tcp->pcb->local_ip) &&
            IP_GET_TYPE(&at->local_ip) == IP_GET_TYPE(&tcp->pcb->local_ip) && other != NULL &&
            other->inet.socket.reuse_port && other->inet.socket.family == tcp->inet.socket.family)
            return other;
    }
    return NULL;
}

static int tcp_begin_listen(struct tcp_socket *tcp)
{
    struct tcp_socket *other;
    struct tcp_pcb *listening;
    int error = tcp_need_pcb(tcp);
    err_t failed = ERR_MEM;

    if (error < 0)
        return error;
    if (tcp->pcb->local_port == 0 && tcp_bind(tcp->pcb, &tcp->pcb->local_ip, 0) != ERR_OK)
        return -EADDRINUSE;
    tcp->local_ip = tcp->pcb->local_ip;
    tcp->local_port = tcp->pcb->local_port;
    other = tcp_find_group(tcp);
    if (other != NULL) {
        tcp_close(tcp->pcb); /* only bound: it goes at once */
        tcp->pcb = NULL;
        tcp->inet.ip_pcb = NULL;
        list_append(&other->group, &tcp->group);
        return 0;
    }
    listening = tcp_listen_with_backlog_and_err(tcp->pcb, 255, &failed);
    if (listening == NULL)
        return failed == ERR_USE ? -EADDRINUSE : inet_error(failed);
    tcp->pcb = listening;
    tcp->inet.ip_pcb = (struct ip_pcb *)listening;
    tcp_arg(listening, tcp);
    tcp_accept(listening, tcp_arrived);
    return 0;
}

int tcp_socket_listen(struct socket *socket, int backlog)
{
    struct tcp_socket *tcp = tcp_of(socket);
    int error = 0;

    net_lock();
    if (tcp->state == TCP_IDLE)
        error = tcp_begin_listen(tcp);
    else if (tcp->state != TCP_LISTENING)
        error = -EINVAL;
    if (error == 0) {
        tcp->state = TCP_LISTENING;
        tcp->backlog = backlog < 0 || backlog > SOMAXCONN ? SOMAXCONN : backlog;
        socket->listening = true;
        tcp_set_backlog(tcp_pcb_holder(tcp));
        tcp_update(tcp, 0);
    }
    net_unlock();
    return error;
}

static int tcp_try_accept(struct tcp_socket *tcp, struct tcp_socket **out)
{
    int error = 0;

    if (tcp->state == TCP_LISTENING && socket_ready(&tcp->inet.socket) == 0)
        return -EAGAIN;
    net_lock();
    if (tcp->state != TCP_LISTENING) {
        error = -EINVAL;
    } else if (list_empty(&tcp->waiting)) {
        error = -EAGAIN;
    } else {
        *out = list_entry(tcp->waiting.next, struct tcp_socket, waiting_link);
        list_remove(&(*out)->waiting_link);
        tcp->n_waiting--;
        tcp_set_backlog(tcp_pcb_holder(tcp));
        if (tcp->n_waiting == 0)
            tcp_update(tcp, 0);
    }
    net_unlock();
    return error;
}

int tcp_socket_accept(struct socket *socket, int flags, struct socket **out,
                      struct socket_name *name)
{
    struct tcp_socket *made = NULL;
    struct socket_wait wait;
    int error;

    socket_wait_begin(&wait, socket, POLLIN, 0);
    do
        error = tcp_try_accept(tcp_of(socket), &made);
    while (error == -EAGAIN && (error = socket_wait_next(&wait, "accept")) == 0);
    socket_wait_end(&wait);
    if (error < 0)
        return error;
    if (flags != 0)
        file_set_flags(&made->inet.socket.file, flags);
    inet_address_out(socket->family, &made->remote_ip, made->remote_port, name);
    *out = &made->inet.socket;
    return 0;
}

void tcp_stop_listening(struct tcp_socket *tcp)
{
    struct tcp_socket *next =
        list_empty(&tcp->group) ? NULL : list_entry(tcp->group.next, struct tcp_socket, group);

    list_remove(&tcp->group);
    if (tcp->pcb != NULL && next != NULL) {
        tcp_hand_over(tcp, next);
    } else if (tcp->pcb != NULL) {
        tcp_arg(tcp->pcb, NULL);
        tcp_close(tcp->pcb);
        tcp->pcb = NULL;
        tcp->inet.ip_pcb = NULL;
    }
    while (!list_empty(&tcp->waiting)) {
        struct tcp_socket *orphan = list_entry(tcp->waiting.next, struct tcp_socket, waiting_link);

        list_remove(&orphan->waiting_link);
        if (orphan->pcb != NULL) {
            struct tcp_pcb *pcb = orphan->pcb;

            tcp_detach(pcb);
            orphan->pcb = NULL;
            tcp_abort(pcb);
        }
        tcp_discard(orphan);
        free(orphan);
    }
    tcp->n_waiting = 0;
    tcp->inet.socket.listening = false;
}
