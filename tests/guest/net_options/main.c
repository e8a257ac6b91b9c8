/*
 * Options of sockets and requests about interfaces: what is set is there; what cannot be is refused
 * with the errno that Linux gives.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"

static int get(int fd, int level, int option)
{
    int value = -77;
    socklen_t len = sizeof(value);

    CHECK_EQ(getsockopt(fd, level, option, &value, &len), 0);
    CHECK_EQ(len, sizeof(value));
    return value;
}

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value));
}

/* Set and got back. */
static void check_option(int fd, int level, int option, int value, int wanted)
{
    CHECK_EQ(set(fd, level, option, value), 0);
    CHECK_EQ(get(fd, level, option), wanted);
}

static void test_common(int family, int type)
{
    static const int switches[] = { SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_BROADCAST,
                                    SO_OOBINLINE, SO_TIMESTAMP, SO_DONTROUTE };
    int fd = socket(family, type, 0);
    struct timeval time = { .tv_sec = 3, .tv_usec = 250000 }, got;
    struct linger linger = { .l_onoff = 1, .l_linger = 7 }, lingering;
    socklen_t len;
    char byte;

    CHECK(fd >= 0);
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        CHECK_EQ(get(fd, SOL_SOCKET, switches[i]), 0);
        check_option(fd, SOL_SOCKET, switches[i], 5, 1);
        check_option(fd, SOL_SOCKET, switches[i], 0, 0);
    }
    CHECK_EQ(get(fd, SOL_SOCKET, SO_TYPE), type);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_DOMAIN), family);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_ERROR), 0);
    CHECK_EQ(get(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    CHECK(get(fd, SOL_SOCKET, SO_SNDBUF) >= 65536 && get(fd, SOL_SOCKET, SO_RCVBUF) >= 65536);
    check_option(fd, SOL_SOCKET, SO_SNDBUF, 20000, 40000); /* doubled, as on Linux */
    check_option(fd, SOL_SOCKET, SO_RCVBUF, 1, 2304);
    check_option(fd, SOL_SOCKET, SO_RCVLOWAT, 0, 1);
    check_option(fd, SOL_SOCKET, SO_PRIORITY, 6, 6);

    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)), 0);
    len = sizeof(got);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got, &len), 0);
    CHECK(got.tv_sec == 3 && got.tv_usec == 250000);
    time.tv_usec = 1000000;
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)), EDOM);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    len = sizeof(lingering);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_LINGER, &lingering, &len), 0);
    CHECK(lingering.l_onoff == 1 && lingering.l_linger == 7);
    linger.l_onoff = 0;
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);

    len = 1; /* a value is cut to the room there is */
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_TYPE, &byte, &len), 0);
    CHECK(len == 1 && byte == type);
    CHECK_ERRNO(set(fd, SOL_SOCKET, 7777, 1), ENOPROTOOPT);
    CHECK_ERRNO(set(fd, SOL_SOCKET, SO_TYPE, 1), ENOPROTOOPT);
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &byte, 1), EINVAL);
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, NULL, 4), EFAULT);
    CHECK_ERRNO(setsockopt(1, SOL_SOCKET, SO_KEEPALIVE, &len, 4), ENOTSOCK);
    CHECK_EQ(close(fd), 0);
}

static void test_ip(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0);
    unsigned char byte = 9;

    check_option(fd, IPPROTO_IP, IP_TOS, 0x10, 0x10);
    CHECK_EQ(get(fd, IPPROTO_IP, IP_TTL), 64);
    check_option(fd, IPPROTO_IP, IP_TTL, 12, 12);
    CHECK_ERRNO(set(fd, IPPROTO_IP, IP_TTL, 0), EINVAL);
    CHECK_ERRNO(set(fd, IPPROTO_IP, IP_TTL, 256), EINVAL);
    CHECK_EQ(get(fd, IPPROTO_IP, IP_MULTICAST_TTL), 1);
    CHECK_EQ(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &byte, 1), 0);
    CHECK_EQ(get(fd, IPPROTO_IP, IP_MULTICAST_TTL), 9);
    CHECK_EQ(get(fd, IPPROTO_IP, IP_MULTICAST_LOOP), 1);
    check_option(fd, IPPROTO_IP, IP_PKTINFO, 1, 1);
    CHECK_ERRNO(set(fd, IPPROTO_IP, IP_HDRINCL, 1), ENOPROTOOPT);
    CHECK_ERRNO(set(fd, IPPROTO_IP, 7777, 1), ENOPROTOOPT);
    CHECK_ERRNO(set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), ENOPROTOOPT);
    CHECK_ERRNO(set(fd, IPPROTO_TCP, TCP_NODELAY, 1), ENOPROTOOPT);
    CHECK_EQ(get(six, IPPROTO_IPV6, IPV6_V6ONLY), 0);
    check_option(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 5, 5);
    check_option(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1, 64);
    check_option(six, IPPROTO_IPV6, IPV6_TCLASS, 32, 32);
    check_option(six, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, 1);
    CHECK_EQ(close(fd) + close(six), 0);
}

static void test_tcp(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), peer;
    struct tcp_info info;
    char name[16];

    check_option(server, IPPROTO_TCP, TCP_NODELAY, 1, 1);
    check_option(server, IPPROTO_TCP, TCP_KEEPIDLE, 60, 60);
    check_option(server, IPPROTO_TCP, TCP_KEEPINTVL, 10, 10);
    check_option(server, IPPROTO_TCP, TCP_KEEPCNT, 5, 5);
    CHECK_ERRNO(set(server, IPPROTO_TCP, TCP_KEEPIDLE, 0), EINVAL);
    CHECK_EQ(set(server, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
    CHECK_ERRNO(set(server, IPPROTO_TCP, 7777, 1), ENOPROTOOPT);
    CHECK_ERRNO(set(server, IPPROTO_TCP, TCP_USER_TIMEOUT, 1), ENOPROTOOPT);
    CHECK_EQ(bind(server, (struct sockaddr *)&at, len), 0);
    CHECK_EQ(listen(server, 5), 0);
    CHECK_EQ(getsockname(server, (struct sockaddr *)&at, &len), 0);
    CHECK_EQ(set(client, IPPROTO_TCP, TCP_MAXSEG, 1000), 0);
    CHECK_EQ(connect(client, (struct sockaddr *)&at, len), 0);
    peer = accept(server, NULL, NULL);
    CHECK_EQ(get(peer, IPPROTO_TCP, TCP_NODELAY), 1); /* from the one that listens */
    CHECK_EQ(get(peer, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    CHECK_EQ(get(peer, SOL_SOCKET, SO_KEEPALIVE), 1);
    CHECK_EQ(get(client, IPPROTO_TCP, TCP_MAXSEG), 1000);
    len = sizeof(info);
    CHECK_EQ(getsockopt(client, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    CHECK_EQ(info.tcpi_state, TCP_ESTABLISHED);
    CHECK_EQ(info.tcpi_snd_mss, 1000);
    CHECK(info.tcpi_snd_cwnd > 0);
    len = sizeof(info);
    CHECK_EQ(getsockopt(server, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    CHECK_EQ(info.tcpi_state, TCP_LISTEN);
    len = sizeof(name);
    CHECK_EQ(getsockopt(client, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
    CHECK_STR(name, "reno");

    /* Held back until it is let go. */
    CHECK_EQ(set(client, IPPROTO_TCP, TCP_CORK, 1), 0);
    CHECK_EQ(write(client, "held", 4), 4);
    struct pollfd there = { .fd = peer, .events = POLLIN };
    CHECK_EQ(poll(&there, 1, 30), 0);
    CHECK_EQ(set(client, IPPROTO_TCP, TCP_CORK, 0), 0);
    CHECK_EQ(poll(&there, 1, 60000), 1);
    CHECK_EQ(read(peer, name, sizeof(name)), 4);
    /* But not for ever. */
    CHECK_EQ(send(client, "more", 4, MSG_MORE), 4);
    CHECK_EQ(poll(&there, 1, 60000), 1);
    CHECK_EQ(close(client) + close(peer) + close(server), 0);
}

/* Several sockets share a port, and its connections. */
static void test_reuse_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int servers[3], clients[6], got[3] = { 0 }, other = socket(AF_INET, SOCK_STREAM, 0);

    for (int i = 0; i < 3; i++) {
        servers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK_EQ(set(servers[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
        CHECK_EQ(bind(servers[i], (struct sockaddr *)&at, sizeof(at)), 0);
        CHECK_EQ(listen(servers[i], 5), 0);
        CHECK_EQ(getsockname(servers[i], (struct sockaddr *)&at, &len), 0);
    }
    CHECK_ERRNO(bind(other, (struct sockaddr *)&at, sizeof(at)), EADDRINUSE);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 6; i++) {
            clients[i] = socket(AF_INET, SOCK_STREAM, 0);
            CHECK_EQ(connect(clients[i], (struct sockaddr *)&at, sizeof(at)), 0);
        }
        usleep(2000);
        for (int i = round; i < 3; i++)
            for (int fd; (fd = accept(servers[i], NULL, NULL)) >= 0; got[i]++)
                CHECK_EQ(close(fd), 0);
        CHECK_EQ(got[0] + got[1] + got[2], 6);
        CHECK(round == 1 || (got[0] == 2 && got[1] == 2 && got[2] == 2));
        for (int i = 0; i < 6; i++)
            CHECK_EQ(close(clients[i]), 0);
        memset(got, 0, sizeof(got));
        if (round == 0)
            CHECK_EQ(close(servers[0]), 0); /* the others go on */
    }
    CHECK_EQ(close(servers[1]) + close(servers[2]) + close(other), 0);
}

/* ---- interfaces ---- */

static void test_interfaces(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), n;
    struct ifreq request = { .ifr_name = "lo" }, list[16];
    struct ifconf all = { .ifc_len = sizeof(list), .ifc_req = list };
    struct if_nameindex *names;
    char name[IF_NAMESIZE];
    bool found = false;

    CHECK_EQ(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    CHECK_EQ(request.ifr_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING),
             IFF_UP | IFF_LOOPBACK | IFF_RUNNING);
    CHECK_EQ(ioctl(fd, SIOCGIFADDR, &request), 0);
    CHECK_EQ(((struct sockaddr_in *)&request.ifr_addr)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    CHECK_EQ(ioctl(fd, SIOCGIFNETMASK, &request), 0);
    CHECK_EQ(((struct sockaddr_in *)&request.ifr_netmask)->sin_addr.s_addr, htonl(0xff000000));
    CHECK_EQ(ioctl(fd, SIOCGIFMTU, &request), 0);
    CHECK(request.ifr_mtu >= 1500);
    CHECK_EQ(ioctl(fd, SIOCGIFHWADDR, &request), 0);
    CHECK_EQ(request.ifr_hwaddr.sa_family, ARPHRD_LOOPBACK);
    CHECK_EQ(ioctl(fd, SIOCGIFINDEX, &request), 0);
    CHECK_EQ(request.ifr_ifindex, if_nametoindex("lo"));
    CHECK_STR(if_indextoname(if_nametoindex("lo"), name), "lo");
    memset(request.ifr_name, 0, IFNAMSIZ);
    CHECK_EQ(ioctl(fd, SIOCGIFNAME, &request), 0);
    CHECK_STR(request.ifr_name, "lo");
    strcpy(request.ifr_name, "none7");
    CHECK_ERRNO(ioctl(fd, SIOCGIFADDR, &request), ENODEV);
    CHECK_EQ(if_nametoindex("none7"), 0);
    CHECK_EQ(errno, ENODEV);
    CHECK(if_indextoname(200, name) == NULL && errno == ENXIO);
    CHECK_EQ(ioctl(fd, SIOCGIFCONF, &all), 0);
    n = all.ifc_len / (int)sizeof(list[0]);
    for (int i = 0; i < n; i++)
        found = found || strcmp(list[i].ifr_name, "lo") == 0;
    CHECK(found);
    CHECK_ERRNO(ioctl(fd, 0x89ff, &request), ENOTTY);

    names = if_nameindex();
    CHECK(names != NULL);
    found = false;
    for (const struct if_nameindex *at = names; at->if_index != 0; at++)
        found = found || strcmp(at->if_name, "lo") == 0;
    CHECK(found);
    if_freenameindex(names);
    check_option(fd, SOL_SOCKET, SO_BROADCAST, 1, 1);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "none7", 6), ENODEV);
    CHECK_EQ(close(fd), 0);
}

static void test_ifaddrs(void)
{
    struct ifaddrs *list;
    int four = 0, six = 0, link = 0;

    CHECK_EQ(getifaddrs(&list), 0);
    for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
        if (strcmp(at->ifa_name, "lo") != 0)
            continue;
        CHECK_EQ(at->ifa_flags & IFF_LOOPBACK, IFF_LOOPBACK);
        if (at->ifa_addr->sa_family == AF_INET) {
            CHECK_EQ(((struct sockaddr_in *)at->ifa_addr)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
            four++;
        } else if (at->ifa_addr->sa_family == AF_INET6) {
            CHECK(IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)at->ifa_addr)->sin6_addr));
            six++;
        } else {
            CHECK_EQ(at->ifa_addr->sa_family, AF_PACKET);
            CHECK_EQ(((struct sockaddr_ll *)at->ifa_addr)->sll_ifindex, if_nametoindex("lo"));
            link++;
        }
    }
    CHECK(four == 1 && six == 1 && link == 1);
    freeifaddrs(list);
}

/* Thousands of sockets at once. */
static void test_many(void)
{
    enum { SOCKETS = 3000 };
    struct rlimit limit = { .rlim_cur = SOCKETS + 100, .rlim_max = SOCKETS + 100 };
    static int fds[SOCKETS];

    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < SOCKETS; i++) {
        fds[i] = socket(i % 2 ? AF_INET : AF_UNIX, i % 3 ? SOCK_STREAM : SOCK_DGRAM, 0);
        CHECK(fds[i] >= 0);
    }
    for (int i = 0; i < SOCKETS; i++)
        CHECK_EQ(close(fds[i]), 0);
}

int main(void)
{
    test_common(AF_INET, SOCK_STREAM);
    test_common(AF_INET6, SOCK_STREAM);
    test_common(AF_INET, SOCK_DGRAM);
    test_common(AF_UNIX, SOCK_STREAM);
    test_common(AF_UNIX, SOCK_DGRAM);
    test_ip();
    test_tcp();
    test_reuse_port();
    test_interfaces();
    test_ifaddrs();
    test_many();
    puts("PASS");
    return 0;
}
