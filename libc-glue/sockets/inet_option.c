/* inet_option: setsockopt() and getsockopt() of IPPROTO_IP and IPPROTO_IPV6, for every kind. */
#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <string.h>

#include <lwip/netif.h>

#include "inet.h"

/* ---- into the pcb ---- */

void inet_apply(struct inet_socket *inet)
{
    struct ip_pcb *pcb = inet->ip_pcb;
    const struct socket *socket = &inet->socket;

    if (pcb == NULL)
        return;
    pcb->ttl = (uint8_t)(inet->ttl >= 0 ? inet->ttl : IP_DEFAULT_TTL);
    pcb->tos = (uint8_t)inet->tos;
    if (socket->family == AF_INET6) {
        if (inet->hops >= 0)
            pcb->ttl = (uint8_t)inet->hops;
        if (inet->traffic_class != 0)
            pcb->tos = (uint8_t)inet->traffic_class;
    }
    pcb->so_options = 0;
    if (socket->reuse_address || socket->reuse_port)
        ip_set_option(pcb, SOF_REUSEADDR);
    if (socket->keep_alive)
        ip_set_option(pcb, SOF_KEEPALIVE);
    if (socket->broadcast)
        ip_set_option(pcb, SOF_BROADCAST);
    pcb->netif_idx = (uint8_t)inet->device;
    if (inet->apply != NULL)
        inet->apply(inet);
}

void inet_option_changed(struct socket *socket, int option)
{
    (void)option;
    net_lock();
    inet_apply(inet_of(socket));
    net_unlock();
}

/* ---- setting, with the lock held ---- */

static int inet_set_range(int *at, int value, int least, int most)
{
    if (value < least || value > most)
        return -EINVAL;
    *at = value;
    return 0;
}

/* A membership: struct ip_mreq, or ip_mreqn, which begins the same way. */
static int inet_set_membership(struct inet_socket *inet, int option, const void *value,
                               socklen_t len)
{
    struct ip_mreqn request = { .imr_ifindex = 0 };
    ip_addr_t group;

    if (len < sizeof(struct ip_mreq))
        return -EINVAL;
    memcpy(&request, value, len < sizeof(request) ? sizeof(struct ip_mreq) : sizeof(request));
    ip_addr_set_ip4_u32(&group, request.imr_multiaddr.s_addr);
    if (!ip_addr_ismulticast(&group))
        return -EINVAL;
    if (option == IP_ADD_MEMBERSHIP)
        return inet_group_join(inet, &group, (unsigned)request.imr_ifindex, &request.imr_address);
    return inet_group_leave(inet, &group, (unsigned)request.imr_ifindex, &request.imr_address);
}

static int inet_set_multicast_interface(struct inet_socket *inet, const void *value, socklen_t len)
{
    struct ip_mreqn request = { .imr_ifindex = 0 };

    if (len >= sizeof(request)) {
        memcpy(&request, value, sizeof(request));
    } else if (len >= sizeof(struct ip_mreq)) {
        memcpy(&request, value, sizeof(struct ip_mreq));
    } else if (len >= sizeof(struct in_addr)) {
        memcpy(&request.imr_address, value, sizeof(struct in_addr));
    } else {
        return -EINVAL;
    }
    if (request.imr_ifindex != 0 && netif_get_by_index((uint8_t)request.imr_ifindex) == NULL)
        return -ENODEV;
    inet->multicast_index = (unsigned)request.imr_ifindex;
    inet->multicast_address = request.imr_address;
    return 0;
}

static int inet_set_ip(struct inet_socket *inet, int option, const void *value, socklen_t len)
{
    int number = 0;

    switch (option) {
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
        return inet_set_membership(inet, option, value, len);
    case IP_MULTICAST_IF:
        return inet_set_multicast_interface(inet, value, len);
    case IP_ADD_SOURCE_MEMBERSHIP:
    case IP_DROP_SOURCE_MEMBERSHIP:
    case IP_BLOCK_SOURCE:
    case IP_UNBLOCK_SOURCE:
    case IP_OPTIONS:
        return -ENOPROTOOPT;
    default:
        break;
    }
    if (socket_option_byte(value, len, &number) < 0)
        return -EINVAL;
    switch (option) {
    case IP_TOS:
        return inet_set_range(&inet->tos, number & 0xff, 0, 255);
    case IP_TTL:
        return number == -1 ? inet_set_range(&inet->ttl, -1, -1, -1)
                            : inet_set_range(&inet->ttl, number, 1, 255);
    case IP_MULTICAST_TTL:
        return inet_set_range(&inet->multicast_ttl, number == -1 ? 1 : number, 0, 255);
    case IP_MULTICAST_LOOP:
        inet->multicast_loop = number != 0;
        return 0;
    case IP_PKTINFO:
        inet->want_packet_info = number != 0;
        return 0;
    case IP_RECVTTL:
        inet->want_ttl = number != 0;
        return 0;
    case IP_RECVTOS:
        inet->want_tos = number != 0;
        return 0;
    case IP_HDRINCL:
        if (inet->socket.type != SOCK_RAW)
            return -ENOPROTOOPT;
        inet->header_included = number != 0;
        return 0;
    case IP_MTU_DISCOVER: /* what is too large for the path is cut in fragments, as with _DONT */
    case IP_RECVERR:
    case IP_FREEBIND:
    case IP_MULTICAST_ALL:
    case IP_BIND_ADDRESS_NO_PORT:
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int inet_set_membership6(struct inet_socket *inet, int option, const void *value,
                                socklen_t len)
{
    struct ipv6_mreq request;
    ip_addr_t group;

    if (len < sizeof(request))
        return -EINVAL;
    memcpy(&request, value, sizeof(request));
    inet_address_from_in6(&request.ipv6mr_multiaddr, &group);
    if (!ip_addr_ismulticast(&group))
        return -EINVAL;
    if (option == IPV6_JOIN_GROUP)
        return inet_group_join(inet, &group, request.ipv6mr_interface, NULL);
    return inet_group_leave(inet, &group, request.ipv6mr_interface, NULL);
}

static int inet_set_ip6(struct inet_socket *inet, int option, const void *value, socklen_t len)
{
    int number = 0;

    if (inet->socket.family != AF_INET6)
        return -ENOPROTOOPT;
    if (option == IPV6_JOIN_GROUP || option == IPV6_LEAVE_GROUP)
        return inet_set_membership6(inet, option, value, len);
    if (socket_option_in(value, len, &number) < 0)
        return -EINVAL;
    switch (option) {
    case IPV6_V6ONLY:
        if (inet->ip_pcb != NULL)
            return -EINVAL; /* bound or connected already */
        inet->only_v6 = number != 0;
        return 0;
    case IPV6_UNICAST_HOPS:
        return inet_set_range(&inet->hops, number, -1, 255);
    case IPV6_MULTICAST_HOPS:
        return inet_set_range(&inet->multicast_hops, number == -1 ? 1 : number, 0, 255);
    case IPV6_MULTICAST_LOOP:
        inet->multicast_loop = number != 0;
        return 0;
    case IPV6_MULTICAST_IF:
        if (number != 0 && (number < 0 || number > 255 || !netif_get_by_index((uint8_t)number)))
            return -ENODEV;
        inet->multicast_index = (unsigned)number;
        return 0;
    case IPV6_TCLASS:
        return inet_set_range(&inet->traffic_class, number == -1 ? 0 : number, 0, 255);
    case IPV6_RECVPKTINFO:
        inet->want_packet_info = number != 0;
        return 0;
    case IPV6_RECVHOPLIMIT:
        inet->want_ttl = number != 0;
        return 0;
    case IPV6_RECVTCLASS:
        inet->want_tos = number != 0;
        return 0;
    case IPV6_MTU_DISCOVER:
    case IPV6_RECVERR:
    case IPV6_DONTFRAG:
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int inet_set_device(struct inet_socket *inet, const void *value, socklen_t len)
{
    char name[NET_IF_NAME] = "";
    struct netif *netif;

    memcpy(name, value, len < sizeof(name) ? len : sizeof(name) - 1);
    if (name[0] == '\0') {
        inet->device = 0;
        return 0;
    }
    netif = net_if_find(name);
    if (netif == NULL)
        return -ENODEV;
    inet->device = netif_get_index(netif);
    return 0;
}

int inet_set_option(struct inet_socket *inet, int level, int option, const void *value,
                    socklen_t len)
{
    int error;

    net_lock();
    if (level == SOL_SOCKET)
        error = option == SO_BINDTODEVICE ? inet_set_device(inet, value, len) : -ENOPROTOOPT;
    else if (level == IPPROTO_IP)
        error = inet_set_ip(inet, option, value, len);
    else if (level == IPPROTO_IPV6)
        error = inet_set_ip6(inet, option, value, len);
    else
        error = -ENOPROTOOPT;
    if (error == 0)
        inet_apply(inet);
    net_unlock();
    return error;
}

/* ---- getting ---- */

static int inet_get_ip(struct inet_socket *inet, int option, void *value, socklen_t *len)
{
    switch (option) {
    case IP_TOS:
        return socket_option_int(value, len, inet->tos);
    case IP_TTL:
        return socket_option_int(value, len, inet->ttl >= 0 ? inet->ttl : IP_DEFAULT_TTL);
    case IP_MULTICAST_TTL:
        return socket_option_int(value, len, inet->multicast_ttl);
    case IP_MULTICAST_LOOP:
        return socket_option_int(value, len, inet->multicast_loop);
    case IP_MULTICAST_IF:
        return socket_option_out(value, len, &inet->multicast_address,
                                 sizeof(inet->multicast_address));
    case IP_PKTINFO:
        return socket_option_int(value, len, inet->want_packet_info);
    case IP_RECVTTL:
        return socket_option_int(value, len, inet->want_ttl);
    case IP_RECVTOS:
        return socket_option_int(value, len, inet->want_tos);
    case IP_HDRINCL:
        return inet->socket.type == SOCK_RAW ? socket_option_int(value, len, inet->header_included)
                                             : -ENOPROTOOPT;
    case IP_OPTIONS:
        *len = 0;
        return 0;
    case IP_MTU_DISCOVER:
    case IP_RECVERR:
    case IP_FREEBIND:
        return socket_option_int(value, len, 0);
    default:
        return -ENOPROTOOPT;
    }
}

static int inet_get_ip6(struct inet_socket *inet, int option, void *value, socklen_t *len)
{
    if (inet->socket.family != AF_INET6)
        return -ENOPROTOOPT;
    switch (option) {
    case IPV6_V6ONLY:
        return socket_option_int(value, len, inet->only_v6);
    case IPV6_UNICAST_HOPS:
        return socket_option_int(value, len, inet->hops >= 0 ? inet->hops : IP_DEFAULT_TTL);
    case IPV6_MULTICAST_HOPS:
        return socket_option_int(value, len, inet->multicast_hops);
    case IPV6_MULTICAST_LOOP:
        return socket_option_int(value, len, inet->multicast_loop);
    case IPV6_MULTICAST_IF:
        return socket_option_int(value, len, (int)inet->multicast_index);
    case IPV6_TCLASS:
        return socket_option_int(value, len, inet->traffic_class);
    case IPV6_RECVPKTINFO:
        return socket_option_int(value, len, inet->want_packet_info);
    case IPV6_RECVHOPLIMIT:
        return socket_option_int(value, len, inet->want_ttl);
    case IPV6_RECVTCLASS:
        return socket_option_int(value, len, inet->want_tos);
    case IPV6_MTU_DISCOVER:
    case IPV6_RECVERR:
    case IPV6_DONTFRAG:
        return socket_option_int(value, len, 0);
    default:
        return -ENOPROTOOPT;
    }
}

static int inet_get_device(struct inet_socket *inet, void *value, socklen_t *len)
{
    char name[NET_IF_NAME] = "";
    struct netif *netif = netif_get_by_index((uint8_t)inet->device);

    if (netif != NULL)
        net_if_name(netif, name);
    if (name[0] == '\0') {
        *len = 0;
        return 0;
    }
    return socket_option_out(value, len, name, strlen(name) + 1);
}

int inet_get_option(struct inet_socket *inet, int level, int option, void *value, socklen_t *len)
{
    int error = -ENOPROTOOPT;

    net_lock();
    if (level == SOL_SOCKET && option == SO_BINDTODEVICE)
        error = inet_get_device(inet, value, len);
    else if (level == IPPROTO_IP)
        error = inet_get_ip(inet, option, value, len);
    else if (level == IPPROTO_IPV6)
        error = inet_get_ip6(inet, option, value, len);
    net_unlock();
    return error;
}
