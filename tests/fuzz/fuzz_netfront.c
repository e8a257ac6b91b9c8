/*
 * A vif's back end as an enemy. The bytes say what the two sides do in which order: the guest sends
 * and polls, the back end takes, answers and delivers, honestly or with any field of any message,
 * index or state changed. As long as it plays by the rules, every frame comes out as it went in, in
 * both directions, and the link stays up. Whatever it does, nothing is handed up but memory of ours
 * that it cannot reach, and in the end all pages, grants and ports are back.
 */
#include "fuzz.h"

#include "../host/net_rig.h"

#define SENT_MAX 256u

static struct {
    bool lied;
    bool mapped;
    unsigned ups;
    unsigned taken; /* frames taken and not answered */
    struct netback_frame frames[8];
} peer;

static uint8_t *out; /* 80 KiB of ours */
static uint8_t in[65536];

/* ---- The guest -------------------------------------------------------------------------- */

static void guest_send(struct fuzz_input *input)
{
    struct netfront_tx_piece pieces[24];
    unsigned n = 1 + fuzz_byte(input) % 23;
    struct netfront_offload offload = { .csum_blank = fuzz_byte(input) & 1 };
    size_t at = 0;

    if (fuzz_byte(input) % 4 == 0) {
        offload.gso = fuzz_byte(input) & 1 ? NETFRONT_GSO_TCP4 : NETFRONT_GSO_TCP6;
        offload.gso_size = (uint16_t)fuzz_u16(input);
    }
    if (fuzz_byte(input) % 4 > 0)
        n = 1 + n % 3;
    for (unsigned i = 0; i < n; i++) {
        size_t len = fuzz_u16(input) % (n > 3 ? 3500 : 30000);

        pieces[i] = (struct netfront_tx_piece){ out + at, len };
        at += len;
        if (at > 70000)
            at = fuzz_byte(input);
    }
    int error = rig_send_pieces(pieces, n, &offload);
    FUZZ_CHECK(error == 0 || error == -EAGAIN || error == -EMSGSIZE || error == -EINVAL ||
               error == -ENOMEM || error == -EIO);
    FUZZ_CHECK(error != -EIO || !rig.up);
    if (fuzz_byte(input) & 1)
        netfront_flush(rig.nf);
}

static void guest_group(struct fuzz_input *input)
{
    uint8_t mac[6] = { 0x33, 0x33, 0, 0, 0, fuzz_byte(input) };

    if (fuzz_byte(input) & 1)
        netfront_join(rig.nf, mac);
    else
        netfront_leave(rig.nf, mac);
}

static void guest_poll(void)
{
    unsigned before = rig.frames;
    unsigned n = rig_poll();

    FUZZ_CHECK(rig.frames - before == n);
}

/* ---- The back end ----------------------------------------------------------------------- */

static void peer_take(struct fuzz_input *input)
{
    unsigned n = 1 + fuzz_byte(input) % 8;

    while (!peer.lied && n-- > 0 && peer.taken < 8 &&
           netback_take(&rig.back, 0, &peer.frames[peer.taken]))
        peer.taken++;
}

static void peer_answer(struct fuzz_input *input)
{
    static const int16_t status[] = { NETIF_RSP_OKAY, NETIF_RSP_ERROR, NETIF_RSP_DROPPED };

    if (peer.taken == 0)
        return;
    unsigned i = fuzz_byte(input) % peer.taken;
    netback_answer(&rig.back, 0, &peer.frames[i], status[fuzz_byte(input) % 3],
                   fuzz_byte(input) & 1);
    peer.frames[i] = peer.frames[--peer.taken];
}

static void peer_deliver(struct fuzz_input *input)
{
    size_t len = 14 + fuzz_u16(input) % 65521;
    uint16_t gso = fuzz_byte(input) & 1 ? (uint16_t)(1 + fuzz_byte(input)) : 0;
    uint8_t type = 1 + (fuzz_byte(input) & 1);
    unsigned before = rig.frames;

    if (peer.lied || !rig.up)
        return;
    rig_fill(in, len, fuzz_byte(input));
    guest_poll();
    before = rig.frames;
    if (!rig.up || !netback_deliver(&rig.back, 0, in, len, fuzz_byte(input) & 3, type, gso))
        return;
    FUZZ_CHECK(rig_poll() == 1 && rig.frames == before + 1);
    FUZZ_CHECK(rig.len == len && memcmp(rig.data, in, len) == 0);
    FUZZ_CHECK((rig.offload.gso != NETFRONT_GSO_NONE) == (gso != 0) && rig.offload.gso_size == gso);
}

/* Bytes of the input on a page: anywhere behind the indices, or the indices too. */
static void scribble(struct fuzz_input *input, void *page)
{
    unsigned n = 1 + fuzz_byte(input) % 24;
    size_t at = fuzz_u16(input) % 4096;

    if (fuzz_byte(input) & 1)
        at %= 16;
    for (; n > 0 && at < 4096; n--, at++)
        ((uint8_t *)page)[at] = fuzz_byte(input);
}

/* An answer made of the input's bytes, at the place where the next one is expected. */
static void peer_lie_rx(struct fuzz_input *input)
{
    struct netback_queue *q = &rig.back.q[0];
    unsigned n = 1 + fuzz_byte(input) % 24;

    while (n-- > 0) {
        union netif_rx_sring_entry *entry = &q->rx->ring[q->rx_cons % NETBACK_SLOTS];
        uint8_t how = fuzz_byte(input);
        uint16_t id = (how & 1) != 0 ? (uint16_t)(q->rx_cons % NETBACK_SLOTS) : fuzz_byte(input);

        q->rx_cons++;
        entry->rsp.id = id;
        entry->rsp.offset = (how & 2) != 0 ? 0 : (uint16_t)(fuzz_u16(input) % 5000);
        entry->rsp.flags = (how & 4) != 0 ? NETRXF_more_data : fuzz_byte(input) & 0x1f;
        entry->rsp.status = (int16_t)((how & 8) != 0 ? 100 : fuzz_u16(input));
    }
    netback_push_rx(&rig.back, 0);
}

static void peer_lie_tx(struct fuzz_input *input)
{
    struct netback_queue *q = &rig.back.q[0];
    unsigned n = 1 + fuzz_byte(input) % 8;

    while (n-- > 0) {
        q->tx->ring[q->tx_rsp++ % NETBACK_SLOTS].rsp =
            (netif_tx_response_t){ (uint16_t)(fuzz_byte(input) - 1),
                                   (int16_t)((int8_t)fuzz_byte(input) % 4) };
    }
    netback_push_tx(&rig.back, 0);
}

static void peer_lie(struct fuzz_input *input)
{
    struct netback_queue *q = &rig.back.q[0];

    if (!peer.mapped)
        return;
    peer.lied = true;
    switch (fuzz_byte(input) % 5) {
    case 0:
        scribble(input, q->tx);
        break;
    case 1:
        scribble(input, q->rx);
        break;
    case 2:
        peer_lie_tx(input);
        break;
    case 3:
        q->rx_cons += fuzz_byte(input) & 1 ? fuzz_u32(input) : fuzz_byte(input);
        netback_push_rx(&rig.back, 0);
        break;
    default:
        peer_lie_rx(input);
    }
}

/* ---- Life ------------------------------------------------------------------------------- */

static void connect_again(void)
{
    if (netback_front_state() == XenbusStateConnected && !peer.mapped) {
        netback_accept(&rig.back);
        peer.mapped = true;
        peer.taken = 0;
        peer.lied &= rig.ups == peer.ups; /* new rings are a new beginning */
        peer.ups = rig.ups;
    }
}

static void unmap(void)
{
    if (peer.mapped)
        netback_unmap(&rig.back);
    peer.mapped = false;
    peer.taken = 0;
}

static void change_state(struct fuzz_input *input)
{
    uint8_t state = fuzz_byte(input) % 9;

    if (state == XenbusStateConnected && peer.mapped)
        return;
    peer.lied = true; /* or gone, which is the same to us: no frame need arrive */
    if (state == XenbusStateInitWait)
        unmap();
    netback_state((enum xenbus_state)state);
    connect_again();
}

/* The tool stack's wish, of any text; netfront keeps one that makes sense. */
static void change_mtu(struct fuzz_input *input)
{
    char text[8] = "";
    unsigned n = fuzz_byte(input) % sizeof(text);

    for (unsigned i = 0; i < n; i++)
        text[i] = (char)(fuzz_byte(input) % 8 > 0 ? '0' + fuzz_byte(input) % 10 : fuzz_byte(input));
    fakexen_store_write(NETBACK_FRONT "/mtu", n > 0 ? text : NULL);
    fakexen_run();
    unsigned mtu = netfront_caps(rig.nf)->mtu;
    FUZZ_CHECK(mtu >= 68 && mtu <= 65521);
    FUZZ_CHECK(!rig.up || !rig.back.no_sg || mtu <= 4096 - 14);
}

static void step(struct fuzz_input *input)
{
    switch (fuzz_byte(input) % 16) {
    case 0:
    case 1:
    case 2:
        guest_send(input);
        break;
    case 3:
    case 4:
        guest_poll();
        break;
    case 5:
        guest_group(input);
        break;
    case 6:
    case 7:
        if (peer.mapped)
            peer_take(input);
        break;
    case 8:
    case 9:
        if (peer.mapped && !peer.lied)
            peer_answer(input);
        break;
    case 10:
    case 11:
        if (peer.mapped)
            peer_deliver(input);
        break;
    case 12:
        if (peer.mapped && rig.up)
            fakexen_raise(fuzz_byte(input) & 1 ? rig.back.q[0].tx_port : rig.back.q[0].rx_port);
        break;
    case 13:
        fakexen_advance(1000000ul * fuzz_byte(input));
        break;
    case 14:
        peer_lie(input);
        break;
    default:
        switch (fuzz_byte(input) % 4) {
        case 0:
            change_state(input);
            break;
        case 1:
            change_mtu(input);
            break;
        }
    }
    FUZZ_CHECK(peer.lied || rig.up == peer.mapped);
}

static void start(struct fuzz_input *input)
{
    static bool started;
    uint8_t how = fuzz_byte(input);

    if (!started) {
        rig_start(4096, true);
        out = rig_bytes(80000, 0);
        started = true;
        fakexen_mark_clean();
    }
    rig_log[0] = '\0';
    rig.found = rig.lost = false;
    rig.back.split = how & 1;
    rig.back.no_sg = (how & 14) == 0;
    rig.back.mcast = how & 16;
    rig.back.trusted = (how & 224) == 0 ? "0" : "1";
    rig_connect();
    peer.ups = rig.ups;
    peer.mapped = true;
    peer.lied = false;
    peer.taken = 0;
}

static void end(void)
{
    unmap();
    netback_state(XenbusStateClosed);
    fakexen_store_write(NETBACK_FRONT, NULL);
    fakexen_run();
    fakexen_store_write(NETBACK_BACK, NULL);
    fakexen_run();
    FUZZ_CHECK(rig.lost && !rig.up);
    netfront_release(rig.nf);
    fakexen_check_clean();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, data + size };

    start(&input);
    while (fuzz_more(&input))
        step(&input);
    end();
    return 0;
}
