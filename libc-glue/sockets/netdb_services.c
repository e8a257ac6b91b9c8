/* netdb_services: names of services (IANA's registry): the ones in common use. */
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NETDB_TCP = 1, NETDB_UDP = 2, NETDB_BOTH = 3 };

struct netdb_service {
    const char *name, *alias;
    uint16_t port;
    uint8_t protocols;
};

static const struct netdb_service netdb_services[] = {
    { "echo", NULL, 7, NETDB_BOTH },
    { "discard", "sink", 9, NETDB_BOTH },
    { "daytime", NULL, 13, NETDB_BOTH },
    { "chargen", NULL, 19, NETDB_BOTH },
    { "ftp-data", NULL, 20, NETDB_TCP },
    { "ftp", NULL, 21, NETDB_TCP },
    { "ssh", NULL, 22, NETDB_TCP },
    { "telnet", NULL, 23, NETDB_TCP },
    { "smtp", "mail", 25, NETDB_TCP },
    { "time", "timserver", 37, NETDB_BOTH },
    { "domain", NULL, 53, NETDB_BOTH },
    { "bootps", NULL, 67, NETDB_UDP },
    { "bootpc", NULL, 68, NETDB_UDP },
    { "tftp", NULL, 69, NETDB_UDP },
    { "gopher", NULL, 70, NETDB_TCP },
    { "finger", NULL, 79, NETDB_TCP },
    { "http", "www", 80, NETDB_TCP },
    { "kerberos", "krb5", 88, NETDB_BOTH },
    { "pop3", NULL, 110, NETDB_TCP },
    { "sunrpc", "portmapper", 111, NETDB_BOTH },
    { "auth", "ident", 113, NETDB_TCP },
    { "nntp", NULL, 119, NETDB_TCP },
    { "ntp", NULL, 123, NETDB_UDP },
    { "imap2", "imap", 143, NETDB_TCP },
    { "snmp", NULL, 161, NETDB_BOTH },
    { "snmp-trap", "snmptrap", 162, NETDB_BOTH },
    { "bgp", NULL, 179, NETDB_TCP },
    { "irc", NULL, 194, NETDB_BOTH },
    { "ldap", NULL, 389, NETDB_BOTH },
    { "https", NULL, 443, NETDB_BOTH },
    { "submissions", "smtps", 465, NETDB_TCP },
    { "syslog", NULL, 514, NETDB_UDP },
    { "shell", "cmd", 514, NETDB_TCP },
    { "printer", "spooler", 515, NETDB_TCP },
    { "submission", NULL, 587, NETDB_TCP },
    { "ipp", NULL, 631, NETDB_TCP },
    { "ldaps", NULL, 636, NETDB_BOTH },
    { "rsync", NULL, 873, NETDB_TCP },
    { "ftps", NULL, 990, NETDB_TCP },
    { "imaps", NULL, 993, NETDB_TCP },
    { "pop3s", "pop-3s", 995, NETDB_TCP },
    { "socks", NULL, 1080, NETDB_TCP },
    { "mqtt", NULL, 1883, NETDB_TCP },
    { "nfs", NULL, 2049, NETDB_BOTH },
    { "iscsi-target", NULL, 3260, NETDB_TCP },
    { "mysql", NULL, 3306, NETDB_TCP },
    { "sip", NULL, 5060, NETDB_BOTH },
    { "sip-tls", NULL, 5061, NETDB_BOTH },
    { "postgresql", "postgres", 5432, NETDB_TCP },
    { "mdns", NULL, 5353, NETDB_UDP },
    { "coap", NULL, 5683, NETDB_UDP },
    { "amqp", NULL, 5672, NETDB_TCP },
    { "redis", NULL, 6379, NETDB_TCP },
    { "http-alt", "webcache", 8080, NETDB_BOTH },
    { "secure-mqtt", NULL, 8883, NETDB_TCP },
};
#define NETDB_SERVICES (sizeof(netdb_services) / sizeof(netdb_services[0]))

static const char *netdb_protocol(unsigned protocols)
{
    return protocols & NETDB_TCP ? "tcp" : "udp";
}

static unsigned netdb_protocol_bits(const char *protocol)
{
    if (protocol == NULL)
        return NETDB_BOTH;
    return strcmp(protocol, "tcp") == 0 ? NETDB_TCP : strcmp(protocol, "udp") == 0 ? NETDB_UDP : 0;
}

/* Into out, with the pointers in buffer. 0 or ERANGE. */
static int netdb_fill_service(const struct netdb_service *from, unsigned protocols,
                              struct servent *out, char *buffer, size_t size)
{
    char **aliases = (char **)(((uintptr_t)buffer + sizeof(char *) - 1) & -sizeof(char *));

    if ((size_t)((char *)(aliases + 2) - buffer) > size)
        return ERANGE;
    aliases[0] = (char *)(uintptr_t)from->alias;
    aliases[1] = NULL;
    out->s_name = (char *)(uintptr_t)from->name;
    out->s_aliases = aliases;
    out->s_port = htons(from->port);
    out->s_proto = (char *)(uintptr_t)netdb_protocol(from->protocols & protocols);
    return 0;
}

int getservbyname_r(const char *restrict name, const char *restrict protocol,
                    struct servent *restrict service, char *restrict buffer, size_t size,
                    struct servent **restrict result)
{
    unsigned bits = netdb_protocol_bits(protocol);
    int error = 0;

    *result = NULL;
    for (size_t i = 0; i < NETDB_SERVICES && *result == NULL && error == 0; i++) {
        const struct netdb_service *at = &netdb_services[i];

        if (!(at->protocols & bits) ||
            (strcmp(at->name, name) != 0 && (at->alias == NULL || strcmp(at->alias, name) != 0)))
            continue;
        error = netdb_fill_service(at, bits, service, buffer, size);
        *result = error == 0 ? service : NULL;
    }
    return error;
}

int getservbyport_r(int port, const char *restrict protocol, struct servent *restrict service,
                    char *restrict buffer, size_t size, struct servent **restrict result)
{
    unsigned bits = netdb_protocol_bits(protocol);
    int error = 0;

    *result = NULL;
    for (size_t i = 0; i < NETDB_SERVICES && *result == NULL && error == 0; i++) {
        if (!(netdb_services[i].protocols & bits) ||
            netdb_services[i].port != ntohs((uint16_t)port))
            continue;
        error = netdb_fill_service(&netdb_services[i], bits, service, buffer, size);
        *result = error == 0 ? service : NULL;
    }
    return error;
}

/* ---- with a buffer of our own ---- */

static struct servent netdb_service_own;
static char netdb_service_buffer[4 * sizeof(char *)];
static size_t netdb_service_next; /* getservent(): twice the index, and which protocol */

struct servent *getservbyname(const char *name, const char *protocol)
{
    struct servent *found;

    getservbyname_r(name, protocol, &netdb_service_own, netdb_service_buffer,
                    sizeof(netdb_service_buffer), &found);
    return found;
}

struct servent *getservbyport(int port, const char *protocol)
{
    struct servent *found;

    getservbyport_r(port, protocol, &netdb_service_own, netdb_service_buffer,
                    sizeof(netdb_service_buffer), &found);
    return found;
}

struct servent *getservent(void)
{
    while (netdb_service_next < 2 * NETDB_SERVICES) {
        const struct netdb_service *at = &netdb_services[netdb_service_next / 2];
        unsigned bits = netdb_service_next++ % 2 == 0 ? NETDB_TCP : NETDB_UDP;

        if (at->protocols & bits) {
            netdb_fill_service(at, bits, &netdb_service_own, netdb_service_buffer,
                               sizeof(netdb_service_buffer));
            return &netdb_service_own;
        }
    }
    return NULL;
}

void setservent(int stay_open)
{
    (void)stay_open;
    netdb_service_next = 0;
}

void endservent(void)
{
    netdb_service_next = 0;
}
