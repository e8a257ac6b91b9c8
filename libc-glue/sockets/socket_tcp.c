#include "socket_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <platform/clock.h>

#include "lwip/net_heap.h"

/* ---- what poll() sees ---- */

static unsigned tcp_ready_connected(const struct tcp_socket *tcp)
{
    unsigned ready = 0;

    if (tcp->queued >= (size_t)tcp->inet.socket.low_water || tcp->fin || tcp->read_shut)
        ready |= POLLIN | POLLRDNORM;
    if (tcp->fin || tcp->read_shut)
        ready |= POLLRDHUP;
    if (tcp->write_shut || tcp_is_writable(tcp))
        ready |= POLLOUT | POLLWRNORM;
    if ((tcp->fin || tcp->read_shut) && tcp->write_shut)
        ready |= POLLHUP;
    return ready;
}

void tcp_update(struct tcp_socket *tcp, unsigned news)
{
    unsigned ready = 0;

    switch (tcp->state) {
    case TCP_IDLE:
        ready = POLLOUT | POLLWRNORM | POLLHUP;
        break;
    case TCP_CONNECTING:
        break;
    case TCP_CONNECTED:
        ready = tcp_ready_connected(tcp);
        break;
    case TCP_LISTENING:
        ready = tcp->n_waiting > 0 ? POLLIN | POLLRDNORM : 0;
        break;
    case TCP_ENDED:
        ready = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP | POLLHUP;
        break;
    }
    if (__atomic_load_n(&tcp->inet.socket.error, __ATOMIC_RELAXED) != 0)
        ready |= POLLERR;
    socket_set_ready(&tcp->inet.socket, ready, news);
}

/* ---- lwIP's callbacks ---- */

void tcp_forget_pcb(struct tcp_socket *tcp)
{
    tcp->pcb = NULL;
    tcp->inet.ip_pcb = NULL;
}

static err_t tcp_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
    struct tcp_socket *tcp = arg;

    (void)error;
    if (p != NULL) {
        if (tcp->read_shut) {
            tcp_recved(pcb, p->tot_len);
            pbuf_free(p);
            return ERR_OK;
        }
        tcp_queue(tcp, p);
        tcp_update(tcp, POLLIN | POLLRDNORM);
        return ERR_OK;
    }
    tcp->fin = true;
    /* From here on lwIP ends the connection without a word. */
    if (pcb->state != CLOSE_WAIT && pcb->state != ESTABLISHED) {
        tcp_detach(pcb);
        tcp_forget_pcb(tcp);
    }
    tcp_update(tcp, POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP);
    return ERR_OK;
}

static err_t tcp_was_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct tcp_socket *tcp = arg;

    (void)pcb;
    (void)len;
    tcp->starved = false;
    if (!(socket_ready(&tcp->inet.socket) & POLLOUT) || tcp->write_shut)
        tcp_update(tcp, tcp->write_shut ? POLLWRBAND | POLLOUT : 0);
    return ERR_OK;
}

/* The pcb is freed already. */
static void tcp_failed(void *arg, err_t error)
{
    struct tcp_socket *tcp = arg;

    tcp_forget_pcb(tcp);
    if (error == ERR_CLSD && tcp->state == TCP_CONNECTED) { /* closed from both sides, in order */
        tcp->fin = true;
        tcp_update(tcp, POLLIN | POLLRDHUP | POLLHUP);
        return;
    }
    if (error == ERR_RST)
        socket_set_error(&tcp->inet.socket,
                         tcp->state == TCP_CONNECTING ? ECONNREFUSED : ECONNRESET);
    else
        socket_set_error(&tcp->inet.socket, error == ERR_ABRT ? ETIMEDOUT : -inet_error(error));
    tcp->state = TCP_ENDED;
    tcp_update(tcp, POLLIN | POLLOUT | POLLERR | POLLRDHUP | POLLHUP);
}

/* Now and then while something is under way. */
static err_t tcp_looks(void *arg, struct tcp_pcb *pcb)
{
    struct tcp_socket *tcp = arg;

    if (tcp->state == TCP_CONNECTING)
        return tcp_look_at_connect(tcp, pcb);
    tcp_push(tcp);
    return ERR_OK;
}

void tcp_established(struct tcp_socket *tcp)
{
    struct tcp_pcb *pcb = tcp->pcb;

    tcp->state = TCP_CONNECTED;
    tcp->local_ip = pcb->local_ip;
    tcp->remote_ip = pcb->remote_ip;
    tcp->local_port = pcb->local_port;
    tcp->remote_port = pcb->remote_port;
    if (tcp->max_segment != 0 && tcp->max_segment < pcb->mss)
        pcb->mss = (u16_t)tcp->max_segment;
    tcp_fit_window(tcp);
    tcp_update(tcp, 0);
}

void tcp_attach(struct tcp_socket *tcp, struct tcp_pcb *pcb)
{
    tcp->pcb = pcb;
    tcp->inet.ip_pcb = (struct ip_pcb *)pcb;
    tcp_arg(pcb, tcp);
    tcp_recv(pcb, tcp_received);
    tcp_sent(pcb, tcp_was_sent);
    tcp_err(pcb, tcp_failed);
    tcp_poll(pcb, tcp_looks, 3); /* about 200 ms */
    inet_apply(&tcp->inet);
}

void tcp_detach(struct tcp_pcb *pcb)
{
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    tcp_poll(pcb, NULL, 0);
}

/* ---- making ---- */

/* The socket's options into the pcb, besides the common ones. */
void tcp_apply(struct inet_socket *inet)
{
    struct tcp_socket *tcp = tcp_of(&inet->socket);
    struct tcp_pcb *pcb = tcp->pcb;

    if (pcb == NULL || pcb->state == LISTEN)
        return;
    if (tcp->no_delay)
        tcp_nagle_disable(pcb);
    else
        tcp_nagle_enable(pcb);
    if (tcp->keep_idle_s != 0)
        pcb->keep_idle = (u32_t)tcp->keep_idle_s * 1000u;
    if (tcp->keep_interval_s != 0)
        pcb->keep_intvl = (u32_t)tcp->keep_interval_s * 1000u;
    if (tcp->keep_count != 0)
        pcb->keep_cnt = (u32_t)tcp->keep_count;
    if (tcp->state == TCP_CONNECTED)
        tcp_fit_window(tcp);
}

struct tcp_socket *tcp_socket_new(int family, int flags)
{
    struct tcp_socket *tcp = calloc(1, sizeof(*tcp));

    if (tcp == NULL)
        return NULL;
    inet_init(&tcp->inet, &tcp_socket_ops, family, SOCK_STREAM, IPPROTO_TCP, flags);
    tcp->inet.apply = tcp_apply;
    tcp->inet.socket.send_buffer = (int)net_tcp_send_buffer;
    tcp->inet.socket.receive_buffer = (int)net_tcp_window;
    list_init(&tcp->waiting);
    list_init(&tcp->waiting_link);
    list_init(&tcp->group);
    list_init(&tcp->early.waiter.link);
    return tcp;
}

int tcp_socket_make(int family, int protocol, int flags, struct socket **out)
{
    struct tcp_socket *tcp = tcp_socket_new(family, flags);

    (void)protocol;
    if (tcp == NULL)
        return -ENOMEM;
    tcp_update(tcp, 0);
    *out = &tcp->inet.socket;
    return 0;
}

int tcp_need_pcb(struct tcp_socket *tcp)
{
    struct tcp_pcb *pcb;

    if (tcp->pcb != NULL)
        return 0;
    pcb = net_heap_is_too_low() ? NULL : tcp_new_ip_type(inet_address_type(&tcp->inet));
    if (pcb == NULL)
        return -ENOBUFS;
    tcp_attach(tcp, pcb);
    return 0;
}

/* ---- bind ---- */

/* Whether somebody listens there whom this socket must not join. lwIP looks only in listen(). */
static bool tcp_is_listened_to(const struct tcp_socket *tcp, const ip_addr_t *ip, uint16_t port)
{
    for (const struct tcp_pcb_listen *at = tcp_listen_pcbs.listen_pcbs; at != NULL; at = at->next) {
        const struct tcp_socket *other = at->callback_arg;

        if (at->local_port != port || other == NULL)
            continue;
        if (tcp->inet.socket.reuse_port && other->inet.socket.reuse_port)
            continue;
        if (ip_addr_eq(&at->local_ip, ip) ||
            ((ip_addr_isany(ip) || ip_addr_isany(&at->local_ip)) &&
             (IP_GET_TYPE(ip) == IP_GET_TYPE(&at->local_ip) || IP_IS_ANY_TYPE_VAL(*ip) ||
              IP_IS_ANY_TYPE_VAL(at->local_ip))))
            return true;
    }
    return false;
}

static int tcp_bind_locked(struct tcp_socket *tcp, const ip_addr_t *ip, uint16_t port)
{
    int error;

    if (tcp->state != TCP_IDLE || (tcp->pcb != NULL && tcp->pcb->local_port != 0))
        return -EINVAL;
    if (ip_addr_ismulticast(ip) || !inet_address_is_ours(ip))
        return -EADDRNOTAVAIL;
    if (port != 0 && tcp_is_listened_to(tcp, ip, port))
        return -EADDRINUSE;
    error = tcp_need_pcb(tcp);
    if (error < 0)
        return error;
    switch (tcp_bind(tcp->pcb, ip, port)) {
    case ERR_OK:
        return 0;
    case ERR_VAL:
        return -EINVAL;
    default:
        return -EADDRINUSE; /* also: no port is free */
    }
}

static int tcp_socket_bind(struct socket *socket, const struct sockaddr *address, socklen_t len)
{
    struct tcp_socket *tcp = tcp_of(socket);
    uint16_t port;
    ip_addr_t ip;
    int error = inet_address_in(&tcp->inet, address, len, &ip, &port);

    if (error == 0)
        error = inet_address_wait(&ip, true);
    if (error < 0)
        return error;
    net_lock();
    error = tcp_bind_locked(tcp, &ip, port);
    net_unlock();
    return error;
}

/* ---- the end ---- */

void tcp_release(struct tcp_socket *tcp)
{
    struct tcp_pcb *pcb = tcp->pcb;
    bool reset = tcp->queued > 0 ||
                 (tcp->inet.socket.linger.l_onoff && tcp->inet.socket.linger.l_linger == 0);

    tcp_discard(tcp);
    tcp_forget_pcb(tcp);
    list_remove(&tcp->early.waiter.link);
    if (pcb == NULL)
        return;
    tcp_detach(pcb);
    if (reset && tcp->state == TCP_CONNECTED) {
        tcp_abort(pcb);
        return;
    }
    /*
     * tcp_close() would give a peer that has ended its side half a minute for all that is still
     * to be sent; after tcp_shutdown() it may be silent for as long, but take it bit by bit.
     */
    if ((pcb->state == CLOSE_WAIT ? tcp_shutdown(pcb, 0, 1) : tcp_close(pcb)) != ERR_OK)
        tcp_abort(pcb);
}

static int tcp_shutdown_write(struct tcp_socket *tcp)
{
    enum tcp_state before = tcp->pcb->state;
    err_t error;

    tcp_push(tcp);
    error = tcp_shutdown(tcp->pcb, 0, 1);
    if (error != ERR_OK)
        return inet_error(error);
    if (before == CLOSE_WAIT) { /* both sides have ended: lwIP sends the rest without us */
        tcp_detach(tcp->pcb);
        tcp_forget_pcb(tcp);
    }
    return 0;
}

static int tcp_shutdown_locked(struct tcp_socket *tcp, int how)
{
    int error = 0;

    if (tcp->state == TCP_LISTENING) {
        if (how != SHUT_WR) {
            tcp_stop_listening(tcp);
            tcp->state = TCP_IDLE;
            tcp_update(tcp, POLLIN | POLLHUP);
        }
        return 0;
    }
    if (tcp->state != TCP_CONNECTED)
        return -ENOTCONN;
    if (how != SHUT_RD && !tcp->write_shut) {
        if (tcp->pcb != NULL)
            error = tcp_shutdown_write(tcp);
        tcp->write_shut = error == 0;
    }
    if (how != SHUT_WR)
        tcp->read_shut = true; /* what is here already may still be read */
    tcp_update(tcp, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    return error;
}

static int tcp_socket_shutdown(struct socket *socket, int how)
{
    int error;

    net_lock();
    error = tcp_shutdown_locked(tcp_of(socket), how);
    net_unlock();
    return error;
}

/* SO_LINGER: until everything is acknowledged, or the time is over. */
static void tcp_linger(struct tcp_socket *tcp)
{
    struct socket *socket = &tcp->inet.socket;
    struct socket_wait wait;
    bool again = true;

    socket_wait_begin(&wait, socket, POLLWRBAND | POLLOUT | POLLHUP, 0);
    wait.may_wait = true;
    wait.deadline_ns = clock_monotonic_ns() + (uint64_t)socket->linger.l_linger * 1000000000u;
    while (again) {
        net_lock();
        if (tcp->state == TCP_CONNECTED && tcp->pcb != NULL && !tcp->write_shut)
            tcp_shutdown_locked(tcp, SHUT_WR);
        again =
            tcp->state == TCP_CONNECTED && tcp->pcb != NULL &&
            (tcp->pcb->unsent != NULL || (tcp->pcb->unacked != NULL && tcp->pcb->unacked->len > 0));
        net_unlock();
        again = again && socket_wait_next(&wait, "close, for the rest to be sent") == 0;
    }
    socket_wait_end(&wait);
}

static void tcp_socket_close(struct socket *socket)
{
    struct tcp_socket *tcp = tcp_of(socket);

    if (socket->linger.l_onoff && socket->linger.l_linger > 0 && tcp->queued == 0)
        tcp_linger(tcp);
    net_lock();
    if (tcp->state == TCP_LISTENING)
        tcp_stop_listening(tcp);
    if (tcp->held_back && tcp->pcb != NULL)
        tcp_push(tcp);
    tcp_release(tcp);
    inet_group_leave_all(&tcp->inet);
    net_unlock();
    free(tcp);
}

/* ---- names ---- */

static int tcp_socket_name(struct socket *socket, bool peer, struct socket_name *out)
{
    struct tcp_socket *tcp = tcp_of(socket);
    uint8_t any = inet_address_type(&tcp->inet);
    ip_addr_t ip;
    uint16_t port = 0;

    ip_addr_set_any(any == IPADDR_TYPE_V6, &ip);
    net_lock();
    if (tcp->state == TCP_CONNECTED || tcp->state == TCP_ENDED || tcp->state == TCP_LISTENING) {
        ip = peer ? tcp->remote_ip : tcp->local_ip;
        port = peer ? tcp->remote_port : tcp->local_port;
    } else if (tcp->pcb != NULL) {
        ip = tcp->pcb->local_ip;
        port = tcp->pcb->local_port;
    }
    net_unlock();
    if (peer && (tcp->state != TCP_CONNECTED || port == 0))
        return -ENOTCONN;
    inet_address_out(socket->family, &ip, port, out);
    return 0;
}

static int tcp_socket_ioctl(struct socket *socket, unsigned long request, void *arg)
{
    struct tcp_socket *tcp = tcp_of(socket);
    int error = 0;

    if (request != FIONREAD && request != TIOCOUTQ)
        return inet_ioctl(socket, request, arg);
    net_lock();
    if (tcp->state == TCP_LISTENING)
        error = -EINVAL;
    else if (request == FIONREAD)
        *(int *)arg = (int)tcp->queued;
    else
        *(int *)arg = tcp->pcb != NULL ? (int)(TCP_SND_BUF - tcp->pcb->snd_buf) : 0;
    net_unlock();
    return error;
}

const struct socket_ops tcp_socket_ops = {
    .bind = tcp_socket_bind,
    .listen = tcp_socket_listen,
    .accept = tcp_socket_accept,
    .connect = tcp_socket_connect,
    .shutdown = tcp_socket_shutdown,
    .name = tcp_socket_name,
    .send = tcp_socket_send,
    .receive = tcp_socket_receive,
    .set_option = tcp_socket_set_option,
    .get_option = tcp_socket_get_option,
    .option_changed = inet_option_changed,
    .ioctl = tcp_socket_ioctl,
    .close = tcp_socket_close,
};
