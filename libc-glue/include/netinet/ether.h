/* netinet/ether.h: Ethernet addresses as text. */
#ifndef _NETINET_ETHER_H
#define _NETINET_ETHER_H

#include <sys/cdefs.h>
#include <netinet/if_ether.h>

__BEGIN_DECLS
char *ether_ntoa(const struct ether_addr *__address);
char *ether_ntoa_r(const struct ether_addr *__address, char *__text);
struct ether_addr *ether_aton(const char *__text);
struct ether_addr *ether_aton_r(const char *__text, struct ether_addr *__address);
__END_DECLS

#endif
