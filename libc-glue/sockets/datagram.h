/*
 * datagram: what UDP and raw sockets have in common: what was received and not yet read, the error
 * that the next call tells, and what is sent before there is an address.
 *
 * A call that may not wait for an address does not fail for want of one either: what it sends is
 * kept, as much as the send buffer allows, and the network's thread sends it as soon as there is an
 * address; as Linux keeps what waits for a neighbour. If then there is no way, the next call says
 * so. close() forgets what is kept.
 *
 * Protected by the mutex "network", like all of lwIP: everything here.
 */
#ifndef LIBC_GLUE_DATAGRAM_H
#define LIBC_GLUE_DATAGRAM_H

#include "inet.h"
#include "inet_queue.h"
#include "inet_send.h"

struct datagram_socket;
struct datagram_early;

/* Those with the lock held return 0 or a negative errno. */
struct datagram_kind {
    const char *waiting; /* what a reader waits for, for the list of threads */
    bool has_ports;

    /* Without the lock: may a message of that length be sent? */
    int (*allows)(const struct datagram_socket *dg, size_t len);
    /* Without the lock: the peer, or -EDESTADDRREQ. */
    int (*peer)(const struct datagram_socket *dg, ip_addr_t *ip, uint16_t *port);
    int (*bind)(struct datagram_socket *dg, const ip_addr_t *ip, uint16_t port);
    /* early: there is no address yet, and so no way to look for; it is called again when there is. */
    int (*connect)(struct datagram_socket *dg, const ip_addr_t *ip, uint16_t port, bool early);
    void (*disconnect)(struct datagram_socket *dg);
    /* Before each message: NULL or what it takes to send. */
    int (*prepare)(struct datagram_socket *dg);
    int (*send)(struct datagram_socket *dg, const struct inet_send *how, struct pbuf *p,
                const ip_addr_t *ip, uint16_t port);
};

/* The beginning of a kind's own structure. */
struct datagram_socket {
    struct inet_socket inet;
    const struct datagram_kind *kind;
    struct inet_queue queue;
    struct datagram_early *early; /* NULL: nothing waits for an address */
    bool read_shut, write_shut;
};

static inline struct datagram_socket *datagram_of(struct socket *socket)
{
    return (struct datagram_socket *)socket;
}

/* Zeroed memory becomes a socket. */
void datagram_init(struct datagram_socket *dg, const struct datagram_kind *kind,
                   const struct socket_ops *ops, int family, int type, int protocol, int flags);
/* With the lock held, at close(), after the pcb went: forget all that is kept. */
void datagram_end(struct datagram_socket *dg);

/* With the lock held. What poll() is to see; news as for socket_set_ready(). */
void datagram_update(struct datagram_socket *dg, unsigned news);
/* In lwIP's callback, about the packet under way: takes over p. */
void datagram_received(struct datagram_socket *dg, struct pbuf *p, const ip_addr_t *from,
                       uint16_t port);
/* The next call fails with this errno. */
void datagram_failed(struct datagram_socket *dg, int error);

/* Members of struct socket_ops. */
int datagram_bind(struct socket *socket, const struct sockaddr *address, socklen_t len);
int datagram_connect(struct socket *socket, const struct sockaddr *address, socklen_t len);
ssize_t datagram_send(struct socket *socket, struct socket_message *message);
ssize_t datagram_receive(struct socket *socket, struct socket_message *message);
int datagram_ioctl(struct socket *socket, unsigned long request, void *arg);

#endif
