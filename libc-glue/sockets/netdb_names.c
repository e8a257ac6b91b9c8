#include "netdb_names.h"

#include <arpa/inet.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool netdb_add(struct netdb_answer *answer, const struct netdb_address *address)
{
    if (answer->n == NETDB_MOST)
        return false;
    answer->addresses[answer->n++] = *address;
    return true;
}

static bool netdb_parse_scope(const char *text, uint32_t *scope)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || number > UINT32_MAX)
        number = if_nametoindex(text);
    *scope = (uint32_t)number;
    return number != 0;
}

bool netdb_parse_number(const char *text, int family, struct netdb_address *out)
{
    char number[INET6_ADDRSTRLEN + 1];
    const char *percent = strchr(text, '%');
    size_t len = percent != NULL ? (size_t)(percent - text) : strlen(text);

    memset(out, 0, sizeof(*out));
    if (family != AF_INET6 && inet_aton(text, &out->in)) {
        out->family = AF_INET;
        return true;
    }
    if (family == AF_INET || len >= sizeof(number))
        return false;
    memcpy(number, text, len);
    number[len] = '\0';
    if (inet_pton(AF_INET6, number, &out->in6) != 1)
        return false;
    out->family = AF_INET6;
    return percent == NULL || netdb_parse_scope(percent + 1, &out->scope);
}

static void netdb_add_loopback(int family, struct netdb_answer *out)
{
    struct netdb_address address = { .family = AF_INET6, .in6 = IN6ADDR_LOOPBACK_INIT };

    if (family != AF_INET)
        netdb_add(out, &address);
    address = (struct netdb_address){ .family = AF_INET, .in.s_addr = htonl(INADDR_LOOPBACK) };
    if (family != AF_INET6)
        netdb_add(out, &address);
}

/* Names that need nobody to ask: localhost (RFC 6761), and this guest's own. */
static bool netdb_find_own(const char *name, int family, struct netdb_answer *out)
{
    char own[HOST_NAME_MAX + 1];
    struct netdb_address address;
    size_t len = strlen(name);
    bool local = strcasecmp(name, "localhost") == 0 ||
                 (len > 10 && strcasecmp(name + len - 10, ".localhost") == 0);

    if (local) {
        netdb_add_loopback(family, out);
    } else {
        if (gethostname(own, sizeof(own)) != 0 || strcasecmp(name, own) != 0)
            return false;
        if (family != AF_INET6 && netdb_own_address(AF_INET, &address))
            netdb_add(out, &address);
        if (family != AF_INET && netdb_own_address(AF_INET6, &address))
            netdb_add(out, &address);
        if (out->n == 0)
            netdb_add_loopback(family, out);
    }
    snprintf(out->name, sizeof(out->name), "%s", name);
    return true;
}

int netdb_find(const char *name, int family, struct netdb_answer *out)
{
    struct netdb_address number;
    size_t len = strlen(name);
    char plain[NETDB_NAME];
    bool complete;

    memset(out, 0, sizeof(*out));
    if (len == 0 || len >= sizeof(plain))
        return EAI_NONAME;
    if (netdb_parse_number(name, AF_UNSPEC, &number)) {
        if (family != AF_UNSPEC && number.family != family)
            return EAI_ADDRFAMILY;
        netdb_add(out, &number);
        memcpy(out->name, name, len + 1);
        return 0;
    }
    memcpy(plain, name, len + 1);
    complete = plain[len - 1] == '.'; /* the root's dot */
    if (complete)
        plain[len - 1] = '\0';
    if (netdb_hosts_name(plain, family, out) || netdb_find_own(plain, family, out))
        return 0;
    return netdb_dns(plain, complete, family, out);
}

int netdb_find_address(const struct netdb_address *address, struct netdb_answer *out)
{
    struct netdb_address own;
    int error;
    bool local = address->family == AF_INET ? ntohl(address->in.s_addr) >> 24 == IN_LOOPBACKNET
                                            : IN6_IS_ADDR_LOOPBACK(&address->in6);

    memset(out, 0, sizeof(*out));
    if (netdb_hosts_address(address, out))
        return 0;
    if (local)
        strcpy(out->name, "localhost");
    else if (netdb_own_address(address->family, &own) &&
             memcmp(&own.in6, &address->in6, address->family == AF_INET ? 4 : 16) == 0 &&
             gethostname(out->name, sizeof(out->name)) == 0)
        ;
    else if ((error = netdb_dns_address(address, out)) != 0)
        return error;
    netdb_add(out, address);
    return 0;
}
