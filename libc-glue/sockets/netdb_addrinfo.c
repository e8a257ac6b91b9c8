/* netdb_addrinfo: getaddrinfo(). */
#include <netdb.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "netdb_names.h"

/* The kinds of sockets that fit the hints. */
static const struct netdb_kind {
    int type, protocol;
    const char *name; /* of its services; NULL: it has ports without names */
} netdb_kinds[] = {
    { SOCK_STREAM, IPPROTO_TCP, "tcp" },
    { SOCK_DGRAM, IPPROTO_UDP, "udp" },
    { SOCK_RAW, 0, NULL },
};
#define NETDB_KINDS (sizeof(netdb_kinds) / sizeof(netdb_kinds[0]))

/* One row: the address lies behind it. */
struct netdb_row {
    struct addrinfo info;
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address;
};

static bool netdb_kind_fits(const struct netdb_kind *kind, const struct addrinfo *hints)
{
    if (hints->ai_socktype != 0 && hints->ai_socktype != kind->type)
        return false;
    if (hints->ai_protocol == 0 || hints->ai_protocol == kind->protocol)
        return true;
    /* Raw sockets speak any protocol, but unless they were asked for, not one that has a better kind. */
    return kind->protocol == 0 && (hints->ai_socktype != 0 || (hints->ai_protocol != IPPROTO_TCP &&
                                                               hints->ai_protocol != IPPROTO_UDP));
}

/* The port of a service for one kind, -1 when it has none. */
static int netdb_port(const char *service, const struct netdb_kind *kind, int flags)
{
    struct servent found, *result = NULL;
    char buffer[4 * sizeof(char *)], *end;
    unsigned long number;

    if (service == NULL)
        return 0;
    if (isdigit((unsigned char)*service)) {
        number = strtoul(service, &end, 10);
        if (*end == '\0')
            return number <= 65535 ? (int)number : -1;
    }
    if ((flags & AI_NUMERICSERV) || kind->name == NULL)
        return -1;
    getservbyname_r(service, kind->name, &found, buffer, sizeof(buffer), &result);
    return result != NULL ? ntohs((uint16_t)result->s_port) : -1;
}

static struct addrinfo *netdb_row_new(const struct netdb_address *address, int port,
                                      const struct netdb_kind *kind, const struct addrinfo *hints)
{
    struct netdb_row *row = calloc(1, sizeof(*row));

    if (row == NULL)
        return NULL;
    row->info.ai_flags = hints->ai_flags;
    row->info.ai_family = address->family;
    row->info.ai_socktype = kind->type;
    row->info.ai_protocol = kind->protocol != 0 ? kind->protocol : hints->ai_protocol;
    row->info.ai_addr = (struct sockaddr *)&row->address;
    if (address->family == AF_INET) {
        row->address.in.sin_family = AF_INET;
        row->address.in.sin_port = htons((uint16_t)port);
        row->address.in.sin_addr = address->in;
        row->info.ai_addrlen = sizeof(row->address.in);
    } else {
        row->address.in6.sin6_family = AF_INET6;
        row->address.in6.sin6_port = htons((uint16_t)port);
        row->address.in6.sin6_addr = address->in6;
        row->address.in6.sin6_scope_id = address->scope;
        row->info.ai_addrlen = sizeof(row->address.in6);
    }
    return &row->info;
}

/* Without a name: to listen on any address, or to connect to this guest. */
static void netdb_no_name(const struct addrinfo *hints, struct netdb_answer *out)
{
    bool any = (hints->ai_flags & AI_PASSIVE) != 0;
    struct netdb_address four = { .family = AF_INET }, six = { .family = AF_INET6 };

    memset(out, 0, sizeof(*out));
    if (!any) {
        four.in.s_addr = htonl(INADDR_LOOPBACK);
        six.in6 = in6addr_loopback;
    }
    if (any && hints->ai_family != AF_INET6)
        netdb_add(out, &four);
    if (hints->ai_family != AF_INET)
        netdb_add(out, &six);
    if (!any && hints->ai_family != AF_INET6)
        netdb_add(out, &four);
}

static void netdb_map(struct netdb_address *address)
{
    struct in6_addr mapped = IN6ADDR_ANY_INIT;

    mapped.s6_addr32[2] = htonl(0xffff);
    mapped.s6_addr32[3] = address->in.s_addr;
    address->family = AF_INET6;
    address->in6 = mapped;
}

static bool netdb_is_loopback(const struct netdb_address *address)
{
    return address->family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&address->in6)
                                       : ntohl(address->in.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool netdb_all_loopback(const struct netdb_answer *answer)
{
    for (int i = 0; i < answer->n; i++) {
        if (!netdb_is_loopback(&answer->addresses[i]))
            return false;
    }
    return true;
}

/* What this guest cannot reach goes last, or, with AI_ADDRCONFIG, not at all. */
static void netdb_sort(struct netdb_answer *answer, int flags)
{
    struct netdb_answer sorted = { .n = 0 };
    bool has6, has4;

    if (netdb_all_loopback(answer)) /* no reason to wait for the network */
        return;
    has6 = netdb_has_family(AF_INET6);
    has4 = netdb_has_family(AF_INET);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < answer->n; i++) {
            const struct netdb_address *at = &answer->addresses[i];
            bool has = (at->family == AF_INET6 ? has6 : has4) || netdb_is_loopback(at);

            if (has ? pass == 0 : pass == 1 && !((flags & AI_ADDRCONFIG) && (has4 || has6)))
                netdb_add(&sorted, at);
        }
    }
    memcpy(answer->addresses, sorted.addresses, sizeof(sorted.addresses));
    answer->n = sorted.n;
}

static int netdb_lookup(const char *node, const struct addrinfo *hints, struct netdb_answer *out)
{
    struct netdb_address number;
    int family = hints->ai_family, error;
    bool map = family == AF_INET6 && (hints->ai_flags & AI_V4MAPPED);

    if (node == NULL) {
        netdb_no_name(hints, out);
        return 0;
    }
    if (netdb_parse_number(node, AF_UNSPEC, &number) || (hints->ai_flags & AI_NUMERICHOST)) {
        memset(out, 0, sizeof(*out));
        if (!netdb_parse_number(node, AF_UNSPEC, &number))
            return EAI_NONAME;
        if (number.family == AF_INET && map)
            netdb_map(&number);
        if (family != AF_UNSPEC && number.family != family)
            return EAI_ADDRFAMILY;
        netdb_add(out, &number);
        strncpy(out->name, node, sizeof(out->name) - 1);
        return 0;
    }
    error = netdb_find(node, map && (hints->ai_flags & AI_ALL) ? AF_UNSPEC : family, out);
    if ((error == EAI_NONAME || error == EAI_NODATA) && map)
        error = netdb_find(node, AF_INET, out);
    if (error == 0)
        netdb_sort(out, hints->ai_flags);
    for (int i = 0; i < out->n; i++)
        if (map && out->addresses[i].family == AF_INET)
            netdb_map(&out->addresses[i]);
    return error == 0 && out->n == 0 ? EAI_NONAME : error;
}

static int netdb_check_hints(const struct addrinfo *hints)
{
    const int known = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL |
                      AI_ADDRCONFIG | AI_NUMERICSERV;

    if (hints->ai_flags & ~known)
        return EAI_BADFLAGS;
    if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET &&
        hints->ai_family != AF_INET6)
        return EAI_FAMILY;
    for (size_t i = 0; i < NETDB_KINDS; i++)
        if (netdb_kind_fits(&netdb_kinds[i], hints))
            return 0;
    return EAI_SOCKTYPE;
}

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict list)
{
    static const struct addrinfo none = { .ai_flags = AI_V4MAPPED | AI_ADDRCONFIG };
    struct addrinfo *first = NULL, **end = &first;
    struct netdb_answer answer;
    int ports[NETDB_KINDS], error;
    bool served = false;

    if (hints == NULL)
        hints = &none;
    if (node == NULL && service == NULL)
        return EAI_NONAME;
    if (node == NULL && (hints->ai_flags & AI_CANONNAME))
        return EAI_BADFLAGS;
    error = netdb_check_hints(hints);
    if (error != 0)
        return error;
    for (size_t i = 0; i < NETDB_KINDS; i++) {
        ports[i] = netdb_kind_fits(&netdb_kinds[i], hints)
                       ? netdb_port(service, &netdb_kinds[i], hints->ai_flags)
                       : -1;
        served = served || ports[i] >= 0;
    }
    if (!served)
        return hints->ai_flags & AI_NUMERICSERV ? EAI_NONAME : EAI_SERVICE;
    error = netdb_lookup(node, hints, &answer);
    for (int i = 0; error == 0 && i < answer.n; i++) {
        for (size_t k = 0; k < NETDB_KINDS && error == 0; k++) {
            if (ports[k] < 0)
                continue;
            *end = netdb_row_new(&answer.addresses[i], ports[k], &netdb_kinds[k], hints);
            if (*end == NULL)
                error = EAI_MEMORY;
            else
                end = &(*end)->ai_next;
        }
    }
    if (error == 0 && (hints->ai_flags & AI_CANONNAME)) {
        first->ai_canonname = strdup(answer.name[0] != '\0' ? answer.name : node);
        error = first->ai_canonname == NULL ? EAI_MEMORY : 0;
    }
    if (error != 0)
        freeaddrinfo(first);
    else
        *list = first;
    return error;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;

        free(list->ai_canonname);
        free(list);
        list = next;
    }
}
