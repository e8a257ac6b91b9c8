#include "net_csum.h"

#include <string.h>

#include <lwip/inet_chksum.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <lwip/prot/udp.h>

bool net_csum_is_fragment(const void *packet, size_t len, bool ip6)
{
    if (ip6)
        return len >= IP6_HLEN && IP6H_NEXTH((const struct ip6_hdr *)packet) == IP6_NEXTH_FRAGMENT;
    return len >= IP_HLEN &&
           (IPH_OFFSET((const struct ip_hdr *)packet) & PP_HTONS(IP_OFFMASK | IP_MF)) != 0;
}

bool net_csum_find(const struct pbuf *p, size_t at, struct net_csum *found)
{
    uint8_t *packet = (uint8_t *)p->payload + at;
    size_t len, header;

    if (p->len < at + IP_HLEN)
        return false;
    len = p->len - at;
    if (packet[0] >> 4 == 4) {
        const struct ip_hdr *ip = (const void *)packet;

        if (net_csum_is_fragment(packet, len, false))
            return false;
        found->ip6 = false;
        found->protocol = IPH_PROTO(ip);
        header = IPH_HL_BYTES(ip);
        ip_addr_copy_from_ip4(found->src, ip->src);
        ip_addr_copy_from_ip4(found->dest, ip->dest);
    } else if (packet[0] >> 4 == 6 && len >= IP6_HLEN) {
        const struct ip6_hdr *ip = (const void *)packet;

        found->ip6 = true;
        found->protocol = IP6H_NEXTH(ip); /* so none with further headers */
        header = IP6_HLEN;
        ip_addr_copy_from_ip6_packed(found->src, ip->src);
        ip_addr_copy_from_ip6_packed(found->dest, ip->dest);
    } else {
        return false;
    }
    if (found->protocol == IP_PROTO_TCP && len >= header + TCP_HLEN)
        found->field = packet + header + offsetof(struct tcp_hdr, chksum);
    else if (found->protocol == IP_PROTO_UDP && len >= header + UDP_HLEN)
        found->field = packet + header + offsetof(struct udp_hdr, chksum);
    else
        return false;
    found->offset = at + header;
    found->header = packet + header;
    found->len = (uint16_t)(p->tot_len - found->offset);
    return true;
}

static void net_csum_put(const struct net_csum *found, uint16_t sum)
{
    memcpy(found->field, &sum, sizeof(sum));
}

bool net_csum_is_left(const struct net_csum *found)
{
    return found->protocol == IP_PROTO_TCP || (found->field[0] | found->field[1]) == 0;
}

void net_csum_set_blank(const struct net_csum *found)
{
    struct pbuf none = { .payload = NULL };

    net_csum_put(found, (uint16_t)~ip_chksum_pseudo(&none, found->protocol, found->len, &found->src,
                                                    &found->dest));
}

void net_csum_set(struct pbuf *p, const struct net_csum *found)
{
    uint16_t sum;

    net_csum_put(found, 0);
    pbuf_remove_header(p, found->offset);
    sum = ip_chksum_pseudo(p, found->protocol, found->len, &found->src, &found->dest);
    pbuf_add_header(p, found->offset);
    /* RFC 768: 0 would say that there is none. */
    net_csum_put(found, sum == 0 && found->protocol == IP_PROTO_UDP ? 0xffff : sum);
}

void net_csum_complete(struct pbuf *p)
{
    struct net_csum found;

    if (net_csum_find(p, 0, &found) && net_csum_is_left(&found))
        net_csum_set(p, &found);
}
