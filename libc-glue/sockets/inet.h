/*
 * inet: what sockets of IPv4 and IPv6 have in common, on lwIP's raw API.
 *
 * One structure for each kind (TCP, UDP, raw), which begins with struct inet_socket; lwIP's control
 * block, the pcb, is made when there is first need for it, and the options go into it then and
 * whenever they change.
 *
 * Protected by the mutex "network" (lwip/net.h), like all of lwIP: everything here.
 */
#ifndef LIBC_GLUE_INET_H
#define LIBC_GLUE_INET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <lwip/err.h>
#include <lwip/ip.h>
#include <lwip/ip_addr.h>

#include "lwip/net.h"
#include "socket.h"

/* <netinet/in.h>'s byte order functions are macros; lwIP's are only used by lwIP. */

struct inet_socket {
    struct socket socket;
    struct ip_pcb *ip_pcb;                   /* the beginning of the pcb, NULL without one */
    void (*apply)(struct inet_socket *inet); /* options into the pcb; NULL: only the common ones */

    /* IPPROTO_IP, IPPROTO_IPV6 */
    int ttl, hops, tos, traffic_class; /* ttl, hops: -1 for the default */
    int multicast_ttl, multicast_hops;
    bool multicast_loop, only_v6, header_included;
    bool want_packet_info, want_ttl, want_tos;
    unsigned multicast_index; /* interface, 0: by route */
    struct in_addr multicast_address;
    unsigned device;           /* SO_BINDTODEVICE: interface index, 0: any */
    struct inet_group *groups; /* joined: inet_group.c */
};

static inline struct inet_socket *inet_of(struct socket *socket)
{
    return (struct inet_socket *)socket;
}

void inet_init(struct inet_socket *inet, const struct socket_ops *ops, int family, int type,
               int protocol, int flags);

/* ---- addresses: inet_address.c ---- */

/*
 * A caller's address: of the socket's family, an IPv4 one in IPv6's clothes as what it is. any: the
 * unspecified address as the socket's kind of "any". -EINVAL, -EAFNOSUPPORT, -ENETUNREACH.
 */
int inet_address_in(const struct inet_socket *inet, const struct sockaddr *address, socklen_t len,
                    ip_addr_t *ip, uint16_t *port);
/* As the family shows it. */
void inet_address_out(int family, const ip_addr_t *ip, uint16_t port, struct socket_name *name);
/* The type of pcb: one IP version, or both. */
uint8_t inet_address_type(const struct inet_socket *inet);
/* One of this guest's addresses, or any, a group, a broadcast. */
bool inet_address_is_ours(const ip_addr_t *ip);
/* Where to connect or send: the unspecified address means this guest. */
void inet_address_target(ip_addr_t *ip);
/* Not yet to be reached: neither the loopback nor any address, and the network is not ready for it. */
bool inet_address_is_early(const ip_addr_t *ip);
enum net_need inet_address_need(const ip_addr_t *ip);
/* Wait for the network when ip needs it. 0 or -EINTR. Without the lock. */
int inet_address_wait(const ip_addr_t *ip, bool to_bind);
/* 16 bytes, or an IPv4 address mapped. */
void inet_address_to_in6(const ip_addr_t *ip, struct in6_addr *out);
void inet_address_from_in6(const struct in6_addr *from, ip_addr_t *ip);

/* A negative errno for lwIP's. */
int inet_error(err_t error);

/* ---- options: inet_option.c ---- */

int inet_set_option(struct inet_socket *inet, int level, int option, const void *value,
                    socklen_t len);
int inet_get_option(struct inet_socket *inet, int level, int option, void *value, socklen_t *len);
/* The common options, and those of SOL_SOCKET that lwIP knows, into the pcb. */
void inet_apply(struct inet_socket *inet);
void inet_option_changed(struct socket *socket, int option);

/* ---- groups: inet_group.c ---- */

/* IPv4: interface by address or by index; IPv6: by index. 0: by route. */
int inet_group_join(struct inet_socket *inet, const ip_addr_t *group, unsigned index,
                    const struct in_addr *interface);
int inet_group_leave(struct inet_socket *inet, const ip_addr_t *group, unsigned index,
                     const struct in_addr *interface);
void inet_group_leave_all(struct inet_socket *inet);
/* Whether a datagram to this group is for the socket. */
bool inet_group_joined(const struct inet_socket *inet, const ip_addr_t *group);

/* ---- interfaces: inet_ioctl.c ---- */

int inet_ioctl(struct socket *socket, unsigned long request, void *arg);

/* ---- the kinds ---- */

int tcp_socket_make(int family, int protocol, int flags, struct socket **out);
int udp_socket_make(int family, int protocol, int flags, struct socket **out);
int raw_socket_make(int family, int protocol, int flags, struct socket **out);

#endif
