/* tcp_transfer: the bytes of TCP connections. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "socket_tcp.h"

#define TCP_SMALL 512u /* segments up to this are put together, when the reader is behind */
#define TCP_PACK 3840u /* in blocks of so much */

/* ---- what was received ---- */

/* Behind the last one, if that is a block of ours with room. */
static bool tcp_pack(struct tcp_socket *tcp, struct pbuf *p)
{
    if (tcp->spare < p->tot_len) {
        struct pbuf *block = pbuf_alloc(PBUF_RAW, TCP_PACK, PBUF_RAM);

        if (block == NULL)
            return false;
        block->len = block->tot_len = 0;
        tcp->last->next = block;
        tcp->last = block;
        tcp->spare = TCP_PACK;
    }
    pbuf_copy_partial(p, (char *)tcp->last->payload + tcp->last->len, p->tot_len, 0);
    tcp->last->len = (u16_t)(tcp->last->len + p->tot_len);
    tcp->spare = (uint16_t)(tcp->spare - p->tot_len);
    tcp->queued += p->tot_len;
    pbuf_free(p);
    return true;
}

/* Takes over p. Many small segments would else hold a page each. */
void tcp_queue(struct tcp_socket *tcp, struct pbuf *p)
{
    if (tcp->first != NULL && p->tot_len <= TCP_SMALL && tcp_pack(tcp, p))
        return;
    tcp->queued += p->tot_len;
    tcp->spare = 0;
    if (tcp->first == NULL)
        tcp->first = p;
    else
        tcp->last->next = p;
    while (p->next != NULL)
        p = p->next;
    tcp->last = p;
}

/* The chain is ours alone, and longer than tot_len can say: one pbuf at a time. */
static void tcp_free_first(struct tcp_socket *tcp)
{
    struct pbuf *p = tcp->first;

    tcp->first = p->next;
    p->next = NULL;
    p->tot_len = p->len;
    pbuf_free(p);
    tcp->taken = 0;
    if (tcp->first == NULL) {
        tcp->last = NULL;
        tcp->spare = 0;
    }
}

void tcp_discard(struct tcp_socket *tcp)
{
    while (tcp->first != NULL)
        tcp_free_first(tcp);
    tcp->queued = 0;
}

/* The next segment tells the peer of the whole window. */
static void tcp_announce(struct tcp_pcb *pcb)
{
    pcb->rcv_ann_wnd = pcb->rcv_wnd;
    pcb->rcv_ann_right_edge = pcb->rcv_nxt + pcb->rcv_wnd;
}

static void tcp_open_window(struct tcp_socket *tcp, size_t len)
{
    tcp->opened += len;
    while (len > 0 && tcp->pcb != NULL) {
        u16_t part = len > 0xffff ? 0xffff : (u16_t)len;

        tcp_recved(tcp->pcb, part);
        len -= part;
    }
    /* lwIP tells the peer of large steps only: larger than a small window. */
    if (tcp->window != 0 && tcp->opened >= tcp->window / 4 && tcp->pcb != NULL) {
        tcp->opened = 0;
        tcp_announce(tcp->pcb);
        tcp_ack_now(tcp->pcb);
        tcp_output(tcp->pcb);
    }
}

/*
 * Half of the buffer is for bytes, as on Linux. A window that was announced already is taken back,
 * for it was lwIP's first one, which nobody has begun to use; later it only becomes larger.
 */
void tcp_fit_window(struct tcp_socket *tcp)
{
    struct tcp_pcb *pcb = tcp->pcb;
    size_t most = TCP_WND_MAX(pcb), before = tcp->window != 0 ? tcp->window : most;
    size_t window = (size_t)tcp->inet.socket.receive_buffer / 2;

    if (!tcp->inet.socket.receive_buffer_set)
        return;
    if (window < 2u * pcb->mss) /* a peer that waits to send full segments could wait for ever */
        window = 2u * pcb->mss;
    if (window > most)
        window = most;
    if (window >= before) {
        pcb->rcv_wnd += (tcpwnd_size_t)(window - before);
    } else if (tcp->window == 0 && pcb->rcv_wnd == most) {
        pcb->rcv_wnd = (tcpwnd_size_t)window;
    } else {
        return;
    }
    tcp->window = window;
    tcp_announce(pcb);
}

static size_t tcp_take(struct tcp_socket *tcp, const struct socket_message *message, size_t skip)
{
    size_t want = message->len - skip, done = 0;
    bool drop = (message->flags & MSG_TRUNC) != 0; /* for TCP: throw them away */

    while (done < want && tcp->first != NULL) {
        size_t len = (size_t)(tcp->first->len - tcp->taken);

        if (len > want - done)
            len = want - done;
        if (!drop)
            iov_put(message->iov, message->n, skip + done, (char *)tcp->first->payload + tcp->taken,
                    len);
        done += len;
        tcp->taken = (uint16_t)(tcp->taken + len);
        if (tcp->taken == tcp->first->len)
            tcp_free_first(tcp);
    }
    tcp->queued -= done;
    tcp_open_window(tcp, done);
    return done;
}

static size_t tcp_peek(const struct tcp_socket *tcp, const struct socket_message *message)
{
    size_t done = 0, from = tcp->taken;

    for (const struct pbuf *p = tcp->first; p != NULL && done < message->len; p = p->next) {
        size_t len = p->len - from;

        if (len > message->len - done)
            len = message->len - done;
        iov_put(message->iov, message->n, done, (char *)p->payload + from, len);
        done += len;
        from = 0;
    }
    return done;
}

static ssize_t tcp_try_receive(struct tcp_socket *tcp, const struct socket_message *message,
                               size_t skip)
{
    ssize_t done = -EAGAIN;

    /* Nothing there: that is in sight without the lock. */
    if (tcp->queued == 0 && tcp->state != TCP_LISTENING &&
        !(socket_ready(&tcp->inet.socket) & (POLLIN | POLLERR | POLLHUP)))
        return -EAGAIN;
    net_lock();
    if (tcp->queued > 0) {
        done = (ssize_t)(message->flags & MSG_PEEK ? tcp_peek(tcp, message)
                                                   : tcp_take(tcp, message, skip));
        if (tcp->queued < (size_t)tcp->inet.socket.low_water)
            tcp_update(tcp, 0);
    } else {
        /* The end comes before whatever happened after it. */
        int error = tcp->fin ? 0 : socket_take_error(&tcp->inet.socket);

        if (error < 0) {
            tcp_update(tcp, 0);
            done = error;
        } else if (tcp->fin || tcp->read_shut || tcp->state == TCP_ENDED) {
            done = 0;
        } else if (tcp->state == TCP_IDLE || tcp->state == TCP_LISTENING) {
            done = -ENOTCONN;
        }
    }
    net_unlock();
    return done;
}

ssize_t tcp_socket_receive(struct socket *socket, struct socket_message *message)
{
    bool all = (message->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL;
    struct tcp_socket *tcp = tcp_of(socket);
    struct socket_wait wait;
    size_t received = 0;
    ssize_t done;

    message->name_len = 0;
    if (message->len == 0)
        return 0;
    socket_wait_begin(&wait, socket, POLLIN, message->flags);
    do {
        done = tcp_try_receive(tcp, message, received);
        if (done > 0)
            received += (size_t)done;
        if (done > 0 && all && received < message->len)
            done = -EAGAIN;
    } while (done == -EAGAIN && (done = socket_wait_next(&wait, "tcp, for bytes")) == 0);
    socket_wait_end(&wait);
    return received > 0 ? (ssize_t)received : done;
}

/* ---- what is sent ---- */

static size_t tcp_send_limit(const struct tcp_socket *tcp)
{
    size_t limit = (size_t)tcp->inet.socket.send_buffer;

    return limit < TCP_SND_BUF ? limit : TCP_SND_BUF;
}

size_t tcp_room(const struct tcp_socket *tcp)
{
    size_t limit = tcp_send_limit(tcp), used;

    if (tcp->pcb == NULL)
        return 0;
    used = TCP_SND_BUF > tcp->pcb->snd_buf ? TCP_SND_BUF - tcp->pcb->snd_buf : 0;
    return used < limit ? limit - used : 0;
}

/* A third of the buffer is free, so that a waiting writer is not woken for every segment. */
bool tcp_is_writable(const struct tcp_socket *tcp)
{
    return tcp->pcb == NULL || (!tcp->starved && tcp_room(tcp) >= tcp_send_limit(tcp) / 3);
}

void tcp_push(struct tcp_socket *tcp)
{
    if (!tcp->held_back || tcp->pcb == NULL)
        return;
    tcp->held_back = false;
    tcp_output(tcp->pcb);
}

/* More than one segment: all but the last are full, and go now. */
static bool tcp_has_full_segment(const struct tcp_pcb *pcb)
{
    return pcb->unsent != NULL && (pcb->unsent->next != NULL || pcb->unsent->len >= pcb->mss);
}

/* Queue some of the pieces from skip on. Returns how many bytes, or -EAGAIN, -ENOBUFS, ... */
static ssize_t tcp_put(struct tcp_socket *tcp, const struct socket_message *message, size_t skip)
{
    size_t room = tcp_room(tcp), done = 0;

    for (int i = 0; i < message->n && room > 0; i++) {
        const char *at = message->iov[i].iov_base;
        size_t len = message->iov[i].iov_len;
        bool last = i == message->n - 1 && !(message->flags & MSG_MORE) && !tcp->corked;
        long n;

        if (skip >= len) {
            skip -= len;
            continue;
        }
        at += skip;
        len -= skip;
        skip = 0;
        if (len > room)
            len = room;
        n = net_tcp_write(tcp->pcb, at, len,
                          TCP_WRITE_FLAG_COPY | (last ? 0 : TCP_WRITE_FLAG_MORE));
        if (n < 0)
            return done > 0 ? (ssize_t)done : inet_error((err_t)n);
        done += (size_t)n;
        room -= (size_t)n;
        if ((size_t)n < len)
            break;
    }
    if (done > 0)
        return (ssize_t)done;
    if (tcp_room(tcp) == 0)
        return -EAGAIN;
    /* No memory. With nothing under way nobody would tell when there is some. */
    if (tcp->pcb->unsent == NULL && tcp->pcb->unacked == NULL)
        return -ENOBUFS;
    tcp->starved = true;
    return -EAGAIN;
}

static ssize_t tcp_try_send(struct tcp_socket *tcp, const struct socket_message *message,
                            size_t skip)
{
    ssize_t done = 0;

    net_lock();
    switch (tcp->state) {
    case TCP_CONNECTED:
        if (tcp->write_shut || tcp->pcb == NULL)
            done = -EPIPE;
        break;
    case TCP_CONNECTING:
        done = -EAGAIN;
        break;
    case TCP_ENDED:
        done = socket_take_error(&tcp->inet.socket);
        tcp_update(tcp, 0);
        if (done == 0)
            done = -EPIPE;
        break;
    default:
        done = -EPIPE;
        break;
    }
    if (done == 0) {
        done = tcp_put(tcp, message, skip);
        if (done >= 0 && (size_t)done == message->len - skip &&
            ((message->flags & MSG_MORE) || tcp->corked) && !tcp_has_full_segment(tcp->pcb)) {
            tcp->held_back = true;
        } else {
            tcp->held_back = false;
            tcp_output(tcp->pcb);
        }
        if (!tcp_is_writable(tcp))
            tcp_update(tcp, 0);
    }
    net_unlock();
    return done;
}

ssize_t tcp_socket_send(struct socket *socket, struct socket_message *message)
{
    struct tcp_socket *tcp = tcp_of(socket);
    struct socket_wait wait;
    size_t sent = 0;
    ssize_t done;

    if (message->name != NULL && tcp->state == TCP_IDLE && (message->flags & MSG_FASTOPEN))
        return -EOPNOTSUPP;
    socket_wait_begin(&wait, socket, POLLOUT, message->flags);
    do {
        done = tcp_try_send(tcp, message, sent);
        if (done > 0) {
            sent += (size_t)done;
            done = 0;
        } else if (done == -EAGAIN) {
            done = message->len == 0 ? 0 : socket_wait_next(&wait, "tcp, for room");
        }
    } while (done == 0 && sent < message->len);
    socket_wait_end(&wait);
    return sent > 0 ? (ssize_t)sent : done;
}
