/*
 * net_tcp: TCP with large segments, over a wire that loses, delays, doubles and reorders.
 *
 * Two interfaces of the one lwIP, a and b, are the ends of the wire. What is sent stays in lwIP's
 * memory until the wire has done with it, as with netfront, which may only look whether it has when
 * it receives something (wire.silent); the wire looks whether it was left alone, and cuts large
 * segments as a network card would, or hands them over whole as a back end does. Time only goes on
 * when nothing else can happen.
 */
#include "glue_test.h"

#include <lwip/inet_chksum.h>
#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/tcp.h>
#include <lwip/timeouts.h>

#include "net.h"
#include "net_heap.h"
#include "net_priv.h"

#define MTU 1500u
#define QUEUED 4096u
#define NS_MS 1000000u

struct frame {
    struct pbuf *held; /* lwIP's, until the frame is delivered; NULL for a piece or a copy */
    uint8_t *bytes;    /* as they were when it was sent */
    unsigned len;
    uint16_t gso_size;
    struct netif *to;
    uint64_t at_ns;
};

static struct {
    struct netif a, b;
    struct frame queue[QUEUED];
    unsigned n;
    unsigned random;
    /* How bad it is: one of so many, 0 for never. */
    unsigned lose, swap, twice;
    unsigned lie; /* of the segments that tell what has arrived (SACK) */
    unsigned delay_us;
    bool gso_on, whole; /* the interface does GSO; large segments arrive whole */
    unsigned sent, large, lost, lies;
    size_t largest;

    bool silent;
    struct answered {
        struct pbuf *p;
        const struct netif *to;
    } answered[QUEUED];
    unsigned n_answered;
} wire;

static unsigned dice(unsigned of)
{
    wire.random = wire.random * 1664525u + 1013904223u;
    return of == 0 ? 1 : (wire.random >> 8) % of;
}

size_t net_gso_max(const struct netif *netif, bool ip6)
{
    (void)ip6;
    return wire.gso_on && (netif == &wire.a || netif == &wire.b) ? NET_GSO_PAYLOAD_MAX : 0;
}

/* ---- the wire */

static void wire_queue(const uint8_t *bytes, unsigned len, struct pbuf *held, uint16_t gso_size,
                       struct netif *to)
{
    CHECK(wire.n < QUEUED);
    struct frame *frame = &wire.queue[wire.n++];

    *frame = (struct frame){ .len = len, .to = to, .held = held, .gso_size = gso_size };
    frame->bytes = malloc(len);
    memcpy(frame->bytes, bytes, len);
    frame->at_ns = glue_monotonic_ns + wire.delay_us * 1000ull + wire.sent;
    if (wire.n > 1 && dice(wire.swap) == 0) {
        struct frame other = wire.queue[wire.n - 2];
        uint64_t at_ns = other.at_ns;

        other.at_ns = frame->at_ns;
        wire.queue[wire.n - 2] = *frame;
        wire.queue[wire.n - 2].at_ns = at_ns;
        wire.queue[wire.n - 1] = other;
    }
}

/* SACK's blocks, behind two NOPs: moved a little, or far away, or somewhere. */
static void wire_lie(uint8_t *tcp, unsigned len)
{
    static const unsigned reach[] = { 2000, 100000, 0x1000000 };

    if (len < TCP_HLEN + 4u || tcp[TCP_HLEN + 2] != 5 || dice(wire.lie) != 0)
        return;
    wire.lies++;
    for (unsigned at = TCP_HLEN + 4; at + 4 <= len; at += 4) {
        uint32_t word, by = reach[dice(3)];

        memcpy(&word, tcp + at, 4);
        word = lwip_htonl(lwip_ntohl(word) + dice(2 * by) - by);
        memcpy(tcp + at, &word, 4);
    }
}

static err_t wire_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *ip)
{
    static uint8_t bytes[65536];

    (void)ip;
    const struct tcp_hdr *tcp = (void *)((uint8_t *)p->payload + IP_HLEN);
    unsigned headers = IP_HLEN + TCPH_HDRLEN_BYTES(tcp);
    bool large = p->gso_size != 0 && p->tot_len > headers + p->gso_size;
    CHECK_EQ(pbuf_copy_partial(p, bytes, p->tot_len, 0), p->tot_len);
    CHECK_EQ(lwip_ntohs(IPH_LEN((struct ip_hdr *)bytes)), p->tot_len);
    if (!large)
        CHECK(p->tot_len <= MTU);
    /* RFC 9293, 3.10.7.4: a receiver drops what does not acknowledge. lwIP's own does not look. */
    if ((TCPH_FLAGS(tcp) & (TCP_SYN | TCP_RST)) == 0)
        CHECK((TCPH_FLAGS(tcp) & TCP_ACK) != 0);
    wire.sent++;
    wire.large += large;
    if (p->tot_len - headers > wire.largest && large)
        wire.largest = p->tot_len - headers;
    if (wire.lie != 0 && p->tot_len == headers) {
        wire_lie(bytes + IP_HLEN, headers - IP_HLEN);
        wire_queue(bytes, p->tot_len, NULL, 0, netif == &wire.a ? &wire.b : &wire.a);
        return ERR_OK;
    }
    pbuf_ref(p);
    wire_queue(bytes, p->tot_len, p, large ? p->gso_size : 0, netif == &wire.a ? &wire.b : &wire.a);
    return ERR_OK;
}

/* Give back what the wire has done with: what was sent to that end, or to both. */
static void wire_give_back(const struct netif *to)
{
    unsigned n = 0;

    for (unsigned i = 0; i < wire.n_answered; i++) {
        if (to != NULL && wire.answered[i].to != to)
            wire.answered[n++] = wire.answered[i];
        else
            pbuf_free(wire.answered[i].p);
    }
    wire.n_answered = n;
}

void net_if_finish(void)
{
    wire_give_back(NULL);
}

static void wire_input(const uint8_t *bytes, unsigned len, struct netif *to)
{
    if (dice(wire.lose) == 0) {
        wire.lost++;
        return;
    }
    wire_give_back(to == &wire.a ? &wire.b : &wire.a); /* it polls */
    for (unsigned times = dice(wire.twice) == 0 ? 2 : 1; times > 0; times--) {
        struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);

        if (p == NULL)
            return; /* no memory: lost */
        pbuf_take(p, bytes, (u16_t)len);
        if (ip4_input(p, to) != ERR_OK)
            pbuf_free(p);
    }
}

/* As a card does it: headers again for each piece, FIN and PSH only on the last. */
static void wire_cut(const struct frame *frame)
{
    const struct tcp_hdr *tcp = (const void *)(frame->bytes + IP_HLEN);
    unsigned headers = IP_HLEN + TCPH_HDRLEN_BYTES(tcp), payload = frame->len - headers;
    uint8_t piece[MTU];

    CHECK(headers + frame->gso_size <= MTU);
    for (unsigned at = 0; at < payload; at += frame->gso_size) {
        unsigned n = payload - at < frame->gso_size ? payload - at : frame->gso_size;
        struct ip_hdr *ip = (void *)piece;
        struct tcp_hdr *out = (void *)(piece + IP_HLEN);

        memcpy(piece, frame->bytes, headers);
        memcpy(piece + headers, frame->bytes + headers + at, n);
        IPH_LEN_SET(ip, lwip_htons((u16_t)(headers + n)));
        IPH_CHKSUM_SET(ip, 0);
        IPH_CHKSUM_SET(ip, inet_chksum(ip, IP_HLEN));
        out->seqno = lwip_htonl(lwip_ntohl(tcp->seqno) + at);
        if (at + n < payload)
            TCPH_UNSET_FLAG(out, TCP_FIN | TCP_PSH);
        wire_input(piece, headers + n, frame->to);
    }
}

/* Deliver what is due. Returns whether there was anything. */
static bool wire_deliver(void)
{
    unsigned n = 0;

    while (n < wire.n && wire.queue[n].at_ns <= glue_monotonic_ns)
        n++;
    if (n == 0)
        return false;
    struct frame *due = malloc(n * sizeof(*due));
    memcpy(due, wire.queue, n * sizeof(*due));
    memmove(wire.queue, wire.queue + n, (wire.n - n) * sizeof(*due));
    wire.n -= n;
    for (unsigned i = 0; i < n; i++) {
        struct frame *frame = &due[i];

        /* Nobody may have changed what the back end was still reading. */
        if (frame->held != NULL) {
            uint8_t *now = malloc(frame->len);

            CHECK_EQ(frame->held->tot_len >= frame->len, 1);
            CHECK_EQ(pbuf_copy_partial(frame->held, now, (u16_t)frame->len, 0), frame->len);
            CHECK(memcmp(now, frame->bytes, frame->len) == 0);
            free(now);
            CHECK(wire.n_answered < QUEUED);
            wire.answered[wire.n_answered++] = (struct answered){ frame->held, frame->to };
            if (!wire.silent)
                wire_give_back(NULL);
        }
        if (frame->gso_size != 0 && !wire.whole)
            wire_cut(frame);
        else
            wire_input(frame->bytes, frame->len, frame->to);
        free(frame->bytes);
    }
    free(due);
    return true;
}

/* Let everything happen that happens without a user, for so long or until done() says so. */
static void run(unsigned ms, bool (*done)(void))
{
    uint64_t end_ns = glue_monotonic_ns + (uint64_t)ms * NS_MS;

    while (glue_monotonic_ns < end_ns && (done == NULL || !done())) {
        if (wire_deliver())
            continue;
        uint64_t timer_ns = glue_monotonic_ns + (uint64_t)sys_timeouts_sleeptime() * NS_MS;
        uint64_t next_ns =
            wire.n > 0 && wire.queue[0].at_ns < timer_ns ? wire.queue[0].at_ns : timer_ns;
        if (next_ns > glue_monotonic_ns)
            glue_monotonic_ns = next_ns < end_ns ? next_ns : end_ns;
        sys_check_timeouts();
    }
}

/* ---- two users: one writes a pattern, one reads and compares */

static uint8_t *pattern;
#define PATTERN (1u << 20)

static struct {
    struct tcp_pcb *pcb;
    size_t total, written, largest_write;
    uint8_t flags;
    bool random_writes, closed, failed;
} writer;

static struct {
    struct tcp_pcb *pcb, *listener;
    size_t read, kept;
    bool ended, failed, holds; /* holds: does not open its window again */
    struct pbuf *unread;
} reader;

static void writer_write(void)
{
    if (writer.pcb == NULL || writer.pcb->state < ESTABLISHED)
        return;
    while (writer.written < writer.total) {
        size_t at = writer.written % PATTERN;
        size_t n = writer.largest_write;

        if (writer.random_writes)
            n = 1 + dice(dice(3) == 0 ? 200 : (unsigned)writer.largest_write);
        if (n > writer.total - writer.written)
            n = writer.total - writer.written;
        if (n > PATTERN - at)
            n = PATTERN - at;
        long done = net_tcp_write(writer.pcb, pattern + at, n, writer.flags);
        CHECK(done >= 0);
        writer.written += (size_t)done;
        if ((size_t)done < n)
            break;
        if (writer.random_writes && dice(4) == 0)
            tcp_output(writer.pcb);
    }
    tcp_output(writer.pcb);
    if (writer.written == writer.total && !writer.closed)
        writer.closed = tcp_shutdown(writer.pcb, 0, 1) == ERR_OK;
}

static err_t writer_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    (void)arg, (void)pcb, (void)len;
    writer_write();
    return ERR_OK;
}

static err_t writer_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
    (void)arg, (void)pcb;
    CHECK_EQ(error, ERR_OK);
    writer_write();
    return ERR_OK;
}

static void writer_error(void *arg, err_t error)
{
    (void)arg, (void)error;
    writer.pcb = NULL;
    writer.failed = true;
}

/* Also what keeps it going after memory was short. */
static err_t writer_poll(void *arg, struct tcp_pcb *pcb)
{
    (void)arg, (void)pcb;
    writer_write();
    return ERR_OK;
}

static void reader_take(struct pbuf *p)
{
    for (struct pbuf *q = p; q != NULL; q = q->next) {
        for (unsigned i = 0; i < q->len; i++)
            CHECK_EQ(((uint8_t *)q->payload)[i], pattern[(reader.read + i) % PATTERN]);
        reader.read += q->len;
    }
    if (!reader.holds)
        tcp_recved(reader.pcb, p->tot_len);
    else
        reader.kept += p->tot_len;
    pbuf_free(p);
}

static err_t reader_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
    (void)arg, (void)pcb, (void)error;
    if (p == NULL)
        reader.ended = true;
    else
        reader_take(p);
    return ERR_OK;
}

static void reader_error(void *arg, err_t error)
{
    (void)arg, (void)error;
    reader.pcb = NULL;
    reader.failed = true;
}

static err_t reader_accepted(void *arg, struct tcp_pcb *pcb, err_t error)
{
    (void)arg;
    CHECK_EQ(error, ERR_OK);
    reader.pcb = pcb;
    tcp_recv(pcb, reader_received);
    tcp_err(pcb, reader_error);
    return ERR_OK;
}

static err_t wire_init(struct netif *netif)
{
    netif->output = wire_output;
    netif->mtu = MTU;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_LINK_UP;
    NETIF_SET_CHECKSUM_CTRL(netif, NETIF_CHECKSUM_GEN_IP | NETIF_CHECKSUM_CHECK_IP);
    return ERR_OK;
}

static void begin(size_t total, size_t largest_write)
{
    static bool ready;
    ip4_addr_t address, mask, none = { 0 };

    if (!ready) {
        ready = true;
        lwip_init();
        IP4_ADDR(&mask, 255, 255, 255, 0);
        IP4_ADDR(&address, 10, 0, 1, 1);
        netif_add(&wire.a, &address, &mask, &none, NULL, wire_init, ip4_input);
        IP4_ADDR(&address, 10, 0, 2, 1);
        netif_add(&wire.b, &address, &mask, &none, NULL, wire_init, ip4_input);
        netif_set_up(&wire.a);
        netif_set_up(&wire.b);
        pattern = malloc(PATTERN);
        for (unsigned i = 0; i < PATTERN; i++)
            pattern[i] = (uint8_t)(dice(256));
    }
    CHECK_EQ(wire.n, 0);
    wire.lose = wire.swap = wire.twice = wire.lie = 0;
    wire.silent = false;
    wire_give_back(NULL);
    wire.sent = wire.large = wire.lost = wire.lies = 0;
    wire.largest = 0;
    wire.delay_us = 100;
    wire.gso_on = true;
    wire.whole = false;
    wire.random = 12345;
    memset(&writer, 0, sizeof(writer));
    memset(&reader, 0, sizeof(reader));
    writer.total = total;
    writer.largest_write = largest_write;
    writer.flags = TCP_WRITE_FLAG_COPY;
}

static void connect_both(void)
{
    ip_addr_t to = IPADDR4_INIT_BYTES(10, 0, 2, 1), from = IPADDR4_INIT_BYTES(10, 0, 1, 1);
    struct tcp_pcb *listener = tcp_new();

    CHECK_EQ(tcp_bind(listener, &to, 80), ERR_OK);
    tcp_bind_netif(listener, &wire.b);
    reader.listener = tcp_listen(listener);
    tcp_accept(reader.listener, reader_accepted);
    writer.pcb = tcp_new();
    CHECK_EQ(tcp_bind(writer.pcb, &from, 0), ERR_OK);
    tcp_bind_netif(writer.pcb, &wire.a);
    tcp_sent(writer.pcb, writer_sent);
    tcp_err(writer.pcb, writer_error);
    tcp_poll(writer.pcb, writer_poll, 1);
    tcp_nagle_disable(writer.pcb);
    CHECK_EQ(tcp_connect(writer.pcb, &to, 80, writer_connected), ERR_OK);
}

static bool all_read(void)
{
    return reader.ended || writer.failed || reader.failed;
}

static bool writer_is_done(void)
{
    return writer.pcb == NULL || writer.pcb->snd_queuelen == 0;
}

static void finish(void)
{
    struct tcp_pcb *pcb;

    tcp_close(reader.listener);
    if (reader.pcb != NULL)
        tcp_abort(reader.pcb);
    run(10, NULL);
    if (writer.pcb != NULL)
        tcp_abort(writer.pcb);
    run(10, NULL);
    wire.lose = wire.swap = wire.twice = 0;
    while ((pcb = tcp_tw_pcbs) != NULL)
        tcp_abort(pcb);
    run(10, NULL);
    CHECK(tcp_active_pcbs == NULL);
}

/* Everything arrives, in order, within so many virtual seconds. */
static void transfer(unsigned seconds)
{
    connect_both();
    run(seconds * 1000, all_read);
    CHECK(!writer.failed);
    CHECK(!reader.failed);
    CHECK(reader.ended);
    CHECK_EQ(reader.read, writer.total);
    run(20000, writer_is_done);
    CHECK_EQ(writer.pcb->snd_queuelen, 0);
    CHECK_EQ(writer.pcb->snd_buf, net_tcp_send_buffer);
    finish();
}

TEST(without_gso_segments_have_their_size)
{
    begin(3 << 20, 64 << 10);
    wire.gso_on = false;
    transfer(10);
    CHECK_EQ(wire.large, 0);
}

TEST(large_segments_are_cut_on_the_wire)
{
    begin(8 << 20, 128 << 10);
    transfer(10);
    CHECK(wire.large > 50);
    CHECK(wire.largest > 50000);
    CHECK_EQ(wire.largest % (MTU - 40), 0);
}

TEST(large_segments_arrive_whole)
{
    begin(8 << 20, 128 << 10);
    wire.whole = true;
    transfer(10);
    CHECK(wire.large > 50);
    /* An acknowledgement for each, and none was delayed: nothing waited for a timer. */
    CHECK(glue_monotonic_ns < 60ull * 1000 * NS_MS);
}

TEST(data_that_is_not_copied)
{
    begin(4 << 20, 100000);
    writer.flags = 0;
    transfer(10);
    CHECK(wire.large > 20);
}

TEST(small_and_large_writes_in_any_order)
{
    begin(2 << 20, 20000);
    writer.random_writes = true;
    transfer(60);
}

TEST(a_wire_that_loses_delays_and_swaps)
{
    for (unsigned seed = 1; seed <= 30; seed++) {
        begin(1 << 20, 50000);
        wire.random = seed;
        wire.lose = 20 + seed;
        wire.swap = seed % 3 == 0 ? 10 : 0;
        wire.twice = seed % 4 == 0 ? 15 : 0;
        wire.delay_us = seed % 5 * 1000;
        wire.silent = seed % 2 == 0 || seed % 5 == 0;
        wire.whole = seed % 2 == 0;
        writer.random_writes = seed % 7 == 0;
        writer.flags = seed % 6 == 0 ? 0 : TCP_WRITE_FLAG_COPY;
        transfer(3600);
        CHECK(wire.lost > 0);
    }
}

/* Each loss is found by what arrives after it, also a second one of the same bytes. */
TEST(what_is_lost_rarely_waits_for_a_timer)
{
    uint64_t begun_ns = glue_monotonic_ns;

    for (unsigned seed = 1; seed <= 16; seed++) {
        begin(4 << 20, 50000);
        wire.random = seed;
        wire.gso_on = seed % 4 < 2;
        wire.lose = 50;
        wire.swap = seed % 2 == 0 ? 0 : 50;
        wire.delay_us = 500;
        transfer(3600);
        CHECK(wire.lost > 20);
    }
    /* A timeout costs 0.24 s, and there were 60 losses each time. */
    CHECK(glue_monotonic_ns - begun_ns < 16 * 1000ull * NS_MS);
}

/* It may only harm itself. */
TEST(a_peer_that_lies_about_what_has_arrived)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        begin(1 << 20, 50000);
        wire.random = seed;
        wire.lose = 30;
        wire.lie = seed % 4 + 1;
        wire.gso_on = seed % 2;
        wire.silent = seed % 3 == 0;
        wire.delay_us = seed % 5 * 500;
        transfer(3600);
        CHECK(wire.lies > 0);
    }
}

static bool window_is_full(void)
{
    return reader.kept >= 200000;
}

TEST(a_reader_that_stops_and_goes_on)
{
    begin(4 << 20, 60000);
    reader.holds = true;
    connect_both();
    run(60000, window_is_full);
    run(20000, NULL); /* window probes */
    CHECK(reader.kept <= net_tcp_window);
    size_t kept = reader.kept;
    /* A little at a time: less than a segment, then more. */
    for (unsigned n = 1; kept > 0; n = n * 3 < kept ? n * 3 : (unsigned)kept) {
        tcp_recved(reader.pcb, (u16_t)(n < 60000 ? n : 60000));
        kept -= n < 60000 ? n : 60000;
        run(300, NULL);
    }
    reader.holds = false;
    run(600000, all_read);
    CHECK_EQ(reader.read > 200000, 1);
    kept = reader.kept;
    while (!all_read()) {
        tcp_recved(reader.pcb, 30000);
        run(1000, all_read);
    }
    CHECK_EQ(reader.read, writer.total);
    finish();
}

TEST(memory_that_runs_out_comes_back)
{
    begin(2 << 20, 100000);
    connect_both();
    run(2, NULL);
    glue_pages_limit = glue_pages_used + 8;
    run(3000, all_read);
    glue_pages_limit = SIZE_MAX;
    run(60000, all_read);
    CHECK_EQ(reader.read, writer.total);
    CHECK(!writer.failed);
    finish();
}

/* As many as there are, linked through their first word. */
static unsigned take_all(void *(*get)(size_t size), size_t size, void **first)
{
    unsigned n = 0;

    for (void *object; (object = get(size)) != NULL; n++) {
        *(void **)object = *first;
        *first = object;
    }
    return n;
}

static void put_all(void (*put)(void *object), void **first)
{
    while (*first != NULL) {
        void *object = *first;

        *first = *(void **)object;
        put(object);
    }
}

static void *get_page(size_t size)
{
    (void)size;
    return net_page_get();
}

TEST(a_few_small_objects_are_left_when_all_memory_is_used)
{
    size_t others = 16384 - 16384 / 32 - glue_pages_used;
    void *pages = NULL, *small = NULL;
    unsigned n;

    begin(1 << 20, 100000);
    CHECK(!net_heap_is_low());
    glue_pages_used += others;
    take_all(get_page, 0, &pages);
    CHECK(net_heap_is_low());
    CHECK(net_heap_get(2000) == NULL);
    n = take_all(net_heap_get, 256, &small);
    CHECK(n >= 100 && n <= 300);
    put_all(net_heap_put, &small);
    CHECK_EQ(take_all(net_heap_get, 256, &small), n);
    put_all(net_heap_put, &small);
    put_all(net_page_put, &pages);
    glue_pages_used -= others;
    CHECK(!net_heap_is_low());
    transfer(10);
}

TEST(all_pages_come_back)
{
    begin(1 << 20, 100000);
    transfer(10);
    size_t pages = net_heap_pages();
    for (unsigned i = 0; i < 10; i++) {
        begin(1 << 20, 100000);
        wire.lose = 30;
        transfer(600);
    }
    CHECK(net_heap_pages() <= pages + 8);
}
