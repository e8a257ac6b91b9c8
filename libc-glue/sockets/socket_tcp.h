/*
 * socket_tcp: TCP sockets.
 *
 * What was received and not yet read lies in the very pbufs it came in, one chain for each socket,
 * and is copied once, to the reader; the window opens as it is read. What is sent is copied once,
 * into the segments of lwIP's send queue. socket_tcp.c owns the life of a connection, tcp_connect.c
 * its beginning from this side, tcp_listen.c those that wait to be accepted, tcp_transfer.c the
 * bytes, tcp_option.c the options.
 *
 * lwIP frees a pcb by itself: then a callback of ours has cleared `pcb` before, and what was
 * known of the connection is in the socket.
 */
#ifndef LIBC_GLUE_SOCKET_TCP_H
#define LIBC_GLUE_SOCKET_TCP_H

#include <runtime/list.h>

#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#include "inet.h"

enum tcp_state_of_socket {
    TCP_IDLE, /* neither connected nor listening; perhaps bound */
    TCP_CONNECTING,
    TCP_CONNECTED, /* until both ways have ended */
    TCP_LISTENING,
    TCP_ENDED /* reset, timed out, or closed from both sides */
};

struct tcp_socket {
    struct inet_socket inet;
    enum tcp_state_of_socket state;
    struct tcp_pcb *pcb; /* NULL: not yet, or not any more */

    /* The connection's ends, from CONNECTED on. */
    ip_addr_t local_ip, remote_ip;
    uint16_t local_port, remote_port;

    /* Received: a chain of pbufs of one reference each; of the first, `taken` bytes are read. */
    struct pbuf *first, *last;
    size_t queued; /* bytes to read */
    size_t window; /* the most of them that SO_RCVBUF allows, 0: lwIP's own bound */
    size_t opened; /* bytes read since the peer was told */
    uint16_t taken;
    uint16_t spare; /* bytes that fit behind those of `last`, which then is our own */
    bool fin;       /* the peer has sent all */

    bool read_shut, write_shut;
    bool corked;    /* TCP_CORK */
    bool held_back; /* bytes are queued for more to come, by TCP_CORK or MSG_MORE */
    bool starved;   /* no memory to send from: not writable until something is acknowledged */
    bool no_delay;
    bool unreported; /* the connection is there, and connect() has not said so yet */
    bool aborted;    /* lwIP must be told ERR_ABRT by the callback that is under way */

    int keep_idle_s, keep_interval_s, keep_count; /* 0: lwIP's own */
    int max_segment;                              /* TCP_MAXSEG, 0: not set */

    /* CONNECTING */
    struct {
        struct net_waiter waiter; /* queued: there is no address yet to connect from */
        ip_addr_t ip;
        uint16_t port;
    } early;
    uint64_t connect_ns; /* when the first segment went */

    /* LISTENING */
    struct list waiting; /* connections for accept(), by waiting_link */
    struct list waiting_link;
    int n_waiting, backlog;
    struct list group; /* SO_REUSEPORT: others that share the listening pcb; see tcp_listen.c */
};

static inline struct tcp_socket *tcp_of(struct socket *socket)
{
    return (struct tcp_socket *)socket;
}

/* All with the lock "network" held, unless they may wait. */

struct tcp_socket *tcp_socket_new(int family, int flags);
/* The pcb, made with all options when there is none. -ENOBUFS. */
int tcp_need_pcb(struct tcp_socket *tcp);
/* What poll() is to see; news as for socket_set_ready(). */
void tcp_update(struct tcp_socket *tcp, unsigned news);
/* lwIP's callbacks for a connection. */
void tcp_attach(struct tcp_socket *tcp, struct tcp_pcb *pcb);
void tcp_detach(struct tcp_pcb *pcb);
void tcp_established(struct tcp_socket *tcp);
/* End a connection that nobody will use any more, and free what it holds, but not the socket. */
void tcp_release(struct tcp_socket *tcp);
void tcp_apply(struct inet_socket *inet);
/* The pcb is no more ours: lwIP has freed it, or will do so. */
void tcp_forget_pcb(struct tcp_socket *tcp);

/* tcp_connect.c */
int tcp_socket_connect(struct socket *socket, const struct sockaddr *address, socklen_t len);
/* Now and then while CONNECTING, in lwIP's callback: ERR_ABRT when it has given up. */
err_t tcp_look_at_connect(struct tcp_socket *tcp, struct tcp_pcb *pcb);

/* tcp_listen.c */
int tcp_socket_listen(struct socket *socket, int backlog);
int tcp_socket_accept(struct socket *socket, int flags, struct socket **out,
                      struct socket_name *name);
void tcp_stop_listening(struct tcp_socket *tcp);

/* tcp_transfer.c */
ssize_t tcp_socket_send(struct socket *socket, struct socket_message *message);
ssize_t tcp_socket_receive(struct socket *socket, struct socket_message *message);
/* Bytes that the send buffer takes now. */
size_t tcp_room(const struct tcp_socket *tcp);
bool tcp_is_writable(const struct tcp_socket *tcp);
void tcp_queue(struct tcp_socket *tcp, struct pbuf *p);
/* SO_RCVBUF into the window, once it is established. */
void tcp_fit_window(struct tcp_socket *tcp);
void tcp_discard(struct tcp_socket *tcp);
/* Send what was held back. */
void tcp_push(struct tcp_socket *tcp);

/* tcp_option.c */
int tcp_socket_set_option(struct socket *socket, int level, int option, const void *value,
                          socklen_t len);
int tcp_socket_get_option(struct socket *socket, int level, int option, void *value,
                          socklen_t *len);

extern const struct socket_ops tcp_socket_ops;

#endif
