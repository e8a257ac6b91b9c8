/*
 * netif_xen: lwIP's interfaces over netfront.
 *
 * Received frames go up in the pages that they came in; only short ones are copied, so that a page
 * is not kept for a hundred bytes. Sent frames go down as they lie in lwIP's pbufs, which are held
 * until the back end has done with them. TCP's and UDP's checksums are left to the back end where it
 * takes that, and so is the cutting of large segments; both are decided frame by frame, when it is
 * sent.
 *
 * netfront's events only leave a mark and wake the network thread, which does the rest.
 */
#include <errno.h>
#include <string.h>

#include <drivers/netfront.h>
#include <lwip/ethip6.h>
#include <lwip/etharp.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/prot/iana.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <lwip/prot/udp.h>
#include <lwip/priv/tcp_priv.h>
#include <netif/ethernet.h>
#include <platform/gnttab.h>
#include <platform/memory.h>
#include <platform/spinlock.h>
#include <runtime/boot.h>
#include <runtime/log.h>
#include <runtime/pages.h>

#include "net.h"
#include "net_csum.h"
#include "net_heap.h"
#include "net_priv.h"

#define NET_IF_BUDGET  128u /* frames of one interface before the next one's turn */
#define NET_IF_COPY    256u /* frames up to this are copied out of their page */
#define NET_IF_PIECES  64u  /* links of a chain that are sent as they lie */
#define NET_IF_SHARE   128u /* of the guest's pages, what received data may hold of the last ones */
#define NET_IF_BACKLOG 256u /* frames that wait for room: four datagrams of 64 KiB */

#define NET_IF_CHECKS (NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP)
/*
 * What lwIP computes itself. TCP's and UDP's are done here, see above. Of what comes in, the headers
 * of IP and what the frame does not vouch for are checked; nothing of what loops back to us.
 */
#define NET_IF_CHECKSUMS                                                                           \
    (NETIF_CHECKSUM_GEN_IP | NETIF_CHECKSUM_GEN_ICMP | NETIF_CHECKSUM_GEN_ICMP6)

_Static_assert(sizeof(struct net_if) <= PAGE_SIZE, "an interface is a page");

struct net_if *net_ifs;

static struct {
    struct spinlock lock; /* protects first */
    struct net_if *first; /* found, and not taken up yet */
} net_if_new = { .lock = SPINLOCK_INIT("network interfaces") };

struct net_if *net_if_of(const struct netif *netif)
{
    for (struct net_if *nif = net_ifs; nif != NULL; nif = nif->next) {
        if (&nif->netif == netif)
            return nif;
    }
    return NULL;
}

size_t net_gso_max(const struct netif *netif, bool ip6)
{
    const struct net_if *nif = net_if_of(netif);

    if (nif == NULL || nif->state != NET_IF_ADDED)
        return 0;
    const struct netfront_caps *caps = netfront_caps(nif->nf);
    return caps->scatter_gather && (ip6 ? caps->gso6 : caps->gso4) ? NET_GSO_PAYLOAD_MAX : 0;
}

/* ---- out */

/*
 * DHCP servers on the back end's host may read frames as they lie, before anybody has completed
 * their checksums.
 */
static bool net_if_is_dhcp(const struct net_csum *found)
{
    const struct udp_hdr *udp = (const void *)found->header;

    return found->protocol == IP_PROTO_UDP && udp->src == PP_HTONS(LWIP_IANA_PORT_DHCP_CLIENT);
}

/* Of a large segment that may have been made for a larger MTU: payload bytes on the wire. */
static u16_t net_if_piece(const struct net_csum *found, u16_t size, u16_t mtu)
{
    const struct tcp_hdr *tcp = (const void *)found->header;
    size_t headers = found->offset - SIZEOF_ETH_HDR + TCPH_HDRLEN_BYTES(tcp);

    return size + headers <= mtu || mtu <= headers ? size : (u16_t)(mtu - headers);
}

/* The checksum, and whether the frame is to be cut. False: this interface cannot send it. */
static bool net_if_offload(struct net_if *nif, struct pbuf *p, struct netfront_offload *offload)
{
    const struct netfront_caps *caps = netfront_caps(nif->nf);
    struct net_csum found;
    size_t most = SIZEOF_ETH_HDR + (size_t)caps->mtu;

    if (!net_csum_find(p, SIZEOF_ETH_HDR, &found) || !net_csum_is_left(&found))
        return p->tot_len <= most;
    if ((found.ip6 ? caps->tx_csum6 : caps->tx_csum4) && !net_if_is_dhcp(&found)) {
        offload->csum_blank = true;
        net_csum_set_blank(&found);
    } else {
        net_csum_set(p, &found);
    }
    if (p->gso_size == 0 || found.protocol != IP_PROTO_TCP)
        return p->tot_len <= most;
    u16_t piece = net_if_piece(&found, p->gso_size, caps->mtu);
    if (found.len <= piece + TCPH_HDRLEN_BYTES((struct tcp_hdr *)(void *)found.header))
        return p->tot_len <= most;
    if (!offload->csum_blank || !(found.ip6 ? caps->gso6 : caps->gso4))
        return false; /* the link came up anew, on a back end that cannot */
    offload->gso = found.ip6 ? NETFRONT_GSO_TCP6 : NETFRONT_GSO_TCP4;
    offload->gso_size = piece;
    return true;
}

static void net_if_sent(void *arg)
{
    pbuf_free(arg);
}

/* Nobody changes the memory of p before it is free. Returns netfront_send()'s errors. */
static int net_if_send(struct net_if *nif, struct pbuf *p)
{
    struct netfront_tx_piece pieces[NET_IF_PIECES];
    struct netfront_tx frame = { .pieces = pieces, .done = net_if_sent, .arg = p };

    if (!net_if_offload(nif, p, &frame.offload))
        return -EMSGSIZE;
    for (const struct pbuf *q = p; q != NULL; q = q->next) {
        if (q->len > 0)
            pieces[frame.n++] = (struct netfront_tx_piece){ .data = q->payload, .len = q->len };
    }
    pbuf_ref(p);
    int error = netfront_send(nif->nf, &frame);
    if (error != 0)
        pbuf_free(p);
    else
        nif->sent = true;
    return error;
}

/* What is not TCP has nobody who sends it again: it waits here for room. */
static err_t net_if_wait_for_room(struct net_if *nif, struct pbuf *p)
{
    struct net_csum found;

    nif->full = true;
    if (nif->backlog == NET_IF_BACKLOG ||
        (net_csum_find(p, SIZEOF_ETH_HDR, &found) && found.protocol == IP_PROTO_TCP))
        return ERR_MEM;
    struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    if (copy == NULL)
        return ERR_MEM;
    if (nif->backlog_first == NULL)
        nif->backlog_first = copy;
    else
        nif->backlog_last->next = copy; /* no chain: the length of each is its own */
    nif->backlog_last = copy;
    nif->backlog++;
    return ERR_OK;
}

static void net_if_send_backlog(struct net_if *nif)
{
    while (nif->backlog_first != NULL) {
        struct pbuf *p = nif->backlog_first, *next = p->next;

        p->next = NULL;
        if (net_if_send(nif, p) == -EAGAIN) {
            p->next = next;
            nif->full = true;
            return;
        }
        nif->backlog_first = next;
        nif->backlog--;
        pbuf_free(p);
    }
}

static bool net_if_as_it_lies(const struct pbuf *p)
{
    unsigned links = 0;

    for (; p != NULL; p = p->next) {
        if (PBUF_NEEDS_COPY(p) || ++links > NET_IF_PIECES)
            return false;
    }
    return true;
}

static err_t net_if_output(struct netif *netif, struct pbuf *p)
{
    struct net_if *nif = netif->state;
    int error;

    if (nif->backlog_first != NULL) {
        error = -EAGAIN;
    } else if (net_if_as_it_lies(p)) {
        error = net_if_send(nif, p);
    } else {
        struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);

        if (copy == NULL)
            return ERR_MEM;
        copy->gso_size = p->gso_size;
        error = net_if_send(nif, copy);
        pbuf_free(copy);
    }
    switch (error) {
    case 0:
        return ERR_OK;
    case -EAGAIN:
        return net_if_wait_for_room(nif, p);
    case -ENOMEM:
        return ERR_MEM;
    default:
        return ERR_IF;
    }
}

void net_if_finish(void)
{
    for (struct net_if *nif = net_ifs; nif != NULL; nif = nif->next)
        netfront_finish(nif->nf);
}

void net_if_flush(void)
{
    for (struct net_if *nif = net_ifs; nif != NULL; nif = nif->next) {
        if (nif->sent) {
            nif->sent = false;
            netfront_flush(nif->nf);
        }
    }
}

/* ---- in */

struct net_if_page {
    struct pbuf_custom custom;
    void *data; /* any address in the page */
};

static size_t net_if_held; /* pages up there */

static void net_if_page_free(struct pbuf *p)
{
    struct net_if_page *page = (struct net_if_page *)p;
    void *data = page->data;

    /* The description lies in the page itself where that had room. */
    if (((uintptr_t)page ^ (uintptr_t)data) >> PAGE_SHIFT != 0)
        net_heap_put(page);
    net_if_held--;
    netfront_page_put(data);
}

/* One piece as a pbuf of its own, or NULL for want of memory. */
static struct pbuf *net_if_wrap(const struct netfront_rx_piece *piece)
{
    uintptr_t end = (uintptr_t)piece->data + piece->len;
    uintptr_t at = (((uintptr_t)piece->data & PAGE_MASK) + PAGE_SIZE - sizeof(struct net_if_page)) &
                   ~(uintptr_t)15;
    struct net_if_page *page = end <= at ? (void *)at : net_heap_get(sizeof(*page));

    if (page == NULL)
        return NULL;
    net_if_held++;
    page->custom.custom_free_function = net_if_page_free;
    page->data = piece->data;
    /* Not PBUF_RAM: there lwIP takes it that the description lies before the data. */
    return pbuf_alloced_custom(PBUF_RAW, piece->len, PBUF_ROM, &page->custom, piece->data,
                               piece->len);
}

static void net_if_drop(const struct netfront_rx *frame, unsigned from)
{
    for (unsigned i = from; i < frame->n; i++)
        netfront_page_put(frame->pieces[i].data);
}

/* NULL for want of memory: then the pages are still the frame's. */
static struct pbuf *net_if_copied(const struct netfront_rx *frame)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)frame->len, PBUF_RAM);

    if (p == NULL)
        return NULL;
    memcpy(p->payload, frame->pieces[0].data, frame->len);
    net_if_drop(frame, 0);
    return p;
}

/* Always takes over the pages. What is short needs no memory: its description fits behind it. */
static struct pbuf *net_if_chain(const struct netfront_rx *frame, bool may_copy)
{
    struct pbuf *first = NULL, *last = NULL;
    u16_t left = (u16_t)frame->len;

    if (may_copy && frame->n == 1 && frame->len <= NET_IF_COPY &&
        (first = net_if_copied(frame)) != NULL)
        return first;
    for (unsigned i = 0; i < frame->n; i++) {
        struct pbuf *p = net_if_wrap(&frame->pieces[i]);

        if (p == NULL) {
            net_if_drop(frame, i);
            if (first != NULL)
                pbuf_free(first);
            return NULL;
        }
        p->tot_len = left;
        left -= p->len;
        if (first == NULL)
            first = p;
        else
            last->next = p;
        last = p;
    }
    return first;
}

/* Whether it may stay for long: not ARP, ICMP, or a TCP segment without data. */
static bool net_if_brings_data(const struct netfront_rx *frame)
{
    const u8_t *bytes = frame->pieces[0].data;
    size_t len = frame->pieces[0].len, at = SIZEOF_ETH_HDR;
    u16_t type = ((const struct eth_hdr *)(const void *)bytes)->type;
    u8_t protocol;
    size_t end;

    if (type == PP_HTONS(ETHTYPE_ARP))
        return false;
    if (type == PP_HTONS(ETHTYPE_IP) && len >= at + IP_HLEN) {
        const struct ip_hdr *ip = (const void *)(bytes + at);

        if ((IPH_OFFSET(ip) & PP_HTONS(IP_OFFMASK | IP_MF)) != 0)
            return true;
        protocol = IPH_PROTO(ip);
        end = at + lwip_ntohs(IPH_LEN(ip));
        at += IPH_HL_BYTES(ip);
    } else if (type == PP_HTONS(ETHTYPE_IPV6) && len >= at + IP6_HLEN) {
        const struct ip6_hdr *ip = (const void *)(bytes + at);

        protocol = IP6H_NEXTH(ip);
        at += IP6_HLEN;
        end = at + IP6H_PLEN(ip);
    } else {
        return true;
    }
    if (protocol != IP_PROTO_TCP || len < at + TCP_HLEN)
        return protocol != IP_PROTO_ICMP && protocol != IP6_NEXTH_ICMP6;
    return end > at + TCPH_HDRLEN_BYTES((const struct tcp_hdr *)(const void *)(bytes + at));
}

/*
 * Does the frame vouch for its checksum? Not if it is a fragment: the checksum is of all of them.
 */
static bool net_if_is_good(const struct netfront_rx *frame)
{
    const u8_t *bytes = frame->pieces[0].data;
    size_t len = frame->pieces[0].len - SIZEOF_ETH_HDR;
    u16_t type = ((const struct eth_hdr *)(const void *)bytes)->type;

    return (frame->offload.csum_blank || frame->offload.data_validated) &&
           !net_csum_is_fragment(bytes + SIZEOF_ETH_HDR, len, type == PP_HTONS(ETHTYPE_IPV6));
}

static void net_if_input(void *handle, const struct netfront_rx *frame)
{
    struct net_if *nif = handle;
    bool good = net_if_is_good(frame);
    bool data = net_heap_is_low() && net_if_brings_data(frame);

    /*
     * What is left of memory is for those who read: without a bound those who do not would hold
     * all of it, and what ends their connections could not come in any more.
     */
    if (data && net_if_held >= memory_pages() / NET_IF_SHARE) {
        net_if_drop(frame, 0);
        return;
    }
    struct pbuf *p = net_if_chain(frame, !data);
    if (p == NULL)
        return;
    NETIF_SET_CHECKSUM_CTRL(&nif->netif, NET_IF_CHECKSUMS | NETIF_CHECKSUM_CHECK_IP |
                                             NETIF_CHECKSUM_CHECK_ICMP |
                                             NETIF_CHECKSUM_CHECK_ICMP6 |
                                             (good ? 0 : NET_IF_CHECKS));
    if (nif->netif.input(p, &nif->netif) != ERR_OK)
        pbuf_free(p);
    NETIF_SET_CHECKSUM_CTRL(&nif->netif, NET_IF_CHECKSUMS);
}

/* ---- multicast */

static err_t net_if_filter(struct net_if *nif, const uint8_t mac[6],
                           enum netif_mac_filter_action action)
{
    if (action == NETIF_ADD_MAC_FILTER)
        return netfront_join(nif->nf, mac) == 0 ? ERR_OK : ERR_MEM;
    netfront_leave(nif->nf, mac);
    return ERR_OK;
}

/* RFC 1112, section 6.4. */
static err_t net_if_filter4(struct netif *netif, const ip4_addr_t *group,
                            enum netif_mac_filter_action action)
{
    uint8_t mac[6] = { 0x01, 0x00, 0x5e, ip4_addr2(group) & 0x7f, ip4_addr3(group),
                       ip4_addr4(group) };

    return net_if_filter(netif->state, mac, action);
}

/* RFC 2464, section 7. */
static err_t net_if_filter6(struct netif *netif, const ip6_addr_t *group,
                            enum netif_mac_filter_action action)
{
    uint8_t mac[6] = { 0x33, 0x33 };

    memcpy(mac + 2, &group->addr[3], 4);
    return net_if_filter(netif->state, mac, action);
}

/* Every machine with IPv6 is in it; lwIP takes that for granted. */
static void net_if_all_nodes(struct net_if *nif, enum netif_mac_filter_action action)
{
    ip6_addr_t group;

    ip6_addr_set_allnodes_linklocal(&group);
    net_if_filter6(&nif->netif, &group, action);
}

/* ---- life */

static err_t net_if_init(struct netif *netif)
{
    const struct net_if *nif = netif->state;
    const struct netfront_caps *caps = netfront_caps(nif->nf);

    netif->name[0] = 'e';
    netif->name[1] = 't';
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = net_if_output;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    memcpy(netif->hwaddr, caps->mac, ETH_HWADDR_LEN);
    netif->mtu = caps->mtu;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
                   NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
    netif_set_igmp_mac_filter(netif, net_if_filter4);
    netif_set_mld_mac_filter(netif, net_if_filter6);
    NETIF_SET_CHECKSUM_CTRL(netif, NET_IF_CHECKSUMS);
    return ERR_OK;
}

static void net_if_add(struct net_if *nif)
{
    struct net_if **at = &net_ifs;

    while (*at != NULL && (*at)->index < nif->index)
        at = &(*at)->next;
    nif->next = *at;
    *at = nif;
    netif_add(&nif->netif, NULL, NULL, NULL, nif, net_if_init, ethernet_input);
    nif->state = NET_IF_ADDED;
    if (netif_default == NULL)
        netif_set_default(&nif->netif);
    net_if_all_nodes(nif, NETIF_ADD_MAC_FILTER);
    net_config_added(nif);
}

/* Connections that stand take it over when it is less; those to come have it in any case. */
static void net_if_set_mtu(struct net_if *nif, u16_t mtu)
{
    struct netif *netif = &nif->netif;

    /* A router may have advertised less. */
    if (netif->mtu6 == netif->mtu || netif->mtu6 > mtu)
        netif->mtu6 = mtu;
    netif->mtu = mtu;
    nd6_clear_destination_cache(); /* it has an MTU for each */
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (ip_route(&pcb->local_ip, &pcb->remote_ip) == netif)
            pcb->mss = tcp_eff_send_mss_netif(pcb->mss, netif, &pcb->remote_ip);
    }
    boot_stage("eth%u: MTU %u", nif->index, mtu);
}

static void net_if_set_link(struct net_if *nif, bool up)
{
    const struct netfront_caps *caps = netfront_caps(nif->nf);

    if (up == (netif_is_link_up(&nif->netif) != 0)) {
        if (up && nif->netif.mtu != caps->mtu)
            net_if_set_mtu(nif, caps->mtu);
        return;
    }
    if (!up) {
        netif_set_link_down(&nif->netif);
        log_line(LOG_WARNING, "eth%u: link down", nif->index);
        return;
    }
    memcpy(nif->netif.hwaddr, caps->mac, ETH_HWADDR_LEN);
    nif->netif.mtu = caps->mtu;
    nif->netif.mtu6 = caps->mtu;
    boot_stage("eth%u: link up, %02x:%02x:%02x:%02x:%02x:%02x, MTU %u", nif->index, caps->mac[0],
               caps->mac[1], caps->mac[2], caps->mac[3], caps->mac[4], caps->mac[5], caps->mtu);
    netif_set_link_up(&nif->netif);
    net_config_link_up(nif);
    __atomic_store_n(&nif->ready, 1, __ATOMIC_RELAXED); /* whatever came before there was a link */
}

static void net_if_remove(struct net_if *nif)
{
    struct net_if **at = &net_ifs;
    struct gnttab_stats grants;

    while (*at != nif)
        at = &(*at)->next;
    netif_set_link_down(&nif->netif);
    net_config_lost(nif);
    netif_remove(&nif->netif);
    *at = nif->next;
    while (nif->backlog_first != NULL) {
        struct pbuf *p = nif->backlog_first;

        nif->backlog_first = p->next;
        p->next = NULL;
        pbuf_free(p);
    }
    netfront_release(nif->nf);
    gnttab_get_stats(&grants);
    log_line(LOG_WARNING, "eth%u: removed; %zu grants in use, %zu given up", nif->index,
             grants.in_use, grants.leaked);
    if (netif_default == NULL && net_ifs != NULL)
        netif_set_default(&net_ifs->netif);
    pages_put(nif);
}

static void net_if_take_new(void)
{
    bool was_masked = spin_lock(&net_if_new.lock);
    struct net_if *nif = net_if_new.first;

    net_if_new.first = NULL;
    spin_unlock(&net_if_new.lock, was_masked);
    while (nif != NULL) {
        struct net_if *next = nif->next;

        net_if_add(nif);
        nif = next;
    }
}

static bool net_if_run_one(struct net_if *nif)
{
    if (__atomic_load_n(&nif->lost, __ATOMIC_ACQUIRE)) {
        net_if_remove(nif);
        return true;
    }
    net_if_set_link(nif, __atomic_load_n(&nif->link_up, __ATOMIC_ACQUIRE));
    if (__atomic_exchange_n(&nif->ready, 0, __ATOMIC_ACQ_REL) == 0)
        return false;
    unsigned got = netfront_poll(nif->nf, NET_IF_BUDGET, net_if_input);
    if (nif->full) {
        nif->full = false;
        net_if_send_backlog(nif);
        if (!nif->full)
            tcp_txnow();
    }
    if (got == NET_IF_BUDGET)
        __atomic_store_n(&nif->ready, 1, __ATOMIC_RELAXED);
    return got == NET_IF_BUDGET;
}

bool net_if_run(void)
{
    bool more = false;
    struct net_if *next;

    net_if_take_new();
    for (struct net_if *nif = net_ifs; nif != NULL; nif = next) {
        next = nif->next; /* it may go */
        more |= net_if_run_one(nif);
    }
    return more;
}

/* ---- events of netfront: in event handlers */

static void *net_if_on_found(struct netfront *nf, unsigned index, const char *ip)
{
    struct net_if *nif = pages_get_zeroed();

    if (nif == NULL) {
        log_line(LOG_ERROR, "eth%u: no memory for the interface", index);
        return NULL;
    }
    nif->nf = nf;
    nif->index = index;
    strncpy(nif->vif_ip, ip, sizeof(nif->vif_ip) - 1);
    bool was_masked = spin_lock(&net_if_new.lock);
    nif->next = net_if_new.first;
    net_if_new.first = nif;
    spin_unlock(&net_if_new.lock, was_masked);
    net_kick();
    return nif;
}

static void net_if_on_link(void *handle, bool up)
{
    struct net_if *nif = handle;

    __atomic_store_n(&nif->link_up, up, __ATOMIC_RELEASE);
    net_kick();
}

static void net_if_on_ready(void *handle)
{
    struct net_if *nif = handle;

    __atomic_store_n(&nif->ready, 1, __ATOMIC_RELEASE);
    net_kick();
}

static void net_if_on_lost(void *handle)
{
    struct net_if *nif = handle;

    __atomic_store_n(&nif->lost, 1, __ATOMIC_RELEASE);
    net_kick();
}

int net_if_start(void)
{
    static const struct netfront_events events = {
        .found = net_if_on_found,
        .link = net_if_on_link,
        .ready = net_if_on_ready,
        .lost = net_if_on_lost,
        .joins = true,
    };

    return netfront_start(&events);
}
