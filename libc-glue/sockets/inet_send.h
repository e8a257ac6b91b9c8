/*
 * inet_send: what UDP and raw sockets share in sending: where a datagram goes and what it is made
 * of.
 */
#ifndef LIBC_GLUE_INET_SEND_H
#define LIBC_GLUE_INET_SEND_H

#include <lwip/pbuf.h>

#include "inet.h"

/* Of the control data of one datagram: IP_PKTINFO, IP_TTL, IP_TOS and those of IPv6. */
struct inet_send {
    ip_addr_t source; /* any: the socket's, or by route */
    unsigned index;   /* interface; 0: by route */
    int ttl, tos;     /* -1: the socket's */
};

/* 0 or -EINVAL. */
int inet_send_control(const struct inet_socket *inet, const struct socket_message *message,
                      struct inet_send *out);

/* The interface that the datagram leaves by, and its source address; -ENETUNREACH. */
int inet_send_route(const struct inet_socket *inet, const struct inet_send *how,
                    const ip_addr_t *to, struct netif **netif, const ip_addr_t **source);

/* The message's bytes behind room for headers. NULL without memory. */
struct pbuf *inet_send_pbuf(const struct socket_message *message);

#endif
