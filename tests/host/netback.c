#include "netback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETBACK_CHECK(what)                                         \
    do {                                                            \
        if (!(what))                                                \
            fakexen_fail(__FILE__, __LINE__, "netback: %s", #what); \
    } while (0)

/* ---- Nodes ------------------------------------------------------------------------------ */

static void netback_write(const char *directory, const char *key, const char *value)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", directory, key);
    fakexen_store_write(path, value);
}

static void netback_flag(const char *key, bool value)
{
    netback_write(NETBACK_BACK, key, value ? "1" : "0");
}

void netback_state(enum xenbus_state state)
{
    char text[12];

    snprintf(text, sizeof(text), "%d", (int)state);
    netback_write(NETBACK_BACK, "state", text);
    fakexen_run();
}

const char *netback_front_key(const char *key)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", NETBACK_FRONT, key);
    return fakexen_store_read(path);
}

enum xenbus_state netback_front_state(void)
{
    const char *state = netback_front_key("state");

    return state != NULL ? (enum xenbus_state)atoi(state) : XenbusStateUnknown;
}

void netback_offer(struct netback *nb)
{
    char text[32];

    fakexen_store_stop(true); /* the tool stack writes it in one transaction */
    netback_flag("feature-rx-copy", !nb->no_copy);
    netback_flag("feature-sg", !nb->no_sg);
    netback_flag("feature-gso-tcpv4", nb->gso4);
    netback_flag("feature-gso-tcpv6", nb->gso6);
    netback_flag("feature-no-csum-offload", nb->no_csum);
    netback_flag("feature-ipv6-csum-offload", nb->csum6);
    netback_flag("feature-split-event-channels", nb->split);
    netback_flag("feature-multicast-control", nb->mcast);
    if (nb->max_queues > 0) {
        snprintf(text, sizeof(text), "%u", nb->max_queues);
        netback_write(NETBACK_BACK, "multi-queue-max-queues", text);
    }
    if (nb->ip != NULL)
        netback_write(NETBACK_BACK, "ip", nb->ip);
    netback_write(NETBACK_BACK, "state", "2");

    netback_write(NETBACK_FRONT, "backend", NETBACK_BACK);
    snprintf(text, sizeof(text), "%u", nb->dom);
    netback_write(NETBACK_FRONT, "backend-id", text);
    netback_write(NETBACK_FRONT, "mac", nb->mac != NULL ? nb->mac : "00:16:3e:01:02:03");
    if (nb->mtu != NULL)
        netback_write(NETBACK_FRONT, "mtu", nb->mtu);
    if (nb->trusted != NULL)
        netback_write(NETBACK_FRONT, "trusted", nb->trusted);
    netback_write(NETBACK_FRONT, "state", "1");
    fakexen_store_stop(false);
    fakexen_run();
}

static unsigned netback_number(const struct netback *nb, unsigned queue, const char *key)
{
    char name[64];
    const char *text;

    snprintf(name, sizeof(name), "queue-%u/%s", queue, key);
    text = netback_front_key(nb->n_queues > 1 ? name : key);
    NETBACK_CHECK(text != NULL);
    return (unsigned)strtoul(text, NULL, 10);
}

void netback_map(struct netback *nb)
{
    const char *queues = netback_front_key("multi-queue-num-queues");

    NETBACK_CHECK(netback_front_state() == XenbusStateConnected);
    NETBACK_CHECK(strcmp(netback_front_key("request-rx-copy"), "1") == 0);
    NETBACK_CHECK(strcmp(netback_front_key("feature-rx-notify"), "1") == 0);
    nb->n_queues = queues != NULL ? (unsigned)atoi(queues) : 1;
    NETBACK_CHECK(nb->n_queues >= 1 && nb->n_queues <= NETBACK_QUEUES);
    NETBACK_CHECK(nb->n_queues == 1 || nb->n_queues <= nb->max_queues);
    for (unsigned i = 0; i < nb->n_queues; i++) {
        struct netback_queue *q = &nb->q[i];

        memset(q, 0, sizeof(*q));
        q->tx_gref = netback_number(nb, i, "tx-ring-ref");
        q->rx_gref = netback_number(nb, i, "rx-ring-ref");
        q->tx_port = netback_number(nb, i, nb->split ? "event-channel-tx" : "event-channel");
        q->rx_port = nb->split ? netback_number(nb, i, "event-channel-rx") : q->tx_port;
        q->tx = fakexen_map(nb->dom, q->tx_gref, true);
        q->rx = fakexen_map(nb->dom, q->rx_gref, true);
        NETBACK_CHECK(q->tx != NULL && q->rx != NULL);
        /* Where the ring begins: as Linux does after its own restart. */
        q->tx_cons = q->tx_rsp = q->tx->rsp_prod;
        q->rx_cons = q->rx->rsp_prod;
    }
}

void netback_accept(struct netback *nb)
{
    netback_map(nb);
    netback_state(XenbusStateConnected);
}

void netback_unmap(struct netback *nb)
{
    for (unsigned i = 0; i < nb->n_queues; i++) {
        if (nb->q[i].tx != NULL)
            fakexen_unmap(nb->dom, nb->q[i].tx_gref);
        if (nb->q[i].rx != NULL)
            fakexen_unmap(nb->dom, nb->q[i].rx_gref);
        nb->q[i].tx = NULL;
        nb->q[i].rx = NULL;
    }
}

void netback_close(struct netback *nb, bool remove)
{
    netback_state(XenbusStateClosing);
    NETBACK_CHECK(netback_front_state() == XenbusStateClosed ||
                  netback_front_state() == XenbusStateClosing);
    netback_unmap(nb);
    netback_state(XenbusStateClosed);
    if (!remove)
        return;
    fakexen_store_write(NETBACK_FRONT, NULL);
    fakexen_run();
    fakexen_store_write(NETBACK_BACK, NULL);
    fakexen_run();
}

/* An event, if the guest has not closed the port. */
static void netback_raise(evtchn_port_t port)
{
    if (fakexen_port_open(port))
        fakexen_raise(port);
}

/* ---- What the guest sends --------------------------------------------------------------- */

static union netif_tx_sring_entry *netback_tx_entry(struct netback_queue *q, uint32_t index)
{
    return &q->tx->ring[index % NETBACK_SLOTS];
}

static void netback_tx_copy(struct netback *nb, struct netback_frame *frame,
                            const struct netif_tx_request *req, size_t len)
{
    const uint8_t *page = fakexen_map(nb->dom, req->gref, false);

    NETBACK_CHECK(page != NULL);
    NETBACK_CHECK(fakexen_map(nb->dom, req->gref, true) == NULL); /* for reading only */
    NETBACK_CHECK(len > 0 && req->offset <= 4096 && len <= 4096u - req->offset);
    NETBACK_CHECK(frame->len + len <= sizeof(frame->data));
    memcpy(frame->data + frame->len, page + req->offset, len);
    frame->len += len;
    if (!nb->keep_mapped)
        fakexen_unmap(nb->dom, req->gref);
}

bool netback_take(struct netback *nb, unsigned queue, struct netback_frame *frame)
{
    struct netback_queue *q = &nb->q[queue];
    struct netif_tx_request req[XEN_NETIF_NR_SLOTS_MIN];
    size_t rest = 0;
    bool more;

    if (q->tx_cons == q->tx->req_prod) {
        q->tx->req_event = q->tx_cons + 1;
        return false;
    }
    NETBACK_CHECK(q->tx->req_prod - q->tx_rsp <= NETBACK_SLOTS);
    frame->n = 0;
    frame->len = 0;
    frame->extra = false;
    do {
        NETBACK_CHECK(frame->n < XEN_NETIF_NR_SLOTS_MIN && q->tx_cons != q->tx->req_prod);
        req[frame->n] = netback_tx_entry(q, q->tx_cons++)->req;
        frame->id[frame->n] = req[frame->n].id;
        frame->gref[frame->n] = req[frame->n].gref;
        more = (req[frame->n].flags & NETTXF_more_data) != 0;
        if (frame->n == 0 && (req[0].flags & NETTXF_extra_info) != 0) {
            NETBACK_CHECK(q->tx_cons != q->tx->req_prod);
            memcpy(&frame->info, netback_tx_entry(q, q->tx_cons++), sizeof(frame->info));
            NETBACK_CHECK((frame->info.flags & XEN_NETIF_EXTRA_FLAG_MORE) == 0);
            frame->extra = true;
        }
        rest += frame->n > 0 ? req[frame->n].size : 0;
        frame->n++;
    } while (more);
    frame->flags = req[0].flags;
    if (frame->extra && frame->info.type != XEN_NETIF_EXTRA_TYPE_GSO)
        return true; /* the list of multicast groups: no data */

    NETBACK_CHECK(req[0].size >= 14 && rest < req[0].size);
    frame->size[0] = (uint16_t)(req[0].size - rest);
    NETBACK_CHECK(frame->size[0] >= (req[0].size < 128 ? req[0].size : 128));
    for (unsigned i = 0; i < frame->n; i++) {
        if (i > 0)
            frame->size[i] = req[i].size;
        netback_tx_copy(nb, frame, &req[i], frame->size[i]);
    }
    if (frame->extra) {
        NETBACK_CHECK(frame->info.u.gso.size > 0);
        NETBACK_CHECK(frame->info.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4 ||
                      frame->info.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV6);
        NETBACK_CHECK((frame->flags & NETTXF_csum_blank) != 0);
    }
    return true;
}

void netback_push_tx(struct netback *nb, unsigned queue)
{
    struct netback_queue *q = &nb->q[queue];
    uint32_t old = q->tx->rsp_prod;

    q->tx->rsp_prod = q->tx_rsp;
    if (q->tx_rsp - q->tx->rsp_event < q->tx_rsp - old)
        netback_raise(q->tx_port);
}

void netback_answer(struct netback *nb, unsigned queue, const struct netback_frame *frame,
                    int16_t status, bool push)
{
    struct netback_queue *q = &nb->q[queue];

    for (unsigned i = 0; i < frame->n; i++) {
        netback_tx_entry(q, q->tx_rsp++)->rsp = (netif_tx_response_t){ frame->id[i], status };
        if (i == 0 && frame->extra)
            netback_tx_entry(q, q->tx_rsp++)->rsp.status = NETIF_RSP_NULL;
    }
    if (push)
        netback_push_tx(nb, queue);
}

unsigned netback_take_all(struct netback *nb)
{
    static struct netback_frame frame;
    unsigned n = 0;

    for (unsigned queue = 0; queue < nb->n_queues; queue++) {
        while (netback_take(nb, queue, &frame)) {
            netback_answer(nb, queue, &frame, NETIF_RSP_OKAY, true);
            n++;
        }
    }
    return n;
}

/* ---- What the guest receives ------------------------------------------------------------ */

unsigned netback_rx_posted(struct netback *nb, unsigned queue)
{
    return nb->q[queue].rx->req_prod - nb->q[queue].rx_cons;
}

struct netif_rx_response *netback_rx_next(struct netback *nb, unsigned queue, const void *data,
                                          size_t len, uint16_t offset, uint16_t flags)
{
    struct netback_queue *q = &nb->q[queue];
    union netif_rx_sring_entry *entry = &q->rx->ring[q->rx_cons++ % NETBACK_SLOTS];
    struct netif_rx_request req = entry->req;
    uint8_t *page = fakexen_map(nb->dom, req.gref, true);

    NETBACK_CHECK(page != NULL && len <= 4096u - offset);
    if (len > 0)
        memcpy(page + offset, data, len);
    fakexen_unmap(nb->dom, req.gref);
    entry->rsp = (struct netif_rx_response){ req.id, offset, flags, (int16_t)len };
    return &entry->rsp;
}

void netback_rx_extra(struct netback *nb, unsigned queue, const struct netif_extra_info *extra)
{
    struct netback_queue *q = &nb->q[queue];

    memcpy(&q->rx->ring[q->rx_cons++ % NETBACK_SLOTS], extra, sizeof(*extra));
}

void netback_push_rx(struct netback *nb, unsigned queue)
{
    struct netback_queue *q = &nb->q[queue];
    uint32_t old = q->rx->rsp_prod;

    q->rx->rsp_prod = q->rx_cons;
    if (q->rx_cons - q->rx->rsp_event < q->rx_cons - old)
        netback_raise(q->rx_port);
}

bool netback_deliver(struct netback *nb, unsigned queue, const void *data, size_t len,
                     uint16_t flags, uint8_t gso_type, uint16_t gso_size)
{
    const uint8_t *at = data;
    size_t slots = (len + 4095) / 4096 + (gso_size > 0);
    struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO };

    if (netback_rx_posted(nb, queue) < slots)
        return false;
    extra.u.gso.type = gso_type;
    extra.u.gso.size = gso_size;
    for (size_t done = 0; done < len;) {
        size_t n = len - done < 4096 ? len - done : 4096;
        uint16_t more = done + n < len ? NETRXF_more_data : 0;

        if (done == 0 && gso_size > 0)
            more |= NETRXF_extra_info;
        netback_rx_next(nb, queue, at + done, n, 0, (uint16_t)((done == 0 ? flags : 0) | more));
        if (done == 0 && gso_size > 0)
            netback_rx_extra(nb, queue, &extra);
        done += n;
    }
    netback_push_rx(nb, queue);
    return true;
}
