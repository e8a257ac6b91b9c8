/*
 * xenolith-ra: router advertisements of the testbed's dom0, by which IPv6 guests make their addresses.
 *
 * Usage: xenolith-ra BRIDGE PREFIX
 *
 * Announces PREFIX/64 on the bridge: to all nodes every ANNOUNCE_SECONDS, and at once when somebody
 * solicits (RFC 4861, sections 4.1, 4.2, 4.6.2). dom0 is named as router, but not as one that leads
 * anywhere else: its router lifetime is 0. What guests send is not looked at beyond its type, which
 * the kernel filters, and at most one answer goes out every ANSWER_MS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANNOUNCE_SECONDS 200
#define ANSWER_MS 20
#define VALID_SECONDS 86400u
#define HOP_LIMIT 255 /* anything else is refused: it has come through a router */

struct ra_message {
    struct nd_router_advert head;
    struct nd_opt_prefix_info prefix;
};

static void ra_fail(const char *what)
{
    fprintf(stderr, "xenolith-ra: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int ra_open(const char *bridge)
{
    int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
    unsigned index = if_nametoindex(bridge);
    struct ipv6_mreq routers = { .ipv6mr_interface = index };
    struct icmp6_filter filter;
    int hops = HOP_LIMIT;

    if (fd < 0)
        ra_fail("socket");
    if (index == 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, bridge, strlen(bridge)) < 0)
        ra_fail(bridge);
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
    inet_pton(AF_INET6, "ff02::2", &routers.ipv6mr_multiaddr);
    if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0 ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &routers, sizeof(routers)) < 0 ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)) < 0 ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0)
        ra_fail("socket options");
    return fd;
}

/* A router advertisement must come from a link-local address, which a new bridge has after a second. */
static void ra_announce(int fd, const struct in6_addr *prefix)
{
    struct ra_message message = {
        .head.nd_ra_type = ND_ROUTER_ADVERT,
        .head.nd_ra_curhoplimit = 64,
        .prefix.nd_opt_pi_type = ND_OPT_PREFIX_INFORMATION,
        .prefix.nd_opt_pi_len = sizeof(message.prefix) / 8,
        .prefix.nd_opt_pi_prefix_len = 64,
        .prefix.nd_opt_pi_flags_reserved = ND_OPT_PI_FLAG_ONLINK | ND_OPT_PI_FLAG_AUTO,
        .prefix.nd_opt_pi_valid_time = htonl(VALID_SECONDS),
        .prefix.nd_opt_pi_preferred_time = htonl(VALID_SECONDS),
        .prefix.nd_opt_pi_prefix = *prefix,
    };
    struct sockaddr_in6 all = { .sin6_family = AF_INET6 };

    inet_pton(AF_INET6, "ff02::1", &all.sin6_addr);
    sendto(fd, &message, sizeof(message), 0, (struct sockaddr *)&all, sizeof(all));
}

int main(int argc, char **argv)
{
    struct in6_addr prefix;
    uint8_t solicitation[64];

    if (argc != 3 || inet_pton(AF_INET6, argv[2], &prefix) != 1) {
        fprintf(stderr, "usage: xenolith-ra BRIDGE PREFIX\n");
        return 2;
    }
    int fd = ra_open(argv[1]);
    for (;;) {
        struct pollfd waiting = { .fd = fd, .events = POLLIN };

        ra_announce(fd, &prefix);
        usleep(ANSWER_MS * 1000);
        if (poll(&waiting, 1, ANNOUNCE_SECONDS * 1000) > 0 &&
            recv(fd, solicitation, sizeof(solicitation), 0) < 0 && errno != EINTR)
            ra_fail("receiving");
        while (recv(fd, solicitation, sizeof(solicitation), MSG_DONTWAIT) > 0)
            continue; /* one answer is for all */
    }
}
