/*
 * net_tcp_half: how many connections that were asked for may wait for the asker's next word, and
 * for how long.
 *
 * Thousands may ask at the same moment, and whom there is no room for asks again after a second.
 * But nobody may fill the guest's memory with requests from nowhere, nor keep others out: lwIP
 * waits for 20 s. Where the room of a listening socket is used up, or a few hundred wait, those of
 * more than a second are forgotten; who is there has answered by then, or will ask again.
 */
#include <lwip/priv/tcp_priv.h>
#include <platform/memory.h>

#include "net_priv.h"

#define NET_HALF_SHARE 8u /* pages of the guest to one: about a 50th of its memory in all */
#define NET_HALF_MANY  255u
#define NET_HALF_MAX   4096u

#define NET_HALF_TICKS (1000 / TCP_SLOW_INTERVAL)
#define NET_HALF_LOOK  (250 / TCP_SLOW_INTERVAL) /* from one look to the next */

unsigned net_tcp_half_open_max(void)
{
    size_t share = memory_pages() / NET_HALF_SHARE;

    return share < NET_HALF_MANY  ? NET_HALF_MANY
           : share > NET_HALF_MAX ? NET_HALF_MAX
                                  : (unsigned)share;
}

static bool net_half_is_crowded(const struct tcp_pcb_listen *listener)
{
    return listener->accepts_pending > 0 && (listener->accepts_pending >= listener->backlog ||
                                             listener->accepts_pending >= NET_HALF_MANY);
}

void net_tcp_limit_half_open(void)
{
    static u32_t looked;
    bool crowded = false;

    if (tcp_ticks - looked < NET_HALF_LOOK)
        return;
    looked = tcp_ticks;
    for (const struct tcp_pcb_listen *at = tcp_listen_pcbs.listen_pcbs; at != NULL; at = at->next)
        crowded = crowded || net_half_is_crowded(at);
    if (!crowded)
        return;
    for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb != NULL; pcb = next) {
        next = pcb->next;
        /* Room that one makes does not save the others: there will be as many again. */
        if (pcb->state == SYN_RCVD && pcb->listener != NULL &&
            tcp_ticks - pcb->tmr > NET_HALF_TICKS)
            tcp_abandon(pcb, 0);
    }
}
