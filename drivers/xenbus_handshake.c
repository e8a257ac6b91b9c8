/*
 * One device: from its own directory to a connected back end, and what both say of it afterwards.
 *
 *     begin      read device/TYPE/ID/{backend,backend-id} and the driver's frontend_keys
 *     meet       watch the back end's state; look
 *     look       read the state and, in the same go, the keys that its next value will come with:
 *                offered_keys while we are Initialising, connected_keys afterwards. Then tell the
 *                driver, which puts, publishes, and is told of the next state.
 *
 * So a device that the tool stack has prepared takes three rounds of requests until its rings are
 * published (list, begin, look), each as long as xenstored needs for it, and one more when it
 * connects.
 *
 * xenstored answers in order, events among the answers. An event that comes before the answer with
 * the state was caused by a change before that answer was made, so it needs no second look; one
 * that comes between that answer and the last of the keys does.
 */
#include "xenbus_priv.h"

#include <errno.h>
#include <string.h>

#include <platform/memory.h>
#include <platform/vcpu.h>
#include <runtime/log.h>
#include <runtime/pages.h>

#include "iobuf.h"

_Static_assert(sizeof(struct xenbus_private) <= PAGE_SIZE, "it fills one page");
_Static_assert(sizeof(struct xenbus_fetch) <= PAGE_SIZE, "it fills one page");

static void xenbus_begin_done(struct xenstore_req *req);
static void xenbus_meet(struct xenbus_device *dev);
static void xenbus_look(struct xenbus_device *dev, const char *const *keys);
static void xenbus_look_done(struct xenstore_req *req);
static void xenbus_looked(struct xenbus_device *dev);

/* ---- Requests ------------------------------------------------------------------------------ */

static void xenbus_free(struct xenbus_private *p)
{
    pages_put(p->fetch);
    pages_put(p);
}

void xenbus_ask(struct xenbus_private *p, struct xenstore_req *req, xenstore_done_t done)
{
    req->done = done;
    if (req->arg == NULL)
        req->arg = p;
    p->under_way++;
    xenstore_submit(req);
}

bool xenbus_answered(struct xenbus_private *p)
{
    p->under_way--;
    if (p->dev != NULL)
        return true;
    if (p->under_way == 0 && p->entered == 0)
        xenbus_free(p);
    return false;
}

void xenbus_enter(struct xenbus_private *p)
{
    p->entered++;
}

/* The end of a call: now a failure may tell the driver. p may be gone afterwards. */
void xenbus_leave(struct xenbus_private *p)
{
    if (--p->entered > 0)
        return;
    if (p->dev == NULL) {
        if (p->under_way == 0)
            xenbus_free(p);
        return;
    }
    if (p->failed != NULL)
        xenbus_break(p->dev, p->failed);
}

void xenbus_fail(struct xenbus_private *p, const char *why)
{
    if (p->entered == 0)
        xenbus_break(p->dev, why);
    else if (p->failed == NULL)
        p->failed = why;
}

/* ---- Begin: our own directory -------------------------------------------------------------- */

int xenbus_begin(struct xenbus_driver_state *bus, struct xenbus_device *dev)
{
    static const char *const own_keys[] = { "backend", "backend-id" };
    struct xenbus_private *p = pages_get_zeroed();
    struct xenbus_fetch *fetch = pages_get_zeroed();
    const char *const *keys = dev->driver->frontend_keys;
    unsigned n = xenbus_count(keys);

    if (p == NULL || fetch == NULL) {
        if (p != NULL)
            pages_put(p);
        if (fetch != NULL)
            pages_put(fetch);
        return -ENOMEM;
    }
    dev->priv = p;
    dev->state = XenbusStateInitialising; /* as the tool stack wrote it */
    dev->backend_state = XenbusStateUnknown;
    p->dev = dev;
    p->bus = bus;
    p->fetch = fetch;
    p->written = p->taken = XenbusStateInitialising;
    log_format(p->ours, sizeof(p->ours), "device/%s/", dev->name);

    for (unsigned i = 0; i < 2; i++)
        fetch->reqs[i] = (struct xenstore_req){
            .type = XS_READ,
            .body = p->ours,
            .body_len = strlen(p->ours),
            .tail = own_keys[i],
            .tail_len = strlen(own_keys[i]) + 1,
            .reply = i == 0 ? fetch->backend : fetch->backend_id,
            .reply_size = i == 0 ? sizeof(fetch->backend) : sizeof(fetch->backend_id),
        };
    for (unsigned i = 0; i < n; i++)
        xenbus_fill_read(p, &fetch->reqs[2 + i], p->ours, strlen(p->ours), keys, i);

    p->left = 2 + n;
    xenbus_enter(p);
    for (unsigned i = 0; i < 2 + n; i++)
        xenbus_ask(p, &fetch->reqs[i], xenbus_begin_done);
    xenbus_leave(p);
    return 0;
}

static bool xenbus_good(const struct xenstore_req *req)
{
    return req->status == 0 && xenbus_end_text(req);
}

static void xenbus_begin_done(struct xenstore_req *req)
{
    struct xenbus_private *p = req->arg;
    struct xenbus_driver_state *bus = p->bus;

    if (!xenbus_answered(p))
        return;
    if (req >= &p->fetch->reqs[2])
        xenbus_check_value(p, req);
    if (--p->left == 0 && !p->dev->broken)
        xenbus_meet(p->dev);
    xenbus_calm(bus);
}

/* ---- Meet: the back end's directory -------------------------------------------------------- */

static void xenbus_watch_done(struct xenstore_req *req)
{
    struct xenbus_private *p = req->arg;
    struct xenbus_driver_state *bus = p->bus;
    bool refused = req->status < 0;

    if (!xenbus_answered(p))
        return;
    if (refused && p->watched) {
        p->watched = false;
        if (!p->dev->broken)
            xenbus_fail(p, "cannot watch the back end's state");
    }
    xenbus_calm(bus);
}

static void xenbus_state_fired(struct xenstore_watch *watch, const char *path)
{
    struct xenbus_private *p = watch->arg;

    (void)path;
    if (p->dev == NULL || p->dev->broken || p->state_asked)
        return; /* the answer to come will tell */
    if (p->left > 0)
        p->again = true;
    else
        xenbus_look(p->dev, NULL);
}

static void xenbus_meet(struct xenbus_device *dev)
{
    struct xenbus_private *p = dev->priv;
    struct xenbus_fetch *fetch = p->fetch;
    size_t len = strlen(fetch->backend);
    uint64_t peer;

    if (!xenbus_good(&fetch->reqs[0]) || fetch->backend[0] != '/' ||
        (len = strlen(fetch->backend)) + sizeof("/state") > sizeof(p->theirs)) {
        xenbus_fail(p, "no path to a back end");
        return;
    }
    if (!xenbus_good(&fetch->reqs[1]) ||
        !xenbus_parse(fetch->backend_id, 0, DOMID_FIRST_RESERVED - 1, &peer)) {
        xenbus_fail(p, "no domain of a back end");
        return;
    }
    dev->peer = (domid_t)peer;
    log_format(p->theirs, sizeof(p->theirs), "%s/state", fetch->backend);
    p->theirs_len = len + 1;

    xenbus_enter(p);
    p->watch = (struct xenstore_watch){
        .path = p->theirs,
        .fired = xenbus_state_fired,
        .arg = p,
    };
    p->watch_req = (struct xenstore_req){ .done = xenbus_watch_done, .arg = p };
    p->watched = true;
    p->under_way++;
    xenstore_watch(&p->watch, &p->watch_req);
    xenbus_look(dev, NULL);
    xenbus_leave(p);
}

/* ---- Look: the back end's state ------------------------------------------------------------ */

static const char *const *xenbus_keys_for(const struct xenbus_device *dev, enum xenbus_state state)
{
    switch (state) {
    case XenbusStateInitWait:
        return dev->driver->offered_keys;
    case XenbusStateConnected:
        return dev->driver->connected_keys;
    default:
        return NULL;
    }
}

/* The state that the back end will most likely say next. */
static enum xenbus_state xenbus_expected(const struct xenbus_device *dev)
{
    return dev->state == XenbusStateInitialised || dev->state == XenbusStateConnected
               ? XenbusStateConnected
               : XenbusStateInitWait;
}

/* keys: those to fetch; NULL: those of the state to expect. */
static void xenbus_look(struct xenbus_device *dev, const char *const *keys)
{
    struct xenbus_private *p = dev->priv;

    p->keys = keys != NULL ? keys : xenbus_keys_for(dev, xenbus_expected(dev));
    p->again = false;
    p->state_asked = true;
    p->state_req = (struct xenstore_req){
        .type = XS_READ,
        .body = p->theirs,
        .body_len = strlen(p->theirs) + 1,
        .reply = p->state_text,
        .reply_size = sizeof(p->state_text),
    };
    unsigned n = xenbus_count(p->keys);
    for (unsigned i = 0; i < n; i++)
        xenbus_fill_read(p, &p->fetch->reqs[i], p->theirs, p->theirs_len, p->keys, i);

    p->left = 1 + n;
    xenbus_enter(p);
    xenbus_ask(p, &p->state_req, xenbus_look_done);
    for (unsigned i = 0; i < n; i++)
        xenbus_ask(p, &p->fetch->reqs[i], xenbus_look_done);
    xenbus_leave(p);
}

static void xenbus_look_done(struct xenstore_req *req)
{
    struct xenbus_private *p = req->arg;
    struct xenbus_driver_state *bus = p->bus;

    if (!xenbus_answered(p))
        return;
    if (req == &p->state_req)
        p->state_asked = false;
    else
        xenbus_check_value(p, req);
    if (--p->left == 0 && !p->dev->broken)
        xenbus_looked(p->dev);
    xenbus_calm(bus);
}

/* What the answer says. False: nothing that could be acted upon. */
static bool xenbus_take_state(struct xenbus_device *dev, enum xenbus_state *state)
{
    struct xenbus_private *p = dev->priv;
    uint64_t value;

    if (p->state_req.status == -ENOENT) {
        /* Its directory went, and it with it; or it is still to be made. */
        *state = XenbusStateClosed;
        return dev->backend_state != XenbusStateUnknown;
    }
    if (p->state_req.status < 0) {
        if (dev->state != XenbusStateConnected) /* else the rings work without xenstore */
            xenbus_fail(p, "cannot read the back end's state");
        return false;
    }
    if (!xenbus_end_text(&p->state_req) ||
        !xenbus_parse(p->state_text, XenbusStateUnknown, XenbusStateReconfigured, &value)) {
        xenbus_fail(p, "the back end's state is none");
        return false;
    }
    *state = (enum xenbus_state)value;
    return *state != XenbusStateUnknown;
}

/* Does the driver hear of this? Here a back end that talks nonsense ends. */
static bool xenbus_makes_sense(struct xenbus_device *dev, enum xenbus_state before,
                               enum xenbus_state state)
{
    bool connecting = dev->state == XenbusStateInitialised || dev->state == XenbusStateConnected;

    switch (state) {
    case XenbusStateInitialising:
    case XenbusStateInitWait:
        if (connecting && before >= XenbusStateConnected) {
            /* It closed and came back faster than we looked. */
            dev->backend_state = XenbusStateClosed;
            dev->driver->backend_changed(dev, XenbusStateClosed);
            dev->backend_state = state;
            if (dev->state != XenbusStateClosed)
                xenbus_fail(dev->priv, "the back end began anew in the middle");
        }
        if (dev->state == XenbusStateClosing || dev->state == XenbusStateClosed)
            xenbus_publish(dev, XenbusStateInitialising); /* it is back, and so are we */
        return state != before && dev->state == XenbusStateInitialising;
    case XenbusStateConnected:
        return connecting;
    default:
        return state != before;
    }
}

/* Everything of one look is there. */
static void xenbus_looked(struct xenbus_device *dev)
{
    struct xenbus_private *p = dev->priv;
    enum xenbus_state before = dev->backend_state;
    enum xenbus_state state;

    if (!xenbus_take_state(dev, &state)) {
        if (p->again && !dev->broken)
            xenbus_look(dev, NULL);
        return;
    }
    const char *const *keys = xenbus_keys_for(dev, state);
    if (keys != NULL && keys != p->keys) { /* we expected another state */
        xenbus_look(dev, keys);
        return;
    }
    xenbus_enter(p);
    dev->backend_state = state;
    if (xenbus_makes_sense(dev, before, state) && !dev->broken)
        dev->driver->backend_changed(dev, state);
    if ((state == XenbusStateConnected && dev->state == XenbusStateConnected) ||
        state == XenbusStateClosing || state == XenbusStateClosed)
        xenbus_settle(dev);
    if (state == XenbusStateClosing || state == XenbusStateClosed)
        iobuf_retry(); /* it may have let go of pages that we wait for */
    if (p->again && p->dev != NULL && !dev->broken && p->failed == NULL)
        xenbus_look(dev, NULL);
    xenbus_leave(p);
}

/* ---- Our state ----------------------------------------------------------------------------- */

static void xenbus_write_done(struct xenstore_req *req)
{
    struct xenbus_private *p = req->arg;
    struct xenbus_driver_state *bus = p->bus;
    bool refused = req->status < 0;

    if (!xenbus_answered(p))
        return;
    p->writing = false;
    if (!refused)
        p->taken = p->written;
    if (refused && !p->dev->broken && p->dev->state != XenbusStateClosed)
        xenbus_fail(p, "xenstored takes no state from us");
    else
        xenbus_write_state(p);
    xenbus_calm(bus);
}

void xenbus_write_state(struct xenbus_private *p)
{
    static const char key[] = "state";
    _Static_assert(sizeof(key) < sizeof(p->write_text), "the digit follows");

    if (p->writing || p->written == p->dev->state)
        return;
    p->writing = true;
    p->written = p->dev->state;
    memcpy(p->write_text, key, sizeof(key));
    p->write_text[sizeof(key)] = (char)('0' + p->written);
    p->write_req = (struct xenstore_req){
        .type = XS_WRITE,
        .body = p->ours,
        .body_len = strlen(p->ours),
        .tail = p->write_text,
        .tail_len = sizeof(key) + 1,
    };
    xenbus_ask(p, &p->write_req, xenbus_write_done);
}

void xenbus_publish(struct xenbus_device *dev, enum xenbus_state state)
{
    bool was_masked = vcpu_mask_upcalls();
    struct xenbus_private *p = dev->priv;

    if (p != NULL && !dev->broken) {
        xenbus_enter(p);
        xenbus_send_puts(p);
        dev->state = state;
        xenbus_write_state(p);
        xenbus_leave(p);
    }
    vcpu_restore_upcalls(was_masked);
}

/* ---- The end ------------------------------------------------------------------------------- */

static void xenbus_unwatch_done(struct xenstore_req *req)
{
    xenbus_answered(req->arg);
}

static void xenbus_stop_watching(struct xenbus_private *p)
{
    if (!p->watched)
        return;
    p->watched = false;
    p->under_way++;
    p->unwatch_req = (struct xenstore_req){ .done = xenbus_unwatch_done, .arg = p };
    xenstore_unwatch(&p->watch, &p->unwatch_req);
}

void xenbus_break(struct xenbus_device *dev, const char *why)
{
    bool was_masked = vcpu_mask_upcalls();
    struct xenbus_private *p = dev->priv;

    if (p != NULL && !dev->broken) {
        xenbus_enter(p);
        dev->broken = true;
        log_line(LOG_ERROR, "%s: broken: %s", dev->name, why);
        xenbus_drop_puts(p);
        xenbus_stop_watching(p);
        dev->driver->gone(dev);
        dev->state = XenbusStateClosing;
        xenbus_write_state(p);
        dev->state = XenbusStateClosed;
        xenbus_write_state(p);
        xenbus_settle(dev);
        p->failed = NULL;
        xenbus_leave(p);
    }
    vcpu_restore_upcalls(was_masked);
}

void xenbus_let_go(struct xenbus_device *dev)
{
    struct xenbus_private *p = dev->priv;

    xenbus_enter(p);
    xenbus_drop_puts(p);
    xenbus_stop_watching(p);
    p->dev = NULL;
    dev->priv = NULL;
    xenbus_leave(p);
}

/* ---- A key that may change ------------------------------------------------------------------ */

static void xenbus_live_done(struct xenstore_req *req)
{
    struct xenbus_private *p = req->arg;
    struct xenbus_driver_state *bus = p->bus;

    if (!xenbus_answered(p))
        return;
    p->live_asked = false;
    if (!p->dev->broken) {
        xenbus_enter(p);
        xenbus_take_value(p, bus->driver->live_key, req);
        bus->driver->live_changed(p->dev);
        xenbus_leave(p);
    }
    xenbus_calm(bus);
}

void xenbus_read_live(struct xenbus_device *dev)
{
    const char *key = dev->driver->live_key;
    struct xenbus_private *p = dev->priv;

    if (key == NULL || p->live_asked) /* the answer to come will tell */
        return;
    p->live_asked = true;
    p->live_req = (struct xenstore_req){
        .type = XS_READ,
        .body = p->ours,
        .body_len = strlen(p->ours),
        .tail = key,
        .tail_len = strlen(key) + 1,
        .reply = p->live_text,
        .reply_size = sizeof(p->live_text),
    };
    xenbus_enter(p);
    xenbus_ask(p, &p->live_req, xenbus_live_done);
    xenbus_leave(p);
}

/* ---- Is it still the same? ----------------------------------------------------------------- */

/* Done rarely, after the tool stack touched the directory: a page of its own for the while. */
struct xenbus_recheck {
    struct xenbus_private *p;
    unsigned left;
    struct xenstore_req reqs[2];
    char backend[XENBUS_PATH_MAX];
    char state[XENBUS_STATE_MAX];
};

static void xenbus_recheck_done(struct xenstore_req *req)
{
    struct xenbus_recheck *recheck = req->arg;
    struct xenbus_private *p = recheck->p;
    struct xenbus_driver_state *bus = p->bus;
    bool there = xenbus_answered(p);

    if (--recheck->left > 0)
        return;
    if (there) {
        p->rechecking = false;
        if (xenbus_good(&recheck->reqs[0]) && xenbus_good(&recheck->reqs[1]))
            xenbus_rechecked(p->dev, recheck->backend, recheck->state);
    }
    pages_put(recheck);
    xenbus_calm(bus);
}

void xenbus_begin_recheck(struct xenbus_device *dev)
{
    struct xenbus_private *p = dev->priv;
    struct xenbus_recheck *recheck = p->rechecking ? NULL : pages_get_zeroed();
    static const char *const keys[] = { "backend", "state" };

    p->recheck = false;
    if (recheck == NULL)
        return;
    p->rechecking = true;
    recheck->p = p;
    recheck->left = 2;
    xenbus_enter(p);
    for (unsigned i = 0; i < 2; i++) {
        recheck->reqs[i] = (struct xenstore_req){
            .type = XS_READ,
            .body = p->ours,
            .body_len = strlen(p->ours),
            .tail = keys[i],
            .tail_len = strlen(keys[i]) + 1,
            .reply = i == 0 ? recheck->backend : recheck->state,
            .reply_size = i == 0 ? sizeof(recheck->backend) : sizeof(recheck->state),
            .arg = recheck,
        };
    }
    for (unsigned i = 0; i < 2; i++)
        xenbus_ask(p, &recheck->reqs[i], xenbus_recheck_done);
    xenbus_leave(p);
}
