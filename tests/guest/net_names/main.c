/* Names, addresses, services, protocols: <netdb.h> and <arpa/inet.h>, as far as without servers. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

/* ---- text ---- */

static const char *text6(const char *from)
{
    static char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (inet_pton(AF_INET6, from, &address) != 1)
        return "no address";
    return inet_ntop(AF_INET6, &address, text, sizeof(text));
}

static void test_text(void)
{
    static const char *const bad6[] = { "",
                                        ":",
                                        ":::",
                                        "1",
                                        "1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8:9",
                                        "1::2::3",
                                        "12345::",
                                        "g::",
                                        "1:2:3:4:5:6:7:",
                                        ":1::",
                                        "::1.2.3",
                                        "::1.2.3.4.5",
                                        "1:2:3:4:5:6:7:1.2.3.4",
                                        "1::%1" };
    static const char *const bad4[] = { "",         "1.2.3",    "1.2.3.4.5", "256.1.1.1",
                                        "01.2.3.4", "1.2.3.4 ", "1..2.3",    "0x1.2.3.4" };
    struct in_addr in;
    struct in6_addr in6;
    char text[INET6_ADDRSTRLEN];

    CHECK_STR(text6("::"), "::");
    CHECK_STR(text6("::1"), "::1");
    CHECK_STR(text6("1::"), "1::");
    CHECK_STR(text6("2001:DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
    CHECK_STR(text6("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
    CHECK_STR(text6("0:0:1:0:0:0:1:0"), "0:0:1::1:0");
    CHECK_STR(text6("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8");
    CHECK_STR(text6("::ffff:192.0.2.33"), "::ffff:192.0.2.33");
    CHECK_STR(text6("::192.0.2.33"), "::192.0.2.33");
    CHECK_STR(text6("64:ff9b::192.0.2.33"), "64:ff9b::c000:221");
    CHECK_STR(text6("fe80::abcd"), "fe80::abcd");
    CHECK_STR(text6("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0");
    for (size_t i = 0; i < sizeof(bad6) / sizeof(bad6[0]); i++)
        CHECK_EQ(inet_pton(AF_INET6, bad6[i], &in6), 0);
    CHECK_EQ(inet_pton(AF_INET, "192.0.2.255", &in), 1);
    CHECK_EQ(in.s_addr, htonl(0xc00002ff));
    CHECK_STR(inet_ntop(AF_INET, &in, text, sizeof(text)), "192.0.2.255");
    CHECK(inet_ntop(AF_INET, &in, text, 11) == NULL && errno == ENOSPC);
    CHECK_STR(inet_ntoa(in), "192.0.2.255");
    for (size_t i = 0; i < sizeof(bad4) / sizeof(bad4[0]); i++)
        CHECK_EQ(inet_pton(AF_INET, bad4[i], &in), 0);
    CHECK_ERRNO(inet_pton(77, "1.2.3.4", &in), EAFNOSUPPORT);
    CHECK_EQ(inet_addr("127.1"), htonl(INADDR_LOOPBACK));
    CHECK_EQ(inet_addr("0x7f.0.0.01"), htonl(INADDR_LOOPBACK));
    CHECK_EQ(inet_addr("1.2.3"), htonl(0x01020003));
    CHECK_EQ(inet_addr("1.2.70000"), INADDR_NONE);
    CHECK_EQ(inet_addr("nonsense"), INADDR_NONE);
    CHECK_EQ(inet_network("10.1.2"), 0x0a0102);
    CHECK_EQ(inet_makeaddr(10, 5).s_addr, htonl(0x0a000005));
    CHECK_EQ(inet_netof(inet_makeaddr(10, 5)), 10);
    CHECK_EQ(inet_lnaof(inet_makeaddr(10, 5)), 5);
    CHECK_EQ((htons)(0x1234), 0x3412);
    CHECK_EQ((ntohl)(0x12345678), 0x78563412);
    CHECK(IN6_IS_ADDR_LOOPBACK(&in6addr_loopback) && IN6_IS_ADDR_UNSPECIFIED(&in6addr_any));
    struct ether_addr mac;
    CHECK(ether_aton_r("0:16:3e:aa:bb:c", &mac) == &mac);
    CHECK_STR(ether_ntoa(&mac), "0:16:3e:aa:bb:c");
    CHECK(ether_aton("nonsense") == NULL);
}

/* ---- getaddrinfo ---- */

static int count(const struct addrinfo *list)
{
    int n = 0;

    for (; list != NULL; list = list->ai_next)
        n++;
    return n;
}

static int find(const char *node, const char *service, int flags, int family, int type,
                struct addrinfo **list)
{
    struct addrinfo hints = { .ai_flags = flags, .ai_family = family, .ai_socktype = type };

    return getaddrinfo(node, service, &hints, list);
}

static const struct sockaddr_in *in_of(const struct addrinfo *row)
{
    CHECK(row->ai_family == AF_INET && row->ai_addrlen == sizeof(struct sockaddr_in));
    CHECK_EQ(row->ai_addr->sa_family, AF_INET);
    return (const struct sockaddr_in *)row->ai_addr;
}

static void test_getaddrinfo(void)
{
    struct addrinfo *list;
    const struct sockaddr_in6 *in6;

    CHECK_EQ(getaddrinfo("192.0.2.1", "http", NULL, &list), 0);
    CHECK_EQ(count(list), 1); /* HTTP is TCP's only */
    CHECK_EQ(in_of(list)->sin_addr.s_addr, htonl(0xc0000201));
    CHECK_EQ(in_of(list)->sin_port, htons(80));
    CHECK(list->ai_socktype == SOCK_STREAM && list->ai_protocol == IPPROTO_TCP);
    freeaddrinfo(list);
    CHECK_EQ(getaddrinfo("192.0.2.1", "53", NULL, &list), 0);
    CHECK_EQ(count(list), 3); /* stream, datagram, raw */
    freeaddrinfo(list);
    const struct addrinfo udp = { .ai_protocol = IPPROTO_UDP }, icmp = { .ai_protocol = IPPROTO_ICMP };
    CHECK_EQ(getaddrinfo("192.0.2.1", "53", &udp, &list), 0);
    CHECK(count(list) == 1 && list->ai_socktype == SOCK_DGRAM && list->ai_protocol == IPPROTO_UDP);
    freeaddrinfo(list);
    CHECK_EQ(getaddrinfo("192.0.2.1", NULL, &icmp, &list), 0);
    CHECK(count(list) == 1 && list->ai_socktype == SOCK_RAW && list->ai_protocol == IPPROTO_ICMP);
    freeaddrinfo(list);
    CHECK_EQ(find(NULL, "8080", AI_PASSIVE, AF_INET, SOCK_STREAM, &list), 0);
    CHECK_EQ(in_of(list)->sin_addr.s_addr, INADDR_ANY);
    freeaddrinfo(list);
    CHECK_EQ(find(NULL, "8080", AI_PASSIVE, AF_UNSPEC, SOCK_STREAM, &list), 0);
    CHECK_EQ(count(list), 2);
    freeaddrinfo(list);
    CHECK_EQ(find(NULL, "8080", 0, AF_INET6, SOCK_STREAM, &list), 0);
    in6 = (const struct sockaddr_in6 *)list->ai_addr;
    CHECK(IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) && in6->sin6_port == htons(8080));
    freeaddrinfo(list);
    CHECK_EQ(find("localhost", NULL, AI_CANONNAME, AF_INET, SOCK_STREAM, &list), 0);
    CHECK_EQ(in_of(list)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    CHECK_STR(list->ai_canonname, "localhost");
    freeaddrinfo(list);
    CHECK_EQ(find("fe80::1%lo", NULL, AI_NUMERICHOST, AF_UNSPEC, SOCK_DGRAM, &list), 0);
    CHECK(((const struct sockaddr_in6 *)list->ai_addr)->sin6_scope_id != 0);
    freeaddrinfo(list);
    CHECK_EQ(find("192.0.2.1", NULL, AI_V4MAPPED, AF_INET6, SOCK_STREAM, &list), 0);
    in6 = (const struct sockaddr_in6 *)list->ai_addr;
    CHECK(IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr));
    freeaddrinfo(list);

    CHECK_EQ(find(NULL, NULL, 0, 0, 0, &list), EAI_NONAME);
    CHECK_EQ(find("no number", NULL, AI_NUMERICHOST, 0, 0, &list), EAI_NONAME);
    CHECK_EQ(find("::1", NULL, 0, AF_INET, 0, &list), EAI_ADDRFAMILY);
    CHECK_EQ(find("::1", "no-such-service", 0, 0, 0, &list), EAI_SERVICE);
    CHECK_EQ(find("::1", "http", AI_NUMERICSERV, 0, 0, &list), EAI_NONAME);
    CHECK_EQ(find("::1", "http", 0, 0, SOCK_DGRAM, &list), EAI_SERVICE);
    CHECK_EQ(find("::1", NULL, 0x8000, 0, 0, &list), EAI_BADFLAGS);
    CHECK_EQ(find("::1", NULL, 0, 77, 0, &list), EAI_FAMILY);
    CHECK_EQ(find("::1", NULL, 0, 0, 77, &list), EAI_SOCKTYPE);
    CHECK(strlen(gai_strerror(EAI_SERVICE)) > 5);
}

static void test_getnameinfo(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons(443),
                              .sin_addr.s_addr = htonl(0xc0000201) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                .sin6_port = htons(53),
                                .sin6_addr = in6addr_loopback };
    char node[NI_MAXHOST], service[NI_MAXSERV];

#define INFO(a, flags)                                                                            \
    getnameinfo((struct sockaddr *)&(a), sizeof(a), node, sizeof(node), service, sizeof(service), \
                flags)
    CHECK_EQ(INFO(in, 0), 0);
    CHECK_STR(node, "192.0.2.1");
    CHECK_STR(service, "https");
    CHECK_EQ(INFO(in, NI_NUMERICSERV), 0);
    CHECK_STR(service, "443");
    CHECK_EQ(INFO(in, NI_NAMEREQD), EAI_NONAME);
    CHECK_EQ(INFO(in6, NI_DGRAM), 0);
    CHECK_STR(node, "localhost");
    CHECK_STR(service, "domain");
    CHECK_EQ(INFO(in6, NI_NUMERICHOST), 0);
    CHECK_STR(node, "::1");
    CHECK_EQ(getnameinfo((struct sockaddr *)&in, sizeof(in), node, 5, NULL, 0, NI_NUMERICHOST),
             EAI_OVERFLOW);
    CHECK_EQ(getnameinfo((struct sockaddr *)&in, 3, node, 5, NULL, 0, 0), EAI_FAMILY);
}

/* ---- the older calls ---- */

static void test_hosts(void)
{
    FILE *file;
    struct hostent *host, one;
    char buffer[512], tiny[20];
    struct in_addr address;
    int error;

    mkdir("/etc", 0755);
    file = fopen("/etc/hosts", "w");
    CHECK(file != NULL);
    fputs("# a comment\n192.0.2.7\tserver.example server srv # more\n"
          "192.0.2.8 server.example\n2001:db8::7 server.example\n\nbad\n",
          file);
    CHECK_EQ(fclose(file), 0);

    host = gethostbyname("srv");
    CHECK(host != NULL);
    CHECK_STR(host->h_name, "server.example");
    CHECK_STR(host->h_aliases[0], "srv");
    CHECK(host->h_addrtype == AF_INET && host->h_length == 4 && host->h_addr_list[1] == NULL);
    memcpy(&address, host->h_addr, 4);
    CHECK_EQ(address.s_addr, htonl(0xc0000207));
    CHECK_EQ(gethostbyname_r("server.example", &one, buffer, sizeof(buffer), &host, &error), 0);
    CHECK(host == &one && host->h_addr_list[1] != NULL && host->h_addr_list[2] == NULL);
    CHECK_EQ(gethostbyname_r("server.example", &one, tiny, sizeof(tiny), &host, &error), ERANGE);
    CHECK(host == NULL);
    host = gethostbyname2("server.example", AF_INET6);
    CHECK(host != NULL && host->h_length == 16);
    address.s_addr = htonl(0xc0000207);
    host = gethostbyaddr(&address, sizeof(address), AF_INET);
    CHECK(host != NULL);
    CHECK_STR(host->h_name, "server.example");
    host = gethostbyname("10.0.0.1");
    CHECK(host != NULL);
    CHECK_STR(host->h_name, "10.0.0.1");
    address.s_addr = htonl(0xc00002fe);
    CHECK(gethostbyaddr(&address, sizeof(address), AF_INET) == NULL);
    CHECK_EQ(h_errno, TRY_AGAIN); /* there is no name server to ask */
    CHECK(gethostbyname("") == NULL);

    struct addrinfo *list;
    CHECK_EQ(find("server", NULL, 0, AF_UNSPEC, SOCK_STREAM, &list), 0);
    CHECK_EQ(count(list), 1); /* that name is in one line only */
    freeaddrinfo(list);
    CHECK_EQ(find("server.example", NULL, 0, AF_UNSPEC, SOCK_STREAM, &list), 0);
    CHECK_EQ(count(list), 3);
    freeaddrinfo(list);
    char own[65];
    CHECK_EQ(gethostname(own, sizeof(own)), 0);
    CHECK_EQ(find(own, NULL, 0, AF_INET, SOCK_STREAM, &list), 0);
    freeaddrinfo(list);
}

static void test_services(void)
{
    struct servent *service = getservbyname("www", "tcp"), one, *found;
    struct protoent *protocol;
    char buffer[64];
    int n = 0;

    CHECK(service != NULL);
    CHECK_STR(service->s_name, "http");
    CHECK_STR(service->s_aliases[0], "www");
    CHECK_EQ(service->s_port, htons(80));
    CHECK(getservbyname("http", "udp") == NULL);
    service = getservbyport(htons(53), NULL);
    CHECK(service != NULL);
    CHECK_STR(service->s_name, "domain");
    CHECK_EQ(getservbyname_r("ssh", NULL, &one, buffer, sizeof(buffer), &found), 0);
    CHECK(found == &one && one.s_port == htons(22));
    CHECK_EQ(getservbyname_r("ssh", NULL, &one, buffer, 3, &found), ERANGE);
    setservent(0);
    while (getservent() != NULL)
        n++;
    CHECK(n > 40);
    protocol = getprotobyname("tcp");
    CHECK(protocol != NULL && protocol->p_proto == IPPROTO_TCP);
    protocol = getprotobynumber(IPPROTO_ICMPV6);
    CHECK(protocol != NULL);
    CHECK_STR(protocol->p_name, "ipv6-icmp");
    CHECK(getprotobyname("none") == NULL);
}

/* Names in DNS messages, good and bad. */
static void test_messages(void)
{
    static const unsigned char message[] = { 7,   'e',  'x', 'a',  'm', 'p', 'l', 'e',
                                             3,   'o',  'r', 'g',  0,   3,   'w', 'w',
                                             'w', 0xc0, 0,   0xc0, 19,  9,   'x' };
    const unsigned char *end = message + sizeof(message);
    char text[64];

    CHECK_EQ(dn_expand(message, end, message, text, sizeof(text)), 13);
    CHECK_STR(text, "example.org");
    CHECK_EQ(dn_expand(message, end, message + 13, text, sizeof(text)), 6);
    CHECK_STR(text, "www.example.org");
    CHECK_EQ(dn_skipname(message + 13, end), 6);
    CHECK_EQ(dn_expand(message, end, message + 13, text, 8), -1);
    CHECK_EQ(dn_expand(message, end, message + 19, text, sizeof(text)), -1); /* points to itself */
    CHECK_EQ(dn_expand(message, end, message + 21, text, sizeof(text)), -1); /* past the end */
    CHECK_EQ(res_init(), 0);
    CHECK(_res.nscount >= 0 && _res.nscount <= MAXNS);
}

int main(void)
{
    test_text();
    test_getaddrinfo();
    test_getnameinfo();
    test_hosts();
    test_services();
    test_messages();
    puts("PASS");
    return 0;
}
