/* netdb_protocols: names of protocols (IANA's registry), and of networks: none have one. */
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>

static const struct netdb_protocol {
    const char *name, *alias;
    int number;
} netdb_protocols[] = {
    { "ip", "IP", IPPROTO_IP },
    { "icmp", "ICMP", IPPROTO_ICMP },
    { "igmp", "IGMP", IPPROTO_IGMP },
    { "ipencap", "IP-ENCAP", IPPROTO_IPIP },
    { "tcp", "TCP", IPPROTO_TCP },
    { "egp", "EGP", IPPROTO_EGP },
    { "udp", "UDP", IPPROTO_UDP },
    { "ipv6", "IPv6", IPPROTO_IPV6 },
    { "ipv6-route", "IPv6-Route", IPPROTO_ROUTING },
    { "ipv6-frag", "IPv6-Frag", IPPROTO_FRAGMENT },
    { "rsvp", "RSVP", IPPROTO_RSVP },
    { "gre", "GRE", IPPROTO_GRE },
    { "esp", "IPSEC-ESP", IPPROTO_ESP },
    { "ah", "IPSEC-AH", IPPROTO_AH },
    { "ipv6-icmp", "IPv6-ICMP", IPPROTO_ICMPV6 },
    { "ipv6-nonxt", "IPv6-NoNxt", IPPROTO_NONE },
    { "ipv6-opts", "IPv6-Opts", IPPROTO_DSTOPTS },
    { "pim", "PIM", IPPROTO_PIM },
    { "sctp", "SCTP", IPPROTO_SCTP },
    { "udplite", "UDPLite", IPPROTO_UDPLITE },
};
#define NETDB_PROTOCOLS (sizeof(netdb_protocols) / sizeof(netdb_protocols[0]))

static int netdb_fill_protocol(const struct netdb_protocol *from, struct protoent *out,
                               char *buffer, size_t size)
{
    char **aliases = (char **)(((uintptr_t)buffer + sizeof(char *) - 1) & -sizeof(char *));

    if ((size_t)((char *)(aliases + 2) - buffer) > size)
        return ERANGE;
    aliases[0] = (char *)(uintptr_t)from->alias;
    aliases[1] = NULL;
    out->p_name = (char *)(uintptr_t)from->name;
    out->p_aliases = aliases;
    out->p_proto = from->number;
    return 0;
}

int getprotobyname_r(const char *restrict name, struct protoent *restrict protocol,
                     char *restrict buffer, size_t size, struct protoent **restrict result)
{
    int error = 0;

    *result = NULL;
    for (size_t i = 0; i < NETDB_PROTOCOLS && *result == NULL && error == 0; i++) {
        if (strcmp(netdb_protocols[i].name, name) != 0 &&
            strcmp(netdb_protocols[i].alias, name) != 0)
            continue;
        error = netdb_fill_protocol(&netdb_protocols[i], protocol, buffer, size);
        *result = error == 0 ? protocol : NULL;
    }
    return error;
}

int getprotobynumber_r(int number, struct protoent *restrict protocol, char *restrict buffer,
                       size_t size, struct protoent **restrict result)
{
    int error = 0;

    *result = NULL;
    for (size_t i = 0; i < NETDB_PROTOCOLS && *result == NULL && error == 0; i++) {
        if (netdb_protocols[i].number != number)
            continue;
        error = netdb_fill_protocol(&netdb_protocols[i], protocol, buffer, size);
        *result = error == 0 ? protocol : NULL;
    }
    return error;
}

/* ---- with a buffer of our own ---- */

static struct protoent netdb_protocol_own;
static char netdb_protocol_buffer[4 * sizeof(char *)];
static size_t netdb_protocol_next;

struct protoent *getprotobyname(const char *name)
{
    struct protoent *found;

    getprotobyname_r(name, &netdb_protocol_own, netdb_protocol_buffer,
                     sizeof(netdb_protocol_buffer), &found);
    return found;
}

struct protoent *getprotobynumber(int number)
{
    struct protoent *found;

    getprotobynumber_r(number, &netdb_protocol_own, netdb_protocol_buffer,
                       sizeof(netdb_protocol_buffer), &found);
    return found;
}

struct protoent *getprotoent(void)
{
    if (netdb_protocol_next == NETDB_PROTOCOLS)
        return NULL;
    netdb_fill_protocol(&netdb_protocols[netdb_protocol_next++], &netdb_protocol_own,
                        netdb_protocol_buffer, sizeof(netdb_protocol_buffer));
    return &netdb_protocol_own;
}

void setprotoent(int stay_open)
{
    (void)stay_open;
    netdb_protocol_next = 0;
}

void endprotoent(void)
{
    netdb_protocol_next = 0;
}

/* ---- networks ---- */

struct netent *getnetbyname(const char *name)
{
    (void)name;
    h_errno = HOST_NOT_FOUND;
    return NULL;
}

struct netent *getnetbyaddr(uint32_t net, int family)
{
    (void)net;
    (void)family;
    h_errno = HOST_NOT_FOUND;
    return NULL;
}

struct netent *getnetent(void)
{
    return NULL;
}

void setnetent(int stay_open)
{
    (void)stay_open;
}

void endnetent(void)
{
}
