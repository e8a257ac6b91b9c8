/*
 * netdb_names: from names to addresses and back, for the functions of <netdb.h>.
 *
 * In this order: numbers, /etc/hosts, the guest's own name and localhost, the name servers
 * (netdb_dns.c).
 */
#ifndef LIBC_GLUE_NETDB_NAMES_H
#define LIBC_GLUE_NETDB_NAMES_H

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETDB_NAME 256 /* bytes of a name, with its NUL */
#define NETDB_MOST 16  /* addresses of one name */

struct netdb_address {
    int family;
    union {
        struct in_addr in;
        struct in6_addr in6;
    };
    uint32_t scope;
};

struct netdb_answer {
    struct netdb_address addresses[NETDB_MOST];
    int n;
    char name[NETDB_NAME];  /* the official one */
    char alias[NETDB_NAME]; /* "" when the official one was asked for */
};

/* A number as text, IPv4 or IPv6 (with %scope). */
bool netdb_parse_number(const char *text, int family, struct netdb_address *out);

/* 0 or EAI_*. family: AF_UNSPEC for both. Waits. */
int netdb_find(const char *name, int family, struct netdb_answer *out);
/* The name of an address: 0 or EAI_NONAME. */
int netdb_find_address(const struct netdb_address *address, struct netdb_answer *out);

/*
 * netdb_dns.c: the same by the name servers. EAI_NONAME: no such name; EAI_NODATA: it has no such
 * address; EAI_AGAIN: no answer; EAI_FAIL: a bad one. complete: not to be looked for in the search
 * list's domains.
 */
int netdb_dns(const char *name, bool complete, int family, struct netdb_answer *out);
int netdb_dns_address(const struct netdb_address *address, struct netdb_answer *out);
/* Whether this guest has an address (not only loopback and link-local ones) of that family. */
bool netdb_has_family(int family);
/* The address of the first real interface. */
bool netdb_own_address(int family, struct netdb_address *out);

/* netdb_hosts.c: /etc/hosts: line by line. The answer gets what fits name, or address. */
bool netdb_hosts_name(const char *name, int family, struct netdb_answer *out);
bool netdb_hosts_address(const struct netdb_address *address, struct netdb_answer *out);

bool netdb_add(struct netdb_answer *answer, const struct netdb_address *address);

#endif
