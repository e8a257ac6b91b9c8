#include "resolv_given.h"

#include <lwip/dns.h>

#include "inet.h"

int resolv_given(struct netdb_address *servers, int max)
{
    int n = 0;

    net_lock();
    for (u8_t i = 0; i < DNS_MAX_SERVERS && n < max; i++) {
        const ip_addr_t *server = dns_getserver(i);
        struct netdb_address address = { .family = AF_INET };

        if (ip_addr_isany(server))
            continue;
        if (IP_IS_V6(server)) {
            address.family = AF_INET6;
            inet_address_to_in6(server, &address.in6);
            address.scope = ip6_addr_zone(ip_2_ip6(server));
        } else {
            address.in.s_addr = ip_2_ip4(server)->addr;
        }
        servers[n++] = address;
    }
    net_unlock();
    return n;
}
