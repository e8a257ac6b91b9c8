/*
 * TCP and UDP sockets on the real lwIP, over its loopback, under every sanitizer: what two ends may
 * do to each other in any order, with memory and without. Time only goes on when a test says so.
 */
#include "socket_rig.h"

#include <sys/ioctl.h>

#include <lwip/priv/memp_priv.h>
#include <lwip/priv/tcp_priv.h>
#include <platform/memory.h>

#include "net.h"
#include "net_heap.h"
#include "net_priv.h"

TEST(bytes_and_ends_arrive)
{
    static const int families[] = { AF_INET, AF_INET6 };

    begin();
    for (int i = 0; i < 2; i++) {
        struct socket *pair[2];

        make_pair(families[i], pair);
        CHECK_EQ(ready(pair[0]), POLLOUT);
        CHECK_EQ(send_to(pair[0], "hello", 5, 0), 5);
        CHECK_EQ(ready(pair[1]), POLLIN | POLLOUT);
        CHECK_EQ(receive_from(pair[1], 2, MSG_PEEK), 2);
        CHECK_EQ(receive_from(pair[1], 100, 0), 5);
        CHECK_EQ(memcmp(buffer, "hello", 5), 0);
        CHECK_EQ(receive_from(pair[1], 100, 0), -EAGAIN);
        CHECK_EQ(pair[0]->ops->shutdown(pair[0], SHUT_WR), 0);
        CHECK_EQ(receive_from(pair[1], 100, 0), 0);
        CHECK_EQ(send_to(pair[1], "back", 4, 0), 4);
        CHECK_EQ(receive_from(pair[0], 100, 0), 4);
        CHECK_EQ(pair[1]->ops->shutdown(pair[1], SHUT_WR), 0);
        CHECK_EQ(receive_from(pair[0], 100, 0), 0);
        CHECK_EQ(ready(pair[0]), POLLIN | POLLOUT | POLLHUP);
        CHECK_EQ(send_to(pair[0], "x", 1, 0), -EPIPE);
        CHECK_EQ(broken, (unsigned)i + 1);
        socket_put(pair[0]);
        socket_put(pair[1]);
    }
    end();
}

/* The window closes, and opens again by reading alone. */
TEST(a_full_connection_goes_on)
{
    struct socket *pair[2];
    size_t sent = 0, got = 0;
    ssize_t n;

    begin();
    make_pair(AF_INET, pair);
    while (got < 5000000) {
        while ((n = send_to(pair[0], buffer, 30000, 0)) > 0)
            sent += (size_t)n;
        CHECK_EQ(n, -EAGAIN);
        CHECK(!(ready(pair[0]) & POLLOUT));
        while ((n = receive_from(pair[1], 7777, 0)) > 0)
            got += (size_t)n;
        CHECK_EQ(n, -EAGAIN);
        pass_time(20);
    }
    while (got < sent) {
        pass_time(20);
        while ((n = receive_from(pair[1], sizeof(buffer), 0)) > 0)
            got += (size_t)n;
    }
    CHECK(ready(pair[0]) & POLLOUT);
    socket_put(pair[0]);
    socket_put(pair[1]);
    end();
}

/* A byte at a time without a reader: blocks, not a page for each. */
TEST(small_segments_are_packed)
{
    struct socket *pair[2];
    unsigned pbufs = 0;

    begin();
    make_pair(AF_INET, pair);
    CHECK_EQ(pair[0]->ops->set_option(pair[0], IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, 4), 0);
    for (int i = 0; i < 20000; i++)
        CHECK_EQ(send_to(pair[0], &(char){ (char)(i * 7) }, 1, 0), 1);
    pass_time(1000);
    for (const struct pbuf *p = ((struct tcp_socket *)pair[1])->first; p != NULL; p = p->next)
        pbufs++;
    CHECK(pbufs < 10);
    CHECK_EQ(receive_from(pair[1], sizeof(buffer), 0), 20000);
    for (int i = 0; i < 20000; i++)
        CHECK_EQ(buffer[i], (char)(i * 7));
    socket_put(pair[0]);
    socket_put(pair[1]);
    end();
}

/* ---- anything in any order ---- */

struct end_of_pair {
    struct socket *socket; /* NULL: closed */
    unsigned salt;
    size_t sent, got;
};

static unsigned char pattern(size_t i, unsigned salt)
{
    return (unsigned char)(i * 13 + (i >> 8) * 7 + salt);
}

static void random_send(struct end_of_pair *end)
{
    static unsigned char out[100000];
    size_t len = 1 + dice(dice(3) == 0 ? sizeof(out) : 2000);
    ssize_t n;

    for (size_t i = 0; i < len; i++)
        out[i] = pattern(end->sent + i, end->salt);
    n = send_to(end->socket, out, len, MSG_NOSIGNAL | (dice(4) == 0 ? MSG_MORE : 0));
    if (n > 0)
        end->sent += (size_t)n;
}

static void random_receive(struct end_of_pair *end, const struct end_of_pair *peer)
{
    size_t len = 1 + dice(dice(2) == 0 ? sizeof(buffer) : 500);
    int flags = dice(5) == 0 ? MSG_PEEK : 0;
    ssize_t n = receive_from(end->socket, len, flags);

    for (ssize_t i = 0; i < n; i++)
        CHECK_EQ((unsigned char)buffer[i], pattern(end->got + (size_t)i, peer->salt));
    if (n > 0 && flags == 0)
        end->got += (size_t)n;
    CHECK(end->got <= peer->sent);
}

static void random_close(struct end_of_pair *end)
{
    if (dice(3) == 0)
        end->socket->linger = (struct linger){ .l_onoff = 1 };
    socket_put(end->socket);
    end->socket = NULL;
}

static void random_step(struct end_of_pair *end, const struct end_of_pair *peer)
{
    switch (dice(14)) {
    case 0:
    case 1:
    case 2:
    case 3:
        random_send(end);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        random_receive(end, peer);
        break;
    case 8:
        if (dice(4) == 0)
            end->socket->ops->shutdown(end->socket, (int)dice(3));
        break;
    case 9:
        if (dice(8) == 0)
            random_close(end);
        break;
    case 10:
        end->socket->ops->set_option(end->socket, IPPROTO_TCP, TCP_CORK, &(int){ (int)dice(2) }, 4);
        break;
    case 11:
        end->socket->ops->set_option(end->socket, IPPROTO_TCP, TCP_NODELAY, &(int){ (int)dice(2) },
                                     4);
        break;
    case 12:
        pass_time(20 + dice(300));
        break;
    default:
        if (dice(30) == 0)
            socket_take_error(end->socket);
        break;
    }
}

static void random_life(unsigned steps, unsigned failing)
{
    struct socket *pair[2];
    struct end_of_pair ends[2] = { 0 };

    make_pair(dice(2) ? AF_INET : AF_INET6, pair);
    out_of_memory = failing;
    for (int i = 0; i < 2; i++) {
        ends[i].socket = pair[i];
        ends[i].salt = dice(256);
    }
    for (unsigned i = 0; i < steps; i++) {
        unsigned at = dice(2);

        if (ends[at].socket != NULL)
            random_step(&ends[at], &ends[!at]);
    }
    out_of_memory = 0;
    for (int i = 0; i < 2; i++)
        if (ends[i].socket != NULL)
            socket_put(ends[i].socket);
}

TEST(two_ends_may_do_anything)
{
    begin();
    for (unsigned i = 0; i < 400; i++)
        random_life(150, 0);
    end();
}

TEST(two_ends_may_do_anything_without_memory)
{
    begin();
    for (unsigned i = 0; i < 400; i++)
        random_life(150, 3 + dice(30));
    end();
}

/* Nothing is lost while memory is short: what was taken arrives once there is some. */
TEST(what_was_taken_arrives)
{
    struct socket *pair[2];
    struct end_of_pair one, other;

    begin();
    make_pair(AF_INET, pair);
    one = (struct end_of_pair){ .socket = pair[0], .salt = 3 };
    other = (struct end_of_pair){ .socket = pair[1], .salt = 4 };
    out_of_memory = 10;
    for (int i = 0; i < 3000; i++) {
        random_send(&one);
        random_receive(&other, &one);
        if (i % 50 == 0)
            pass_time(400);
    }
    out_of_memory = 0;
    for (int i = 0; i < 3000 && other.got < one.sent; i++) {
        random_receive(&other, &one);
        pass_time(100);
    }
    CHECK(one.sent > 100000);
    CHECK_EQ(other.got, one.sent);
    socket_put(pair[0]);
    socket_put(pair[1]);
    end();
}

/* ---- listening ---- */

TEST(connections_that_nobody_accepts_are_reset)
{
    struct socket *server, *clients[6], *peer;
    struct socket_name at, from;

    begin();
    server = listening(AF_INET, 3, &at);
    for (int i = 0; i < 6; i++) {
        clients[i] = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
        CHECK_EQ(clients[i]->ops->connect(clients[i], ADDRESS(at)), -EINPROGRESS);
    }
    CHECK_EQ(ready(server), POLLIN);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(ready(clients[i]), i < 4 ? POLLOUT : 0);
    CHECK_EQ(server->ops->accept(server, 0, &peer, &from), 0);
    pass_time(5000); /* there is room for one: its SYN comes again */
    CHECK_EQ(ready(clients[4]) | ready(clients[5]), POLLOUT);
    socket_put(clients[1]); /* it goes before it was accepted */
    socket_put(server);
    CHECK_EQ(socket_take_error(clients[2]), -ECONNRESET);
    CHECK_EQ(ready(clients[0]), POLLOUT);
    pass_time(60000);
    socket_put(peer);
    for (int i = 0; i < 6; i++)
        if (i != 1)
            socket_put(clients[i]);
    end();
}

/* A request to connect from where nobody is. */
static void ask(unsigned number, int port)
{
    struct request {
        struct ip_hdr ip;
        struct tcp_hdr tcp;
    } request = { .ip = { ._len = lwip_htons(sizeof(request)), ._ttl = 64, ._proto = IP_PROTO_TCP },
                  .tcp = { .src = lwip_htons(1024),
                           .dest = lwip_htons((u16_t)port),
                           .wnd = lwip_htons(60000) } };
    struct pbuf *p = pbuf_alloc(PBUF_RAW, sizeof(request), PBUF_RAM);

    IPH_VHL_SET(&request.ip, 4, IP_HLEN / 4);
    request.ip.src.addr = lwip_htonl(0xc6120000u + number);
    request.ip.dest.addr = lwip_htonl(INADDR_LOOPBACK);
    TCPH_HDRLEN_FLAGS_SET(&request.tcp, TCP_HLEN / 4, TCP_SYN);
    CHECK_EQ(pbuf_take(p, &request, sizeof(request)), ERR_OK);
    net_lock();
    NETIF_SET_CHECKSUM_CTRL(netif_list, NETIF_CHECKSUM_DISABLE_ALL);
    CHECK_EQ(ip4_input(p, netif_list), ERR_OK);
    net_unlock();
}

TEST(requests_that_nobody_completes_make_room_within_two_seconds)
{
    struct socket *server, *client, *peer;
    struct socket_name at, from;

    begin();
    server = listening(AF_INET, 20, &at);
    for (unsigned i = 0; i < 1000; i++)
        ask(i, ntohs(((struct sockaddr_in *)&at.address)->sin_port));
    client = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
    CHECK_EQ(client->ops->connect(client, ADDRESS(at)), -EINPROGRESS);
    pass_time(400);
    net_tcp_limit_half_open(); /* all are younger than a second, and stay */
    pass_time(2000);
    CHECK_EQ(ready(client), 0);
    net_tcp_limit_half_open();
    pass_time(3000); /* it asks again */
    CHECK_EQ(ready(client), POLLOUT);
    CHECK_EQ(server->ops->accept(server, 0, &peer, &from), 0);
    socket_put(peer);
    socket_put(client);
    socket_put(server);
    end();
}

static unsigned half_open(void)
{
    unsigned n = 0;

    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next)
        n += pcb->state == SYN_RCVD;
    return n;
}

TEST(requests_that_nobody_completes_take_a_share_of_the_memory_for_a_while)
{
    struct socket *server;
    struct socket_name at;

    begin();
    server = listening(AF_INET, SOMAXCONN, &at);
    for (unsigned i = 0; i < 10000; i++)
        ask(i, ntohs(((struct sockaddr_in *)&at.address)->sin_port));
    CHECK(half_open() > 1000);
    CHECK_EQ(half_open(), net_tcp_half_open_max());
    CHECK(half_open() <= memory_pages() / 8);
    pass_time(2000);
    net_tcp_limit_half_open();
    CHECK_EQ(half_open(), 0);
    socket_put(server);
    end();
}

/* Whom there is no room for would ask again after a second. */
TEST(a_thousand_may_ask_at_the_same_moment)
{
    struct socket *server, *clients[1000], *peer;
    struct socket_name at, from;

    begin();
    wire.delay_ms = 1;
    server = listening(AF_INET, SOMAXCONN, &at);
    for (unsigned i = 0; i < 1000; i++) {
        clients[i] = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
        CHECK_EQ(clients[i]->ops->connect(clients[i], ADDRESS(at)), -EINPROGRESS);
    }
    pass_time(100);
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_EQ(ready(clients[i]), POLLOUT);
        CHECK_EQ(server->ops->accept(server, 0, &peer, &from), 0);
        socket_put(peer);
        socket_put(clients[i]);
    }
    socket_put(server);
    end();
}

TEST(listening_without_memory)
{
    begin();
    for (int i = 0; i < 300; i++) {
        struct socket_name at, from;
        struct socket *server = listening(AF_INET, 8, &at), *clients[8], *peer;

        out_of_memory = 4 + dice(20);
        for (int k = 0; k < 8; k++) {
            int error;

            clients[k] = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
            error = clients[k]->ops->connect(clients[k], ADDRESS(at));
            CHECK(error == -EINPROGRESS || error == -ENOBUFS);
        }
        if (dice(2))
            pass_time(dice(3000));
        while (server->ops->accept(server, 0, &peer, &from) == 0) {
            send_to(peer, "hello", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
            socket_put(peer);
        }
        for (int k = 0; k < 8; k++)
            socket_put(clients[k]);
        socket_put(server);
        out_of_memory = 0;
    }
    end();
}

/* Those who share a port: the pcb goes from one to the next, and connections with it. */
TEST(a_shared_port_outlives_its_first)
{
    struct socket *servers[3], *client, *peer = NULL;
    struct socket_name at = loopback(AF_INET, 0), from;

    begin();
    for (int i = 0; i < 3; i++) {
        servers[i] = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
        CHECK_EQ(socket_set_option(servers[i], SO_REUSEPORT, &(int){ 1 }, 4), 0);
        CHECK_EQ(servers[i]->ops->bind(servers[i], ADDRESS(at)), 0);
        CHECK_EQ(servers[i]->ops->listen(servers[i], 5), 0);
        CHECK_EQ(servers[i]->ops->name(servers[i], false, &at), 0);
    }
    for (int i = 0; i < 3; i++) {
        client = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
        CHECK_EQ(client->ops->connect(client, ADDRESS(at)), -EINPROGRESS);
        CHECK_EQ(ready(client), POLLOUT);
        for (int k = i; k < 3 && peer == NULL; k++)
            servers[k]->ops->accept(servers[k], 0, &peer, &from);
        CHECK(peer != NULL);
        socket_put(peer);
        peer = NULL;
        socket_put(client);
        socket_put(servers[i]);
    }
    client = make(AF_INET, SOCK_STREAM, 0);
    glue_on_sleep = a_moment;
    CHECK_EQ(client->ops->connect(client, ADDRESS(at)), -ECONNREFUSED);
    socket_put(client);
    end();
}

static struct socket *listener_to_close;

static void close_listener(void)
{
    listener_to_close->ops->shutdown(listener_to_close, SHUT_RDWR);
}

TEST(who_waits_is_told)
{
    struct socket_name at, from;
    struct socket *peer;

    begin();
    listener_to_close = listening(AF_INET, 5, &at);
    file_set_flags(&listener_to_close->file, 0);
    glue_on_sleep = close_listener;
    CHECK_EQ(listener_to_close->ops->accept(listener_to_close, 0, &peer, &from), -EINVAL);
    socket_put(listener_to_close);
    end();
}

/* The receive buffer holds back who sends, and nothing is lost by it. */
TEST(a_small_receive_buffer_is_a_small_window)
{
    static char sent[600000];
    struct socket_name at, from;
    struct socket *server, *pair[2];
    size_t put = 0, got = 0;

    begin();
    server = listening(AF_INET, 5, &at);
    CHECK_EQ(socket_set_option(server, SO_RCVBUF, &(int){ 130000 }, sizeof(int)), 0);
    pair[0] = make(AF_INET, SOCK_STREAM, 0);
    glue_on_sleep = a_moment;
    CHECK_EQ(pair[0]->ops->connect(pair[0], ADDRESS(at)), 0);
    CHECK_EQ(server->ops->accept(server, O_NONBLOCK, &pair[1], &from), 0);
    file_set_flags(&pair[0]->file, O_NONBLOCK);
    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (char)(i * 7 + i / 251);
    for (unsigned i = 0; i < 100000 && got < sizeof(sent); i++) {
        ssize_t n = put < sizeof(sent) ? send_to(pair[0], sent + put, sizeof(sent) - put, 0) : 0;

        CHECK(n >= 0 || n == -EAGAIN);
        put += n > 0 ? (size_t)n : 0;
        pass_time(20);
        CHECK(tcp_of(pair[1])->queued <= 130000);
        n = receive_from(pair[1], i < 50 ? 0 : 3000, 0);
        CHECK(n > 0 || n == -EAGAIN || i < 50);
        if (n > 0) {
            CHECK_EQ(memcmp(buffer, sent + got, (size_t)n), 0);
            got += (size_t)n;
        }
    }
    CHECK_EQ(got, sizeof(sent));
    socket_put(pair[0]);
    socket_put(pair[1]);
    socket_put(server);
    end();
}

/* ---- datagrams ---- */

TEST(datagrams_are_dropped_when_nobody_reads)
{
    struct socket *one = make(AF_INET, SOCK_DGRAM, O_NONBLOCK);
    struct socket_name at = loopback(AF_INET, 0);
    unsigned got = 0;
    ssize_t n;

    begin();
    CHECK_EQ(one->ops->bind(one, ADDRESS(at)), 0);
    CHECK_EQ(one->ops->name(one, false, &at), 0);
    CHECK_EQ(one->ops->connect(one, ADDRESS(at)), 0); /* to itself */
    for (unsigned i = 0; i < 5000; i++) {
        buffer[0] = (char)i;
        CHECK_EQ(send_to(one, buffer, 1 + i % 3000, 0), 1 + i % 3000);
    }
    for (; (n = receive_from(one, sizeof(buffer), 0)) >= 0; got++) {
        if (got < 50)
            CHECK_EQ(n, 1 + got % 3000);
        if (got < 50)
            CHECK_EQ(buffer[0], (char)got);
    }
    CHECK_EQ(n, -EAGAIN);
    CHECK(got > 100 && got < 5000);
    CHECK_EQ(ready(one), POLLOUT);
    out_of_memory = 5;
    for (unsigned i = 0; i < 5000; i++) {
        n = send_to(one, buffer, 1 + dice(9000), 0);
        CHECK(n > 0 || n == -ENOBUFS);
        if (dice(3) == 0)
            receive_from(one, sizeof(buffer), 0);
    }
    socket_put(one); /* with unread ones */
    end();
}

TEST(a_datagram_comes_with_what_was_asked_for)
{
    struct socket *one = make(AF_INET, SOCK_DGRAM, O_NONBLOCK);
    struct socket_name at = loopback(AF_INET, 0);
    union {
        char bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { buffer, 100 };

    begin();
    CHECK_EQ(one->ops->bind(one, ADDRESS(at)), 0);
    CHECK_EQ(one->ops->name(one, false, &at), 0);
    CHECK_EQ(one->ops->connect(one, ADDRESS(at)), 0);
    CHECK_EQ(one->ops->set_option(one, IPPROTO_IP, IP_PKTINFO, &(int){ 1 }, 4), 0);
    CHECK_EQ(one->ops->set_option(one, IPPROTO_IP, IP_RECVTTL, &(int){ 1 }, 4), 0);
    CHECK_EQ(one->ops->set_option(one, IPPROTO_IP, IP_TTL, &(int){ 9 }, 4), 0);
    for (size_t room = 0; room <= sizeof(control); room++) { /* ASan sees a byte too many */
        struct socket_message message = {
            .iov = &iov, .n = 1, .len = 100, .control = malloc(room + 1), .control_len = room
        };
        bool all = room >= CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_LEN(sizeof(int));

        CHECK_EQ(send_to(one, "x", 1, 0), 1);
        CHECK_EQ(socket_receive(one, &message), 1);
        CHECK_EQ((message.out_flags & MSG_CTRUNC) != 0, !all && room > 0);
        CHECK(message.control_used <= room);
        free(message.control);
    }
    socket_put(one);
    end();
}
