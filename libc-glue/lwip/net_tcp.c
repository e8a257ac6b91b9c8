/*
 * net_tcp: lwIP's connections, which net_tcp_hash is told of.
 *
 * lwIP's tcp.c is included here.
 */
#include <lwip/memp.h>
#include <lwip/priv/tcp_priv.h>

#include "net_tcp_hash.h"
#include "net_tcp_sack.h"

#undef TCP_REG_ACTIVE
#define TCP_REG_ACTIVE(pcb)                                                                        \
    do {                                                                                           \
        TCP_REG(&tcp_active_pcbs, pcb);                                                            \
        tcp_active_pcbs_changed = 1;                                                               \
        net_tcp_hash_add(pcb);                                                                     \
    } while (0)

static void net_tcp_free(memp_t type, void *memory)
{
    if (type == MEMP_TCP_PCB) {
        net_tcp_hash_remove(memory);
        net_sack_forget(memory);
    }
    memp_free(type, memory);
}
#define memp_free net_tcp_free

u32_t tcp_ticks = 1; /* where it stands for when something was sent, 0 is never */

#include <core/tcp.c>
