/* udp_errors: ICMP's answers to datagrams. With the lock "network" held. */
#ifndef LIBC_GLUE_UDP_ERRORS_H
#define LIBC_GLUE_UDP_ERRORS_H

#include <stdint.h>

#include <lwip/ip_addr.h>

/* From now on they are heard. */
void udp_errors_listen(void);

/* socket_udp.c: the socket of that port with that peer, if there is one, gets the error. */
void udp_error(uint16_t port, const ip_addr_t *peer, uint16_t peer_port, int error);

#endif
