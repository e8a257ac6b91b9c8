/*
 * Connections and datagrams that do not come about at once: before there is an address, to hosts that
 * nobody is, and to those that ICMP says cannot be reached.
 */
#include "socket_rig.h"

#include <arpa/inet.h>
#include <poll.h>

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/inet_chksum.h>
#include <lwip/prot/ip4.h>

static struct netif card; /* 10.5.5.5/24, and nobody else on it */
static unsigned card_frames, card_last; /* the last byte of the last frame */

static err_t card_send(struct netif *netif, struct pbuf *p)
{
    (void)netif;
    card_frames++;
    card_last = pbuf_get_at(p, (u16_t)(p->tot_len - 1));
    return ERR_OK;
}

static err_t card_init(struct netif *netif)
{
    netif->output = etharp_output;
    netif->linkoutput = card_send;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    netif->mtu = 1500;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP;
    return ERR_OK;
}

static void card_up(void)
{
    ip4_addr_t address, mask;

    IP4_ADDR(&address, 10, 5, 5, 5);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    netif_add(&card, &address, &mask, NULL, NULL, card_init, ip_input);
    netif_set_link_up(&card);
    netif_set_up(&card);
    card_frames = 0;
}

/* And fd00::5. */
static void card_up6(void)
{
    ip6_addr_t address;

    CHECK(ip6addr_aton("fd00::5", &address));
    card.output_ip6 = ethip6_output;
    netif_ip6_addr_set(&card, 1, &address);
    netif_ip6_addr_set_valid_life(&card, 1, IP6_ADDR_LIFE_STATIC);
    netif_ip6_addr_set_state(&card, 1, IP6_ADDR_PREFERRED);
}

static struct socket_name there(const char *text, int port)
{
    struct socket_name name = loopback(AF_INET, port);

    CHECK_EQ(inet_pton(AF_INET, text, &((struct sockaddr_in *)&name.address)->sin_addr), 1);
    return name;
}

static struct socket_name there6(const char *text, int port)
{
    struct socket_name name = loopback(AF_INET6, port);

    CHECK_EQ(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&name.address)->sin6_addr), 1);
    return name;
}

static int port_of(const struct socket_name *name)
{
    return ntohs(((const struct sockaddr_in *)&name->address)->sin_port);
}

TEST(connect_does_not_wait_for_an_address)
{
    struct socket_name at, any = there("0.0.0.0", 0), here, from, away = there("10.9.9.9", 80);
    struct socket *server = make(AF_INET, SOCK_STREAM, O_NONBLOCK), *one, *two, *three, *peer;

    begin();
    card_up();
    no_address = true;
    CHECK_EQ(server->ops->bind(server, ADDRESS(any)), 0);
    CHECK_EQ(server->ops->listen(server, 5), 0);
    CHECK_EQ(server->ops->name(server, false, &at), 0);
    here = there("10.5.5.5", port_of(&at));
    one = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
    two = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
    three = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
    CHECK_EQ(one->ops->connect(one, ADDRESS(here)), -EINPROGRESS);
    CHECK_EQ(one->ops->connect(one, ADDRESS(here)), -EALREADY);
    CHECK_EQ(two->ops->connect(two, ADDRESS(here)), -EINPROGRESS);
    CHECK_EQ(three->ops->connect(three, ADDRESS(away)), -EINPROGRESS);
    a_moment();
    CHECK_EQ(ready(one), 0);
    CHECK_EQ(send_to(one, "x", 1, 0), -EAGAIN);
    CHECK_EQ(one->ops->name(one, true, &from), -ENOTCONN);
    socket_put(two); /* its note goes with it */
    have_address();
    a_moment();
    CHECK_EQ(ready(one), POLLOUT);
    CHECK_EQ(socket_take_error(one), 0);
    CHECK_EQ(one->ops->connect(one, ADDRESS(here)), 0);
    CHECK_EQ(one->ops->connect(one, ADDRESS(here)), -EISCONN);
    CHECK_EQ(server->ops->accept(server, O_NONBLOCK, &peer, &from), 0);
    socket_put(peer);
    CHECK_EQ(server->ops->accept(server, O_NONBLOCK, &peer, &from), -EAGAIN);
    CHECK(ready(three) & POLLERR);
    CHECK_EQ(socket_take_error(three), -ENETUNREACH);
    socket_put(one);
    socket_put(three);
    socket_put(server);
    netif_remove(&card);
    end();
}

TEST(connect_waits_for_an_address_as_long_as_it_may)
{
    struct socket_name at, here;
    struct socket *server = listening(AF_INET, 5, &at), *one = make(AF_INET, SOCK_STREAM, 0);

    begin();
    card_up();
    no_address = true;
    here = there("127.0.0.1", port_of(&at)); /* the loopback needs none */
    glue_on_sleep = a_moment;
    CHECK_EQ(one->ops->connect(one, ADDRESS(here)), 0);
    socket_put(one);
    one = make(AF_INET, SOCK_STREAM, 0);
    here = there("10.5.5.5", 1);
    glue_on_sleep = have_address;
    CHECK_EQ(one->ops->connect(one, ADDRESS(here)), -ECONNREFUSED);
    socket_put(one);
    socket_put(server);
    netif_remove(&card);
    end();
}

static ssize_t send_at(struct socket *from, struct socket_name *to, const void *bytes, size_t len,
                       int flags)
{
    struct iovec iov = { (void *)(uintptr_t)bytes, len };
    struct socket_message message = { .iov = &iov,
                                      .n = 1,
                                      .len = len,
                                      .flags = flags,
                                      .name = &to->address,
                                      .name_len = to->len };

    return socket_send(from, &message);
}

/* A neighbour whose card is known. */
static void neighbour(const char *text)
{
    struct eth_addr mac = { { 0, 1, 2, 3, 4, 5 } };
    ip4_addr_t ip;

    CHECK(ip4addr_aton(text, &ip));
    CHECK_EQ(etharp_add_static_entry(&ip, &mac), ERR_OK);
}

/* As far as 10.5.5.9 can be reached, but that is not known yet. */
static void begin_early(void)
{
    begin();
    card_up();
    neighbour("10.5.5.9");
    no_address = true;
}

TEST(datagrams_do_not_wait_for_an_address)
{
    struct socket_name peer = there("10.5.5.9", 53), name;
    struct socket *one, *two, *three;

    begin_early();
    one = make(AF_INET, SOCK_DGRAM, O_NONBLOCK);
    two = make(AF_INET, SOCK_DGRAM, O_NONBLOCK);
    three = make(AF_INET, SOCK_DGRAM, 0); /* this one may, but not in this call */
    CHECK_EQ(one->ops->connect(one, ADDRESS(peer)), 0);
    CHECK_EQ(one->ops->name(one, true, &name), 0);
    CHECK_EQ(port_of(&name), 53);
    for (unsigned i = 1; i <= 5; i++)
        CHECK_EQ(send_to(one, (char[]){ 0, (char)i }, 2, 0), 2);
    CHECK_EQ(receive_from(one, 1, 0), -EAGAIN);
    CHECK_EQ(send_at(two, &peer, "x", 1, 0), 1);
    CHECK_EQ(send_at(three, &peer, "y", 1, MSG_DONTWAIT), 1);
    a_moment();
    CHECK_EQ(card_frames, 0);
    CHECK_EQ(ready(one), POLLOUT);
    socket_put(two); /* what it kept goes with it */
    have_address();
    CHECK_EQ(card_frames, 6);
    CHECK_EQ(card_last, 'y');
    CHECK_EQ(send_to(one, "z", 1, 0), 1);
    CHECK_EQ(card_frames, 7);
    CHECK_EQ(card_last, 'z');
    CHECK_EQ(one->ops->name(one, false, &name), 0);
    CHECK_EQ(((struct sockaddr_in *)&name.address)->sin_addr.s_addr, htonl(0x0a050505));
    CHECK_EQ(socket_take_error(one), 0);
    socket_put(one);
    socket_put(three);
    netif_remove(&card);
    end();
}

TEST(an_address_of_ipv6_comes_later_than_the_other_one)
{
    struct socket_name four = there6("::ffff:10.5.5.9", 53), six = there6("fd00::9", 53);
    struct socket *udp, *connected, *tcp;

    begin_early();
    no_address6 = true;
    udp = make(AF_INET6, SOCK_DGRAM, O_NONBLOCK);
    connected = make(AF_INET6, SOCK_DGRAM, O_NONBLOCK);
    tcp = make(AF_INET6, SOCK_STREAM, O_NONBLOCK);
    CHECK_EQ(send_at(udp, &six, "6", 1, 0), 1);
    CHECK_EQ(send_at(udp, &four, "4", 1, 0), 1);
    CHECK_EQ(connected->ops->connect(connected, ADDRESS(six)), 0);
    CHECK_EQ(tcp->ops->connect(tcp, ADDRESS(six)), -EINPROGRESS);
    have_address();
    CHECK_EQ(card_frames, 1);
    CHECK_EQ(card_last, '4');
    CHECK_EQ(ready(tcp), 0);
    CHECK_EQ(send_at(udp, &six, "7", 1, 0), 1);
    CHECK_EQ(send_at(udp, &four, "5", 1, 0), 1);
    CHECK_EQ(send_to(connected, "8", 1, 0), 1);
    CHECK_EQ(card_frames, 2);
    card_up6();
    have_address6();
    CHECK(card_frames > 2); /* it asks for the neighbour */
    CHECK_EQ(socket_take_error(udp), 0);
    CHECK_EQ(socket_take_error(connected), 0);
    CHECK_EQ(tcp->ops->connect(tcp, ADDRESS(six)), -EALREADY);
    CHECK_EQ(send_at(udp, &six, "9", 1, 0), 1);
    socket_put(udp);
    socket_put(connected);
    socket_put(tcp);
    netif_remove(&card);
    end();
}

TEST(where_there_is_only_ipv6_its_address_comes_first)
{
    struct socket_name four = there6("::ffff:10.5.5.9", 53), six = there6("fd00::9", 53);
    struct socket *udp;

    begin_early();
    no_address6 = true;
    udp = make(AF_INET6, SOCK_DGRAM, O_NONBLOCK);
    CHECK_EQ(send_at(udp, &four, "4", 1, 0), 1);
    CHECK_EQ(send_at(udp, &six, "6", 1, 0), 1);
    card_up6();
    have_address6();
    CHECK_EQ(card_frames, 1); /* it asks for the neighbour */
    CHECK_EQ(socket_take_error(udp), 0);
    have_address();
    CHECK_EQ(card_frames, 2);
    CHECK_EQ(card_last, '4');
    socket_put(udp);
    netif_remove(&card);
    end();
}

TEST(the_loopback_leads_to_nobody_else)
{
    static const char *const there_is_no_way_to[] = { "fd00::9", "::ffff:10.9.9.9" };
    struct socket *one;

    begin();
    for (unsigned i = 0; i < 2; i++) {
        struct socket_name away = there6(there_is_no_way_to[i], 80);

        one = make(AF_INET6, SOCK_STREAM, O_NONBLOCK);
        CHECK_EQ(one->ops->connect(one, ADDRESS(away)), -ENETUNREACH);
        socket_put(one);
        one = make(AF_INET6, SOCK_DGRAM, O_NONBLOCK);
        CHECK_EQ(send_at(one, &away, "x", 1, 0), -ENETUNREACH);
        socket_put(one);
    }
    end();
}

TEST(connect_waits_for_an_address_of_ipv6)
{
    struct socket_name six = there6("fd00::9", 80);
    struct socket *one = make(AF_INET6, SOCK_STREAM, 0);

    begin();
    card_up();
    no_address6 = true;
    glue_on_sleep = have_address6; /* nobody has one there */
    CHECK_EQ(one->ops->connect(one, ADDRESS(six)), -ENETUNREACH);
    CHECK(!no_address6);
    socket_put(one);
    netif_remove(&card);
    end();
}

TEST(as_many_datagrams_are_kept_as_the_send_buffer_holds)
{
    struct socket_name peer = there("10.5.5.9", 53);
    struct socket *one = make(AF_INET, SOCK_DGRAM, O_NONBLOCK);
    size_t sent = 0, buffer_size = 0;
    socklen_t len = sizeof(int);
    ssize_t n;

    begin_early();
    CHECK_EQ(socket_get_option(one, SO_SNDBUF, &buffer_size, &len), 0);
    while ((n = send_at(one, &peer, buffer, 1000, 0)) == 1000)
        sent += 1000;
    CHECK_EQ(n, -EAGAIN);
    CHECK(sent > buffer_size / 4 && sent < buffer_size + 1000);
    CHECK_EQ(ready(one), 0);
    have_address();
    CHECK_EQ(ready(one), POLLOUT);
    CHECK_EQ(card_frames, sent / 1000);
    CHECK_EQ(send_at(one, &peer, buffer, 1000, 0), 1000);
    CHECK_EQ(card_frames, sent / 1000 + 1);
    no_address = true; /* and without memory */
    out_of_memory = 2;
    for (unsigned i = 0; i < 300; i++) {
        n = send_at(one, &peer, buffer, 1000, 0);
        CHECK(n == 1000 || n == -ENOBUFS || n == -EAGAIN);
    }
    out_of_memory = 0;
    socket_put(one);
    have_address();
    netif_remove(&card);
    end();
}

TEST(datagrams_that_turn_out_to_lead_nowhere)
{
    struct socket_name away = there("10.9.9.9", 53), here = there("10.5.5.9", 53);
    struct socket *one, *two, *three;

    begin_early();
    one = make(AF_INET, SOCK_DGRAM, O_NONBLOCK);
    two = make(AF_INET, SOCK_DGRAM, O_NONBLOCK);
    three = make(AF_INET, SOCK_DGRAM, O_NONBLOCK);
    CHECK_EQ(one->ops->connect(one, ADDRESS(away)), 0);
    CHECK_EQ(send_at(two, &away, "x", 1, 0), 1);
    CHECK_EQ(send_at(two, &here, "x", 1, 0), 1);
    CHECK_EQ(three->ops->connect(three, ADDRESS(away)), 0); /* it thinks better of it */
    CHECK_EQ(three->ops->connect(three, ADDRESS(here)), 0);
    have_address();
    CHECK_EQ(card_frames, 1);
    CHECK(ready(one) & POLLERR);
    CHECK_EQ(receive_from(one, 1, 0), -ENETUNREACH);
    CHECK_EQ(ready(one), POLLOUT);
    CHECK_EQ(send_to(one, "x", 1, 0), -EDESTADDRREQ); /* that was connect()'s failure */
    CHECK(ready(two) & POLLERR);
    CHECK_EQ(send_at(two, &here, "x", 1, 0), -ENETUNREACH);
    CHECK_EQ(ready(two), POLLOUT);
    CHECK_EQ(send_at(two, &here, "x", 1, 0), 1);
    CHECK_EQ(send_to(three, "x", 1, 0), 1);
    socket_put(one);
    socket_put(two);
    socket_put(three);
    netif_remove(&card);
    end();
}

TEST(raw_packets_do_not_wait_for_an_address)
{
    struct socket_name peer = there("10.5.5.9", 0);
    struct socket *one = NULL;

    begin_early();
    CHECK_EQ(inet_make(AF_INET, SOCK_RAW, IPPROTO_ICMP, O_NONBLOCK, &one), 0);
    CHECK_EQ(send_at(one, &peer, "\10\0\0\0\0\0\0\0p", 9, 0), 9);
    CHECK_EQ(card_frames, 0);
    have_address();
    CHECK_EQ(card_frames, 1);
    CHECK_EQ(card_last, 'p');
    socket_put(one);
    netif_remove(&card);
    end();
}

/* The other thread's call on the same socket, while the first one waits; it waits too. */
static struct {
    struct socket *socket;
    struct socket_name at;
    unsigned calls;
    int error;
} other_thread;

static void another_thread_connects(void)
{
    glue_on_sleep = a_moment;
    other_thread.calls++;
    other_thread.error =
        other_thread.socket->ops->connect(other_thread.socket, ADDRESS(other_thread.at));
}

/* What the first of two calls gets. */
static int two_threads_connect(struct socket *socket, const struct socket_name *at)
{
    other_thread.socket = socket;
    other_thread.at = *at;
    other_thread.calls = 0;
    glue_on_sleep = another_thread_connects;
    int error = socket->ops->connect(socket, ADDRESS(*at));
    CHECK_EQ(other_thread.calls, 1);
    return error;
}

TEST(two_threads_that_wait_for_one_connection_both_get_it)
{
    struct socket_name at, from;
    struct socket *server, *one = make(AF_INET, SOCK_STREAM, 0), *peer;

    begin();
    wire.delay_ms = 1;
    server = listening(AF_INET, 5, &at);
    CHECK_EQ(two_threads_connect(one, &at), 0);
    CHECK_EQ(other_thread.error, 0);
    CHECK_EQ(one->ops->connect(one, ADDRESS(at)), -EISCONN);
    CHECK_EQ(server->ops->accept(server, O_NONBLOCK, &peer, &from), 0);
    socket_put(peer);
    socket_put(one);
    socket_put(server);
    end();
}

/* One says why, and the other does not begin a second connection. */
TEST(two_threads_that_wait_for_one_connection_hear_that_it_failed)
{
    struct socket_name at;
    struct socket *server, *one = make(AF_INET, SOCK_STREAM, 0);

    begin();
    wire.delay_ms = 1;
    server = listening(AF_INET, 5, &at);
    socket_put(server);
    CHECK_EQ(two_threads_connect(one, &at), -ECONNABORTED);
    CHECK_EQ(other_thread.error, -ECONNREFUSED);
    glue_on_sleep = a_moment;
    CHECK_EQ(one->ops->connect(one, ADDRESS(at)), -ECONNREFUSED); /* from the beginning */
    socket_put(one);
    end();
}

TEST(connect_again_while_it_goes_on_by_itself)
{
    struct socket_name at;
    struct socket *server, *one = make(AF_INET, SOCK_STREAM, 0);

    begin();
    wire.delay_ms = 1;
    server = listening(AF_INET, 5, &at);
    one->send_timeout_ns = 1000;
    CHECK_EQ(one->ops->connect(one, ADDRESS(at)), -EINPROGRESS);
    CHECK_EQ(one->ops->connect(one, ADDRESS(at)), -EALREADY);
    pass_time(20);
    CHECK_EQ(one->ops->connect(one, ADDRESS(at)), 0);
    CHECK_EQ(one->ops->connect(one, ADDRESS(at)), -EISCONN);
    socket_put(one);
    socket_put(server);
    end();
}

TEST(a_host_that_nobody_is_cannot_be_reached)
{
    struct socket_name nobody = there("10.5.5.9", 80);
    struct socket *one = make(AF_INET, SOCK_STREAM, O_NONBLOCK);

    begin();
    card_up();
    CHECK_EQ(one->ops->connect(one, ADDRESS(nobody)), -EINPROGRESS);
    pass_time(2800);
    CHECK(card_frames >= 2); /* it was asked for */
    CHECK_EQ(ready(one), 0);
    pass_time(1000);
    CHECK(ready(one) & POLLERR);
    CHECK_EQ(one->ops->connect(one, ADDRESS(nobody)), -EHOSTUNREACH);
    CHECK_EQ(one->ops->connect(one, ADDRESS(nobody)), -EINPROGRESS); /* from the beginning */
    socket_put(one);
    netif_remove(&card);
    end();
}

/*
 * ICMP's "destination unreachable" of that code about the only connection there is, or about a later
 * fragment; the first len bytes of it.
 */
#define UNREACHABLE 56u

static void say_unreachable(unsigned code, uint32_t off, unsigned fragment, size_t len)
{
    const struct tcp_pcb *pcb = tcp_active_pcbs;
    struct {
        struct ip_hdr outer;
        uint8_t type, code;
        uint16_t sum, unused[2];
        struct ip_hdr sent;
        uint16_t src, dest;
        uint32_t seqno;
    } __attribute__((packed)) packet = { .type = 3, .code = (uint8_t)code };
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);

    CHECK_EQ(sizeof(packet), UNREACHABLE);
    IPH_VHL_SET(&packet.outer, 4, 5);
    IPH_LEN_SET(&packet.outer, htons((uint16_t)len));
    IPH_TTL_SET(&packet.outer, 64);
    IPH_PROTO_SET(&packet.outer, IPPROTO_ICMP);
    packet.outer.src.addr = htonl(0x0a050501);
    packet.outer.dest.addr = htonl(0x0a050505);
    IPH_CHKSUM_SET(&packet.outer, inet_chksum(&packet.outer, IP_HLEN));
    IPH_VHL_SET(&packet.sent, 4, 5);
    IPH_PROTO_SET(&packet.sent, IPPROTO_TCP);
    IPH_OFFSET_SET(&packet.sent, htons((uint16_t)fragment));
    packet.sent.src.addr = packet.outer.dest.addr;
    packet.sent.dest.addr = ip_2_ip4(&pcb->remote_ip)->addr;
    packet.src = htons(pcb->local_port);
    packet.dest = htons(pcb->remote_port);
    packet.seqno = htonl(pcb->lastack + off);
    packet.sum = inet_chksum(&packet.type, (u16_t)(len - IP_HLEN));
    CHECK_EQ(pbuf_take(p, &packet, (u16_t)len), ERR_OK);
    net_lock();
    CHECK_EQ(card.input(p, &card), ERR_OK);
    net_unlock();
}

static void unreachable(unsigned code, uint32_t off)
{
    say_unreachable(code, off, 0, UNREACHABLE);
}

TEST(what_icmp_says_ends_a_connection_that_begins)
{
    static const struct {
        unsigned code;
        int error;
    } known[] = { { 0, ENETUNREACH }, { 1, EHOSTUNREACH }, { 3, ECONNREFUSED }, { 13, EHOSTUNREACH } };
    struct socket_name nobody = there("10.5.5.9", 80);

    begin();
    card_up();
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct socket *one = make(AF_INET, SOCK_STREAM, O_NONBLOCK);

        CHECK_EQ(one->ops->connect(one, ADDRESS(nobody)), -EINPROGRESS);
        unreachable(known[i].code, 1); /* by somebody who guesses */
        unreachable(4, 0);             /* too large: that is no reason */
        say_unreachable(known[i].code, 0, 185, UNREACHABLE);
        for (size_t len = IP_HLEN; len < UNREACHABLE; len++)
            say_unreachable(known[i].code, 0, 0, len);
        CHECK_EQ(ready(one), 0);
        unreachable(known[i].code, 0);
        CHECK(ready(one) & POLLERR);
        CHECK_EQ(one->ops->connect(one, ADDRESS(nobody)), -known[i].error);
        socket_put(one);
    }
    netif_remove(&card);
    end();
}
