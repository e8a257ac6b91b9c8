/*
 * net_tcp_out: lwIP's TCP output, with large segments.
 *
 * An interface that does GSO takes one segment of up to 60000 bytes and has it cut on its way,
 * perhaps never. net_tcp_write() queues such segments: one pbuf for the headers, then the data in
 * pages of its own. Everything that looks at segments then stays as it is in lwIP, with these
 * additions, which are cheap because the headers are apart from the data:
 *
 *   - the head of the queue is divided when it does not fit the window as a whole;
 *   - before a retransmission the first segment in flight is cut down to what is really wanted:
 *     what was acknowledged of it goes, what follows the first mss bytes becomes another segment.
 *
 * lwIP's tcp_out.c is included here, the functions that we wrap under other names.
 */
#include "net.h"

#include <string.h>

#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>
#include <platform/memory.h>

#include "net_heap.h"
#include "net_priv.h"
#include "net_tcp_sack.h"

static err_t net_inner_output(struct tcp_pcb *pcb);
static err_t net_inner_split(struct tcp_pcb *pcb, u16_t split);
static void net_inner_rexmit_fast(struct tcp_pcb *pcb);
static err_t net_inner_rto_prepare(struct tcp_pcb *pcb);
static void net_inner_rto_commit(struct tcp_pcb *pcb);

#define tcp_output             net_inner_output
#define tcp_split_unsent_seg   net_inner_split
#define tcp_rexmit_fast        net_inner_rexmit_fast
#define tcp_rexmit_rto_prepare net_inner_rto_prepare
#define tcp_rexmit_rto_commit  net_inner_rto_commit
#include <core/tcp_out.c>
#undef tcp_output
#undef tcp_split_unsent_seg
#undef tcp_rexmit_fast
#undef tcp_rexmit_rto_prepare
#undef tcp_rexmit_rto_commit

/* ---- a page of data */

struct net_tx_page {
    struct pbuf_custom custom; /* what it sends lies in this very page */
    char data[];
};
#define NET_TX_ROOM (PAGE_SIZE - sizeof(struct net_tx_page))

static void net_tx_free(struct pbuf *p)
{
    net_page_put(p); /* the page begins with it */
}

static bool net_is_tx_page(const struct pbuf *p)
{
    return (p->flags & PBUF_FLAG_IS_CUSTOM) != 0 &&
           ((const struct pbuf_custom *)p)->custom_free_function == net_tx_free;
}

static struct pbuf *net_tx_new(void)
{
    struct net_tx_page *page = net_page_get();

    if (page == NULL)
        return NULL;
    page->custom.custom_free_function = net_tx_free;
    struct pbuf *p = pbuf_alloced_custom(PBUF_RAW, 0, PBUF_RAM, &page->custom, page->data,
                                         (u16_t)NET_TX_ROOM);
    /* Zeroed once: what the back end could read of it is not older than the network. */
    return p;
}

/* Bytes that still fit behind the data of p. */
static size_t net_tx_left(const struct pbuf *p)
{
    if (!net_is_tx_page(p) || p->ref != 1)
        return 0;
    return (size_t)((const char *)p + PAGE_SIZE - ((const char *)p->payload + p->len));
}

/* ---- segments whose data lies behind a pbuf of headers */

static bool net_is_apart(const struct tcp_seg *seg)
{
    const struct pbuf *p = seg->p;

    return seg->len > 0 && p->next != NULL &&
           (const u8_t *)p->payload + p->len ==
               (const u8_t *)seg->tcphdr + TCPH_HDRLEN_BYTES(seg->tcphdr);
}

/* The last n bytes of p as a chain link of their own, for the other half of a divided segment. */
static struct pbuf *net_copy_tail(const struct pbuf *p, u16_t n)
{
    const char *from = (const char *)p->payload + p->len - n;
    struct pbuf *copy;

    if ((p->type_internal & (PBUF_TYPE_FLAG_STRUCT_DATA_CONTIGUOUS |
                             PBUF_TYPE_FLAG_DATA_VOLATILE)) == 0) {
        copy = pbuf_alloc(PBUF_RAW, n, PBUF_ROM);
        if (copy != NULL)
            ((struct pbuf_rom *)copy)->payload = from;
        return copy;
    }
    copy = n <= NET_TX_ROOM ? net_tx_new() : pbuf_alloc(PBUF_RAW, n, PBUF_RAM);
    if (copy != NULL) {
        memcpy(copy->payload, from, n);
        copy->len = copy->tot_len = n;
    }
    return copy;
}

/*
 * Divide a segment whose data is apart, so that it keeps `keep` bytes; what follows is inserted
 * behind it. It must not be in the interface's hands.
 */
static err_t net_divide(struct tcp_pcb *pcb, struct tcp_seg *seg, u16_t keep)
{
    u8_t flags = TCPH_FLAGS(seg->tcphdr);
    u16_t rest = seg->len - keep;
    struct pbuf *head = pbuf_alloc(PBUF_TRANSPORT, 0, PBUF_RAM);

    if (head == NULL)
        return ERR_MEM;
    head->gso_size = seg->p->gso_size;

    struct pbuf *last = seg->p->next; /* of what stays */
    u16_t left = keep;
    while (left > last->len) {
        left -= last->len;
        last = last->next;
    }
    struct pbuf *part = NULL;
    u16_t part_len = last->len - left;
    if (part_len > 0 && (part = net_copy_tail(last, part_len)) == NULL) {
        pbuf_free(head);
        return ERR_MEM;
    }
    /* lwIP adds ACK to what goes out for the first time only; receivers drop what has none. */
    struct tcp_seg *new = tcp_create_segment(pcb, head, flags & (TCP_ACK | TCP_PSH | TCP_FIN),
                                             lwip_ntohl(seg->tcphdr->seqno) + keep, seg->flags);
    if (new == NULL) { /* it has freed head */
        if (part != NULL)
            pbuf_free(part);
        return ERR_MEM;
    }

    struct pbuf *tail = last->next;
    last->len -= part_len;
    last->next = NULL;
    for (struct pbuf *p = seg->p; p != NULL; p = p->next)
        p->tot_len -= rest;
    if (part != NULL) {
        part->next = tail;
        part->tot_len = rest;
        tail = part;
    }
    head->next = tail;
    head->tot_len = head->len + rest;
    new->len = rest;
    seg->len = keep;
    TCPH_UNSET_FLAG(seg->tcphdr, TCP_PSH | TCP_FIN);
    new->next = seg->next;
    seg->next = new;
    pcb->snd_queuelen += 1 + (part != NULL);
    if (new->next == NULL)
        pcb->unsent_oversize = 0;
    return ERR_OK;
}

/* Forget what was acknowledged of a segment whose data is apart. */
static void net_drop_acked(struct tcp_pcb *pcb, struct tcp_seg *seg)
{
    u32_t acked = pcb->lastack - lwip_ntohl(seg->tcphdr->seqno);

    if (acked == 0 || acked >= seg->len || !net_is_apart(seg))
        return;
    u16_t n = (u16_t)acked;
    struct pbuf *head = seg->p;
    while (n >= head->next->len) {
        struct pbuf *gone = head->next;
        n -= gone->len;
        head->next = gone->next;
        gone->next = NULL;
        pbuf_free(gone);
        pcb->snd_queuelen--;
    }
    if (n > 0)
        pbuf_remove_header(head->next, n);
    head->tot_len = head->len + head->next->tot_len;
    seg->len -= (u16_t)acked;
    seg->tcphdr->seqno = lwip_htonl(pcb->lastack);
    pcb->snd_buf += acked;
}

/* It will be sent again: only what the other side lacks of it, and of that the first mss bytes. */
static void net_cut_for_rexmit(struct tcp_pcb *pcb, struct tcp_seg *seg)
{
    if (seg == NULL || tcp_output_segment_busy(seg))
        return;
    net_drop_acked(pcb, seg);
    if (seg->len > pcb->mss && net_is_apart(seg))
        net_divide(pcb, seg, pcb->mss); /* without memory it goes out whole */
}

/* The segment in flight with the byte seq, or NULL. */
static struct tcp_seg *net_in_flight(struct tcp_pcb *pcb, u32_t seq)
{
    struct tcp_seg *seg = pcb->unacked;

    while (seg != NULL && TCP_SEQ_LEQ(lwip_ntohl(seg->tcphdr->seqno) + TCP_TCPLEN(seg), seq))
        seg = seg->next;
    return seg != NULL && TCP_SEQ_LEQ(lwip_ntohl(seg->tcphdr->seqno), seq) ? seg : NULL;
}

u32_t net_tcp_send_again(struct tcp_pcb *pcb, u32_t from, u32_t n)
{
    struct netif *netif = tcp_route(pcb, &pcb->local_ip, &pcb->remote_ip);
    struct tcp_seg *seg = net_in_flight(pcb, from);

    net_if_finish();
    if (netif == NULL || seg == NULL || tcp_output_segment_busy(seg))
        return from;
    if (from == pcb->lastack)
        net_drop_acked(pcb, seg);
    u32_t before = from - lwip_ntohl(seg->tcphdr->seqno);
    if (before > 0 && before < seg->len && net_is_apart(seg) &&
        net_divide(pcb, seg, (u16_t)before) == ERR_OK)
        seg = seg->next;
    if (seg->len > n && net_is_apart(seg))
        net_divide(pcb, seg, (u16_t)n);
    /* Without memory it goes out whole. */
    if (tcp_output_segment(seg, pcb, netif) != ERR_OK)
        return from;
    pcb->rttest = 0; /* of what was sent twice, the time says nothing */
    pcb->rtime = 0;
    return lwip_ntohl(seg->tcphdr->seqno) + TCP_TCPLEN(seg);
}

/* ---- what lwIP calls */

err_t tcp_split_unsent_seg(struct tcp_pcb *pcb, u16_t split)
{
    struct tcp_seg *seg = pcb->unsent;

    if (seg == NULL || split == 0 || seg->len <= split || !net_is_apart(seg))
        return net_inner_split(pcb, split);
    return tcp_output_segment_busy(seg) ? ERR_MEM : net_divide(pcb, seg, split);
}

/*
 * What was sent is not sent again while the interface has it, and whether it still has is only known
 * after a look: on a link where nothing moves any more, nobody else would take one.
 */
void tcp_rexmit_fast(struct tcp_pcb *pcb)
{
    if (net_sack_in_use(pcb))
        return; /* net_sack_acked() follows, and knows better */
    if ((pcb->flags & TF_INFR) == 0) {
        net_if_finish();
        net_cut_for_rexmit(pcb, pcb->unacked);
    }
    net_inner_rexmit_fast(pcb);
}

err_t tcp_rexmit_rto_prepare(struct tcp_pcb *pcb)
{
    net_sack_forget(pcb);
    net_if_finish();
    err_t error = net_inner_rto_prepare(pcb);

    if (error == ERR_OK)
        net_cut_for_rexmit(pcb, pcb->unsent);
    return error;
}

void tcp_rexmit_rto_commit(struct tcp_pcb *pcb)
{
    net_inner_rto_commit(pcb);
    tcp_output(pcb);
}

/*
 * Make the first unsent segment fit into the window, if it is a large one and it is worth it: while
 * much is under way, an acknowledgement will come and leave more room.
 */
static void net_fit_head(struct tcp_pcb *pcb, u32_t arrived)
{
    struct tcp_seg *seg = pcb->unsent;
    u32_t window = LWIP_MIN(pcb->snd_wnd, pcb->cwnd);

    if (seg->len <= pcb->mss || tcp_output_segment_busy(seg))
        return;
    if (TCP_SEQ_LT(lwip_ntohl(seg->tcphdr->seqno), pcb->lastack))
        net_drop_acked(pcb, seg); /* it was in flight, before a timeout */
    u32_t in_flight = lwip_ntohl(seg->tcphdr->seqno) - pcb->lastack;
    if (in_flight > window || in_flight + seg->len <= window)
        return;
    u32_t room = window - in_flight;
    room -= room % pcb->mss;
    if (room == 0 || (in_flight > arrived && room < (window - arrived) / 3))
        return;
    if (net_is_apart(seg))
        net_divide(pcb, seg, (u16_t)room);
}

static err_t net_output(struct tcp_pcb *pcb, u32_t arrived)
{
    err_t error = ERR_OK;

    for (;;) {
        struct tcp_seg *first = pcb->unsent;

        if (first != NULL)
            net_fit_head(pcb, arrived);
        error = net_inner_output(pcb);
        if (error != ERR_OK || pcb->unsent == NULL || pcb->unsent == first)
            return error;
        if (pcb->unsent->len <= pcb->mss)
            return error;
    }
}

err_t tcp_output(struct tcp_pcb *pcb)
{
    if (tcp_input_pcb == pcb)
        return ERR_OK;
    /* lwIP takes everything behind what is acknowledged for being under way. */
    u32_t arrived = net_sack_arrived(pcb);
    pcb->cwnd += arrived;
    err_t error = net_output(pcb, arrived);
    pcb->cwnd -= arrived;
    return error;
}

/* ---- queueing */

/* Payload of one segment: the mss, or a multiple of it where the interface cuts. */
static size_t net_segment_max(struct tcp_pcb *pcb)
{
    struct netif *netif = tcp_route(pcb, &pcb->local_ip, &pcb->remote_ip);
    size_t most = netif == NULL ? 0 : net_gso_max(netif, IP_IS_V6(&pcb->remote_ip));

    if (most > pcb->snd_wnd_max / 2)
        most = pcb->snd_wnd_max / 2;
    most -= most % pcb->mss;
    return most > pcb->mss ? most : pcb->mss;
}

static struct tcp_seg *net_last_unsent(struct tcp_pcb *pcb)
{
    struct tcp_seg *seg = pcb->unsent;

    while (seg != NULL && seg->next != NULL)
        seg = seg->next;
    return seg;
}

/* Put up to len bytes behind the data of seg, at most to `most` bytes in all. Returns how many. */
static size_t net_append(struct tcp_pcb *pcb, struct tcp_seg *seg, const char *data, size_t len,
                         size_t most, bool copy)
{
    struct pbuf *last = seg->p;
    size_t want = len < most - seg->len ? len : most - seg->len;
    size_t done = 0;

    while (last->next != NULL)
        last = last->next;
    while (done < want) {
        size_t n = copy ? net_tx_left(last) : 0;

        if (n == 0) {
            struct pbuf *more = copy ? net_tx_new() : pbuf_alloc(PBUF_RAW, 0, PBUF_ROM);
            if (more == NULL)
                break;
            if (!copy)
                ((struct pbuf_rom *)more)->payload = data + done;
            last->next = more;
            last = more;
            pcb->snd_queuelen++;
            n = copy ? NET_TX_ROOM : want;
        }
        if (n > want - done)
            n = want - done;
        if (copy)
            memcpy((char *)last->payload + last->len, data + done, n);
        last->len += (u16_t)n;
        done += n;
    }
    /* Each link's tot_len: its own bytes and those behind it. */
    u16_t total = seg->p->tot_len + (u16_t)done;
    for (struct pbuf *p = seg->p; p != NULL; p = p->next) {
        p->tot_len = total;
        total -= p->len;
    }
    seg->len += (u16_t)done;
    return done;
}

/* A segment without data at the end of the queue. */
static struct tcp_seg *net_begin_segment(struct tcp_pcb *pcb, struct tcp_seg *last)
{
    struct pbuf *head = pbuf_alloc(PBUF_TRANSPORT, 0, PBUF_RAM);
    struct tcp_seg *seg;

    if (head == NULL)
        return NULL;
    head->gso_size = pcb->mss;
    seg = tcp_create_segment(pcb, head, 0, pcb->snd_lbb, 0);
    if (seg == NULL)
        return NULL;
    if (last == NULL)
        pcb->unsent = seg;
    else
        last->next = seg;
    pcb->snd_queuelen++;
    return seg;
}

static void net_drop_segment(struct tcp_pcb *pcb, struct tcp_seg *last, struct tcp_seg *seg)
{
    if (last == NULL)
        pcb->unsent = NULL;
    else
        last->next = NULL;
    pcb->snd_queuelen--;
    tcp_seg_free(seg);
}

static bool net_may_append(struct tcp_seg *seg, size_t most)
{
    return seg != NULL && seg->len < most && net_is_apart(seg) && !tcp_output_segment_busy(seg) &&
           (TCPH_FLAGS(seg->tcphdr) & (TCP_SYN | TCP_FIN)) == 0;
}

static size_t net_write_large(struct tcp_pcb *pcb, const char *data, size_t len, size_t most,
                              u8_t flags)
{
    struct tcp_seg *seg = net_last_unsent(pcb);
    size_t done = 0;

    while (done < len && pcb->snd_queuelen < TCP_SND_QUEUELEN - 32) {
        struct tcp_seg *last = seg;

        if (!net_may_append(seg, most) && (seg = net_begin_segment(pcb, last)) == NULL) {
            seg = last;
            break;
        }
        size_t n = net_append(pcb, seg, data + done, len - done, most,
                              (flags & TCP_WRITE_FLAG_COPY) != 0);
        if (n == 0) {
            if (seg != last)
                net_drop_segment(pcb, last, seg);
            seg = last;
            break;
        }
        pcb->snd_lbb += (u32_t)n;
        pcb->snd_buf -= (tcpwnd_size_t)n;
        done += n;
        pcb->unsent_oversize = 0;
    }
    if (done < len)
        tcp_set_flags(pcb, TF_NAGLEMEMERR);
    else if ((flags & TCP_WRITE_FLAG_MORE) == 0)
        TCPH_SET_FLAG(seg->tcphdr, TCP_PSH);
    return done;
}

/* lwIP's own way, in bites that it can take. */
static size_t net_write_small(struct tcp_pcb *pcb, const char *data, size_t len, u8_t flags)
{
    const size_t bite = 0x4000;
    size_t done = 0;

    while (done < len) {
        size_t n = len - done < bite ? len - done : bite;
        u8_t more = done + n < len ? TCP_WRITE_FLAG_MORE : 0;

        if (tcp_write(pcb, data + done, (u16_t)n, flags | more) != ERR_OK)
            break;
        done += n;
    }
    return done;
}

long net_tcp_write(struct tcp_pcb *pcb, const void *data, size_t len, uint8_t flags)
{
    err_t error = tcp_write_checks(pcb, 0);

    if (error != ERR_OK)
        return error;
    if (len > pcb->snd_buf) {
        tcp_set_flags(pcb, TF_NAGLEMEMERR);
        flags |= TCP_WRITE_FLAG_MORE;
        len = pcb->snd_buf;
    }
    if (len == 0)
        return 0;
    struct tcp_seg *last = net_last_unsent(pcb);
    if (last != NULL && net_is_apart(last))
        return (long)net_write_large(pcb, data, len, net_segment_max(pcb), flags);
    if (len <= pcb->mss)
        return (long)net_write_small(pcb, data, len, flags);
    size_t most = net_segment_max(pcb);
    return (long)(most > pcb->mss ? net_write_large(pcb, data, len, most, flags)
                                  : net_write_small(pcb, data, len, flags));
}
