/* tcp_option: setsockopt() and getsockopt() of IPPROTO_TCP. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#undef TCP_MSS /* the least that a peer may assume; lwIP's is the most that we announce */

#include "socket_tcp.h"

/* lwIP's states have other numbers than the world's. */
static uint8_t tcp_state_number(const struct tcp_socket *tcp)
{
    static const uint8_t numbers[] = {
        [CLOSED] = TCP_CLOSE,         [LISTEN] = TCP_LISTEN,           [SYN_SENT] = TCP_SYN_SENT,
        [SYN_RCVD] = TCP_SYN_RECV,    [ESTABLISHED] = TCP_ESTABLISHED, [FIN_WAIT_1] = TCP_FIN_WAIT1,
        [FIN_WAIT_2] = TCP_FIN_WAIT2, [CLOSE_WAIT] = TCP_CLOSE_WAIT,   [CLOSING] = TCP_CLOSING,
        [LAST_ACK] = TCP_LAST_ACK,    [TIME_WAIT] = TCP_TIME_WAIT,
    };

    if (tcp->state == TCP_LISTENING)
        return TCP_LISTEN;
    return tcp->pcb != NULL ? numbers[tcp->pcb->state] : TCP_CLOSE;
}

static uint32_t tcp_ticks_to_us(int32_t ticks)
{
    return ticks <= 0 ? 0 : (uint32_t)ticks * TCP_SLOW_INTERVAL * 1000u;
}

static uint32_t tcp_count_unacked(const struct tcp_pcb *pcb)
{
    uint32_t n = 0;

    for (const struct tcp_seg *seg = pcb->unacked; seg != NULL; seg = seg->next)
        n += seg->len / pcb->mss + (seg->len % pcb->mss != 0);
    return n;
}

static void tcp_fill_info(const struct tcp_socket *tcp, struct tcp_info *info)
{
    const struct tcp_pcb *pcb = tcp->pcb;

    memset(info, 0, sizeof(*info));
    info->tcpi_state = tcp_state_number(tcp);
    if (tcp->state == TCP_LISTENING) { /* as on Linux: the queue and its limit */
        info->tcpi_unacked = (uint32_t)tcp->n_waiting;
        info->tcpi_sacked = (uint32_t)tcp->backlog;
        return;
    }
    if (pcb == NULL)
        return;
    info->tcpi_ca_state = pcb->flags & TF_RTO    ? TCP_CA_Loss
                          : pcb->flags & TF_INFR ? TCP_CA_Recovery
                                                 : TCP_CA_Open;
    info->tcpi_retransmits = pcb->nrtx;
    info->tcpi_probes = pcb->persist_probe;
    if (pcb->flags & TF_WND_SCALE) {
        info->tcpi_options |= TCPI_OPT_WSCALE;
        info->tcpi_snd_wscale = pcb->snd_scale & 15;
        info->tcpi_rcv_wscale = pcb->rcv_scale & 15;
    }
    if (pcb->flags & TF_SACK)
        info->tcpi_options |= TCPI_OPT_SACK;
    info->tcpi_rto = tcp_ticks_to_us(pcb->rto);
    info->tcpi_snd_mss = info->tcpi_rcv_mss = info->tcpi_advmss = pcb->mss;
    info->tcpi_unacked = tcp_count_unacked(pcb);
    info->tcpi_pmtu = pcb->mss + 40u;
    info->tcpi_rtt = tcp_ticks_to_us(pcb->sa >> 3);
    info->tcpi_rttvar = tcp_ticks_to_us(pcb->sv >> 2);
    info->tcpi_snd_ssthresh = pcb->ssthresh / pcb->mss;
    info->tcpi_snd_cwnd = pcb->cwnd / pcb->mss;
    info->tcpi_rcv_ssthresh = info->tcpi_rcv_space = pcb->rcv_ann_wnd;
    info->tcpi_reordering = 3;
}

/* ---- setting ---- */

static int tcp_set_seconds(int *at, int value)
{
    if (value < 1 || value > 32767)
        return -EINVAL;
    *at = value;
    return 0;
}

/* What it asks for may be done or left. */
static bool tcp_is_hint(int option)
{
    return option == TCP_QUICKACK || option == TCP_DEFER_ACCEPT || option == TCP_LINGER2 ||
           option == TCP_NOTSENT_LOWAT || option == TCP_WINDOW_CLAMP;
}

static int tcp_set_tcp(struct tcp_socket *tcp, int option, int value)
{
    switch (option) {
    case TCP_NODELAY:
        tcp->no_delay = value != 0;
        if (tcp->no_delay && !tcp->corked)
            tcp_push(tcp);
        return 0;
    case TCP_CORK:
        tcp->corked = value != 0;
        if (!tcp->corked)
            tcp_push(tcp);
        return 0;
    case TCP_KEEPIDLE:
        return tcp_set_seconds(&tcp->keep_idle_s, value);
    case TCP_KEEPINTVL:
        return tcp_set_seconds(&tcp->keep_interval_s, value);
    case TCP_KEEPCNT:
        if (value < 1 || value > 127)
            return -EINVAL;
        tcp->keep_count = value;
        return 0;
    case TCP_MAXSEG:
        if (value != 0 && (value < 88 || value > 32767))
            return -EINVAL;
        tcp->max_segment = value;
        return 0;
    default:
        return tcp_is_hint(option) ? 0 : -ENOPROTOOPT;
    }
}

int tcp_socket_set_option(struct socket *socket, int level, int option, const void *value,
                          socklen_t len)
{
    struct tcp_socket *tcp = tcp_of(socket);
    int error, number;

    if (level != IPPROTO_TCP)
        return inet_set_option(&tcp->inet, level, option, value, len);
    if (option == TCP_CONGESTION)
        return len >= 4 && strncmp(value, "reno", len) == 0 ? 0 : -ENOENT;
    if (socket_option_in(value, len, &number) < 0)
        return -EINVAL;
    net_lock();
    error = tcp_set_tcp(tcp, option, number);
    if (error == 0)
        inet_apply(&tcp->inet);
    net_unlock();
    return error;
}

/* ---- getting ---- */

static int tcp_get_number(const struct tcp_socket *tcp, int option, int *number)
{
    switch (option) {
    case TCP_NODELAY:
        *number = tcp->no_delay;
        return 0;
    case TCP_CORK:
        *number = tcp->corked;
        return 0;
    case TCP_KEEPIDLE:
        *number = tcp->keep_idle_s != 0 ? tcp->keep_idle_s : (int)(TCP_KEEPIDLE_DEFAULT / 1000);
        return 0;
    case TCP_KEEPINTVL:
        *number =
            tcp->keep_interval_s != 0 ? tcp->keep_interval_s : (int)(TCP_KEEPINTVL_DEFAULT / 1000);
        return 0;
    case TCP_KEEPCNT:
        *number = tcp->keep_count != 0 ? tcp->keep_count : (int)TCP_KEEPCNT_DEFAULT;
        return 0;
    case TCP_MAXSEG:
        *number = tcp->pcb != NULL && tcp->state == TCP_CONNECTED ? tcp->pcb->mss
                  : tcp->max_segment != 0                         ? tcp->max_segment
                                                                  : 536;
        return 0;
    case TCP_SYNCNT:
        *number = TCP_SYNMAXRTX;
        return 0;
    default:
        *number = 0;
        return tcp_is_hint(option) ? 0 : -ENOPROTOOPT;
    }
}

int tcp_socket_get_option(struct socket *socket, int level, int option, void *value, socklen_t *len)
{
    struct tcp_socket *tcp = tcp_of(socket);
    struct tcp_info info;
    int error, number = 0;

    if (level != IPPROTO_TCP)
        return inet_get_option(&tcp->inet, level, option, value, len);
    if (option == TCP_CONGESTION)
        return socket_option_out(value, len, "reno", sizeof("reno"));
    net_lock();
    if (option == TCP_INFO) {
        tcp_fill_info(tcp, &info);
        error = socket_option_out(value, len, &info, sizeof(info));
    } else {
        error = tcp_get_number(tcp, option, &number);
        if (error == 0)
            error = socket_option_int(value, len, number);
    }
    net_unlock();
    return error;
}
