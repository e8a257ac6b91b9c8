/*
 * inet_errors: what ICMP says about what was sent: "port unreachable" and its like, for the UDP
 * socket that has exactly this peer, as ECONNREFUSED from its next call; and for a TCP connection
 * that is beginning, which ends with it. One that stands is not disturbed, as everywhere. lwIP
 * itself throws it all away.
 *
 * A raw pcb of our own for each IP version hears all ICMP messages from the first connect() on.
 * With the lock "network" held.
 */
#include "inet_errors.h"

#include <errno.h>

#include <lwip/icmp.h>
#include <lwip/prot/icmp.h>
#include <lwip/prot/icmp6.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/raw.h>

#define INET_ERRORS_HEADER 8u /* of ICMP; then comes what was sent */

static struct {
    struct raw_pcb *four, *six;
} inet_errors;

/* Errnos as Linux has them for the codes of "destination unreachable"; 0: not worth telling. */
static int inet_error4(uint8_t code)
{
    switch (code) {
    case ICMP_DUR_NET:
        return ENETUNREACH;
    case ICMP_DUR_PROTO:
        return ENOPROTOOPT;
    case ICMP_DUR_PORT:
        return ECONNREFUSED;
    case ICMP_DUR_FRAG:
        return 0; /* it is cut in fragments next time */
    case ICMP_DUR_SR:
        return EOPNOTSUPP;
    default:
        return EHOSTUNREACH;
    }
}

static int inet_error6(uint8_t code)
{
    switch (code) {
    case ICMP6_DUR_NO_ROUTE:
        return ENETUNREACH;
    case ICMP6_DUR_PORT:
        return ECONNREFUSED;
    default:
        return EACCES;
    }
}

/* Our packet's payload began at `at` in p: from this guest's port to the peer's. */
static void inet_errors_tell(const struct pbuf *p, u16_t at, u8_t protocol, const ip_addr_t *peer,
                             int error)
{
    struct {
        u16_t src, dest; /* of both protocols */
        u32_t seqno;     /* TCP's: who cannot see the connection does not know it */
    } header;

    if (error == 0 || pbuf_copy_partial(p, &header, sizeof(header), at) != sizeof(header))
        return;
    if (protocol == IP_PROTO_UDP)
        udp_error(lwip_ntohs(header.src), peer, lwip_ntohs(header.dest), error);
    else if (protocol == IP_PROTO_TCP)
        tcp_connect_error(lwip_ntohs(header.src), peer, lwip_ntohs(header.dest),
                          lwip_ntohl(header.seqno), error);
}

static u8_t inet_errors_hear4(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
    u16_t at = ip_current_header_tot_len();
    struct icmp_hdr icmp;
    struct ip_hdr sent;
    ip_addr_t peer;

    (void)arg, (void)pcb, (void)from;
    if (pbuf_copy_partial(p, &icmp, sizeof(icmp), at) != sizeof(icmp) || icmp.type != ICMP_DUR)
        return 0;
    at = (u16_t)(at + INET_ERRORS_HEADER);
    if (pbuf_copy_partial(p, &sent, sizeof(sent), at) != sizeof(sent) || IPH_V(&sent) != 4 ||
        IPH_HL_BYTES(&sent) < IP_HLEN || (lwip_ntohs(IPH_OFFSET(&sent)) & IP_OFFMASK) != 0)
        return 0; /* of a later fragment: what follows are no ports */
    ip_addr_set_ip4_u32_val(peer, sent.dest.addr);
    inet_errors_tell(p, (u16_t)(at + IPH_HL_BYTES(&sent)), IPH_PROTO(&sent), &peer,
                     inet_error4(icmp.code));
    return 0; /* it goes on to lwIP */
}

static u8_t inet_errors_hear6(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
    u16_t at = ip_current_header_tot_len();
    struct icmp6_hdr icmp;
    struct ip6_hdr sent;
    ip_addr_t peer;

    (void)arg, (void)pcb, (void)from;
    if (pbuf_copy_partial(p, &icmp, sizeof(icmp), at) != sizeof(icmp) ||
        icmp.type != ICMP6_TYPE_DUR)
        return 0;
    at = (u16_t)(at + INET_ERRORS_HEADER);
    if (pbuf_copy_partial(p, &sent, sizeof(sent), at) != sizeof(sent) || IP6H_V(&sent) != 6)
        return 0;
    ip_addr_copy_from_ip6_packed(peer, sent.dest);
    inet_errors_tell(p, (u16_t)(at + IP6_HLEN), IP6H_NEXTH(&sent), &peer, inet_error6(icmp.code));
    return 0;
}

static void inet_errors_begin(struct raw_pcb **pcb, u8_t type, u8_t protocol, raw_recv_fn hear)
{
    if (*pcb != NULL)
        return;
    *pcb = raw_new_ip_type(type, protocol);
    if (*pcb != NULL) /* without memory: at another connect() */
        raw_recv(*pcb, hear, NULL);
}

void inet_errors_listen(void)
{
    inet_errors_begin(&inet_errors.four, IPADDR_TYPE_V4, IP_PROTO_ICMP, inet_errors_hear4);
    inet_errors_begin(&inet_errors.six, IPADDR_TYPE_V6, IP6_NEXTH_ICMP6, inet_errors_hear6);
}
