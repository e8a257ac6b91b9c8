/*
 * net_csum: TCP's and UDP's checksums, which lwIP leaves to the interface: packets come down with a
 * checksum that means nothing, and in UDP's case is 0. The interface has the back end complete it,
 * or does it itself; it must be there before a packet is cut in fragments.
 *
 * What raw sockets send comes with a checksum of its own: TCP's is replaced all the same, UDP's
 * only when it is 0.
 */
#ifndef LIBC_GLUE_NET_CSUM_H
#define LIBC_GLUE_NET_CSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwip/ip_addr.h>
#include <lwip/pbuf.h>

/* A packet of TCP or UDP that is no fragment, its headers in one piece. */
struct net_csum {
    uint8_t *header; /* of TCP or UDP */
    uint8_t *field;  /* its checksum */
    size_t offset;   /* its place in p */
    uint16_t len;    /* of it and what it carries */
    uint8_t protocol;
    bool ip6;
    ip_addr_t src, dest;
};

/* The IP packet that begins `at` bytes into p. False when it is something else. */
bool net_csum_find(const struct pbuf *p, size_t at, struct net_csum *found);
/* Is it left to the interface? */
bool net_csum_is_left(const struct net_csum *found);
/* The sum of the pseudo header, for the one who completes it. */
void net_csum_set_blank(const struct net_csum *found);
/* All of it. */
void net_csum_set(struct pbuf *p, const struct net_csum *found);

/* Before p, which begins with its IP header, is cut in fragments. */
void net_csum_complete(struct pbuf *p);

/* Is the IP packet at these bytes a fragment? */
bool net_csum_is_fragment(const void *packet, size_t len, bool ip6);

#endif
