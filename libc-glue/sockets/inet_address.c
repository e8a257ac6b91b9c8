/* inet_address: addresses as programs see them, and as lwIP does. */
#include <errno.h>
#include <string.h>

#include <lwip/netif.h>

#include "inet.h"

void inet_address_to_in6(const ip_addr_t *ip, struct in6_addr *out)
{
    memset(out, 0, sizeof(*out));
    if (IP_IS_V6(ip)) {
        memcpy(out, ip_2_ip6(ip)->addr, sizeof(*out));
    } else if (!ip_addr_isany(ip)) {
        out->s6_addr32[2] = htonl(0xffff);
        out->s6_addr32[3] = ip_2_ip4(ip)->addr;
    }
}

void inet_address_from_in6(const struct in6_addr *from, ip_addr_t *ip)
{
    if (IN6_IS_ADDR_V4MAPPED(from)) {
        ip_addr_set_ip4_u32(ip, from->s6_addr32[3]);
    } else {
        memset(ip, 0, sizeof(*ip));
        memcpy(ip_2_ip6(ip)->addr, from, sizeof(*from));
        IP_SET_TYPE(ip, IPADDR_TYPE_V6);
    }
}

uint8_t inet_address_type(const struct inet_socket *inet)
{
    if (inet->socket.family == AF_INET)
        return IPADDR_TYPE_V4;
    return inet->only_v6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY;
}

static int inet_address_in6(const struct inet_socket *inet, const struct sockaddr_in6 *from,
                            ip_addr_t *ip)
{
    inet_address_from_in6(&from->sin6_addr, ip);
    if (!IP_IS_V6(ip))
        return inet->only_v6 ? -ENETUNREACH : 0;
    if (IN6_IS_ADDR_UNSPECIFIED(&from->sin6_addr)) {
        IP_SET_TYPE(ip, inet_address_type(inet));
        return 0;
    }
    if (from->sin6_scope_id != 0 && ip6_addr_has_scope(ip_2_ip6(ip), IP6_UNKNOWN)) {
        if (from->sin6_scope_id > UINT8_MAX)
            return -EINVAL;
        ip6_addr_set_zone(ip_2_ip6(ip), (uint8_t)from->sin6_scope_id);
    }
    return 0;
}

int inet_address_in(const struct inet_socket *inet, const struct sockaddr *address, socklen_t len,
                    ip_addr_t *ip, uint16_t *port)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

    if (len < sizeof(sa_family_t))
        return -EINVAL;
    if (inet->socket.family == AF_INET6) {
        if (len < sizeof(*in6) - sizeof(in6->sin6_scope_id))
            return -EINVAL;
        if (address->sa_family != AF_INET6)
            return -EAFNOSUPPORT;
        *port = ntohs(in6->sin6_port);
        return inet_address_in6(inet, in6, ip);
    }
    if (len < sizeof(*in))
        return -EINVAL;
    if (address->sa_family != AF_INET &&
        !(address->sa_family == AF_UNSPEC && in->sin_addr.s_addr == INADDR_ANY))
        return -EAFNOSUPPORT;
    ip_addr_set_ip4_u32(ip, in->sin_addr.s_addr);
    *port = ntohs(in->sin_port);
    return 0;
}

void inet_address_out(int family, const ip_addr_t *ip, uint16_t port, struct socket_name *name)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&name->address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&name->address;

    if (family == AF_INET) {
        memset(in, 0, sizeof(*in));
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        in->sin_addr.s_addr = IP_IS_V4(ip) ? ip_2_ip4(ip)->addr : INADDR_ANY;
        name->len = sizeof(*in);
    } else {
        memset(in6, 0, sizeof(*in6));
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        inet_address_to_in6(ip, &in6->sin6_addr);
        if (IP_IS_V6(ip))
            in6->sin6_scope_id = ip6_addr_zone(ip_2_ip6(ip));
        name->len = sizeof(*in6);
    }
}

static bool inet_address_is_loopback(const ip_addr_t *ip)
{
    return IP_IS_V6(ip) ? ip6_addr_isloopback(ip_2_ip6(ip)) : ip4_addr_isloopback(ip_2_ip4(ip));
}

bool inet_address_is_ours(const ip_addr_t *ip)
{
    const struct netif *netif;

    if (ip_addr_isany(ip) || inet_address_is_loopback(ip) || ip_addr_ismulticast(ip))
        return true;
    NETIF_FOREACH (netif) {
        if (IP_IS_V4(ip)) {
            if (ip4_addr_eq(netif_ip4_addr(netif), ip_2_ip4(ip)) || ip_addr_isbroadcast(ip, netif))
                return true;
        } else if (netif_get_ip6_addr_match((struct netif *)(uintptr_t)netif, ip_2_ip6(ip)) >= 0) {
            return true;
        }
    }
    return false;
}

void inet_address_target(ip_addr_t *ip)
{
    if (!ip_addr_isany(ip))
        return;
    if (IP_IS_V6(ip)) {
        static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

        inet_address_from_in6(&loopback, ip);
    } else {
        ip_addr_set_ip4_u32(ip, htonl(INADDR_LOOPBACK));
    }
}

enum net_need inet_address_need(const ip_addr_t *ip)
{
    return IP_IS_V6(ip) ? NET_IP6 : NET_ANY;
}

bool inet_address_is_early(const ip_addr_t *ip)
{
    return !net_ready(inet_address_need(ip)) && !inet_address_is_loopback(ip) && !ip_addr_isany(ip);
}

int inet_address_wait(const ip_addr_t *ip, bool to_bind)
{
    bool ours;

    if (!inet_address_is_early(ip))
        return 0;
    if (to_bind) {
        net_lock();
        ours = inet_address_is_ours(ip);
        net_unlock();
        if (ours)
            return 0;
    }
    return net_use(inet_address_need(ip));
}
