/*
 * The protocol: one page holds a ring of bytes in each direction. A message is a header (struct
 * xsd_sockmsg) and up to 4096 bytes of payload, so it may pass through the 1024-byte ring in pieces.
 * An answer carries the req_id of its request and its type, or XS_ERROR; a watch event comes unasked.
 *
 * The life of a request: queued by xenstore_submit(), put into the ring by xenstore_send() as there is
 * room, kept in `waiting` until its answer has been received whole, and given back through done.
 * Callbacks run without the lock: nothing of ours is half-way then, and they may submit again.
 */
#include <errno.h> /* before xs_wire.h, which then has the table of error names */

#include <platform/xenstore.h>

#include <string.h>

#include <platform/barrier.h>
#include <platform/clock.h>
#include <platform/emergency_console.h>
#include <platform/evtchn.h>
#include <platform/shared_pages.h>
#include <platform/spinlock.h>
#include <platform/start_info.h>
#include <platform/vcpu.h>

#define XENSTORE_HEADER_SIZE sizeof(struct xsd_sockmsg)
#define XENSTORE_CANCELLED_MAX 64u

static struct {
    struct spinlock lock; /* protects all of this, but only the event handler receives */

    struct xenstore_domain_interface *page; /* NULL: no ring, or not any more */
    evtchn_port_t port;
    const char *broken; /* why the ring is left alone, or NULL */
    bool reported;

    /* Our indices, never read back from the page, and the last one of xenstored that was good. */
    uint32_t req_prod, req_cons, rsp_cons;

    uint32_t last_id, last_token;
    struct xenstore_req *queue;   /* not yet in the ring; of the first perhaps a part is */
    struct xenstore_req *waiting; /* in the ring or read by xenstored; the answer is to come */
    struct xenstore_watch *watches;

    /* Cancelled requests that xenstored has seen, at least in part: their answers are dropped. */
    uint32_t cancelled[XENSTORE_CANCELLED_MAX];
    unsigned cancelled_count;
    size_t rest_at, rest_len; /* what is still to be sent of one that was cancelled half-way */

    /* The message being received. */
    struct xsd_sockmsg header;
    size_t received;

    void (*reporter)(const char *why);
    struct xenstore_req rewatch; /* resume registers one watch after the other */
} xenstore = { .lock = SPINLOCK_INIT("xenstore") };

static char xenstore_rest[XENSTORE_HEADER_SIZE + XENSTORE_PAYLOAD_MAX];
static char
    xenstore_payload[XENSTORE_PAYLOAD_MAX + 1]; /* of the message being received; and a NUL */

static void xenstore_append(struct xenstore_req **list, struct xenstore_req *req);
static void xenstore_send(void);
static void xenstore_on_event(evtchn_port_t port, void *arg);
static bool xenstore_receive(uint32_t *available);
static void xenstore_dispatch(void);
static void xenstore_finish(struct xenstore_req *req, int status);
static void xenstore_break(const char *why);
static void xenstore_leave(bool was_masked);
static void xenstore_rewatch(struct xenstore_req *req);

int xenstore_start(void)
{
    bool was_masked = spin_lock(&xenstore.lock);
    struct xenstore_domain_interface *page = shared_store_page();

    xenstore.page = page;
    if (page == NULL) {
        spin_unlock(&xenstore.lock, was_masked);
        return -ENODEV;
    }
    xenstore.broken = NULL;
    xenstore.reported = false;
    xenstore.port = start_facts()->store_evtchn;
    xenstore.req_prod = xenstore.req_cons = READ_ONCE(page->req_prod);
    xenstore.rsp_cons = READ_ONCE(page->rsp_prod); /* what lies there is not for this life */
    WRITE_ONCE(page->rsp_cons, xenstore.rsp_cons);
    xenstore.received = 0;

    /* After a resume: ask again what was asked, in its order, before what was not asked yet. */
    xenstore_append(&xenstore.waiting, xenstore.queue);
    xenstore.queue = xenstore.waiting;
    xenstore.waiting = NULL;
    for (struct xenstore_req *req = xenstore.queue; req != NULL; req = req->next)
        req->sent = 0;
    xenstore.cancelled_count = 0;
    xenstore.rest_at = xenstore.rest_len = 0;
    spin_unlock(&xenstore.lock, was_masked);

    int error = evtchn_bind_port(xenstore.port, xenstore_on_event, NULL);
    if (error == 0)
        xenstore_rewatch(NULL);
    return error;
}

bool xenstore_alive(void)
{
    return xenstore.page != NULL;
}

/* ---- Requests --------------------------------------------------------------------------- */

void xenstore_submit(struct xenstore_req *req)
{
    bool was_masked = spin_lock(&xenstore.lock);
    bool fits = req->body_len <= XENSTORE_PAYLOAD_MAX &&
                req->tail_len <= XENSTORE_PAYLOAD_MAX - req->body_len;

    req->status = 0;
    req->reply_len = 0;
    req->id = ++xenstore.last_id;
    req->sent = 0;
    req->next = NULL;
    if (fits) {
        xenstore_append(&xenstore.queue, req);
        xenstore_send();
    } else {
        xenstore_finish(req, -E2BIG);
    }
    xenstore_leave(was_masked);
}

/* req may be the first of a list itself. */
static void xenstore_append(struct xenstore_req **list, struct xenstore_req *req)
{
    while (*list != NULL)
        list = &(*list)->next;
    *list = req;
}

static bool xenstore_unlink(struct xenstore_req **from, struct xenstore_req *req)
{
    for (; *from != NULL; from = &(*from)->next) {
        if (*from == req) {
            *from = req->next;
            return true;
        }
    }
    return false;
}

/* Copy len bytes of the message that req is, starting at byte `at` of it. */
static void xenstore_copy_message(const struct xenstore_req *req, size_t at, char *to, size_t len)
{
    struct xsd_sockmsg header = {
        .type = req->type,
        .req_id = req->id,
        .tx_id = req->tx_id,
        .len = (uint32_t)(req->body_len + req->tail_len),
    };
    const struct {
        const char *bytes;
        size_t len;
    } pieces[] = {
        { (const char *)&header, sizeof(header) },
        { req->body, req->body_len },
        { req->tail, req->tail_len },
    };

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        if (at >= pieces[i].len) {
            at -= pieces[i].len;
            continue;
        }
        size_t n = pieces[i].len - at < len ? pieces[i].len - at : len;
        memcpy(to, pieces[i].bytes + at, n);
        to += n;
        len -= n;
        at = 0;
    }
}

static size_t xenstore_message_len(const struct xenstore_req *req)
{
    return XENSTORE_HEADER_SIZE + req->body_len + req->tail_len;
}

/* Remember that the answer to this id goes to nobody. */
static void xenstore_expect_nothing(uint32_t id)
{
    if (xenstore.cancelled_count == XENSTORE_CANCELLED_MAX)
        xenstore_break("too many requests stay without an answer");
    else
        xenstore.cancelled[xenstore.cancelled_count++] = id;
}

void xenstore_cancel(struct xenstore_req *req)
{
    bool was_masked = spin_lock(&xenstore.lock);

    if (xenstore_unlink(&xenstore.waiting, req)) {
        xenstore_expect_nothing(req->id);
    } else if (xenstore_unlink(&xenstore.queue, req) && req->sent > 0) {
        /* xenstored has the beginning and waits for the rest; req and its body are the caller's. */
        xenstore.rest_at = 0;
        xenstore.rest_len = xenstore_message_len(req) - req->sent;
        xenstore_copy_message(req, req->sent, xenstore_rest, xenstore.rest_len);
        xenstore_expect_nothing(req->id);
    }
    xenstore_leave(was_masked);
}

/* How much may be put into the ring in one piece now; 0 also when the index makes no sense. */
static uint32_t xenstore_room(void)
{
    if (xenstore.page == NULL)
        return 0;

    uint32_t cons = READ_ONCE(xenstore.page->req_cons);
    uint32_t at = MASK_XENSTORE_IDX(xenstore.req_prod);
    barrier_read(); /* xenstored has read what lies before cons: only then may we write there */

    /* It moves between where it last was and where we are, or it lies. */
    if (cons - xenstore.req_cons > xenstore.req_prod - xenstore.req_cons) {
        xenstore_break("request index out of range");
        return 0;
    }
    xenstore.req_cons = cons;
    uint32_t room = XENSTORE_RING_SIZE - (xenstore.req_prod - cons);
    return room < XENSTORE_RING_SIZE - at ? room : XENSTORE_RING_SIZE - at;
}

/* Put as much into the ring as there is room for. Called with the lock held. */
static void xenstore_send(void)
{
    uint32_t begin = xenstore.req_prod;
    uint32_t room;

    while ((xenstore.queue != NULL || xenstore.rest_len > 0) && (room = xenstore_room()) > 0) {
        char *to = xenstore.page->req + MASK_XENSTORE_IDX(xenstore.req_prod);
        struct xenstore_req *req = xenstore.queue;
        size_t n;

        if (xenstore.rest_len > 0) {
            n = xenstore.rest_len < room ? xenstore.rest_len : room;
            memcpy(to, xenstore_rest + xenstore.rest_at, n);
            xenstore.rest_at += n;
            xenstore.rest_len -= n;
        } else {
            n = xenstore_message_len(req) - req->sent;
            n = n < room ? n : room;
            xenstore_copy_message(req, req->sent, to, n);
            req->sent += n;
            if (req->sent == xenstore_message_len(req)) {
                xenstore.queue = req->next;
                req->next = NULL;
                xenstore_append(&xenstore.waiting, req);
            }
        }
        xenstore.req_prod += (uint32_t)n;
    }
    if (xenstore.page != NULL && xenstore.req_prod != begin) {
        barrier_write(); /* xenstored reads the bytes after it has read the index */
        WRITE_ONCE(xenstore.page->req_prod, xenstore.req_prod);
        evtchn_notify(xenstore.port);
    }
}

/* ---- Answers and events ------------------------------------------------------------------ */

/*
 * The work of one event is bounded by the ring: what xenstored adds after we have read its index comes
 * with an event of its own.
 */
static void xenstore_on_event(evtchn_port_t port, void *arg)
{
    (void)port;
    (void)arg;
    bool was_masked = spin_lock(&xenstore.lock);
    uint32_t available = 0;

    if (xenstore.page != NULL) {
        available = READ_ONCE(xenstore.page->rsp_prod) - xenstore.rsp_cons;
        barrier_read(); /* xenstored wrote the bytes before the index */
        if (available > XENSTORE_RING_SIZE)
            xenstore_break("response index out of range");
        else if ((READ_ONCE(xenstore.page->server_features) & XENSTORE_SERVER_FEATURE_ERROR) != 0 &&
                 READ_ONCE(xenstore.page->error) != XENSTORE_ERROR_NONE)
            xenstore_break("xenstored found an error in the ring");
    }
    while (xenstore.page != NULL && available > 0) {
        if (xenstore_receive(&available))
            xenstore_dispatch();
    }
    xenstore_send();
    xenstore_leave(was_masked);
}

/* Take up to `most` bytes of what is available out of the ring. Returns how many. */
static size_t xenstore_take_bytes(char *to, size_t most, uint32_t *available)
{
    size_t n = most < *available ? most : *available;

    for (size_t i = 0; i < n; i++)
        to[i] = READ_ONCE(xenstore.page->rsp[MASK_XENSTORE_IDX(xenstore.rsp_cons + i)]);
    xenstore.rsp_cons += (uint32_t)n;
    *available -= (uint32_t)n;
    return n;
}

/* Receive of one message what is there. True when it is complete. */
static bool xenstore_receive(uint32_t *available)
{
    uint32_t before = xenstore.rsp_cons;
    size_t whole = XENSTORE_HEADER_SIZE;

    if (xenstore.received < XENSTORE_HEADER_SIZE)
        xenstore.received +=
            xenstore_take_bytes((char *)&xenstore.header + xenstore.received,
                                XENSTORE_HEADER_SIZE - xenstore.received, available);
    if (xenstore.received >= XENSTORE_HEADER_SIZE) {
        if (xenstore.header.len > XENSTORE_PAYLOAD_MAX) {
            xenstore_break("payload longer than 4096 bytes");
            return false;
        }
        whole += xenstore.header.len;
        xenstore.received +=
            xenstore_take_bytes(&xenstore_payload[xenstore.received - XENSTORE_HEADER_SIZE],
                                whole - xenstore.received, available);
    }
    barrier_full(); /* xenstored may overwrite the bytes once it sees the index */
    WRITE_ONCE(xenstore.page->rsp_cons, xenstore.rsp_cons);
    barrier_full(); /* either it sees that, or we see here that it found the ring full */
    if (READ_ONCE(xenstore.page->rsp_prod) - before >= XENSTORE_RING_SIZE)
        evtchn_notify(xenstore.port);
    if (xenstore.received < whole)
        return false;
    xenstore_payload[xenstore.header.len] = '\0';
    xenstore.received = 0;
    return true;
}

/* The errno that an XS_ERROR names. */
static int xenstore_error(void)
{
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++) {
        if (strcmp(xsd_errors[i].errstring, xenstore_payload) == 0)
            return -xsd_errors[i].errnum;
    }
    return -EIO;
}

static struct xenstore_watch *xenstore_find_watch(const char *token)
{
    struct xenstore_watch *watch = xenstore.watches;

    while (watch != NULL && strcmp(watch->token, token) != 0)
        watch = watch->next;
    return watch;
}

static void xenstore_forget_watch(const struct xenstore_watch *watch)
{
    for (struct xenstore_watch **at = &xenstore.watches; *at != NULL; at = &(*at)->next) {
        if (*at == watch) {
            *at = watch->next;
            return;
        }
    }
}

/* The payload is the path that changed and the token of the watch, each with its NUL. */
static void xenstore_dispatch_event(void)
{
    size_t path_len = strlen(xenstore_payload);
    const char *token = xenstore_payload + path_len + 1;

    if (path_len + 1 >= xenstore.header.len ||
        path_len + 1 + strlen(token) + 1 > xenstore.header.len) {
        xenstore_break("watch event without a token");
        return;
    }
    struct xenstore_watch *watch = xenstore_find_watch(token);
    if (watch == NULL)
        return; /* it was on its way when we said unwatch */
    spin_unlock(&xenstore.lock, true);
    watch->fired(watch, xenstore_payload);
    spin_lock(&xenstore.lock);
}

/* True when the answer is to a request that nobody waits for any more. */
static bool xenstore_was_cancelled(uint32_t id)
{
    for (unsigned i = 0; i < xenstore.cancelled_count; i++) {
        if (xenstore.cancelled[i] == id) {
            xenstore.cancelled[i] = xenstore.cancelled[--xenstore.cancelled_count];
            return true;
        }
    }
    return false;
}

static void xenstore_dispatch_answer(void)
{
    const struct xsd_sockmsg *header = &xenstore.header;
    struct xenstore_req *req = xenstore.waiting;

    while (req != NULL && req->id != header->req_id)
        req = req->next;
    if (req == NULL) {
        if (!xenstore_was_cancelled(header->req_id))
            xenstore_break("answer to nothing in flight");
        return;
    }
    if (header->type != req->type && header->type != XS_ERROR) {
        xenstore_break("answer of another type than its request");
        return;
    }
    xenstore_unlink(&xenstore.waiting, req);
    if (header->type == XS_ERROR) {
        xenstore_finish(req, xenstore_error());
        return;
    }
    req->reply_len = header->len;
    if (req->reply != NULL)
        memcpy(req->reply, xenstore_payload,
               header->len < req->reply_size ? header->len : req->reply_size);
    xenstore_finish(req, 0);
}

/* Give a request back. Called with the lock held, which is given up meanwhile. */
static void xenstore_finish(struct xenstore_req *req, int status)
{
    /* A watch that was not accepted is no watch; one registered already (resume) is as good. */
    if (req->type == XS_WATCH && status != 0 && status != -EEXIST)
        xenstore_forget_watch(xenstore_find_watch(req->tail));
    req->status = status;
    spin_unlock(&xenstore.lock, true);
    if (req->done != NULL)
        req->done(req);
    spin_lock(&xenstore.lock);
}

/* One complete message. The lock is given up while a callback runs. */
static void xenstore_dispatch(void)
{
    if (xenstore.header.type == XS_WATCH_EVENT)
        xenstore_dispatch_event();
    else
        xenstore_dispatch_answer();
}

/* ---- A ring that broke -------------------------------------------------------------------- */

/* Leave the ring alone for good. Called with the lock held; xenstore_leave() tells everybody. */
static void xenstore_break(const char *why)
{
    xenstore.page = NULL;
    xenstore.broken = why;
    xenstore.rest_len = 0;
    evtchn_mask(xenstore.port);
}

void xenstore_set_reporter(void (*broken)(const char *why))
{
    xenstore.reporter = broken;
}

static void xenstore_report(const char *why)
{
    static const char prefix[] = "xenstore: broken: ";

    if (xenstore.reporter != NULL) {
        xenstore.reporter(why);
        return;
    }
    emergency_console_write(prefix, sizeof(prefix) - 1);
    emergency_console_write(why, strlen(why));
    emergency_console_write("\n", 1);
}

/* Release the lock. Without a ring nobody gets an answer: whoever waits for one is told. */
static void xenstore_leave(bool was_masked)
{
    struct xenstore_req *req;

    while (xenstore.page == NULL &&
           (req = xenstore.queue != NULL ? xenstore.queue : xenstore.waiting) != NULL) {
        if (!xenstore_unlink(&xenstore.queue, req))
            xenstore_unlink(&xenstore.waiting, req);
        xenstore_finish(req, -EIO);
    }
    const char *report = xenstore.reported ? NULL : xenstore.broken;
    if (report != NULL)
        xenstore.reported = true;
    spin_unlock(&xenstore.lock, true);
    if (report != NULL)
        xenstore_report(report);
    vcpu_restore_upcalls(was_masked);
}

/* ---- Watches ------------------------------------------------------------------------------ */

static void xenstore_fill_watch_req(const struct xenstore_watch *watch, struct xenstore_req *req,
                                    uint32_t type)
{
    req->type = type;
    req->tx_id = 0;
    req->body = watch->path;
    req->body_len = strlen(watch->path) + 1;
    req->tail = watch->token;
    req->tail_len = sizeof(watch->token);
    req->reply = NULL;
    req->reply_size = 0;
}

void xenstore_watch(struct xenstore_watch *watch, struct xenstore_req *req)
{
    bool was_masked = spin_lock(&xenstore.lock);
    uint32_t token = ++xenstore.last_token;

    for (int i = 0; i < 8; i++)
        watch->token[i] = "0123456789abcdef"[token >> (28 - 4 * i) & 15];
    watch->token[8] = '\0';
    watch->next = xenstore.watches;
    xenstore.watches = watch; /* before xenstored knows it: the first event may come at once */
    spin_unlock(&xenstore.lock, was_masked);

    xenstore_fill_watch_req(watch, req, XS_WATCH);
    xenstore_submit(req);
}

void xenstore_unwatch(struct xenstore_watch *watch, struct xenstore_req *req)
{
    bool was_masked = spin_lock(&xenstore.lock);

    xenstore_forget_watch(watch);
    spin_unlock(&xenstore.lock, was_masked);
    xenstore_fill_watch_req(watch, req, XS_UNWATCH);
    xenstore_submit(req);
}

/* Resume: register the watch with the next older token than the one just done; NULL begins. */
static void xenstore_rewatch(struct xenstore_req *req)
{
    bool was_masked = spin_lock(&xenstore.lock);
    struct xenstore_watch *watch = xenstore.watches; /* the newest first */

    while (req != NULL && watch != NULL && strcmp(watch->token, req->tail) >= 0)
        watch = watch->next;
    spin_unlock(&xenstore.lock, was_masked);
    if (watch == NULL || !xenstore_alive())
        return;
    xenstore.rewatch.done = xenstore_rewatch;
    xenstore_fill_watch_req(watch, &xenstore.rewatch, XS_WATCH);
    xenstore_submit(&xenstore.rewatch);
}
