/*
 * xenstored as an enemy. Whatever it writes into the ring, a request ends at most once, never after it
 * was cancelled, with an answer within its buffer; and once the ring is broken, everything has ended with
 * -EIO and the ring is never written again.
 */
#include "fuzz.h"

#include <errno.h>

#include <platform/clock.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>

#define SLOTS 8u
#define WATCHES 4u

static struct slot {
    struct xenstore_req req;
    bool under_way;
    char *body, *tail, *reply; /* exactly as long as they say: the sanitizer watches their ends */
} slots[SLOTS];

static struct {
    struct xenstore_watch watch;
    struct xenstore_req req;
    bool watched, under_way;
} watches[WATCHES];

static struct xenstore_domain_interface *ring;

static void on_timer(void)
{
}

static void slot_free(struct slot *slot)
{
    free(slot->body);
    free(slot->tail);
    free(slot->reply);
    slot->body = slot->tail = slot->reply = NULL;
}

static void on_done(struct xenstore_req *req)
{
    struct slot *slot = req->arg;

    FUZZ_CHECK(slot->under_way);
    slot->under_way = false;
    FUZZ_CHECK(req->status <= 0);
    FUZZ_CHECK(req->reply_len <= XENSTORE_PAYLOAD_MAX);
    if (!xenstore_alive())
        FUZZ_CHECK(req->status == -EIO || req->status == -E2BIG);
    slot_free(slot);
}

static void on_watch_done(struct xenstore_req *req)
{
    bool *under_way = req->arg;

    FUZZ_CHECK(*under_way);
    *under_way = false;
}

static void on_fired(struct xenstore_watch *watch, const char *path)
{
    FUZZ_CHECK(watch->arg != NULL && *(bool *)watch->arg);
    FUZZ_CHECK(strlen(path) < XENSTORE_PAYLOAD_MAX);
}

static char *bytes(size_t n)
{
    char *made = malloc(n);

    if (n != 0)
        memset(made, 'x', n);
    return made;
}

static void submit(struct fuzz_input *input, struct slot *slot)
{
    size_t body = fuzz_u16(input) % 4200, tail = fuzz_byte(input), reply = fuzz_u16(input) % 4200;

    if (slot->under_way)
        return;
    *slot = (struct slot){ .body = bytes(body), .tail = bytes(tail), .reply = bytes(reply) };
    slot->req = (struct xenstore_req){
        .type = fuzz_byte(input) % 8 + 1, /* not a watch of which the client knows nothing */
        .body = slot->body,
        .body_len = body,
        .tail = slot->tail,
        .tail_len = tail,
        .reply = slot->reply,
        .reply_size = reply,
        .done = on_done,
        .arg = slot,
    };
    if (slot->req.type == XS_WATCH)
        slot->req.type = XS_READ;
    slot->under_way = true;
    xenstore_submit(&slot->req);
}

static void cancel(struct slot *slot)
{
    xenstore_cancel(&slot->req);
    slot->under_way = false;
    slot_free(slot);
    memset(&slot->req, 0xee, sizeof(slot->req));
}

static void watch(size_t i)
{
    if (watches[i].under_way)
        return;
    watches[i].under_way = true;
    watches[i].req = (struct xenstore_req){ .done = on_watch_done, .arg = &watches[i].under_way };
    if (watches[i].watched) {
        watches[i].watched = false;
        xenstore_unwatch(&watches[i].watch, &watches[i].req);
    } else {
        watches[i].watched = true;
        watches[i].watch = (struct xenstore_watch){ .path = "device/vif",
                                                    .fired = on_fired,
                                                    .arg = &watches[i].watched };
        xenstore_watch(&watches[i].watch, &watches[i].req);
    }
}

static void say(const void *message, size_t n)
{
    const char *from = message;

    for (size_t i = 0; i < n; i++)
        ring->rsp[MASK_XENSTORE_IDX(ring->rsp_prod + i)] = from[i];
    ring->rsp_prod += (uint32_t)n;
}

static void say_noise(struct fuzz_input *input)
{
    char noise[256];
    size_t n = fuzz_byte(input);

    for (size_t i = 0; i < n; i++)
        noise[i] = (char)fuzz_byte(input);
    say(noise, n);
}

/* An answer that is right but for what the input makes wrong. */
static void answer(struct fuzz_input *input)
{
    const struct xenstore_req *req = &slots[fuzz_byte(input) % SLOTS].req;
    uint8_t wrong = fuzz_byte(input);
    uint32_t len = fuzz_u16(input) % 600;
    char body[600];
    struct xsd_sockmsg header = { .type = req->type, .req_id = req->id, .len = len };

    memset(body, 'v', sizeof(body));
    if ((wrong & 3) == 1)
        header.type = XS_ERROR;
    if ((wrong & 0x1c) == 4)
        header.type = fuzz_byte(input);
    if ((wrong & 0x1c) == 8)
        header.req_id += fuzz_byte(input);
    if ((wrong & 0x1c) == 12)
        header.len = fuzz_u32(input);
    if (header.type == XS_ERROR && len >= 7)
        memcpy(body, (wrong & 0x20) != 0 ? "EAGAIN" : "ENOENT", (wrong & 0x40) != 0 ? 6 : 7);
    say(&header, sizeof(header));
    say(body, len);
}

static void event(struct fuzz_input *input)
{
    char body[64] = "device/vif/0";
    struct xsd_sockmsg header = { .type = XS_WATCH_EVENT };
    uint8_t wrong = fuzz_byte(input);
    size_t path_len = strlen(body) + 1;

    memcpy(body + path_len, watches[wrong % WATCHES].watch.token, 9);
    header.len = (uint32_t)path_len + 9;
    if ((wrong & 0x30) == 0x10)
        header.len -= fuzz_byte(input) % header.len;
    if ((wrong & 0x30) == 0x20)
        body[path_len - 1] = 'x';
    say(&header, sizeof(header));
    say(body, header.len);
}

static void step(struct fuzz_input *input)
{
    bool was_alive = xenstore_alive();
    struct xenstore_domain_interface copy;
    uint8_t what = fuzz_byte(input);
    char value[64];
    size_t len;

    switch (what % 12) { /* what xenstored does */
    case 0:
        say_noise(input);
        break;
    case 1:
    case 2:
        answer(input);
        break;
    case 3:
        event(input);
        break;
    case 4:
        ring->req_cons = ring->req_prod; /* reads everything */
        break;
    case 5:
        if (fuzz_byte(input) < 16)
            ring->req_cons += fuzz_u32(input);
        break;
    case 6:
        if (fuzz_byte(input) < 16)
            ring->rsp_prod += fuzz_u32(input);
        break;
    }
    copy = *ring;
    switch (what % 12) { /* what the guest does */
    case 7:
    case 8:
        submit(input, &slots[fuzz_byte(input) % SLOTS]);
        break;
    case 9:
        cancel(&slots[fuzz_byte(input) % SLOTS]);
        break;
    case 10:
        watch(fuzz_byte(input) % WATCHES);
        break;
    case 11:
        if (fuzz_byte(input) < 16)
            xenstore_read("a/path", value, sizeof(value), &len);
        break;
    default:
        if ((what & 0x80) == 0)
            fakexen_raise(FAKEXEN_STORE_PORT);
    }
    if (!was_alive)
        FUZZ_CHECK(memcmp(&copy, ring, sizeof(copy)) == 0);
    if (!xenstore_alive()) {
        for (size_t i = 0; i < SLOTS; i++)
            FUZZ_CHECK(!slots[i].under_way);
    }
}

static void start(uint32_t index)
{
    static bool started;

    if (!started) {
        fakexen_start(NULL);
        fakexen_set_peer(FAKEXEN_STORE_PORT, NULL, NULL); /* we are the server */
        clock_start(on_timer);
        vcpu_restore_upcalls(false);
        started = true;
    }
    ring = fakexen_store();
    memset(ring, 0, sizeof(*ring));
    ring->req_cons = ring->req_prod = index;
    ring->rsp_cons = ring->rsp_prod = index;
    xenstore_start();
}

static void end(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        cancel(&slots[i]);
    for (size_t i = 0; i < WATCHES; i++) {
        xenstore_cancel(&watches[i].req);
        watches[i].under_way = false;
        if (watches[i].watched)
            watch(i);
        xenstore_cancel(&watches[i].req);
        watches[i].watched = watches[i].under_way = false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, data + size };

    start(fuzz_u32(&input));
    while (fuzz_more(&input))
        step(&input);
    end();
    return 0;
}
