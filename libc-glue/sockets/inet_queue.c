#include "inet_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/netif.h>
#include <platform/clock.h>

#define INET_QUEUE_FIRST 8u    /* entries at the beginning */
#define INET_QUEUE_KEEP 16u    /* so many wait as they came */
#define INET_QUEUE_SMALL 1024u /* of the others, so short ones are copied */

static bool inet_queue_grow(struct inet_queue *queue)
{
    unsigned size = queue->size == 0 ? INET_QUEUE_FIRST : 2 * queue->size;
    struct inet_datagram *ring = malloc(size * sizeof(*ring));

    if (ring == NULL)
        return false;
    for (unsigned i = 0; i < queue->n; i++)
        ring[i] = queue->ring[(queue->head + i) & (queue->size - 1)];
    free(queue->ring);
    queue->ring = ring;
    queue->size = size;
    queue->head = 0;
    return true;
}

/* What a datagram counts as: its bytes, and what is around them. */
static size_t inet_queue_share(const struct pbuf *p)
{
    return p->tot_len + sizeof(struct inet_datagram) + 64u;
}

bool inet_queue_put(struct inet_queue *queue, const struct inet_socket *inet, struct pbuf *p,
                    const ip_addr_t *from, uint16_t port)
{
    struct inet_datagram *at;

    if (queue->used + inet_queue_share(p) > (size_t)inet->socket.receive_buffer ||
        (queue->n == queue->size && !inet_queue_grow(queue))) {
        queue->dropped++;
        pbuf_free(p);
        return false;
    }
    at = &queue->ring[(queue->head + queue->n) & (queue->size - 1)];
    *at = (struct inet_datagram){ .from = *from, .to = *ip_current_dest_addr(), .from_port = port };
    at->index = netif_get_index(ip_current_input_netif());
    if (ip_current_is_v6()) {
        at->ttl = IP6H_HOPLIM(ip6_current_header());
        at->tos = (uint8_t)IP6H_TC(ip6_current_header());
    } else {
        at->ttl = IPH_TTL(ip4_current_header());
        at->tos = IPH_TOS(ip4_current_header());
    }
    /* Not before: the packet's header lies in p. */
    if (queue->n >= INET_QUEUE_KEEP && p->tot_len <= INET_QUEUE_SMALL) {
        struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);

        if (copy != NULL) {
            pbuf_free(p);
            p = copy;
        }
    }
    at->p = p;
    if (inet->socket.timestamp || inet->socket.timestamp_ns)
        at->time_ns = clock_realtime_ns();
    queue->n++;
    queue->used += inet_queue_share(p);
    return true;
}

static void inet_queue_drop_first(struct inet_queue *queue)
{
    struct inet_datagram *at = &queue->ring[queue->head];

    queue->used -= inet_queue_share(at->p);
    pbuf_free(at->p);
    queue->head = (queue->head + 1) & (queue->size - 1);
    queue->n--;
}

void inet_queue_empty(struct inet_queue *queue)
{
    while (queue->n > 0)
        inet_queue_drop_first(queue);
    free(queue->ring);
    queue->ring = NULL;
    queue->size = queue->head = 0;
}

size_t inet_queue_first(const struct inet_queue *queue)
{
    return queue->n > 0 ? queue->ring[queue->head].p->tot_len : 0;
}

/* IP_PKTINFO and its like. */
static void inet_queue_control(const struct inet_socket *inet, const struct inet_datagram *at,
                               struct socket_message *message)
{
    int ttl = at->ttl, tos = at->tos;
    bool ip6 = inet->socket.family == AF_INET6;

    if (inet->want_packet_info && ip6) {
        struct in6_pktinfo info = { .ipi6_ifindex = at->index };

        inet_address_to_in6(&at->to, &info.ipi6_addr);
        socket_message_control(message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    } else if (inet->want_packet_info) {
        struct in_pktinfo info = { .ipi_ifindex = at->index };
        const struct netif *netif = netif_get_by_index(at->index);

        info.ipi_addr.s_addr = ip_2_ip4(&at->to)->addr;
        info.ipi_spec_dst.s_addr = ip_addr_ismulticast(&at->to) && netif != NULL
                                       ? netif_ip4_addr(netif)->addr
                                       : info.ipi_addr.s_addr;
        socket_message_control(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    }
    if (inet->want_ttl)
        socket_message_control(message, ip6 ? IPPROTO_IPV6 : IPPROTO_IP,
                               ip6 ? IPV6_HOPLIMIT : IP_TTL, &ttl, sizeof(ttl));
    if (inet->want_tos)
        socket_message_control(message, ip6 ? IPPROTO_IPV6 : IPPROTO_IP, ip6 ? IPV6_TCLASS : IP_TOS,
                               &tos, sizeof(tos));
    if (at->time_ns != 0)
        socket_message_time(&inet->socket, message, at->time_ns);
}

ssize_t inet_queue_take(struct inet_queue *queue, const struct inet_socket *inet,
                        struct socket_message *message)
{
    const struct inet_datagram *at;
    size_t done = 0, len;

    if (queue->n == 0)
        return -EAGAIN;
    at = &queue->ring[queue->head];
    len = at->p->tot_len;
    for (const struct pbuf *p = at->p; p != NULL && done < message->len; p = p->next)
        done += iov_put(message->iov, message->n, done, p->payload,
                        p->len < message->len - done ? p->len : message->len - done);
    if (done < len)
        message->out_flags |= MSG_TRUNC;
    if (message->name != NULL) {
        struct socket_name name;

        inet_address_out(inet->socket.family, &at->from, at->from_port, &name);
        socket_message_name(message, &name.address, name.len);
    }
    if (message->control_len > 0)
        inet_queue_control(inet, at, message);
    if (!(message->flags & MSG_PEEK))
        inet_queue_drop_first(queue);
    return (ssize_t)(message->flags & MSG_TRUNC ? len : done);
}
