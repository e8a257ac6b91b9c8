/*
 * net_tcp_in: lwIP's TCP input, which may get many segments as one, and finds its connections
 * quickly.
 *
 * A back end hands over up to 64 KiB of a stream as one segment. lwIP acknowledges every second
 * segment at once and delays the rest; RFC 1122 (4.2.3.2) means every second one of full size, so
 * what is more than one of those is acknowledged at once.
 *
 * A connection in TIME-WAIT makes room for a new one of the same ports (RFC 1122, 4.2.2.13): a
 * client that comes back to a port within half a minute would else wait for the rest of it.
 *
 * How long to wait before something is sent again follows from the first round trip, as RFC 6298 (2.2)
 * has it. lwIP begins with a second and comes down by a quarter with each: what is lost early in a
 * connection, and so of all short ones, cost three times as much.
 *
 * lwIP's tcp_in.c is included here. Where it begins to search its lists, tools/deps/lwip/unpack.py
 * has put NET_TCP_FIND(), which gives it the right member at once; where it is through with what a
 * segment acknowledges, NET_TCP_ACKED(), which looks at the blocks of SACK; and where it would count
 * acknowledgements as segments that have arrived, NET_TCP_SACKS().
 */
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

#define NET_TCP_HASHED(waiting)                                                                    \
    net_tcp_hash_find(waiting, ip_current_dest_addr(), tcphdr->dest, ip_current_src_addr(),        \
                      tcphdr->src)
/* pcb, unless it is in TIME-WAIT and the segment begins a new connection in its place. */
static struct tcp_pcb *net_tcp_reopen(struct tcp_pcb *pcb, u8_t with, u32_t first)
{
    if (pcb == NULL || pcb->state != TIME_WAIT || !TCP_SEQ_GT(first, pcb->rcv_nxt) ||
        (with & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
        return pcb;
    tcp_abandon(pcb, 0);
    return NULL;
}

#define NET_TCP_OPEN(waiting) net_tcp_reopen(NET_TCP_HASHED(waiting), flags, seqno)
#if LWIP_TESTMODE /* lwIP's tests put connections into its lists by hand */
#define NET_TCP_FIND(waiting)                                                                      \
    (NET_TCP_HASHED(waiting) != NULL ? NET_TCP_OPEN(waiting)                                       \
     : (waiting)                     ? tcp_tw_pcbs                                                 \
                                     : tcp_active_pcbs)
#else
#define NET_TCP_FIND(waiting) NET_TCP_OPEN(waiting)
#endif

#define NET_RTO_FIRST    (LWIP_TCP_RTO_TIME / TCP_SLOW_INTERVAL)
#define NET_RTTVAR_LEAST 3 /* where lwIP's arithmetic ends */

/* The segment under way acknowledges up to `acked`. */
static void net_tcp_first_trip(struct tcp_pcb *pcb, u32_t acked)
{
    u32_t trip = tcp_ticks - pcb->rttest;

    /* Of more than that, lwIP's beginning is as good a guess: somebody may only have been slow. */
    if (pcb->sa != 0 || pcb->sv != NET_RTO_FIRST || pcb->rttest == 0 || trip > NET_RTO_FIRST ||
        !TCP_SEQ_LT(pcb->rtseq, acked))
        return;
    pcb->sa = (s16_t)(trip << 3);
    pcb->sv = LWIP_MAX((s16_t)(2 * trip), NET_RTTVAR_LEAST);
    pcb->rto = (s16_t)((pcb->sa >> 3) + pcb->sv);
    pcb->rttest = 0;
}

#undef TCP_EVENT_CONNECTED
#define TCP_EVENT_CONNECTED(pcb, error, result)                                                    \
    do {                                                                                           \
        net_tcp_first_trip(pcb, ackno);                                                            \
        (result) = (pcb)->connected == NULL                                                        \
                       ? ERR_OK                                                                    \
                       : (pcb)->connected((pcb)->callback_arg, pcb, error);                        \
    } while (0)

static void net_tcp_acked(struct tcp_pcb *pcb);
#define NET_TCP_ACKED(pcb) net_tcp_acked(pcb)
#define NET_TCP_SACKS(pcb) net_sack_in_use(pcb)

#undef tcp_ack
#define tcp_ack(pcb)                                                                               \
    do {                                                                                           \
        if (((pcb)->flags & TF_ACK_DELAY) != 0 ||                                                  \
            (recv_data != NULL && recv_data->tot_len > (pcb)->mss)) {                              \
            tcp_clear_flags(pcb, TF_ACK_DELAY);                                                    \
            tcp_ack_now(pcb);                                                                      \
        } else {                                                                                   \
            tcp_set_flags(pcb, TF_ACK_DELAY);                                                      \
        }                                                                                          \
    } while (0)

#include <core/tcp_in.c>

#define NET_OPTION_SACK 5

static u32_t net_option_word(void)
{
    u32_t word = 0;

    for (unsigned i = 0; i < 4; i++)
        word = word << 8 | tcp_get_next_optbyte();
    return word;
}

/* The blocks among the options of the segment under way. */
static void net_tcp_sack_blocks(struct tcp_pcb *pcb)
{
    tcp_optidx = 0;
    while (tcp_optidx < tcphdr_optlen) {
        u16_t at = tcp_optidx;
        u8_t option = tcp_get_next_optbyte();

        if (option == LWIP_TCP_OPT_NOP)
            continue;
        if (option == LWIP_TCP_OPT_EOL || tcp_optidx >= tcphdr_optlen)
            return;
        u8_t len = tcp_get_next_optbyte();
        if (len < 2 || len > tcphdr_optlen - at)
            return;
        for (unsigned n = option == NET_OPTION_SACK ? (len - 2u) / 8 : 0; n > 0; n--) {
            u32_t left = net_option_word();

            net_sack_block(pcb, left, net_option_word());
        }
        tcp_optidx = at + len;
    }
}

static void net_tcp_acked(struct tcp_pcb *pcb)
{
    net_tcp_first_trip(pcb, ackno);
    if ((pcb->flags & (TF_SACK | TF_RTO)) != TF_SACK || pcb->snd_nxt == pcb->lastack) {
        net_sack_forget(pcb);
        return;
    }
    if (TCP_SEQ_GT(ackno, pcb->snd_nxt))
        return;
    net_tcp_sack_blocks(pcb);
    net_sack_acked(pcb);
}
