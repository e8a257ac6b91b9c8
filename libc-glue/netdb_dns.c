/* netdb_dns: names by the name servers that DHCP, ip= or a router gave; what interfaces have. */
#include <string.h>

#include <lwip/dns.h>
#include <lwip/netif.h>
#include <platform/clock.h>
#include <runtime/sync.h>

#include "inet.h"
#include "inet_interface.h"
#include "netdb_names.h"

/* Longer than a server takes to say "no such name", shorter than lwIP tries one that is silent. */
#define NETDB_SILENT_NS 3000000000u

struct netdb_question {
    uint32_t done; /* futex word: 0, then 1 */
    bool asked;
    ip_addr_t address;
    bool found;
};

/* lwIP: with the lock held; it always comes, with NULL when no server knows or answers. */
static void netdb_answered(const char *name, const ip_addr_t *address, void *arg)
{
    struct netdb_question *question = arg;

    (void)name;
    if (address != NULL)
        question->address = *address;
    question->found = address != NULL;
    __atomic_store_n(&question->done, 1, __ATOMIC_RELEASE);
    futex_wake(&question->done, 1);
}

static void netdb_ask(struct netdb_question *question, const char *name, uint8_t type)
{
    err_t error =
        dns_gethostbyname_addrtype(name, &question->address, netdb_answered, question, type);

    question->asked = error == ERR_OK || error == ERR_INPROGRESS;
    question->found = error == ERR_OK;
    if (error != ERR_INPROGRESS)
        question->done = 1;
}

static void netdb_wait(struct netdb_question *question, struct netdb_answer *out)
{
    struct netdb_address address = { .family = AF_INET };

    while (__atomic_load_n(&question->done, __ATOMIC_ACQUIRE) == 0)
        futex_wait(&question->done, 0, CLOCK_NEVER, false, "answer of a name server");
    if (!question->found)
        return;
    if (IP_IS_V6_VAL(question->address)) {
        address.family = AF_INET6;
        inet_address_to_in6(&question->address, &address.in6);
    } else {
        address.in.s_addr = ip_2_ip4(&question->address)->addr;
    }
    netdb_add(out, &address);
}

int netdb_dns(const char *name, int family, struct netdb_answer *out)
{
    struct netdb_question four = { .done = 1 }, six = { .done = 1 };
    uint64_t begin_ns;
    bool has_server;

    net_use();
    begin_ns = clock_monotonic_ns();
    net_lock();
    has_server = !ip_addr_isany(dns_getserver(0));
    if (has_server && family != AF_INET6) {
        four.done = 0;
        netdb_ask(&four, name, LWIP_DNS_ADDRTYPE_IPV4);
    }
    if (has_server && family != AF_INET) {
        six.done = 0;
        netdb_ask(&six, name, LWIP_DNS_ADDRTYPE_IPV6);
    }
    net_unlock();
    netdb_wait(&six, out);
    netdb_wait(&four, out);
    if (out->n > 0) {
        strcpy(out->name, name); /* its length was checked */
        return 0;
    }
    /* lwIP does not say whether a server answered; the time that it took does. */
    if (!has_server || clock_monotonic_ns() - begin_ns >= NETDB_SILENT_NS)
        return EAI_AGAIN;
    return EAI_NONAME;
}

static bool netdb_own6(const struct netif *netif, struct netdb_address *out)
{
    for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        const ip6_addr_t *ip = netif_ip6_addr(netif, i);

        if (!ip6_addr_ispreferred(netif_ip6_addr_state(netif, i)) || ip6_addr_islinklocal(ip) ||
            ip6_addr_isloopback(ip))
            continue;
        *out = (struct netdb_address){ .family = AF_INET6 };
        memcpy(&out->in6, ip->addr, sizeof(out->in6));
        return true;
    }
    return false;
}

bool netdb_own_address(int family, struct netdb_address *out)
{
    struct netif *netif;
    bool found = false;

    net_use();
    net_lock();
    NETIF_FOREACH (netif) {
        if (inet_interface_is_loopback(netif))
            continue;
        if (family == AF_INET && !ip4_addr_isany_val(*netif_ip4_addr(netif))) {
            *out = (struct netdb_address){ .family = AF_INET,
                                           .in.s_addr = netif_ip4_addr(netif)->addr };
            found = true;
        } else if (family == AF_INET6) {
            found = netdb_own6(netif, out);
        }
        if (found)
            break;
    }
    net_unlock();
    return found;
}

bool netdb_has_family(int family)
{
    struct netdb_address own;

    return netdb_own_address(family, &own);
}
