/*
 * net_tcp_wait: how many connections may lie in TIME-WAIT.
 *
 * Each is there for half a minute after its end, and a server that closes thousands a second would
 * fill the guest's memory with them. Linux has a limit too (tcp_max_tw_buckets), and the same way
 * out: the oldest are forgotten. What they guard against is a late segment of an old connection in
 * a new one of the same ports; RFC 6528's sequence numbers (net_isn.c) make that unlikely by
 * themselves.
 */
#include <lwip/priv/tcp_priv.h>
#include <platform/memory.h>

#include "net_priv.h"
#include "net_tcp_hash.h"
#include "net_tcp_sack.h"

#define NET_WAITING_SHARE 16u /* pages of the guest to one connection in TIME-WAIT */
#define NET_WAITING_MAX   4096u

void net_tcp_limit_waiting(void)
{
    size_t limit = memory_pages() / NET_WAITING_SHARE;
    struct tcp_pcb **at = &tcp_tw_pcbs;

    if (limit > NET_WAITING_MAX)
        limit = NET_WAITING_MAX;
    for (size_t n = 0; *at != NULL && n < limit; n++)
        at = &(*at)->next;
    struct tcp_pcb *old = *at;
    *at = NULL;
    while (old != NULL) {
        struct tcp_pcb *next = old->next;

        net_tcp_hash_remove(old);
        net_sack_forget(old);
        tcp_pcb_purge(old);
        memp_free(MEMP_TCP_PCB, old);
        old = next;
    }
}
