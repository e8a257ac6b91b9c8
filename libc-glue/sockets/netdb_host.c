/* netdb_host: gethostbyname() and its family. */
#include <netdb.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "netdb_names.h"

static int netdb_h_error(int error)
{
    switch (error) {
    case 0:
        return NETDB_SUCCESS;
    case EAI_AGAIN:
        return TRY_AGAIN;
    case EAI_ADDRFAMILY:
    case EAI_NODATA:
        return NO_DATA;
    case EAI_NONAME:
        return HOST_NOT_FOUND;
    default:
        return NO_RECOVERY;
    }
}

/* A part of the caller's buffer, aligned as pointers are. NULL: it is too small. */
static void *netdb_cut(char **buffer, size_t *size, size_t want)
{
    size_t skip = -(uintptr_t)*buffer % sizeof(char *);
    void *part;

    if (*size < skip || *size - skip < want)
        return NULL;
    part = *buffer + skip;
    *buffer += skip + want;
    *size -= skip + want;
    return part;
}

static int netdb_pack(const struct netdb_answer *answer, int family, struct hostent *host,
                      char *buffer, size_t size)
{
    size_t len = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
    char **list = netdb_cut(&buffer, &size, (NETDB_MOST + 1) * sizeof(char *));
    char **aliases = netdb_cut(&buffer, &size, 2 * sizeof(char *));
    char *bytes = netdb_cut(&buffer, &size, (size_t)answer->n * len);
    char *name = netdb_cut(&buffer, &size, strlen(answer->name) + 1);
    char *alias = netdb_cut(&buffer, &size, strlen(answer->alias) + 1);
    int n = 0;

    if (list == NULL || aliases == NULL || bytes == NULL || name == NULL || alias == NULL)
        return ERANGE;
    for (int i = 0; i < answer->n; i++) {
        if (answer->addresses[i].family != family)
            continue;
        list[n] = bytes + (size_t)n * len;
        memcpy(list[n++], &answer->addresses[i].in6, len);
    }
    list[n] = NULL;
    strcpy(name, answer->name);
    strcpy(alias, answer->alias);
    aliases[0] = answer->alias[0] != '\0' ? alias : NULL;
    aliases[1] = NULL;
    *host = (struct hostent){ .h_name = name,
                              .h_aliases = aliases,
                              .h_addrtype = family,
                              .h_length = (int)len,
                              .h_addr_list = list };
    return 0;
}

int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict host,
                     char *restrict buffer, size_t size, struct hostent **restrict result,
                     int *restrict error)
{
    struct netdb_answer answer;
    int failed;

    *result = NULL;
    if (family != AF_INET && family != AF_INET6) {
        *error = NETDB_INTERNAL;
        return EAFNOSUPPORT;
    }
    *error = netdb_h_error(netdb_find(name, family, &answer));
    if (*error != NETDB_SUCCESS)
        return *error == TRY_AGAIN ? EAGAIN : 0;
    failed = netdb_pack(&answer, family, host, buffer, size);
    if (failed != 0)
        *error = NETDB_INTERNAL;
    else
        *result = host;
    return failed;
}

int gethostbyname_r(const char *restrict name, struct hostent *restrict host, char *restrict buffer,
                    size_t size, struct hostent **restrict result, int *restrict error)
{
    return gethostbyname2_r(name, AF_INET, host, buffer, size, result, error);
}

int gethostbyaddr_r(const void *restrict address, socklen_t len, int family,
                    struct hostent *restrict host, char *restrict buffer, size_t size,
                    struct hostent **restrict result, int *restrict error)
{
    struct netdb_address ip = { .family = family };
    struct netdb_answer answer;
    int failed;

    *result = NULL;
    if (len != (family == AF_INET ? sizeof(ip.in) : sizeof(ip.in6)) ||
        (family != AF_INET && family != AF_INET6)) {
        *error = NETDB_INTERNAL;
        return EINVAL;
    }
    memcpy(&ip.in6, address, len);
    *error = netdb_h_error(netdb_find_address(&ip, &answer));
    if (*error != NETDB_SUCCESS)
        return 0;
    failed = netdb_pack(&answer, family, host, buffer, size);
    if (failed != 0)
        *error = NETDB_INTERNAL;
    else
        *result = host;
    return failed;
}

/* ---- with a buffer of each thread's own ---- */

static __thread struct hostent netdb_host_own;
static __thread char netdb_host_buffer[1024];

struct hostent *gethostbyname2(const char *name, int family)
{
    struct hostent *found;

    gethostbyname2_r(name, family, &netdb_host_own, netdb_host_buffer, sizeof(netdb_host_buffer),
                     &found, &h_errno);
    return found;
}

struct hostent *gethostbyname(const char *name)
{
    return gethostbyname2(name, AF_INET);
}

struct hostent *gethostbyaddr(const void *address, socklen_t len, int family)
{
    struct hostent *found;

    gethostbyaddr_r(address, len, family, &netdb_host_own, netdb_host_buffer,
                    sizeof(netdb_host_buffer), &found, &h_errno);
    return found;
}

/* The list of hosts cannot be walked. */
struct hostent *gethostent(void)
{
    return NULL;
}

void sethostent(int stay_open)
{
    (void)stay_open;
}

void endhostent(void)
{
}
