/*
 * net_tcp_hash: TCP's connections by their addresses and ports.
 *
 * lwIP looks for the connection of a segment in a list of all; with a thousand of them that is half
 * of what a small segment costs. Every connection from its first SYN on, those in TIME-WAIT too, is
 * here as well, until it is freed. Protected by the mutex "network".
 */
#ifndef LIBC_GLUE_NET_TCP_HASH_H
#define LIBC_GLUE_NET_TCP_HASH_H

#include <stdbool.h>

#include <lwip/tcp.h>

void net_tcp_hash_add(struct tcp_pcb *pcb);
/* Of whatever is freed: nothing happens if it is not there. */
void net_tcp_hash_remove(struct tcp_pcb *pcb);
/* One in TIME-WAIT, or one that is not; or NULL. */
struct tcp_pcb *net_tcp_hash_find(bool waiting, const ip_addr_t *local_ip, u16_t local_port,
                                  const ip_addr_t *remote_ip, u16_t remote_port);

#endif
