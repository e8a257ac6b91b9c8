/* inet_interface: lwIP's interfaces as POSIX sees them. With the lock "network" held. */
#ifndef LIBC_GLUE_INET_INTERFACE_H
#define LIBC_GLUE_INET_INTERFACE_H

#include <net/if.h>
#include <stdbool.h>

#include <lwip/netif.h>

unsigned inet_interface_flags(const struct netif *netif); /* IFF_* */
bool inet_interface_is_loopback(const struct netif *netif);
int inet_interface_mtu(const struct netif *netif);

#endif
