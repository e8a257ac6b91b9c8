/*
 * The life of an interface: found by xenbus; when the back end offers itself (InitWait), rings,
 * ports and features are published and we say Connected; when it says Connected too, the link is
 * up. Closing or a violation takes the link down and everything back, and a back end that comes
 * anew begins at InitWait again. In the end xenbus finds the directory gone, and the room above
 * releases the struct.
 *
 * The work is done by the caller's thread in netfront_send() and netfront_poll(). An event only
 * masks its port and calls ready(), so that however many come, one poll follows; poll unmasks when
 * it has found nothing more to do. State changes come in event handlers: so everything is under a
 * spinlock, held for one frame at a time, and a thread finds the rings gone when it takes it again.
 */
#include "netfront_priv.h"

#include <errno.h>
#include <string.h>

#include <runtime/boot.h>
#include <runtime/log.h>
#include <runtime/pages.h>

#define NETFRONT_MTU 1500u
#define NETFRONT_INDEX_MAX 65535u
#define NETFRONT_REFILL 32u /* frames handed up between two looks at what is posted */

static struct xenbus_device *netfront_create(const char *id, int *error);
static void netfront_destroy(struct xenbus_device *dev);
static void netfront_backend_changed(struct xenbus_device *dev, enum xenbus_state state);
static void netfront_mtu_changed(struct xenbus_device *dev);
static void netfront_gone(struct xenbus_device *dev);

static const char *const netfront_frontend_keys[] = { "mac", "mtu", "trusted", NULL };
static const char *const netfront_offered_keys[] = {
    "ip",
    "feature-rx-copy",
    "feature-sg",
    "feature-gso-tcpv4",
    "feature-gso-tcpv6",
    "feature-no-csum-offload",
    "feature-ipv6-csum-offload",
    "feature-split-event-channels",
    "feature-multicast-control",
#if NETFRONT_QUEUES > 1
    "multi-queue-max-queues", /* boot would wait for the answer: only if it changes anything */
#endif
    NULL,
};

static const struct xenbus_driver netfront_driver = {
    .type = "vif",
    .frontend_keys = netfront_frontend_keys,
    .offered_keys = netfront_offered_keys,
    .live_key = "mtu",
    .create = netfront_create,
    .destroy = netfront_destroy,
    .backend_changed = netfront_backend_changed,
    .live_changed = netfront_mtu_changed,
    .gone = netfront_gone,
};

static struct xenbus_driver_state netfront_state;
const struct netfront_events *netfront_events;

static struct netfront *netfront_of(struct xenbus_device *dev)
{
    return (struct netfront *)((char *)dev - offsetof(struct netfront, dev));
}

int netfront_start(const struct netfront_events *events)
{
    int error = gnttab_start(pages_get_for_table);

    netfront_events = events;
    return error == 0 ? xenbus_register(&netfront_state, &netfront_driver) : error;
}

bool netfront_discovering(void)
{
    return xenbus_discovering(&netfront_state);
}

/* ---- Found ------------------------------------------------------------------------------ */

/* "0", "17": canonical, so that two names never mean one index. */
static int netfront_read_index(const char *id, unsigned *index)
{
    unsigned n = 0;

    if (id[0] == '\0' || (id[0] == '0' && id[1] != '\0'))
        return -EINVAL;
    for (; *id != '\0'; id++) {
        if (*id < '0' || *id > '9')
            return -EINVAL;
        n = n * 10 + (unsigned)(*id - '0');
        if (n > NETFRONT_INDEX_MAX)
            return -EINVAL;
    }
    *index = n;
    return 0;
}

static void netfront_free(struct netfront *nf)
{
    for (unsigned i = 0; i < NETFRONT_QUEUES; i++) {
        netfront_tx_free(&nf->queue[i]);
        netfront_rx_free(&nf->queue[i]);
    }
    pages_put(nf);
}

static struct xenbus_device *netfront_create(const char *id, int *error)
{
    unsigned index;
    struct netfront *nf;

    *error = netfront_read_index(id, &index);
    if (*error != 0)
        return NULL;
    nf = pages_get_zeroed();
    if (nf == NULL) {
        *error = -ENOMEM;
        return NULL;
    }
    nf->index = index;
    nf->lock = (struct spinlock)SPINLOCK_INIT("netfront");
    nf->mtu = nf->caps.mtu = NETFRONT_MTU;
    nf->n_queues = 1;
    for (unsigned i = 0; i < NETFRONT_QUEUES; i++) {
        nf->queue[i].nf = nf;
        nf->queue[i].index = i;
        if (*error == 0)
            *error = netfront_tx_init(&nf->queue[i]);
        if (*error == 0)
            *error = netfront_rx_init(&nf->queue[i]);
    }
    if (*error != 0) {
        netfront_free(nf);
        return NULL;
    }
    return &nf->dev;
}

static int netfront_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "00:16:3e:0a:0b:0c", of one station. */
static bool netfront_read_mac(const char *text, uint8_t mac[6])
{
    for (unsigned i = 0; i < 6; i++, text += 3) {
        int high = netfront_hex(text[0]);
        int low = high < 0 ? -1 : netfront_hex(text[1]);

        if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
            return false;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    return (mac[0] & 1) == 0;
}

/* Frames without scatter-gather are of one page. */
static void netfront_bound_mtu(struct netfront *nf)
{
    unsigned most = nf->caps.scatter_gather ? UINT16_MAX : PAGE_SIZE - NETFRONT_ETH_HEAD;

    nf->caps.mtu = nf->mtu < most ? nf->mtu : (uint16_t)most;
}

/* What the tool stack says; if that is no number in range, it stays as it is. */
static int netfront_read_mtu(struct netfront *nf)
{
    uint64_t mtu;
    int error = xenbus_read_uint(&nf->dev, XENBUS_OURS, "mtu", 68,
                                 NETFRONT_FRAME_MAX - NETFRONT_ETH_HEAD, &mtu);

    if (error == 0)
        nf->mtu = (uint16_t)mtu;
    netfront_bound_mtu(nf);
    return error;
}

/* Once, when the back end offers itself for the first time: what the tool stack says of the vif. */
static int netfront_introduce(struct netfront *nf)
{
    const char *mac = xenbus_read_text(&nf->dev, XENBUS_OURS, "mac");
    const char *ip = xenbus_read_text(&nf->dev, XENBUS_THEIRS, "ip");
    const char *trusted = xenbus_read_text(&nf->dev, XENBUS_OURS, "trusted");

    if (mac == NULL || !netfront_read_mac(mac, nf->caps.mac))
        return -EINVAL;
    netfront_read_mtu(nf);
    nf->trusted = trusted == NULL || strcmp(trusted, "0") != 0;
    nf->handle = netfront_events->found(nf, nf->index, ip != NULL ? ip : "");
    return 0;
}

/* ---- The lock --------------------------------------------------------------------------- */

bool netfront_lock(struct netfront *nf)
{
    return spin_lock(&nf->lock);
}

int netfront_break(struct netfront *nf, const char *why)
{
    if (nf->broken == NULL)
        nf->broken = why;
    nf->up = false;
    return -EIO;
}

void netfront_unlock(struct netfront *nf, bool was_masked)
{
    const char *why = nf->broken;

    if (why == NULL) {
        spin_unlock(&nf->lock, was_masked);
        return;
    }
    nf->broken = NULL;
    spin_unlock(&nf->lock, true); /* xenbus calls back as from an event: nothing comes between */
    xenbus_break(&nf->dev, why);
    vcpu_restore_upcalls(was_masked);
}

void netfront_ready(struct netfront *nf)
{
    if (nf->handle != NULL && !nf->lost)
        netfront_events->ready(nf->handle);
}

/* ---- Connect ---------------------------------------------------------------------------- */

static void netfront_on_event(evtchn_port_t port, void *arg)
{
    struct netfront_queue *q = arg;
    bool was_masked = spin_lock(&q->nf->lock);

    evtchn_mask(port);
    q->masked = true;
    q->nf->stats.events++;
    spin_unlock(&q->nf->lock, was_masked);
    netfront_ready(q->nf);
}

static void netfront_read_features(struct netfront *nf, bool *split)
{
    struct xenbus_device *dev = &nf->dev;
    struct netfront_caps *caps = &nf->caps;
    uint64_t queues = 1;

    caps->scatter_gather = xenbus_read_flag(dev, XENBUS_THEIRS, "feature-sg");
    caps->tx_csum4 = !xenbus_read_flag(dev, XENBUS_THEIRS, "feature-no-csum-offload");
    caps->tx_csum6 = xenbus_read_flag(dev, XENBUS_THEIRS, "feature-ipv6-csum-offload");
    caps->gso4 = caps->scatter_gather && caps->tx_csum4 &&
                 xenbus_read_flag(dev, XENBUS_THEIRS, "feature-gso-tcpv4");
    caps->gso6 = caps->scatter_gather && caps->tx_csum6 &&
                 xenbus_read_flag(dev, XENBUS_THEIRS, "feature-gso-tcpv6");
    netfront_bound_mtu(nf);
    nf->mcast_control =
        netfront_events->joins && xenbus_read_flag(dev, XENBUS_THEIRS, "feature-multicast-control");
    *split = xenbus_read_flag(dev, XENBUS_THEIRS, "feature-split-event-channels");
    xenbus_read_uint(dev, XENBUS_THEIRS, "multi-queue-max-queues", 1, UINT32_MAX, &queues);
    nf->n_queues = queues < NETFRONT_QUEUES ? (unsigned)queues : NETFRONT_QUEUES;
    caps->queues = nf->n_queues;
}

static int netfront_queue_connect(struct netfront_queue *q, bool split)
{
    domid_t peer = q->nf->dev.peer;
    int error = evtchn_alloc_unbound(peer, netfront_on_event, q, &q->tx_port);

    q->masked = false;
    if (error == 0 && split)
        error = evtchn_alloc_unbound(peer, netfront_on_event, q, &q->rx_port);
    else
        q->rx_port = q->tx_port;
    if (error == 0)
        error = netfront_tx_connect(q);
    if (error == 0)
        error = netfront_rx_connect(q);
    return error;
}

/* Undo all of the above, or what was done of it. */
static void netfront_queue_disconnect(struct netfront_queue *q)
{
    netfront_rx_disconnect(q);
    netfront_tx_disconnect(q);
    if (q->rx_port != 0 && q->rx_port != q->tx_port)
        evtchn_close(q->rx_port);
    if (q->tx_port != 0)
        evtchn_close(q->tx_port);
    q->tx_port = q->rx_port = 0;
}

/* The keys of one queue; in a directory of its own when there are several. */
static int netfront_put_queue(struct netfront_queue *q)
{
    struct xenbus_device *dev = &q->nf->dev;
    static const char *const name[] = { "tx-ring-ref", "rx-ring-ref", "event-channel-tx",
                                        "event-channel-rx", "event-channel" };
    const unsigned long value[] = { q->tx.ring.gref[0], q->rx.ring.gref[0], q->tx_port, q->rx_port,
                                    q->tx_port };
    bool split = q->tx_port != q->rx_port;
    int error = 0;

    for (unsigned i = 0; i < sizeof(name) / sizeof(name[0]) && error == 0; i++) {
        char key[40];

        if (i >= 2 && (i < 4) != split)
            continue;
        if (q->nf->n_queues > 1)
            log_format(key, sizeof(key), "queue-%u/%s", q->index, name[i]);
        else
            log_format(key, sizeof(key), "%s", name[i]);
        error = xenbus_put(dev, key, "%lu", value[i]);
    }
    return error;
}

static int netfront_put_all(struct netfront *nf)
{
    static const char *const flags[] = {
        "request-rx-copy",   "feature-rx-notify", "feature-sg",
        "feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload",
    };
    int error = 0;

    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]) && error == 0; i++)
        error = xenbus_put(&nf->dev, flags[i], "1");
    if (error == 0 && nf->mcast_control)
        error = xenbus_put(&nf->dev, "request-multicast-control", "1");
    if (error == 0 && nf->n_queues > 1)
        error = xenbus_put(&nf->dev, "multi-queue-num-queues", "%u", nf->n_queues);
    for (unsigned i = 0; i < nf->n_queues && error == 0; i++)
        error = netfront_put_queue(&nf->queue[i]);
    return error;
}

/* The back end offers itself. */
static void netfront_connect(struct netfront *nf)
{
    const char *why = NULL;
    bool split;

    if (nf->handle == NULL && netfront_introduce(nf) != 0)
        why = "no valid MAC address";
    else if (nf->handle == NULL)
        why = "not wanted";
    else if (!xenbus_read_flag(&nf->dev, XENBUS_THEIRS, "feature-rx-copy"))
        why = "the back end has no rx-copy";
    if (why == NULL) {
        bool was_masked = netfront_lock(nf);

        netfront_read_features(nf, &split);
        netfront_pages_for(nf->dev.peer, nf->trusted);
        nf->connected = true;
        for (unsigned i = 0; i < nf->n_queues && why == NULL; i++) {
            if (netfront_queue_connect(&nf->queue[i], split) != 0)
                why = "no memory, grants or event channels for its rings";
        }
        netfront_unlock(nf, was_masked);
    }
    if (why == NULL && netfront_put_all(nf) != 0)
        why = "too many keys";
    if (why == NULL)
        xenbus_publish(&nf->dev, XenbusStateConnected);
    else
        xenbus_break(&nf->dev, why);
}

static void netfront_up(struct netfront *nf)
{
    const struct netfront_caps *caps = &nf->caps;
    const uint8_t *mac = caps->mac;
    bool was_masked = netfront_lock(nf);
    bool fresh = nf->connected && !nf->up;

    if (nf->connected)
        nf->up = true;
    if (fresh)
        netfront_mcast_connect(nf);
    netfront_unlock(nf, was_masked);
    if (!fresh)
        return;
    boot_stage("%s: connected, %02x:%02x:%02x:%02x:%02x:%02x, mtu %u%s%s%s%s%s%s", nf->dev.name,
               mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], caps->mtu,
               caps->scatter_gather ? ", sg" : "", caps->tx_csum4 ? " csum4" : "",
               caps->tx_csum6 ? " csum6" : "", caps->gso4 ? " gso4" : "", caps->gso6 ? " gso6" : "",
               nf->queue[0].tx_port != nf->queue[0].rx_port ? " split" : "");
    nf->link_told = true;
    netfront_events->link(nf->handle, true);
    netfront_ready(nf); /* the back end may have sent already, with an event that found us not up */
}

/* ---- Down ------------------------------------------------------------------------------- */

static void netfront_down(struct netfront *nf)
{
    bool was_masked = netfront_lock(nf);

    nf->up = false;
    if (nf->connected) {
        nf->connected = false;
        for (unsigned i = 0; i < nf->n_queues; i++)
            netfront_queue_disconnect(&nf->queue[i]);
    }
    netfront_unlock(nf, was_masked);
    if (nf->link_told) {
        nf->link_told = false;
        netfront_events->link(nf->handle, false);
    }
    netfront_ready(nf); /* what was sent is to be finished */
}

static void netfront_backend_changed(struct xenbus_device *dev, enum xenbus_state state)
{
    struct netfront *nf = netfront_of(dev);

    switch (state) {
    case XenbusStateInitWait:
        netfront_down(nf); /* a new life of the back end, if there was one before */
        netfront_connect(nf);
        break;
    case XenbusStateConnected:
        netfront_up(nf);
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
        netfront_down(nf);
        if (dev->state != XenbusStateClosed)
            xenbus_publish(dev, XenbusStateClosed);
        break;
    default:
        break;
    }
}

static void netfront_mtu_changed(struct xenbus_device *dev)
{
    struct netfront *nf = netfront_of(dev);
    uint16_t before = nf->caps.mtu;
    bool was_masked;

    if (nf->handle == NULL)
        return; /* it is read when the back end offers itself */
    was_masked = netfront_lock(nf);
    int error = netfront_read_mtu(nf);
    netfront_unlock(nf, was_masked);
    if (error == -EINVAL)
        log_line(LOG_WARNING, "%s: mtu is no number from 68 to %u: left as it was", dev->name,
                 NETFRONT_FRAME_MAX - NETFRONT_ETH_HEAD);
    if (nf->caps.mtu != before)
        netfront_ready(nf);
}

static void netfront_gone(struct xenbus_device *dev)
{
    netfront_down(netfront_of(dev));
}

static void netfront_destroy(struct xenbus_device *dev)
{
    struct netfront *nf = netfront_of(dev);

    nf->lost = true;
    if (nf->handle != NULL)
        netfront_events->lost(nf->handle);
    else
        netfront_release(nf);
}

void netfront_release(struct netfront *nf)
{
    for (unsigned i = 0; i < NETFRONT_QUEUES; i++)
        netfront_tx_reclaim(&nf->queue[i], true);
    netfront_free(nf);
    netfront_pages_trim();
}

/* ---- Work ------------------------------------------------------------------------------- */

/* Up to budget frames of one queue. False: the queue is empty, and will tell when it is not. */
static bool netfront_poll_queue(struct netfront_queue *q, unsigned budget, unsigned *done,
                                void (*input)(void *handle, const struct netfront_rx *frame))
{
    struct netfront *nf = q->nf;
    struct netfront_rx frame;

    for (unsigned n = 0;; n++) {
        bool was_masked = netfront_lock(nf);
        int got = 0;

        if (nf->up && *done < budget)
            got = netfront_rx_take(q, &frame);
        if (nf->up && (got <= 0 || n % NETFRONT_REFILL == NETFRONT_REFILL - 1))
            netfront_rx_refill(q);
        bool again = nf->up && got == 0 && *done < budget && ring_rearm(&q->rx.ring, 1);
        netfront_unlock(nf, was_masked);
        if (got == 1) {
            ++*done;
            input(nf->handle, &frame);
        } else if (!again) {
            return got == 0 && *done >= budget;
        }
    }
}

/* Lock held: what is pending comes when it is released. */
static void netfront_unmask(struct netfront_queue *q)
{
    if (!q->masked || !q->nf->connected)
        return;
    q->masked = false;
    evtchn_unmask(q->tx_port);
    if (q->rx_port != q->tx_port)
        evtchn_unmask(q->rx_port);
}

void netfront_finish(struct netfront *nf)
{
    for (unsigned i = 0; i < nf->n_queues; i++)
        netfront_tx_reap(&nf->queue[i]);
}

unsigned netfront_poll(struct netfront *nf, unsigned budget,
                       void (*input)(void *handle, const struct netfront_rx *frame))
{
    bool more = false, room = false;
    unsigned done = 0;

    for (unsigned i = 0; i < nf->n_queues; i++) {
        struct netfront_queue *q = &nf->queue[i];

        netfront_tx_reap(q);
        if (q->tx.old > 0)
            netfront_tx_reclaim(q, false);
        more |= netfront_poll_queue(q, budget, &done, input);
    }

    bool was_masked = netfront_lock(nf);
    netfront_mcast_tell(nf);
    for (unsigned i = 0; i < nf->n_queues; i++) {
        netfront_tx_push(&nf->queue[i]);
        room |= netfront_tx_has_room(&nf->queue[i]);
        if (!more)
            netfront_unmask(&nf->queue[i]);
    }
    netfront_unlock(nf, was_masked);
    if (room)
        netfront_ready(nf);
    return done;
}

/* ---- Asked ------------------------------------------------------------------------------ */

const struct netfront_caps *netfront_caps(const struct netfront *nf)
{
    return &nf->caps;
}

const char *netfront_name(const struct netfront *nf)
{
    return nf->dev.name;
}

void netfront_get_stats(const struct netfront *nf, struct netfront_stats *stats)
{
    *stats = nf->stats;
}
