/*
 * resolv_conf: which name servers are asked, and how: what stands in /etc/resolv.conf; without
 * servers there, those that DHCP, ip= or a router gave.
 */
#ifndef LIBC_GLUE_RESOLV_CONF_H
#define LIBC_GLUE_RESOLV_CONF_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <resolv.h>

#include "resolv_message.h"

struct resolv_conf {
    struct sockaddr_storage servers[MAXNS];
    int n;
    char search[MAXDNSRCH][RESOLV_NAME]; /* domains for names without dots, "" behind the last */
    unsigned dots;                       /* with so many a name is tried as it is first */
    unsigned timeout_s, attempts;
};

/* Waits for the network. */
void resolv_conf_read(struct resolv_conf *out);

static inline socklen_t resolv_server_len(const struct sockaddr_storage *server)
{
    return server->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

#endif
