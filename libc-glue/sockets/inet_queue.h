/*
 * inet_queue: datagrams that were received and not yet read: of UDP and raw sockets.
 *
 * A ring that grows; each entry holds the datagram's pbufs as they came. When many wait, small ones
 * are copied together tightly, for a received page each would be much memory for a few bytes. What
 * exceeds the receive buffer is dropped, the newest first, as it is for any datagram.
 */
#ifndef LIBC_GLUE_INET_QUEUE_H
#define LIBC_GLUE_INET_QUEUE_H

#include <lwip/pbuf.h>

#include "inet.h"

struct inet_datagram {
    struct pbuf *p;
    ip_addr_t from, to;
    uint16_t from_port;
    uint8_t index, ttl, tos; /* interface it came by; of its IP header */
    uint64_t time_ns;        /* realtime, if the socket wants it, else 0 */
};

struct inet_queue {
    struct inet_datagram *ring;
    unsigned size, head, n; /* size: a power of 2 */
    size_t used;            /* bytes of memory that wait */
    unsigned dropped;
};

/* With the lock "network" held. */

/* In lwIP's callback, about the packet under way. Takes over p. False when it was dropped. */
bool inet_queue_put(struct inet_queue *queue, const struct inet_socket *inet, struct pbuf *p,
                    const ip_addr_t *from, uint16_t port);
void inet_queue_empty(struct inet_queue *queue);
/* Bytes of the first one, 0 without one. */
size_t inet_queue_first(const struct inet_queue *queue);
/* Read the first one, or only look at it (MSG_PEEK). -EAGAIN when there is none. */
ssize_t inet_queue_take(struct inet_queue *queue, const struct inet_socket *inet,
                        struct socket_message *message);

#endif
