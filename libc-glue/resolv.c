/* resolv: the name servers in use, for programs that ask them by themselves. */
#include <resolv.h>

#include <string.h>

#include <lwip/dns.h>

#include "inet.h"

static __thread struct __res_state resolv_state;

struct __res_state *__res_state(void)
{
    return &resolv_state;
}

int res_init(void)
{
    struct __res_state *state = &resolv_state;

    memset(state, 0, sizeof(*state));
    state->retrans = 5;
    state->retry = 2;
    state->ndots = 1;
    state->options = RES_INIT | RES_RECURSE | RES_DEFNAMES | RES_DNSRCH;
    net_use();
    net_lock();
    for (u8_t i = 0; i < DNS_MAX_SERVERS; i++) {
        const ip_addr_t *server = dns_getserver(i);

        if (!IP_IS_V4(server) || ip_addr_isany(server) || state->nscount == MAXNS)
            continue;
        state->nsaddr_list[state->nscount++] = (struct sockaddr_in){
            .sin_family = AF_INET,
            .sin_port = htons(NS_DEFAULTPORT),
            .sin_addr.s_addr = ip_2_ip4(server)->addr,
        };
    }
    net_unlock();
    return 0;
}
