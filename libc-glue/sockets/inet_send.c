#include "inet_send.h"

#include <errno.h>
#include <string.h>

#include <lwip/netif.h>

#define INET_PIECE 3840u /* bytes of one pbuf: with its headers in one page */

static int inet_send_one(const struct cmsghdr *header, struct inet_send *out)
{
    size_t len = header->cmsg_len - CMSG_LEN(0);
    const void *data = CMSG_DATA(header);
    struct in_pktinfo info;
    struct in6_pktinfo info6;
    int *number = NULL;

    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
        if (len < sizeof(info))
            return -EINVAL;
        memcpy(&info, data, sizeof(info));
        out->index = (unsigned)info.ipi_ifindex;
        if (info.ipi_spec_dst.s_addr != INADDR_ANY)
            ip_addr_set_ip4_u32(&out->source, info.ipi_spec_dst.s_addr);
        return 0;
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
        if (len < sizeof(info6))
            return -EINVAL;
        memcpy(&info6, data, sizeof(info6));
        out->index = info6.ipi6_ifindex;
        if (!IN6_IS_ADDR_UNSPECIFIED(&info6.ipi6_addr))
            inet_address_from_in6(&info6.ipi6_addr, &out->source);
        return 0;
    }
    if ((header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TTL) ||
        (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_HOPLIMIT))
        number = &out->ttl;
    else if ((header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TOS) ||
             (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_TCLASS))
        number = &out->tos;
    if (number == NULL || socket_option_byte(data, (socklen_t)len, number) < 0 || *number < -1 ||
        *number > 255)
        return -EINVAL;
    return 0;
}

int inet_send_control(const struct inet_socket *inet, const struct socket_message *message,
                      struct inet_send *out)
{
    size_t at = 0, left;
    int error = 0;

    (void)inet;
    *out = (struct inet_send){ .ttl = -1, .tos = -1 };
    ip_addr_set_any(false, &out->source);
    while (error == 0 && (left = message->control_len - at) >= sizeof(struct cmsghdr)) {
        const struct cmsghdr *header =
            (const struct cmsghdr *)((const char *)message->control + at);

        if (header->cmsg_len < sizeof(*header) || header->cmsg_len > left)
            return -EINVAL;
        if (header->cmsg_level == IPPROTO_IP || header->cmsg_level == IPPROTO_IPV6)
            error = inet_send_one(header, out);
        at += CMSG_ALIGN(header->cmsg_len) < left ? CMSG_ALIGN(header->cmsg_len) : left;
    }
    return error;
}

/* IP_MULTICAST_IF by address. */
static struct netif *inet_send_multicast_netif(const struct inet_socket *inet)
{
    struct netif *netif;

    if (inet->multicast_index != 0)
        return netif_get_by_index((uint8_t)inet->multicast_index);
    if (inet->multicast_address.s_addr != INADDR_ANY)
        NETIF_FOREACH (netif)
            if (netif_ip4_addr(netif)->addr == inet->multicast_address.s_addr)
                return netif;
    return NULL;
}

int inet_send_route(const struct inet_socket *inet, const struct inet_send *how,
                    const ip_addr_t *to, struct netif **netif, const ip_addr_t **source)
{
    const ip_addr_t *local = &inet->ip_pcb->local_ip;

    *netif = NULL;
    if (how->index != 0)
        *netif = netif_get_by_index((uint8_t)how->index);
    else if (inet->device != 0)
        *netif = netif_get_by_index((uint8_t)inet->device);
    else if (ip_addr_ismulticast(to))
        *netif = inet_send_multicast_netif(inet);
    if (*netif == NULL && how->index == 0 && inet->device == 0)
        *netif = ip_route(local, to);
    if (*netif == NULL)
        return how->index != 0 ? -ENODEV : -ENETUNREACH;
    if (!ip_addr_isany(&how->source))
        *source = &how->source;
    else if (!ip_addr_isany(local) && !ip_addr_ismulticast(local) &&
             IP_IS_V6(local) == IP_IS_V6(to))
        *source = local;
    else
        *source = ip_netif_get_local_ip(*netif, to);
    return *source != NULL && IP_IS_V6(*source) == IP_IS_V6(to) ? 0 : -ENETUNREACH;
}

struct pbuf *inet_send_pbuf(const struct socket_message *message)
{
    struct pbuf *head = NULL;
    size_t done = 0;

    do {
        size_t len = message->len - done;
        struct pbuf *p;

        if (len > INET_PIECE)
            len = INET_PIECE;
        p = pbuf_alloc(head == NULL ? PBUF_TRANSPORT : PBUF_RAW, (u16_t)len, PBUF_RAM);
        if (p == NULL) {
            if (head != NULL)
                pbuf_free(head);
            return NULL;
        }
        done += iov_take(message->iov, message->n, done, p->payload, len);
        if (head == NULL)
            head = p;
        else
            pbuf_cat(head, p);
    } while (done < message->len);
    return head;
}
