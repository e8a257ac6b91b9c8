/*
 * TCP connections from their beginning to their end, over a wire that loses, doubles and swaps, by
 * programs that do nothing until edge-triggered epoll tells them to: a segment or a wake-up that is
 * lost for good ends in a test that waits too long. Time is virtual, and every seed is one story.
 */
#include "socket_rig.h"

#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>

#include "files/epoll.h"

#define SEEDS 100u
#define STEP_MS 10u
#define PATIENCE_MS 300000u

enum last_act {
    HALF_CLOSES, /* shuts down its writing side, reads to the end */
    CLOSES,      /* closes once it has sent and read everything */
    WAITS,       /* closes when the other one has ended */
};

/* What one end is to do: read so many bytes, then send so many, then end. */
struct part {
    size_t waits_for, sends;
    enum last_act then;
};

static const struct story {
    const char *name;
    struct part client, server;
} stories[] = {
    { "a request, and the server ends", { 0, 200, WAITS }, { 200, 5000, CLOSES } },
    { "a request, and the client ends", { 0, 200, CLOSES }, { 200, 5000, WAITS } },
    { "a request with its end, and an answer", { 0, 200, HALF_CLOSES }, { 200, 90000, CLOSES } },
    { "the server speaks first", { 50, 200, HALF_CLOSES }, { 0, 50, WAITS } },
    { "both end at once", { 0, 300, HALF_CLOSES }, { 0, 300, HALF_CLOSES } },
    { "both send much", { 0, 400000, HALF_CLOSES }, { 0, 400000, HALF_CLOSES } },
    { "much, and closed at once", { 0, 1, WAITS }, { 1, 400000, CLOSES } },
    { "nothing at all", { 0, 0, HALF_CLOSES }, { 0, 0, WAITS } },
};
#define STORIES (sizeof(stories) / sizeof(stories[0]))

static struct end {
    struct socket *socket; /* NULL: not yet, or closed */
    const struct part *part;
    size_t expects, sent, got;
    bool shut, ended; /* its own writing side; the other's */
    bool refused;     /* ENOBUFS: nobody tells when there is memory again */
} client, server;

static bool accepted;
static unsigned memory_fails; /* out_of_memory, once both ends are there */
static struct socket *listener;
static struct file *epoll;

static char pattern(size_t at)
{
    return (char)(at * 13 + (at >> 8) * 7);
}

static void watch(struct socket *socket, void *who)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                 .data.ptr = who };

    CHECK_EQ(epoll_change(epoll, EPOLL_CTL_ADD, 0, &socket->file, &event), 0);
}

/* Closing alone takes it out of the epoll. */
static void close_end(struct end *end)
{
    socket_put(end->socket);
    end->socket = NULL;
}

static void read_all(struct end *end)
{
    ssize_t n;

    while ((n = receive_from(end->socket, 3000, 0)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            CHECK_EQ(buffer[i], pattern(end->got + (size_t)i));
        end->got += (size_t)n;
    }
    if (n == 0)
        end->ended = true;
    else
        CHECK_EQ(n, -EAGAIN);
}

static void write_all(struct end *end)
{
    while (end->sent < end->part->sends) {
        size_t n = end->part->sends - end->sent;

        if (n > 7000)
            n = 7000;
        for (size_t i = 0; i < n; i++)
            buffer[i] = pattern(end->sent + i);
        ssize_t done = send_to(end->socket, buffer, n, MSG_NOSIGNAL);
        end->refused = done == -ENOBUFS && out_of_memory != 0;
        if (done < 0 && !end->refused)
            CHECK_EQ(done, -EAGAIN);
        if (done < 0)
            return;
        end->sent += (size_t)done;
    }
}

static void act(struct end *end)
{
    if (end->socket == NULL)
        return;
    if (!end->ended)
        read_all(end);
    if (end->got >= end->part->waits_for)
        write_all(end);
    if (end->sent < end->part->sends)
        return;
    if (end->part->then == HALF_CLOSES && !end->shut) {
        CHECK_EQ(end->socket->ops->shutdown(end->socket, SHUT_WR), 0);
        end->shut = true;
    }
    if (end->ended || (end->part->then == CLOSES && end->got == end->expects))
        close_end(end);
}

static void accept_all(void)
{
    struct socket_name from;
    struct socket *made;

    while (listener->ops->accept(listener, O_NONBLOCK, &made, &from) == 0) {
        CHECK(!accepted);
        accepted = true;
        out_of_memory = memory_fails;
        server.socket = made;
        watch(made, &server);
    }
}

static void act_on_events(void)
{
    struct epoll_event events[4];
    int n;

    while ((n = epoll_collect(epoll, events, 4, 0)) > 0) {
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == listener)
                accept_all();
            else
                act(events[i].data.ptr);
        }
    }
}

/* Milliseconds until both have closed. */
static unsigned tell(const struct story *story)
{
    struct socket_name at;
    unsigned ms = 0;

    CHECK_EQ(epoll_make(&epoll), 0);
    client = (struct end){ .part = &story->client, .expects = story->server.sends };
    server = (struct end){ .part = &story->server, .expects = story->client.sends };
    listener = listening(AF_INET, 5, &at);
    watch(listener, listener);
    client.socket = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
    CHECK_EQ(client.socket->ops->connect(client.socket, ADDRESS(at)), -EINPROGRESS);
    watch(client.socket, &client);
    accepted = false;
    while (!accepted || client.socket != NULL || server.socket != NULL) {
        pass_time(STEP_MS);
        ms += STEP_MS;
        act_on_events();
        if (client.refused)
            act(&client);
        if (server.refused)
            act(&server);
        if (ms > PATIENCE_MS)
            glue_test_fail(__FILE__, __LINE__, "%s: client %p %zu %zu, server %p %zu %zu",
                           story->name, (void *)client.socket, client.sent, client.got,
                           (void *)server.socket, server.sent, server.got);
    }
    out_of_memory = 0;
    CHECK_EQ(client.got, story->server.sends);
    CHECK_EQ(server.got, story->client.sends);
    socket_put(listener);
    file_put(epoll);
    return ms;
}

/* How long the longest of all took. */
static unsigned tell_all(unsigned seeds)
{
    unsigned longest = 0;

    for (unsigned seed = 1; seed <= seeds; seed++) {
        random_state = seed;
        for (unsigned i = 0; i < STORIES; i++) {
            unsigned ms = tell(&stories[i]);

            if (ms > longest) {
                longest = ms;
                printf("seed %u, %s: %u ms\n", seed, stories[i].name, ms);
            }
        }
    }
    return longest;
}

static void begin_on_ethernet(void)
{
    begin();
    netif_list->mtu = 1500;
    wire.delay_ms = 1;
}

TEST(on_a_good_wire_nothing_waits_for_a_timer)
{
    begin_on_ethernet();
    CHECK(tell_all(1) < 1000);
    end();
}

TEST(connections_end_whatever_the_wire_does)
{
    begin_on_ethernet();
    wire = (struct wire){ .lose = 20, .twice = 30, .swap = 10, .delay_ms = 2 };
    CHECK(tell_all(SEEDS) < 60000);
    end();
}

TEST(connections_end_on_a_wire_that_loses_a_tenth)
{
    begin_on_ethernet();
    wire.lose = 10;
    CHECK(tell_all(SEEDS / 3) < 120000);
    end();
}

TEST(connections_end_though_memory_is_short)
{
    begin_on_ethernet();
    wire.lose = 50;
    for (memory_fails = 30; memory_fails >= 10; memory_fails -= 10)
        CHECK(tell_all(SEEDS / 10) < 60000);
    memory_fails = 0;
    end();
}

static void no_memory_for_a_while(void)
{
    out_of_memory = 0;
    pass_time(300);
}

/* Room is left in its buffer, so only memory can be what it waits for. */
TEST(a_sender_that_waits_for_memory_is_woken)
{
    struct socket *pair[2];
    ssize_t n;

    begin_on_ethernet();
    make_pair(AF_INET, pair);
    CHECK_EQ(send_to(pair[0], buffer, 1000, 0), 1000);
    file_set_flags(&pair[0]->file, 0);
    glue_on_sleep = no_memory_for_a_while;
    out_of_memory = 1;
    n = send_to(pair[0], buffer, 20000, 0);
    CHECK_EQ(n, 20000);
    socket_put(pair[0]);
    socket_put(pair[1]);
    end();
}

/* Of either end of a connection that has just begun. */
TEST(what_is_lost_first_is_sent_again_within_a_third_of_a_second)
{
    for (unsigned who = 0; who < 2; who++) {
        struct socket *pair[2];

        begin_on_ethernet();
        make_pair(AF_INET, pair);
        wire.lose = 1;
        CHECK_EQ(send_to(pair[who], "words", 5, 0), 5);
        wire.lose = 0;
        pass_time(330);
        CHECK_EQ(receive_from(pair[1 - who], 100, 0), 5);
        socket_put(pair[0]);
        socket_put(pair[1]);
        end();
    }
}

static struct socket *connect_from(int port, const struct socket_name *at)
{
    struct socket *made = make(AF_INET, SOCK_STREAM, O_NONBLOCK);
    struct socket_name from = loopback(AF_INET, port);

    CHECK_EQ(made->ops->bind(made, ADDRESS(from)), 0);
    CHECK_EQ(made->ops->connect(made, ADDRESS(*at)), -EINPROGRESS);
    return made;
}

/* Who closes first remembers the connection for half a minute. RFC 1122, 4.2.2.13. */
TEST(a_port_may_connect_again_at_once)
{
    struct socket *one, *other;
    struct socket_name at, from;

    begin_on_ethernet();
    listener = listening(AF_INET, 5, &at);
    for (unsigned i = 0; i < 20; i++) {
        one = connect_from(2000, &at);
        pass_time(20);
        CHECK_EQ(ready(one), POLLOUT);
        CHECK_EQ(listener->ops->accept(listener, O_NONBLOCK, &other, &from), 0);
        CHECK_EQ(send_to(one, "words", 5, 0), 5);
        pass_time(20);
        CHECK_EQ(receive_from(other, 100, 0), 5);
        socket_put(other); /* the server ends first */
        pass_time(20);
        CHECK_EQ(receive_from(one, 100, 0), 0);
        socket_put(one);
        pass_time(20);
        CHECK(tcp_tw_pcbs != NULL && tcp_tw_pcbs->next == NULL);
    }
    socket_put(listener);
    end();
}

/* What was sent before close() arrives, though its reader takes minutes. */
TEST(a_slow_reader_of_a_closed_connection_gets_everything)
{
    for (unsigned half_closed = 0; half_closed < 2; half_closed++) {
        struct socket *pair[2];
        size_t sent = 0, got = 0;
        ssize_t n;

        begin_on_ethernet();
        make_pair(AF_INET, pair);
        if (half_closed)
            CHECK_EQ(pair[1]->ops->shutdown(pair[1], SHUT_WR), 0);
        pass_time(10);
        while ((n = send_to(pair[0], buffer, 30000, 0)) > 0) {
            sent += (size_t)n;
            pass_time(10);
        }
        socket_put(pair[0]);
        while (got < sent) {
            pass_time(1000);
            n = receive_from(pair[1], 4000, 0);
            CHECK(n > 0);
            got += (size_t)n;
        }
        pass_time(1000);
        CHECK_EQ(receive_from(pair[1], 100, 0), 0);
        socket_put(pair[1]);
        end();
    }
}
