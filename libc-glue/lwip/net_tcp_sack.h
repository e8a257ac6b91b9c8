/*
 * net_tcp_sack: what the other side says it has of the bytes in flight (SACK, RFC 2018), and the
 * recovery of those that are lost (after RFC 6675). lwIP says what it has itself, but does not
 * listen: of several losses in one window it would wait for a timeout for each but the first.
 *
 * A connection has a list of what arrived only while something of its flight is missing. What lies
 * far enough below that is lost and sent again, in large segments where the interface cuts them,
 * as fast as the window that remains after the loss allows; what was sent again is lost again when
 * enough has arrived of what was sent after it. A timeout forgets all of it, and lwIP begins anew.
 */
#ifndef LIBC_GLUE_NET_TCP_SACK_H
#define LIBC_GLUE_NET_TCP_SACK_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_pcb;

#define NET_SACK_ARG 2 /* of LWIP_TCP_PCB_NUM_EXT_ARGS */

/* A block of an acknowledgement: left up to, not including, right. Any values. */
void net_sack_block(struct tcp_pcb *pcb, uint32_t left, uint32_t right);
/* An acknowledgement was processed, all its blocks before. May send. */
void net_sack_acked(struct tcp_pcb *pcb);
/* A timeout, or the connection's end. */
void net_sack_forget(struct tcp_pcb *pcb);
/* Whether losses are found by what arrived, not by counting acknowledgements. */
bool net_sack_in_use(const struct tcp_pcb *pcb);
/* Bytes between the acknowledged ones and the last one sent that are not under way any more. */
uint32_t net_sack_arrived(const struct tcp_pcb *pcb);

/*
 * Send again at most n bytes from `from` on, which is in flight: at least a whole segment that
 * cannot be divided. Returns where that ends; `from`: nothing could be sent now. net_tcp_out.c.
 */
uint32_t net_tcp_send_again(struct tcp_pcb *pcb, uint32_t from, uint32_t n);

#endif
