/*
 * net_hooks: functions of ours that lwIP calls. Included by lwIP's own sources.
 */
#ifndef LIBC_GLUE_NET_HOOKS_H
#define LIBC_GLUE_NET_HOOKS_H

#include <stdint.h>

#include <lwip/ip_addr.h>

struct netif;

/* First sequence number of a connection: net_isn.c. */
uint32_t net_isn(const ip_addr_t *local_ip, uint16_t local_port, const ip_addr_t *remote_ip,
                 uint16_t remote_port);
#define LWIP_HOOK_TCP_ISN net_isn

/* The gateway that ip= names for IPv6, or NULL: those that advertise themselves. net_config.c. */
const ip6_addr_t *net_gateway6(struct netif *netif, const ip6_addr_t *dest);
#define LWIP_HOOK_ND6_GET_GW net_gateway6

#endif
