/*
 * netif_xen: lwIP on the real netfront, whose back end looks at the frames: what of the checksums is
 * left to it, what it may leave to us, and what an MTU that changes does to them.
 */
#include "test.h"

#include <lwip/etharp.h>
#include <lwip/inet_chksum.h>
#include <lwip/init.h>
#include <lwip/prot/iana.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/udp.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#include <drivers/xenbus.h>
#include <platform/clock.h>
#include <platform/gnttab.h>
#include <platform/memory.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/timer.h>

#include "net.h"
#include "net_heap.h"
#include "net_priv.h"
#include "netback.h"

#define ETH 14u
#define PORT 5000u

static struct netback back = NETBACK_DEFAULTS;
static struct netback_frame frame;
static struct udp_pcb *udp;
static ip_addr_t peer4, peer6; /* peer6: a group, which needs no neighbour */
static unsigned datagrams;
static bool keeps; /* the reader, what comes */
static struct pbuf *kept[4096];
static unsigned n_kept;
static bool heap_is_low, heap_is_empty;
static uint8_t bytes[65536], whole[65536 + 64];
static char said[16384];

/* ---- what else a guest has around it ---- */

void net_kick(void)
{
}

void net_config_added(struct net_if *nif)
{
    ip4_addr_t address, mask, none = { 0 };

    IP4_ADDR(&address, 10, 5, 5, 5);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    netif_set_addr(&nif->netif, &address, &mask, &none);
    netif_set_up(&nif->netif);
    netif_create_ip6_linklocal_address(&nif->netif, 1);
    netif_ip6_addr_set_state(&nif->netif, 0, IP6_ADDR_PREFERRED);
}

void net_config_link_up(struct net_if *nif)
{
    (void)nif;
}

void net_config_lost(struct net_if *nif)
{
    netif_set_down(&nif->netif);
}

bool net_heap_is_low(void)
{
    return heap_is_low;
}

void *net_heap_get(size_t size)
{
    return heap_is_empty ? NULL : malloc(size);
}

void boot_stage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void boot_stage(const char *format, ...)
{
    va_list args;
    size_t used = strlen(said);

    va_start(args, format);
    vsnprintf(said + used, sizeof(said) - used, format, args);
    va_end(args);
}

static void on_slice(void)
{
}

static void on_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                        u16_t port)
{
    (void)arg, (void)pcb, (void)from, (void)port;
    datagrams++;
    if (keeps)
        kept[n_kept++] = p;
    else
        pbuf_free(p);
}

/* As the network thread does it. */
static void run(void)
{
    fakexen_run();
    while (net_if_run())
        continue;
    net_if_flush();
    fakexen_run();
}

static void drain(void)
{
    netback_take_all(&back);
    run();
}

static void start(void)
{
    struct eth_addr mac = { { 0, 1, 2, 3, 4, 5 } };

    fakexen_start(&(struct fakexen_options){ 0 });
    pages_start();
    CHECK_EQ(gnttab_start(pages_get_for_table), 0);
    timer_start(on_slice);
    CHECK_EQ(xenstore_start(), 0);
    vcpu_restore_upcalls(false);
    lwip_init();
    CHECK_EQ(net_if_start(), 0);
    run();
    fakexen_advance(XENBUS_QUIET_NS); /* now it watches for interfaces */
    run();
    fakexen_mark_clean();
    fakexen_ignore_pages();
    netback_offer(&back);
    run();
    netback_accept(&back);
    run();
    CHECK(net_ifs != NULL && netif_is_link_up(&net_ifs->netif));
    ipaddr_aton("10.5.5.9", &peer4);
    ipaddr_aton("ff02::9", &peer6);
    ip6_addr_set_zone(ip_2_ip6(&peer6), netif_get_index(&net_ifs->netif));
    CHECK_EQ(etharp_add_static_entry(ip_2_ip4(&peer4), &mac), ERR_OK);
    udp = udp_new_ip_type(IPADDR_TYPE_ANY);
    CHECK_EQ(udp_bind(udp, IP_ANY_TYPE, PORT), ERR_OK);
    udp_recv(udp, on_datagram, NULL);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    drain(); /* what an interface says when it comes up */
}

static void finish(void)
{
    udp_remove(udp);
    drain();
    netback_close(&back, true);
    while (net_ifs != NULL)
        run();
}

/* ---- frames out ---- */

static uint32_t folded(uint32_t sum, const void *data, size_t len)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* The sum of the pseudo header before a UDP datagram of that length. */
static uint32_t pseudo(const uint8_t *ip, size_t len)
{
    bool ip6 = ip[0] >> 4 == 6;

    return folded(17 + (uint32_t)len, ip + (ip6 ? 8 : 12), ip6 ? 32 : 8);
}

static void send(const ip_addr_t *to, size_t len)
{
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)len, PBUF_RAM);

    CHECK_EQ(pbuf_take(p, bytes, (u16_t)len), ERR_OK);
    CHECK_EQ(udp_sendto_if(udp, p, to, PORT, &net_ifs->netif), ERR_OK);
    pbuf_free(p);
    net_if_flush();
}

/* The next frame that carries UDP, whole or in part: what multicast has to say is not looked at. */
static bool take(void)
{
    while (netback_take(&back, 0, &frame)) {
        const uint8_t *ip = frame.data + ETH;

        netback_answer(&back, 0, &frame, NETIF_RSP_OKAY, true);
        if (ip[0] >> 4 == 4 ? ip[9] == 17 : ip[6] == 17 || ip[6] == 44)
            return true;
    }
    return false;
}

enum sum { BLANK, RIGHT, WRONG };

/* Of a datagram behind its IP header. */
static enum sum sum_of(const uint8_t *ip, const uint8_t *datagram, size_t len)
{
    uint32_t field = (uint32_t)datagram[6] << 8 | datagram[7];
    uint32_t before = pseudo(ip, len);

    if (folded(before, datagram, len) == 0xffff)
        return field != 0 ? RIGHT : WRONG;
    return field == before ? BLANK : WRONG;
}

static void check_whole(const ip_addr_t *to, size_t len, enum sum want)
{
    size_t header = IP_IS_V6(to) ? IP6_HLEN : IP_HLEN;
    uint16_t flags = want == BLANK ? NETTXF_csum_blank | NETTXF_data_validated : 0;

    send(to, len);
    CHECK(take());
    CHECK_EQ(frame.len, ETH + header + UDP_HLEN + len);
    CHECK_EQ(frame.flags & (NETTXF_csum_blank | NETTXF_data_validated), flags);
    CHECK_EQ(sum_of(frame.data + ETH, frame.data + ETH + header, UDP_HLEN + len), want);
    CHECK(!take());
    run();
}

TEST(a_datagram_leaves_its_checksum_to_the_back_end)
{
    static const size_t lengths[] = { 0, 1, 17, 300, 1000, 1452 };

    start();
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        check_whole(&peer4, lengths[i], BLANK);
        check_whole(&peer6, lengths[i], BLANK);
    }
    check_whole(&peer4, 1472, BLANK);
    finish();
}

TEST(a_back_end_that_takes_no_blank_checksums_gets_whole_ones)
{
    back.no_csum = true;
    back.csum6 = back.gso4 = back.gso6 = false;
    start();
    for (size_t len = 0; len < 70; len++) {
        check_whole(&peer4, len, RIGHT);
        check_whole(&peer6, len, RIGHT);
    }
    check_whole(&peer4, 1472, RIGHT);
    finish();
}

TEST(either_version_of_ip_by_its_own_feature)
{
    back.csum6 = back.gso6 = false;
    start();
    check_whole(&peer4, 700, BLANK);
    check_whole(&peer6, 700, RIGHT);
    finish();
}

/* RFC 768: a sum of 0 is sent as 0xffff, for 0 says that there is none. */
TEST(a_checksum_that_comes_out_as_zero)
{
    uint32_t sum;

    back.no_csum = true;
    back.gso4 = false;
    start();
    memset(bytes, 0, 2);
    send(&peer4, 100);
    CHECK(take());
    sum = (uint32_t)frame.data[ETH + IP_HLEN + 6] << 8 | frame.data[ETH + IP_HLEN + 7];
    bytes[0] = (uint8_t)(sum >> 8); /* now the rest adds up to it */
    bytes[1] = (uint8_t)sum;
    check_whole(&peer4, 100, RIGHT);
    CHECK_EQ(frame.data[ETH + IP_HLEN + 6] << 8 | frame.data[ETH + IP_HLEN + 7], 0xffff);
    finish();
}

static void check_cut(const ip_addr_t *to, size_t len)
{
    bool ip6 = IP_IS_V6(to);
    size_t done = 0, header = ip6 ? IP6_HLEN + 8 : IP_HLEN;
    uint8_t ip[IP6_HLEN];

    send(to, len);
    while (done < UDP_HLEN + len) {
        CHECK(take());
        CHECK_EQ(frame.flags & (NETTXF_csum_blank | NETTXF_data_validated), 0);
        CHECK(frame.len <= ETH + net_ifs->netif.mtu);
        const uint8_t *at = frame.data + ETH;
        size_t place = ip6 ? (size_t)(at[IP6_HLEN + 2] << 8 | at[IP6_HLEN + 3]) & 0xfff8
                           : (size_t)((at[6] << 8 | at[7]) & 0x1fff) * 8;
        CHECK_EQ(place, done);
        memcpy(ip, at, sizeof(ip));
        memcpy(whole + place, at + header, frame.len - ETH - header);
        done += frame.len - ETH - header;
        run();
    }
    CHECK_EQ(done, UDP_HLEN + len);
    CHECK_EQ(sum_of(ip, whole, done), RIGHT);
    CHECK(memcmp(whole + UDP_HLEN, bytes, len) == 0);
    CHECK(!take());
}

TEST(what_is_cut_in_fragments_has_its_checksum)
{
    start();
    check_cut(&peer4, 1473);
    check_cut(&peer4, 4000);
    check_cut(&peer4, 65507);
    check_cut(&peer6, 1453);
    check_cut(&peer6, 30001);
    check_whole(&peer4, 1472, BLANK); /* the next one again */
    finish();
}

TEST(dhcp_servers_may_read_frames_as_they_lie)
{
    start();
    udp_remove(udp);
    udp = udp_new_ip_type(IPADDR_TYPE_V4);
    CHECK_EQ(udp_bind(udp, IP4_ADDR_ANY, LWIP_IANA_PORT_DHCP_CLIENT), ERR_OK);
    check_whole(&peer4, 300, RIGHT);
    finish();
}

/* ---- frames in ---- */

/* A datagram for us into whole[], as it would come over a wire. Returns the frame's length. */
static size_t datagram(bool ip6, size_t len)
{
    struct eth_hdr *eth = (void *)whole;
    struct ip_hdr *ip4 = (void *)(whole + ETH);
    size_t header = ip6 ? IP6_HLEN : IP_HLEN;
    uint8_t *at = whole + ETH + header;
    uint32_t sum;

    memset(whole, 0, ETH + header);
    memcpy(&eth->dest, net_ifs->netif.hwaddr, 6);
    memcpy(&eth->src, "\0\1\2\3\4\5", 6);
    eth->type = ip6 ? PP_HTONS(ETHTYPE_IPV6) : PP_HTONS(ETHTYPE_IP);
    if (ip6) {
        struct ip6_hdr *ip = (void *)(whole + ETH);
        ip6_addr_t from = *netif_ip6_addr(&net_ifs->netif, 0);

        IP6H_VTCFL_SET(ip, 6, 0, 0);
        IP6H_PLEN_SET(ip, (u16_t)(UDP_HLEN + len));
        IP6H_NEXTH_SET(ip, IP6_NEXTH_UDP);
        IP6H_HOPLIM_SET(ip, 64);
        ip6_addr_copy_to_packed(ip->dest, from);
        from.addr[3] ^= 1;
        ip6_addr_copy_to_packed(ip->src, from);
    } else {
        IPH_VHL_SET(ip4, 4, 5);
        IPH_LEN_SET(ip4, lwip_htons((u16_t)(IP_HLEN + UDP_HLEN + len)));
        IPH_TTL_SET(ip4, 64);
        IPH_PROTO_SET(ip4, IP_PROTO_UDP);
        ip4_addr_copy(ip4->src, *ip_2_ip4(&peer4));
        ip4_addr_copy(ip4->dest, *netif_ip4_addr(&net_ifs->netif));
        IPH_CHKSUM_SET(ip4, inet_chksum(ip4, IP_HLEN));
    }
    *(struct udp_hdr *)(void *)at = (struct udp_hdr){ .src = lwip_htons(PORT),
                                                      .dest = lwip_htons(PORT),
                                                      .len = lwip_htons((u16_t)(UDP_HLEN + len)) };
    memcpy(at + UDP_HLEN, bytes, len);
    sum = ~folded(pseudo(whole + ETH, UDP_HLEN + len), at, UDP_HLEN + len) & 0xffff;
    at[6] = (uint8_t)(sum >> 8);
    at[7] = (uint8_t)sum;
    return ETH + header + UDP_HLEN + len;
}

static unsigned came(size_t len, uint16_t flags)
{
    unsigned before = datagrams;

    CHECK(netback_deliver(&back, 0, whole, len, flags, 0, 0));
    run();
    return datagrams - before;
}

TEST(a_checksum_that_the_frame_vouches_for_is_not_looked_at)
{
    static const size_t lengths[] = { 1, 200, 1000, 1452, 5000 };

    start();
    for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
        bool ip6 = i % 2 != 0;
        size_t len = datagram(ip6, lengths[i / 2]);
        uint8_t *field = whole + ETH + (ip6 ? IP6_HLEN : IP_HLEN) + 6;
        uint32_t sum = pseudo(whole + ETH, len - (size_t)(field - 6 - whole));

        CHECK_EQ(came(len, 0), 1);
        CHECK_EQ(came(len, NETRXF_data_validated), 1);
        field[0] = (uint8_t)(sum >> 8); /* of the pseudo header only, as it is sent */
        field[1] = (uint8_t)sum;
        CHECK_EQ(came(len, NETRXF_csum_blank | NETRXF_data_validated), 1);
        CHECK_EQ(came(len, NETRXF_csum_blank), 1);
        CHECK_EQ(came(len, 0), 0);
        field[0] ^= 0x55;
        CHECK_EQ(came(len, NETRXF_data_validated), 1);
        CHECK_EQ(came(len, 0), 0);
    }
    finish();
}

/* What checked a fragment has not seen the checksum's other bytes. */
TEST(a_fragment_vouches_for_nothing)
{
    struct ip_hdr *ip = (void *)(whole + ETH);
    size_t half = 800, len;

    start();
    for (int spoiled = 0; spoiled < 2; spoiled++) {
        uint8_t rest[2048];

        len = datagram(false, 1400);
        if (spoiled)
            whole[len - 1] ^= 1;
        memcpy(rest, whole + ETH + IP_HLEN + half, len - ETH - IP_HLEN - half);
        for (int second = 0; second < 2; second++) {
            size_t part = second ? len - ETH - IP_HLEN - half : half;

            IPH_LEN_SET(ip, lwip_htons((u16_t)(IP_HLEN + part)));
            IPH_OFFSET_SET(ip, lwip_htons(second ? (u16_t)(half / 8) : IP_MF));
            IPH_ID_SET(ip, (u16_t)(7 + spoiled));
            IPH_CHKSUM_SET(ip, 0);
            IPH_CHKSUM_SET(ip, inet_chksum(ip, IP_HLEN));
            if (second)
                memcpy(whole + ETH + IP_HLEN, rest, part);
            CHECK_EQ(came(ETH + IP_HLEN + part, NETRXF_data_validated), second && !spoiled);
        }
    }
    finish();
}

/* Frames that are cut off anywhere, or are noise, with whatever the back end says of them. */
TEST(a_short_frame_needs_no_memory)
{
    size_t page = PAGE_SIZE - ETH - IP_HLEN - UDP_HLEN;

    start();
    heap_is_empty = true;
    CHECK_EQ(came(datagram(false, 100), 0), 1); /* it is not copied: what describes it lies behind it */
    CHECK_EQ(came(datagram(false, page), 0), 0); /* here is no room behind */
    heap_is_empty = false;
    CHECK_EQ(came(datagram(false, page), 0), 1);
    finish();
}

/* Who does not read may not hold all of the last memory: what ends connections must still come in. */
TEST(of_little_memory_what_was_received_holds_a_share)
{
    start();
    unsigned share = (unsigned)(memory_pages() / 128);
    CHECK(share > 2 && share < sizeof(kept) / sizeof(kept[0]) - 2);
    heap_is_low = true;
    keeps = true;
    for (unsigned i = 0; i < share; i++)
        CHECK_EQ(came(datagram(false, 100), 0), 1);
    CHECK_EQ(came(datagram(false, 100), 0), 0);
    CHECK_EQ(came(datagram(true, 1000), 0), 0);
    heap_is_low = false;
    CHECK_EQ(came(datagram(false, 100), 0), 1);
    heap_is_low = true;
    pbuf_free(kept[--n_kept]);
    pbuf_free(kept[--n_kept]);
    CHECK_EQ(came(datagram(false, 100), 0), 1);
    while (n_kept > 0)
        pbuf_free(kept[--n_kept]);
    heap_is_low = keeps = false;
    finish();
}

TEST(no_frame_is_too_bad_to_come_in)
{
    static const uint16_t kinds[] = { 0, NETRXF_data_validated, NETRXF_csum_blank,
                                      NETRXF_csum_blank | NETRXF_data_validated };
    unsigned random = 1;

    start();
    for (size_t i = 0; i < 4000; i++) {
        size_t len = datagram(i % 2 != 0, 64 + i % 500);

        for (unsigned n = i / 1000; n > 0; n--) { /* the later ones are worse */
            random = random * 1664525u + 1013904223u;
            whole[12 + (random >> 8) % 60] ^= (uint8_t)(random >> 24);
        }
        if (i % 3 == 0)
            len = ETH + i % 90;
        CHECK(netback_deliver(&back, 0, whole, len, kinds[i / 2 % 4],
                              i % 5 == 0 ? XEN_NETIF_GSO_TYPE_TCPV4 : 0, i % 5 == 0 ? 1400 : 0));
        run();
        drain(); /* what we say to it */
    }
    CHECK(netif_is_link_up(&net_ifs->netif));
    CHECK(datagrams > 0);
    finish();
}

/* ---- an MTU that changes ---- */

static void set_mtu(const char *text)
{
    fakexen_store_write(NETBACK_FRONT "/mtu", text);
    run();
}

TEST(datagrams_follow_the_mtu)
{
    start();
    set_mtu("9000");
    CHECK_EQ(net_ifs->netif.mtu, 9000);
    CHECK_EQ(net_ifs->netif.mtu6, 9000);
    CHECK(strstr(said, "eth0: MTU 9000") != NULL);
    check_whole(&peer4, 8972, BLANK);
    check_whole(&peer6, 8952, BLANK);
    check_cut(&peer4, 8973);
    set_mtu("1300");
    check_whole(&peer4, 1272, BLANK);
    check_whole(&peer6, 1252, BLANK);
    check_cut(&peer4, 1273);
    check_cut(&peer6, 1253);
    net_ifs->netif.mtu6 = 1280; /* as a router advertised */
    set_mtu("1500");
    CHECK_EQ(net_ifs->netif.mtu, 1500);
    CHECK_EQ(net_ifs->netif.mtu6, 1280);
    set_mtu("68");
    CHECK_EQ(net_ifs->netif.mtu6, 68);
    check_cut(&peer4, 100);
    finish();
}

/* The next frame that carries TCP over IPv4, whole or in part: what lies behind its IP header. */
static const void *take_tcp(void)
{
    while (netback_take(&back, 0, &frame)) {
        const uint8_t *ip = frame.data + ETH;

        netback_answer(&back, 0, &frame, NETIF_RSP_OKAY, true);
        if (ip[0] >> 4 == 4 && ip[9] == IP_PROTO_TCP)
            return ip + IP_HLEN;
    }
    return NULL;
}

/* Its announced MSS. */
static unsigned mss_of(const struct tcp_hdr *tcp)
{
    const uint8_t *option = (const uint8_t *)(tcp + 1);

    CHECK(option[0] == 2 && option[1] == 4); /* always the first */
    return (unsigned)(option[2] << 8 | option[3]);
}

/* The peer's segment to us: an answer to ours. */
static void answer_tcp(const struct tcp_pcb *pcb, u8_t flags, u32_t seqno, u32_t ackno, u16_t mss)
{
    struct eth_hdr *eth = (void *)whole;
    struct ip_hdr *ip = (void *)(whole + ETH);
    struct tcp_hdr *tcp = (void *)(whole + ETH + IP_HLEN);
    size_t header = TCP_HLEN + (mss != 0 ? 4 : 0);

    memset(whole, 0, ETH + IP_HLEN + header);
    memcpy(&eth->dest, net_ifs->netif.hwaddr, 6);
    eth->type = PP_HTONS(ETHTYPE_IP);
    IPH_VHL_SET(ip, 4, 5);
    IPH_LEN_SET(ip, lwip_htons((u16_t)(IP_HLEN + header)));
    IPH_TTL_SET(ip, 64);
    IPH_PROTO_SET(ip, IP_PROTO_TCP);
    ip4_addr_copy(ip->src, *ip_2_ip4(&peer4));
    ip4_addr_copy(ip->dest, *netif_ip4_addr(&net_ifs->netif));
    IPH_CHKSUM_SET(ip, inet_chksum(ip, IP_HLEN));
    tcp->src = lwip_htons(pcb->remote_port);
    tcp->dest = lwip_htons(pcb->local_port);
    tcp->seqno = lwip_htonl(seqno);
    tcp->ackno = lwip_htonl(ackno);
    TCPH_HDRLEN_FLAGS_SET(tcp, header / 4, flags);
    tcp->wnd = 0xffff;
    if (mss != 0)
        memcpy(tcp + 1, (u8_t[]){ 2, 4, (u8_t)(mss >> 8), (u8_t)mss }, 4);
    CHECK(netback_deliver(&back, 0, whole, ETH + IP_HLEN + header, NETRXF_data_validated, 0, 0));
    run();
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
    (void)pcb;
    *(bool *)arg = error == ERR_OK;
    return ERR_OK;
}

static struct tcp_pcb *connected(u16_t peer_mss)
{
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
    const struct tcp_hdr *syn;
    bool done = false;

    tcp_arg(pcb, &done);
    tcp_nagle_disable(pcb);
    CHECK_EQ(tcp_connect(pcb, &peer4, 80, on_connected), ERR_OK);
    net_if_flush();
    syn = take_tcp();
    CHECK(syn != NULL);
    CHECK_EQ(mss_of(syn), net_ifs->netif.mtu - IP_HLEN - TCP_HLEN);
    answer_tcp(pcb, TCP_SYN | TCP_ACK, 1000, lwip_ntohl(syn->seqno) + 1, peer_mss);
    CHECK(done);
    while (take_tcp() != NULL)
        continue;
    return pcb;
}

/* One segment: what the back end has of its checksum to do, and its payload's length. */
static size_t check_segment(const uint8_t *ip, const void *segment, size_t len)
{
    const struct tcp_hdr *tcp = segment;
    size_t headers = TCPH_HDRLEN_BYTES(tcp);
    uint32_t before = folded(IP_PROTO_TCP + (uint32_t)len, ip + 12, 8);

    CHECK(len >= headers);
    if (frame.flags & NETTXF_csum_blank)
        CHECK_EQ(lwip_ntohs(tcp->chksum), before);
    else
        CHECK_EQ(folded(before, segment, len), 0xffff);
    return len - headers;
}

/* What was sent arrives, nothing of it larger than the MTU. Returns bytes of payload. */
static size_t arrives(size_t mtu)
{
    size_t total = 0, cut = 0;
    const uint8_t *segment;

    net_if_flush();
    while ((segment = take_tcp()) != NULL) {
        const uint8_t *ip = frame.data + ETH;
        size_t len = frame.len - ETH - IP_HLEN, at = (size_t)((ip[6] << 8 | ip[7]) & 0x1fff) * 8;

        size_t headers = IP_HLEN + TCPH_HDRLEN_BYTES((const struct tcp_hdr *)segment);

        CHECK((frame.extra ? frame.info.u.gso.size + headers : frame.len - ETH) <= mtu);
        if (at == 0 && (ip[6] & 0x20) == 0) {
            total += check_segment(ip, segment, len);
        } else { /* a fragment, in order */
            CHECK_EQ(at, cut);
            CHECK_EQ(frame.flags & NETTXF_csum_blank, 0);
            memcpy(whole + at, segment, len);
            cut = at + len;
            if ((ip[6] & 0x20) == 0) {
                total += check_segment(ip, whole, cut);
                cut = 0;
            }
        }
        run();
    }
    CHECK_EQ(cut, 0);
    return total;
}

static void end(struct tcp_pcb *pcb)
{
    tcp_abort(pcb);
    net_if_flush();
    CHECK(take_tcp() != NULL);
}

static void check_segments_follow(bool gso)
{
    struct tcp_pcb *pcb;

    back.mtu = "9000";
    back.gso4 = gso;
    start();
    CHECK_EQ(net_ifs->netif.mtu, 9000);
    pcb = connected(8960);
    CHECK_EQ(pcb->mss, 8960);
    for (size_t len = 4000; len <= 20000; len += 8000) { /* made for the large one */
        set_mtu("9000");
        pcb->mss = 8960;
        pcb->cwnd = 60000;
        CHECK_EQ(net_tcp_write(pcb, bytes, len, TCP_WRITE_FLAG_COPY), len);
        set_mtu("1500");
        CHECK_EQ(pcb->mss, 1460);
        CHECK_EQ(tcp_output(pcb), ERR_OK);
        CHECK_EQ(arrives(1500), len);
        answer_tcp(pcb, TCP_ACK, 1001, pcb->snd_nxt, 0);
    }
    CHECK_EQ(net_tcp_write(pcb, bytes, 8000, TCP_WRITE_FLAG_COPY), 8000);
    CHECK_EQ(tcp_output(pcb), ERR_OK);
    CHECK_EQ(arrives(1500), 8000);
    end(pcb);
    pcb = connected(8960); /* a new one announces what there is now */
    CHECK_EQ(pcb->mss, 1460);
    set_mtu("9000");
    CHECK_EQ(pcb->mss, 1460);
    end(pcb);
    pcb = connected(8960);
    CHECK_EQ(pcb->mss, 8960);
    end(pcb);
    finish();
}

TEST(segments_follow_the_mtu)
{
    check_segments_follow(false);
}

TEST(large_segments_follow_the_mtu)
{
    check_segments_follow(true);
}
