/* inet_errors: ICMP's answers to what was sent. With the lock "network" held. */
#ifndef LIBC_GLUE_INET_ERRORS_H
#define LIBC_GLUE_INET_ERRORS_H

#include <stdint.h>

#include <lwip/ip_addr.h>

/* From now on they are heard. */
void inet_errors_listen(void);

/* socket_udp.c: the socket of that port with that peer, if there is one, gets the error. */
void udp_error(uint16_t port, const ip_addr_t *peer, uint16_t peer_port, int error);

/* tcp_connect.c: the same for a connection that is beginning with the segment seqno. */
void tcp_connect_error(uint16_t port, const ip_addr_t *peer, uint16_t peer_port, uint32_t seqno,
                       int error);

#endif
