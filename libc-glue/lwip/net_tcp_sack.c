#include "net_tcp_sack.h"

#include <string.h>

#include <lwip/priv/tcp_priv.h>

#include "net_heap.h"

#define NET_SACK_RANGES 32u /* of more, the highest are forgotten: they are told of again */
#define NET_SACK_ENOUGH 3u  /* so many segments above it have arrived: it is lost */

struct net_sack_range {
    uint32_t left, right;
};

struct net_sack {
    unsigned n;
    struct net_sack_range got[NET_SACK_RANGES]; /* above pcb->lastack, in order, apart */
    bool recovering;
    uint32_t recover; /* until this is acknowledged */
    uint32_t again;   /* what is lost below this was sent again */
    uint32_t mark;    /* snd_nxt when that happened last */
};

static struct net_sack *net_sack_of(const struct tcp_pcb *pcb)
{
    return pcb->ext_args[NET_SACK_ARG].data;
}

void net_sack_forget(struct tcp_pcb *pcb)
{
    net_heap_put(pcb->ext_args[NET_SACK_ARG].data);
    pcb->ext_args[NET_SACK_ARG].data = NULL;
}

bool net_sack_in_use(const struct tcp_pcb *pcb)
{
    const struct net_sack *sack = net_sack_of(pcb);

    return sack != NULL && (sack->n > 0 || sack->recovering);
}

/* ---- what has arrived */

void net_sack_block(struct tcp_pcb *pcb, uint32_t left, uint32_t right)
{
    struct net_sack *sack = net_sack_of(pcb);
    unsigned at = 0, end;

    if ((pcb->flags & (TF_SACK | TF_RTO)) != TF_SACK || !TCP_SEQ_LT(pcb->lastack, left) ||
        !TCP_SEQ_LT(left, right) || TCP_SEQ_GT(right, pcb->snd_nxt))
        return;
    if (sack == NULL) {
        sack = net_heap_get_zeroed(1, sizeof(*sack));
        if (sack == NULL)
            return;
        pcb->ext_args[NET_SACK_ARG].data = sack;
    }
    while (at < sack->n && TCP_SEQ_LT(sack->got[at].right, left))
        at++;
    for (end = at; end < sack->n && TCP_SEQ_LEQ(sack->got[end].left, right); end++) {
        if (TCP_SEQ_LT(sack->got[end].left, left))
            left = sack->got[end].left;
        if (TCP_SEQ_GT(sack->got[end].right, right))
            right = sack->got[end].right;
    }
    if (end == at && sack->n == NET_SACK_RANGES) {
        if (at == NET_SACK_RANGES)
            return;
        sack->n--;
    }
    memmove(&sack->got[at + 1], &sack->got[end], (sack->n - end) * sizeof(sack->got[0]));
    sack->n += at + 1 - end;
    sack->got[at] = (struct net_sack_range){ left, right };
}

static void net_sack_drop_below(struct net_sack *sack, uint32_t seq)
{
    unsigned n = 0;

    while (n < sack->n && TCP_SEQ_LEQ(sack->got[n].left, seq))
        n++;
    sack->n -= n;
    memmove(&sack->got[0], &sack->got[n], sack->n * sizeof(sack->got[0]));
}

/* Bytes that have arrived at or above seq. */
static uint32_t net_sack_above(const struct net_sack *sack, uint32_t seq)
{
    uint32_t bytes = 0;

    for (unsigned i = 0; i < sack->n; i++) {
        if (TCP_SEQ_GEQ(sack->got[i].left, seq))
            bytes += sack->got[i].right - sack->got[i].left;
        else if (TCP_SEQ_GT(sack->got[i].right, seq))
            bytes += sack->got[i].right - seq;
    }
    return bytes;
}

/* ---- what is missing */

/* Whether nothing more will come that could tell: then less is enough. */
static bool net_sack_is_last(const struct tcp_pcb *pcb)
{
    return pcb->unsent == NULL || pcb->snd_nxt - pcb->lastack >= pcb->snd_wnd;
}

/* What ends at seq is lost: enough has arrived above it. */
static bool net_sack_is_lost(const struct tcp_pcb *pcb, const struct net_sack *sack, uint32_t seq)
{
    uint32_t above = net_sack_above(sack, seq), flight = pcb->snd_nxt - pcb->lastack;

    if (above > (NET_SACK_ENOUGH - 1) * pcb->mss)
        return true;
    /* RFC 5827: of so few segments all others have arrived. */
    return above > 0 && flight <= (NET_SACK_ENOUGH + 1) * pcb->mss && net_sack_is_last(pcb) &&
           above + pcb->mss >= flight;
}

/* The first lost bytes at or above seq. */
static bool net_sack_next_lost(const struct tcp_pcb *pcb, const struct net_sack *sack, uint32_t seq,
                               struct net_sack_range *lost)
{
    uint32_t left = pcb->lastack;

    for (unsigned i = 0; i < sack->n; i++) {
        *lost = (struct net_sack_range){ left, sack->got[i].left };
        if (TCP_SEQ_GT(seq, left))
            lost->left = seq;
        if (TCP_SEQ_LT(lost->left, lost->right))
            return net_sack_is_lost(pcb, sack, lost->right);
        left = sack->got[i].right;
    }
    return false;
}

/* Bytes that are lost and not sent again yet. */
static uint32_t net_sack_lost(const struct tcp_pcb *pcb, const struct net_sack *sack)
{
    struct net_sack_range lost;
    uint32_t bytes = 0;

    for (uint32_t at = sack->again; net_sack_next_lost(pcb, sack, at, &lost); at = lost.right)
        bytes += lost.right - lost.left;
    return bytes;
}

uint32_t net_sack_arrived(const struct tcp_pcb *pcb)
{
    const struct net_sack *sack = net_sack_of(pcb);

    if (sack == NULL)
        return 0;
    uint32_t arrived = net_sack_above(sack, pcb->lastack);
    if (sack->recovering)
        return arrived + net_sack_lost(pcb, sack);
    /* RFC 3042: what the first ones tell of makes room for no more than two segments. */
    return LWIP_MIN(arrived, 2u * pcb->mss);
}

/* ---- recovery */

static void net_sack_begin(struct tcp_pcb *pcb, struct net_sack *sack)
{
    uint32_t flight = pcb->snd_nxt - pcb->lastack;

    sack->recovering = true;
    sack->recover = sack->mark = pcb->snd_nxt;
    sack->again = pcb->lastack;
    pcb->ssthresh = LWIP_MAX(LWIP_MIN(flight, pcb->cwnd) / 2, 2u * pcb->mss);
    tcp_clear_flags(pcb, TF_INFR);
}

/* The first one anyway, more as the window allows. */
static void net_sack_resend(struct tcp_pcb *pcb, struct net_sack *sack, bool first)
{
    struct net_sack_range lost;

    while (net_sack_next_lost(pcb, sack, sack->again, &lost)) {
        uint32_t pipe = pcb->snd_nxt - pcb->lastack - net_sack_arrived(pcb);
        uint32_t room = pcb->cwnd > pipe ? pcb->cwnd - pipe : 0;
        uint32_t n = lost.right - lost.left;

        if (room < pcb->mss && !first)
            return;
        if (n > pcb->mss && n > room)
            n = LWIP_MAX(room - room % pcb->mss, (uint32_t)pcb->mss);
        uint32_t end = net_tcp_send_again(pcb, lost.left, n);
        if (end == lost.left)
            return;
        sack->again = end;
        sack->mark = pcb->snd_nxt;
        first = false;
    }
}

void net_sack_acked(struct tcp_pcb *pcb)
{
    struct net_sack *sack = net_sack_of(pcb);
    bool first = false;

    if (sack == NULL)
        return;
    net_sack_drop_below(sack, pcb->lastack);
    if (sack->recovering && TCP_SEQ_GEQ(pcb->lastack, sack->recover))
        sack->recovering = false;
    if (sack->recovering && TCP_SEQ_LT(sack->again, pcb->lastack))
        sack->again = pcb->lastack;
    if (sack->n == 0 && !sack->recovering) {
        net_sack_forget(pcb);
        return;
    }
    if (!sack->recovering) {
        if (!net_sack_is_lost(pcb, sack, sack->got[0].left))
            return;
        net_sack_begin(pcb, sack);
        first = true;
    }
    pcb->cwnd = pcb->ssthresh;
    pcb->bytes_acked = 0;
    if (sack->n == 0) {
        /* The end of what was sent before: it has had its time, too. */
        if (sack->again == pcb->lastack)
            sack->again = net_tcp_send_again(pcb, pcb->lastack, pcb->mss);
        return;
    }
    /* What was sent again is lost again. */
    if (TCP_SEQ_GT(sack->again, pcb->lastack) &&
        net_sack_above(sack, sack->mark) > (NET_SACK_ENOUGH - 1) * pcb->mss) {
        sack->again = pcb->lastack;
        first = true;
    }
    net_sack_resend(pcb, sack, first);
}
