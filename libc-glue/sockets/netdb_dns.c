/* netdb_dns: names and addresses by the name servers; and what interfaces have. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/netif.h>

#include "inet.h"
#include "inet_interface.h"
#include "netdb_names.h"
#include "resolv_ask.h"

#define NETDB_ANSWER 4096u /* bytes: some hundred addresses */

/* One question with room for its answer. */
struct netdb_question {
    unsigned type;
    uint8_t question[RESOLV_QUESTION];
    uint8_t answer[NETDB_ANSWER];
};

struct netdb_dns {
    struct resolv_conf conf;
    struct netdb_question questions[RESOLV_TOGETHER];
    struct resolv_exchange exchanges[RESOLV_TOGETHER];
    int n;
};

/* ---- what answers bring ---- */

static bool netdb_take4(void *arg, const uint8_t *packet, const uint8_t *end, const uint8_t *data,
                        size_t len)
{
    struct netdb_address address = { .family = AF_INET };

    (void)packet, (void)end;
    if (len != sizeof(address.in))
        return true;
    memcpy(&address.in, data, sizeof(address.in));
    return netdb_add(arg, &address);
}

static bool netdb_take6(void *arg, const uint8_t *packet, const uint8_t *end, const uint8_t *data,
                        size_t len)
{
    struct netdb_address address = { .family = AF_INET6 };

    (void)packet, (void)end;
    if (len != sizeof(address.in6))
        return true;
    memcpy(&address.in6, data, sizeof(address.in6));
    return netdb_add(arg, &address);
}

static bool netdb_take_name(void *arg, const uint8_t *packet, const uint8_t *end,
                            const uint8_t *data, size_t len)
{
    struct netdb_answer *out = arg;

    (void)len;
    return dn_expand(packet, end, data, out->name, sizeof(out->name)) < 0 ||
           !resolv_is_plain(out->name);
}

static resolv_take_fn *netdb_taker(unsigned type)
{
    return type == ns_t_a ? netdb_take4 : type == ns_t_aaaa ? netdb_take6 : netdb_take_name;
}

/* Of one question: 0 (out has grown), or the EAI_* that it means alone. */
static int netdb_read(const struct netdb_question *question, const struct resolv_exchange *exchange,
                      struct netdb_answer *out)
{
    char official[RESOLV_NAME];
    unsigned code;
    int n;

    if (exchange->len == 0)
        return EAI_AGAIN;
    code = resolv_code(exchange->answer);
    if (code == ns_r_nxdomain)
        return EAI_NONAME;
    if (code != ns_r_noerror)
        return code == ns_r_servfail ? EAI_AGAIN : EAI_FAIL;
    n = resolv_records(exchange->answer, exchange->len, netdb_taker(question->type), out, official);
    if (n > 0 && official[0] != '\0' && question->type != ns_t_ptr)
        strcpy(out->name, official);
    if (n < 0 && out->n == 0)
        return EAI_FAIL;
    return n == 0 ? EAI_NODATA : 0;
}

/* ---- questions ---- */

static int netdb_prepare(struct netdb_dns *dns, const char *name, unsigned type)
{
    struct netdb_question *question = &dns->questions[dns->n];
    int len = resolv_question(question->question, sizeof(question->question),
                              (uint16_t)arc4random(), name, type);

    if (len < 0)
        return EAI_NONAME;
    question->type = type;
    dns->exchanges[dns->n++] = (struct resolv_exchange){ .question = question->question,
                                                         .question_len = (size_t)len,
                                                         .answer = question->answer,
                                                         .size = sizeof(question->answer) };
    return 0;
}

/* The worst of the answers is not the one that counts: whoever has addresses is right. */
static int netdb_ask_all(struct netdb_dns *dns, struct netdb_answer *out)
{
    int error = resolv_ask(&dns->conf, dns->exchanges, dns->n), all = 0, found = 0;

    if (error < 0)
        return error == -ENOMEM ? EAI_MEMORY : EAI_AGAIN;
    for (int i = 0; i < dns->n; i++) {
        int said = netdb_read(&dns->questions[i], &dns->exchanges[i], out);

        found += said == 0;
        if (said == EAI_AGAIN || all == 0 || (said == EAI_NONAME && all == EAI_NODATA))
            all = said;
    }
    return found > 0 ? 0 : all;
}

/* A name with all of its domains. */
static int netdb_ask(struct netdb_dns *dns, const char *name, int family, struct netdb_answer *out)
{
    int error = 0;

    dns->n = 0;
    if (family != AF_INET6)
        error = netdb_prepare(dns, name, ns_t_a);
    if (error == 0 && family != AF_INET)
        error = netdb_prepare(dns, name, ns_t_aaaa);
    snprintf(out->name, sizeof(out->name), "%s", name);
    return error == 0 ? netdb_ask_all(dns, out) : error;
}

static unsigned netdb_dots(const char *name)
{
    unsigned dots = 0;

    for (; *name != '\0'; name++)
        dots += *name == '.';
    return dots;
}

/* With the domains of the search list, and as it is: first, or last, by its dots. */
static int netdb_search(struct netdb_dns *dns, const char *name, int family,
                        struct netdb_answer *out)
{
    bool first = netdb_dots(name) >= dns->conf.dots;
    int error = first ? netdb_ask(dns, name, family, out) : EAI_NONAME;

    for (int i = 0; i < MAXDNSRCH && dns->conf.search[i][0] != '\0'; i++) {
        char full[2 * RESOLV_NAME];

        if (error != EAI_NONAME && error != EAI_NODATA)
            return error;
        snprintf(full, sizeof(full), "%s.%s", name, dns->conf.search[i]);
        error = strlen(full) < RESOLV_NAME ? netdb_ask(dns, full, family, out) : EAI_NONAME;
    }
    if (!first && (error == EAI_NONAME || error == EAI_NODATA))
        error = netdb_ask(dns, name, family, out);
    return error;
}

int netdb_dns(const char *name, bool complete, int family, struct netdb_answer *out)
{
    struct netdb_dns *dns = malloc(sizeof(*dns));
    int error;

    if (dns == NULL)
        return EAI_MEMORY;
    resolv_conf_read(&dns->conf);
    error = complete ? netdb_ask(dns, name, family, out) : netdb_search(dns, name, family, out);
    free(dns);
    return error;
}

/* RFC 1035, 3.5; RFC 3596, 2.5. */
static void netdb_reverse(const struct netdb_address *address, char *name, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)&address->in6;
    size_t at = 0;

    if (address->family == AF_INET) {
        snprintf(name, size, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1], bytes[0]);
        return;
    }
    for (int i = 15; i >= 0; i--)
        at += (size_t)snprintf(name + at, size - at, "%x.%x.", bytes[i] & 15u, bytes[i] >> 4);
    snprintf(name + at, size - at, "ip6.arpa");
}

int netdb_dns_address(const struct netdb_address *address, struct netdb_answer *out)
{
    struct netdb_dns *dns = malloc(sizeof(*dns));
    char name[RESOLV_NAME];
    int error;

    if (dns == NULL)
        return EAI_MEMORY;
    netdb_reverse(address, name, sizeof(name));
    resolv_conf_read(&dns->conf);
    dns->n = 0;
    out->name[0] = '\0';
    error = netdb_prepare(dns, name, ns_t_ptr);
    if (error == 0)
        error = netdb_ask_all(dns, out);
    if (error == 0 && (out->name[0] == '\0' || !resolv_is_plain(out->name)))
        error = EAI_NONAME;
    free(dns);
    return error;
}

/* ---- interfaces ---- */

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

    net_use(NET_ANY);
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
