/*
 * Datagrams over the loopback: UDP with and without a peer, IPv4, IPv6, one socket for both; sizes
 * up to the largest; what comes beside the bytes; raw ICMP sockets.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

static struct sockaddr_in at4(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static struct sockaddr_in6 at6(int port)
{
    return (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                  .sin6_port = htons(port),
                                  .sin6_addr = in6addr_loopback };
}

#define ADDRESS(a) (struct sockaddr *)&(a), sizeof(a)

static void wait_for(int fd, short events)
{
    struct pollfd at = { .fd = fd, .events = events };

    CHECK_EQ(poll(&at, 1, 60000), 1);
}

static int bound4(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sizeof(*address);

    CHECK(fd >= 0);
    *address = at4(0);
    CHECK_EQ(bind(fd, ADDRESS(*address)), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)address, &len), 0);
    CHECK(address->sin_port != 0);
    return fd;
}

static void set(int fd, int level, int option, int value)
{
    CHECK_EQ(setsockopt(fd, level, option, &value, sizeof(value)), 0);
}

static void test_datagrams(void)
{
    struct sockaddr_in one_at, other_at, from;
    int one = bound4(&one_at), other = bound4(&other_at), third = socket(AF_INET, SOCK_DGRAM, 0), n;
    socklen_t len = sizeof(from);
    char text[32];

    CHECK_ERRNO(send(one, "x", 1, 0), EDESTADDRREQ);
    CHECK_ERRNO(recv(one, text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(sendto(one, "hello", 5, 0, ADDRESS(other_at)), 5);
    CHECK_EQ(sendto(one, "", 0, 0, ADDRESS(other_at)), 0);
    CHECK_EQ(sendto(one, "longer one", 10, 0, ADDRESS(other_at)), 10);
    wait_for(other, POLLIN);
    CHECK_EQ(ioctl(other, FIONREAD, &n), 0);
    CHECK_EQ(n, 5);
    CHECK_EQ(recvfrom(other, text, sizeof(text), MSG_PEEK, (struct sockaddr *)&from, &len), 5);
    CHECK_EQ(recvfrom(other, text, sizeof(text), 0, (struct sockaddr *)&from, &len), 5);
    CHECK_EQ(len, sizeof(from));
    CHECK_EQ(from.sin_port, one_at.sin_port);
    CHECK_EQ(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    CHECK_EQ(recv(other, text, sizeof(text), 0), 0);
    CHECK_EQ(recv(other, text, 6, MSG_TRUNC), 10);
    CHECK_EQ(memcmp(text, "longer", 6), 0);

    /* With a peer: only from and to it. */
    CHECK_EQ(connect(other, ADDRESS(one_at)), 0);
    CHECK_EQ(sendto(third, "stranger", 8, 0, ADDRESS(other_at)), 8);
    CHECK_EQ(write(other, "answer", 6), 6);
    CHECK_EQ(recv(one, text, sizeof(text), 0), 6);
    CHECK_EQ(sendto(one, "peer", 4, 0, ADDRESS(other_at)), 4);
    CHECK_EQ(recv(other, text, sizeof(text), 0), 4);
    CHECK_ERRNO(recv(other, text, sizeof(text), MSG_DONTWAIT), EAGAIN);
    len = sizeof(from);
    CHECK_EQ(getpeername(other, (struct sockaddr *)&from, &len), 0);
    CHECK_EQ(from.sin_port, one_at.sin_port);
    from.sin_family = AF_UNSPEC;
    CHECK_EQ(connect(other, ADDRESS(from)), 0);
    CHECK_ERRNO(getpeername(other, (struct sockaddr *)&from, &len), ENOTCONN);
    CHECK_EQ(sendto(third, "again", 5, 0, ADDRESS(other_at)), 5);
    CHECK_EQ(recv(other, text, sizeof(text), 0), 5);

    CHECK_ERRNO(bind(third, ADDRESS(one_at)), EINVAL); /* it has a port since it sent */
    int fourth = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_ERRNO(bind(fourth, ADDRESS(one_at)), EADDRINUSE);
    CHECK_ERRNO(listen(fourth, 1), EOPNOTSUPP);
    CHECK_ERRNO(accept(fourth, NULL, NULL), EOPNOTSUPP);
    CHECK_ERRNO(shutdown(fourth, SHUT_RD), ENOTCONN);
    CHECK_EQ(close(one) + close(other) + close(third) + close(fourth), 0);
}

/* Nobody has that port: the next call of who has it for a peer says so, once. */
static void test_refused(void)
{
    struct sockaddr_in there;
    struct sockaddr_in6 there6;
    int gone = bound4(&there), fd = socket(AF_INET, SOCK_DGRAM, 0);
    int fd6 = socket(AF_INET6, SOCK_DGRAM, 0);
    char c;

    CHECK_EQ(close(gone), 0);
    CHECK_EQ(sendto(fd, "x", 1, 0, ADDRESS(there)), 1);
    CHECK_ERRNO(recv(fd, &c, 1, MSG_DONTWAIT), EAGAIN); /* it has no peer */
    CHECK_EQ(connect(fd, ADDRESS(there)), 0);
    CHECK_EQ(send(fd, "x", 1, 0), 1);
    wait_for(fd, POLLIN);
    CHECK_ERRNO(recv(fd, &c, 1, 0), ECONNREFUSED);
    CHECK_ERRNO(recv(fd, &c, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(send(fd, "x", 1, 0), 1);
    wait_for(fd, POLLIN);
    CHECK_ERRNO(send(fd, "x", 1, 0), ECONNREFUSED);
    there6 = at6(ntohs(there.sin_port));
    CHECK_EQ(connect(fd6, ADDRESS(there6)), 0);
    CHECK_EQ(send(fd6, "x", 1, 0), 1);
    wait_for(fd6, POLLIN);
    CHECK_ERRNO(recv(fd6, &c, 1, 0), ECONNREFUSED);
    CHECK_EQ(close(fd) + close(fd6), 0);
}

/* Up to the largest there is, in fragments where it must be. */
static void test_sizes(void)
{
    static const int sizes[] = { 1, 1000, 1472, 1473, 4000, 8001, 20000, 65507 };
    static unsigned char out[65508], in[65508];
    struct sockaddr_in here;
    int receiver = bound4(&here), sender = socket(AF_INET, SOCK_DGRAM, 0);

    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (unsigned char)(i * 13 + (i >> 8));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        CHECK_EQ(sendto(sender, out, (size_t)sizes[i], 0, ADDRESS(here)), sizes[i]);
        wait_for(receiver, POLLIN);
        memset(in, 0, sizeof(in));
        CHECK_EQ(recv(receiver, in, sizeof(in), 0), sizes[i]);
        CHECK_EQ(memcmp(in, out, (size_t)sizes[i]), 0);
    }
    CHECK_ERRNO(sendto(sender, out, 65508, 0, ADDRESS(here)), EMSGSIZE);
    CHECK_EQ(close(receiver) + close(sender), 0);
}

/* Many wait: none is lost while there is room, and order is kept; then the newest are dropped. */
static void test_queue(void)
{
    struct sockaddr_in here;
    int receiver = bound4(&here), sender = socket(AF_INET, SOCK_DGRAM, 0), got, n = 0;

    for (int i = 0; i < 300; i++)
        CHECK_EQ(sendto(sender, &i, sizeof(i), 0, ADDRESS(here)), sizeof(i));
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(recv(receiver, &got, sizeof(got), 0), sizeof(got));
        CHECK_EQ(got, i);
    }
    set(receiver, SOL_SOCKET, SO_RCVBUF, 4096);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(sendto(sender, &i, sizeof(i), 0, ADDRESS(here)), sizeof(i));
    while (recv(receiver, &got, sizeof(got), MSG_DONTWAIT) > 0)
        CHECK_EQ(got, n++);
    CHECK(n > 5 && n < 1000);
    CHECK_EQ(sendto(sender, &n, sizeof(n), 0, ADDRESS(here)), sizeof(n));
    CHECK_EQ(recv(receiver, &got, sizeof(got), 0), sizeof(got));
    CHECK_EQ(close(receiver) + close(sender), 0);
}

/* ---- IPv6, and both in one socket ---- */

static void test_both(void)
{
    struct sockaddr_in6 any = { .sin6_family = AF_INET6 }, from;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    int both = socket(AF_INET6, SOCK_DGRAM, 0), sender4 = socket(AF_INET, SOCK_DGRAM, 0);
    int sender6 = socket(AF_INET6, SOCK_DGRAM, 0), only = socket(AF_INET6, SOCK_DGRAM, 0), value;
    socklen_t len = sizeof(any);
    char text[16], address[INET6_ADDRSTRLEN];

    CHECK_EQ(bind(both, ADDRESS(any)), 0);
    CHECK_EQ(getsockname(both, (struct sockaddr *)&any, &len), 0);
    CHECK_EQ(len, sizeof(any));
    CHECK(IN6_IS_ADDR_UNSPECIFIED(&any.sin6_addr));
    four = at4(ntohs(any.sin6_port));
    six = at6(ntohs(any.sin6_port));
    CHECK_EQ(sendto(sender4, "four", 4, 0, ADDRESS(four)), 4);
    len = sizeof(from);
    CHECK_EQ(recvfrom(both, text, sizeof(text), 0, (struct sockaddr *)&from, &len), 4);
    CHECK_STR(inet_ntop(AF_INET6, &from.sin6_addr, address, sizeof(address)), "::ffff:127.0.0.1");
    CHECK_EQ(sendto(both, "back", 4, 0, ADDRESS(from)), 4); /* IPv4 in IPv6's clothes */
    CHECK_EQ(recv(sender4, text, sizeof(text), 0), 4);
    CHECK_EQ(sendto(sender6, "six", 3, 0, ADDRESS(six)), 3);
    CHECK_EQ(recvfrom(both, text, sizeof(text), 0, (struct sockaddr *)&from, &len), 3);
    CHECK(IN6_IS_ADDR_LOOPBACK(&from.sin6_addr));

    set(only, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    len = sizeof(value);
    CHECK_EQ(getsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len), 0);
    CHECK_EQ(value, 1);
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);
    CHECK_ERRNO(sendto(only, "x", 1, 0, ADDRESS(six)), ENETUNREACH);
    CHECK_EQ(sendto(sender6, "mapped", 6, 0, ADDRESS(six)), 6);
    CHECK_EQ(recv(both, text, sizeof(text), 0), 6);
    CHECK_EQ(close(both) + close(sender4) + close(sender6) + close(only), 0);
}

/* ---- control data ---- */

union control {
    char bytes[256];
    struct cmsghdr align;
};

static const struct cmsghdr *control_of(struct msghdr *message, int level, int type)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at))
        if (at->cmsg_level == level && at->cmsg_type == type)
            return at;
    return NULL;
}

static void test_control(void)
{
    struct sockaddr_in here;
    int receiver = bound4(&here), sender = socket(AF_INET, SOCK_DGRAM, 0), ttl;
    union control control;
    char text[16];
    struct iovec iov = { text, sizeof(text) };
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    const struct cmsghdr *found;
    struct in_pktinfo info;

    set(receiver, IPPROTO_IP, IP_PKTINFO, 1);
    set(receiver, IPPROTO_IP, IP_RECVTTL, 1);
    set(receiver, IPPROTO_IP, IP_RECVTOS, 1);
    set(receiver, SOL_SOCKET, SO_TIMESTAMP, 1);
    set(sender, IPPROTO_IP, IP_TTL, 33);
    CHECK_EQ(sendto(sender, "x", 1, 0, ADDRESS(here)), 1);
    CHECK_EQ(recvmsg(receiver, &message, 0), 1);
    found = control_of(&message, IPPROTO_IP, IP_TTL);
    CHECK(found != NULL);
    memcpy(&ttl, CMSG_DATA(found), sizeof(ttl));
    CHECK_EQ(ttl, 33);
    found = control_of(&message, IPPROTO_IP, IP_PKTINFO);
    CHECK(found != NULL);
    memcpy(&info, CMSG_DATA(found), sizeof(info));
    CHECK_EQ(info.ipi_addr.s_addr, htonl(INADDR_LOOPBACK));
    CHECK_EQ(info.ipi_ifindex, if_nametoindex("lo"));
    CHECK(control_of(&message, IPPROTO_IP, IP_TOS) != NULL);
    CHECK(control_of(&message, SOL_SOCKET, SCM_TIMESTAMP) != NULL);

    /* One datagram with a TTL of its own; too little room for what comes back. */
    struct msghdr out = { .msg_name = &here,
                          .msg_namelen = sizeof(here),
                          .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = CMSG_SPACE(sizeof(int)) };
    struct cmsghdr *header = CMSG_FIRSTHDR(&out);
    *header = (struct cmsghdr){ CMSG_LEN(sizeof(int)), IPPROTO_IP, IP_TTL };
    ttl = 44;
    memcpy(CMSG_DATA(header), &ttl, sizeof(ttl));
    CHECK_EQ(sendmsg(sender, &out, 0), sizeof(text));
    message.msg_controllen = CMSG_SPACE(sizeof(info)) + CMSG_SPACE(sizeof(int));
    CHECK_EQ(recvmsg(receiver, &message, 0), sizeof(text));
    CHECK_EQ(message.msg_flags & MSG_CTRUNC, MSG_CTRUNC);
    found = control_of(&message, IPPROTO_IP, IP_TTL);
    CHECK(found != NULL);
    memcpy(&ttl, CMSG_DATA(found), sizeof(ttl));
    CHECK_EQ(ttl, 44);
    header->cmsg_len = 3;
    CHECK_ERRNO(sendmsg(sender, &out, 0), EINVAL);
    CHECK_EQ(close(receiver) + close(sender), 0);
}

/* ---- groups ---- */

static void test_groups(void)
{
    struct sockaddr_in group = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr("239.1.2.3") };
    struct sockaddr_in any = { .sin_family = AF_INET };
    struct ip_mreq join = { .imr_multiaddr = group.sin_addr,
                            .imr_interface.s_addr = htonl(INADDR_LOOPBACK) };
    int one = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
    int sender = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sizeof(any);
    char text[16];

    set(one, SOL_SOCKET, SO_REUSEADDR, 1);
    set(other, SOL_SOCKET, SO_REUSEADDR, 1);
    CHECK_EQ(bind(one, ADDRESS(any)), 0);
    CHECK_EQ(getsockname(one, (struct sockaddr *)&any, &len), 0);
    CHECK_EQ(bind(other, ADDRESS(any)), 0); /* both may have it */
    CHECK_EQ(setsockopt(one, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)), 0);
    CHECK_ERRNO(setsockopt(one, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)), EADDRINUSE);
    CHECK_EQ(setsockopt(other, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)), 0);
    CHECK_EQ(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &join.imr_interface,
                        sizeof(join.imr_interface)),
             0);
    set(sender, IPPROTO_IP, IP_MULTICAST_TTL, 4);
    group.sin_port = any.sin_port;
    CHECK_EQ(sendto(sender, "to all", 6, 0, ADDRESS(group)), 6);
    wait_for(one, POLLIN);
    CHECK_EQ(recv(one, text, sizeof(text), 0), 6);
    wait_for(other, POLLIN);
    CHECK_EQ(recv(other, text, sizeof(text), 0), 6);
    CHECK_EQ(setsockopt(one, IPPROTO_IP, IP_DROP_MEMBERSHIP, &join, sizeof(join)), 0);
    CHECK_ERRNO(setsockopt(one, IPPROTO_IP, IP_DROP_MEMBERSHIP, &join, sizeof(join)),
                EADDRNOTAVAIL);
    join.imr_multiaddr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_ERRNO(setsockopt(one, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)), EINVAL);
    CHECK_EQ(close(one) + close(other) + close(sender), 0);
}

/* ---- raw ---- */

static unsigned short sum(const void *data, size_t len)
{
    const unsigned char *at = data;
    unsigned long total = 0;

    for (size_t i = 0; i < len; i++)
        total += i % 2 ? at[i] : (unsigned long)at[i] << 8;
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return htons((unsigned short)~total);
}

static void test_ping(void)
{
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    struct sockaddr_in there = at4(0), from;
    struct {
        struct icmphdr header;
        char data[40];
    } ping = { .header = { .type = ICMP_ECHO,
                           .un.echo = { .id = htons(77), .sequence = htons(1) } } };
    socklen_t len = sizeof(from);
    char packet[200];
    ssize_t n;

    CHECK(fd >= 0);
    strcpy(ping.data, "are you there?");
    ping.header.checksum = sum(&ping, sizeof(ping));
    CHECK_EQ(sendto(fd, &ping, sizeof(ping), 0, ADDRESS(there)), sizeof(ping));
    for (;;) { /* on the loopback one hears oneself, too */
        const struct ip *ip = (const struct ip *)packet;
        const struct icmp *icmp;

        wait_for(fd, POLLIN);
        n = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len);
        CHECK(n >= (ssize_t)sizeof(*ip));
        CHECK_EQ(ip->ip_p, IPPROTO_ICMP);
        icmp = (const struct icmp *)(packet + ip->ip_hl * 4);
        if (icmp->icmp_type != ICMP_ECHOREPLY)
            continue;
        CHECK_EQ(n, ip->ip_hl * 4 + (ssize_t)sizeof(ping));
        CHECK_EQ(ntohs(icmp->icmp_id), 77);
        CHECK_EQ(memcmp((const char *)icmp + sizeof(ping.header), ping.data, sizeof(ping.data)), 0);
        break;
    }
    CHECK_EQ(close(fd), 0);
    CHECK_ERRNO(socket(AF_INET, SOCK_RAW, 0), EPROTONOSUPPORT);
}

static void test_ping6(void)
{
    int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
    struct sockaddr_in6 there = at6(0);
    struct icmp6_hdr ping = { .icmp6_type = ICMP6_ECHO_REQUEST }, got;
    struct icmp6_filter filter;

    CHECK(fd >= 0);
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    CHECK_EQ(setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)), 0);
    ping.icmp6_id = htons(5);
    ping.icmp6_seq = htons(6);
    CHECK_EQ(sendto(fd, &ping, sizeof(ping), 0, ADDRESS(there)), sizeof(ping));
    wait_for(fd, POLLIN);
    CHECK_EQ(recv(fd, &got, sizeof(got), 0), sizeof(got));
    CHECK_EQ(got.icmp6_type, ICMP6_ECHO_REPLY);
    CHECK_EQ(ntohs(got.icmp6_seq), 6);
    CHECK_EQ(close(fd), 0);
}

int main(void)
{
    test_datagrams();
    test_refused();
    test_sizes();
    test_queue();
    test_both();
    test_control();
    test_groups();
    test_ping();
    test_ping6();
    puts("PASS");
    return 0;
}
