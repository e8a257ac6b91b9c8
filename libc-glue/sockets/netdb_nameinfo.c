/* netdb_nameinfo: getnameinfo(). */
#include <netdb.h>

#include <arpa/inet.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "netdb_names.h"

static int netdb_fit(char *to, size_t size, const char *text)
{
    if (strlen(text) >= size)
        return EAI_OVERFLOW;
    strcpy(to, text);
    return 0;
}

/* As a number; a link-local one with its interface. */
static int netdb_number(const struct netdb_address *address, int flags, char *to, size_t size)
{
    char text[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE], name[IF_NAMESIZE];

    inet_ntop(address->family, &address->in6, text, sizeof(text));
    if (address->family == AF_INET6 && address->scope != 0) {
        if ((flags & NI_NUMERICSCOPE) || !IN6_IS_ADDR_LINKLOCAL(&address->in6) ||
            if_indextoname(address->scope, name) == NULL)
            snprintf(name, sizeof(name), "%u", (unsigned)address->scope);
        strcat(text, "%");
        strcat(text, name);
    }
    return netdb_fit(to, size, text);
}

static int netdb_node(const struct netdb_address *address, int flags, char *to, size_t size)
{
    struct netdb_answer answer;

    if (!(flags & NI_NUMERICHOST) && netdb_find_address(address, &answer) == 0) {
        char *dot = flags & NI_NOFQDN ? strchr(answer.name, '.') : NULL;

        if (dot != NULL)
            *dot = '\0';
        return netdb_fit(to, size, answer.name);
    }
    return flags & NI_NAMEREQD ? EAI_NONAME : netdb_number(address, flags, to, size);
}

static int netdb_service_name(in_port_t port, int flags, char *to, size_t size)
{
    struct servent found, *result = NULL;
    char buffer[4 * sizeof(char *)], text[8];

    if (!(flags & NI_NUMERICSERV))
        getservbyport_r(port, flags & NI_DGRAM ? "udp" : "tcp", &found, buffer, sizeof(buffer),
                        &result);
    if (result != NULL)
        return netdb_fit(to, size, result->s_name);
    snprintf(text, sizeof(text), "%u", ntohs(port));
    return netdb_fit(to, size, text);
}

static int netdb_unix_info(const struct sockaddr *address, socklen_t len, char *node,
                           socklen_t node_size, char *service, socklen_t service_size)
{
    char own[HOST_NAME_MAX + 1] = "localhost",
                             path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    int error = 0;

    gethostname(own, sizeof(own));
    snprintf(path, sizeof(path), "%.*s", (int)(len - sizeof(sa_family_t)),
             ((const struct sockaddr_un *)address)->sun_path);
    if (node != NULL && node_size > 0)
        error = netdb_fit(node, node_size, own);
    if (error == 0 && service != NULL && service_size > 0)
        error = netdb_fit(service, service_size, path);
    return error;
}

int getnameinfo(const struct sockaddr *restrict address, socklen_t len, char *restrict node,
                socklen_t node_size, char *restrict service, socklen_t service_size, int flags)
{
    struct netdb_address ip = { .family = address->sa_family };
    in_port_t port;
    int error = 0;

    if ((node == NULL || node_size == 0) && (service == NULL || service_size == 0))
        return EAI_NONAME;
    if (address->sa_family == AF_UNIX && len >= sizeof(sa_family_t))
        return netdb_unix_info(address, len, node, node_size, service, service_size);
    if (address->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        ip.in = ((const struct sockaddr_in *)address)->sin_addr;
        port = ((const struct sockaddr_in *)address)->sin_port;
    } else if (address->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        ip.in6 = ((const struct sockaddr_in6 *)address)->sin6_addr;
        ip.scope = ((const struct sockaddr_in6 *)address)->sin6_scope_id;
        port = ((const struct sockaddr_in6 *)address)->sin6_port;
    } else {
        return EAI_FAMILY;
    }
    if (node != NULL && node_size > 0)
        error = netdb_node(&ip, flags, node, node_size);
    if (error == 0 && service != NULL && service_size > 0)
        error = netdb_service_name(port, flags, service, service_size);
    return error;
}
