/*
 * net_tcp_half: how long a connection that was asked for may wait for the asker's next word.
 *
 * lwIP waits for 20 s, and a listening socket has room for 255 of them: a few hundred requests from
 * nowhere would keep everybody out for so long. Where that room is used up, those of more than a
 * second are forgotten; who is there has answered by then, or will ask again.
 */
#include <lwip/priv/tcp_priv.h>

#include "net_priv.h"

#define NET_HALF_TICKS (1000 / TCP_SLOW_INTERVAL)
#define NET_HALF_LOOK  (250 / TCP_SLOW_INTERVAL) /* from one look to the next */

static bool net_half_is_full(const struct tcp_pcb_listen *listener)
{
    return listener != NULL && listener->accepts_pending > 0 &&
           listener->accepts_pending >= listener->backlog;
}

void net_tcp_limit_half_open(void)
{
    static u32_t looked;
    bool full = false;

    if (tcp_ticks - looked < NET_HALF_LOOK)
        return;
    looked = tcp_ticks;
    for (const struct tcp_pcb_listen *at = tcp_listen_pcbs.listen_pcbs; at != NULL; at = at->next)
        full = full || net_half_is_full(at);
    if (!full)
        return;
    for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb != NULL; pcb = next) {
        next = pcb->next;
        /* Room that one makes does not save the others: there will be as many again. */
        if (pcb->state == SYN_RCVD && pcb->listener != NULL &&
            tcp_ticks - pcb->tmr > NET_HALF_TICKS)
            tcp_abandon(pcb, 0);
    }
}
