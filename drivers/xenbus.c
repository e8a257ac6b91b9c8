/*
 * Types of devices: device/TYPE is listed when a driver registers, and watched a while after what
 * follows from that has been dealt with, when nothing of that type is under way: until then every key
 * we publish would come back to us as an event, and xenstored has our back ends to serve, for which the
 * program waits. The watch fires once when it is registered, and so the list is fetched again, which
 * shows what came in between.
 *
 * Afterwards what the tool stack does there is told from our own writes by the path: a whole
 * directory comes or goes, or something happens to a device that is closed. One that went and came
 * back under the same name is found by its state, which is Initialising again.
 */
#include "xenbus_priv.h"

#include <errno.h>
#include <string.h>

#include <platform/clock.h>
#include <platform/memory.h>
#include <platform/vcpu.h>
#include <runtime/log.h>
#include <runtime/pages.h>

#include "iobuf.h"

#define XENBUS_ID_MAX 11u /* ten digits and the NUL */

/* Protected by masked upcalls, as all of xenbus: with a second vCPU it needs a lock. */
static struct {
    struct xenbus_driver_state *types;
    void (*listeners[XENBUS_LISTENERS])(void);
} xenbus;

static void xenbus_list(struct xenbus_driver_state *bus);
static void xenbus_list_done(struct xenstore_req *req);
static void xenbus_on_quiet(struct timer *timer);

static void xenbus_changed(void)
{
    for (unsigned i = 0; i < XENBUS_LISTENERS; i++) {
        if (xenbus.listeners[i] != NULL)
            xenbus.listeners[i]();
    }
}

int xenbus_register(struct xenbus_driver_state *bus, const struct xenbus_driver *driver)
{
    int len = log_format(bus->dir, sizeof(bus->dir), "device/%s", driver->type);
    bool was_masked;

    if ((size_t)len >= sizeof(bus->dir) || !xenbus_lists_fit(driver))
        return -EINVAL;
    if (!xenstore_alive())
        return -ENODEV;
    was_masked = vcpu_mask_upcalls();
    bus->driver = driver;
    timer_init(&bus->quiet, xenbus_on_quiet, bus);
    bus->next = xenbus.types;
    xenbus.types = bus;
    xenbus_list(bus);
    vcpu_restore_upcalls(was_masked);
    return 0;
}

bool xenbus_discovering(const struct xenbus_driver_state *bus)
{
    return bus->driver != NULL && (!bus->listed || bus->unsettled > 0);
}

void xenbus_set_listener(void (*changed)(void))
{
    for (unsigned i = 0; i < XENBUS_LISTENERS; i++) {
        if (xenbus.listeners[i] == NULL || xenbus.listeners[i] == changed) {
            xenbus.listeners[i] = changed;
            return;
        }
    }
}

void xenbus_for_each(const struct xenbus_driver_state *bus,
                     void (*visit)(struct xenbus_device *dev, void *arg), void *arg)
{
    bool was_masked = vcpu_mask_upcalls();

    for (struct xenbus_device *dev = bus->devices, *next; dev != NULL; dev = next) {
        next = dev->next;
        visit(dev, arg);
    }
    vcpu_restore_upcalls(was_masked);
}

void xenbus_settle(struct xenbus_device *dev)
{
    struct xenbus_private *p = dev->priv;

    dev->settled = true;
    if (!p->first)
        return;
    p->first = false;
    p->bus->unsettled--;
    xenbus_changed();
}

/* ---- The list of devices ------------------------------------------------------------------- */

static void xenbus_list(struct xenbus_driver_state *bus)
{
    if (bus->names != NULL)
        return; /* under way: its answer is still being made */
    bus->names = pages_get();
    if (bus->names == NULL) {
        log_line(LOG_ERROR, "%s: no memory for its list", bus->dir);
        bus->listed = true;
        return;
    }
    bus->list_req = (struct xenstore_req){
        .type = XS_DIRECTORY,
        .body = bus->dir,
        .body_len = strlen(bus->dir) + 1,
        .reply = bus->names,
        .reply_size = PAGE_SIZE,
        .done = xenbus_list_done,
        .arg = bus,
    };
    xenstore_submit(&bus->list_req);
}

static struct xenbus_device *xenbus_find_device(struct xenbus_driver_state *bus, const char *id)
{
    struct xenbus_device *dev = bus->devices;
    size_t type_len = strlen(bus->driver->type);

    while (dev != NULL && strcmp(dev->name + type_len + 1, id) != 0)
        dev = dev->next;
    return dev;
}

static void xenbus_found(struct xenbus_driver_state *bus, const char *id)
{
    int error = -ENOMEM;
    struct xenbus_device *dev = bus->driver->create(id, &error);

    if (dev == NULL) {
        log_line(LOG_ERROR, "%s/%s: refused: error %d", bus->driver->type, id, -error);
        return;
    }
    struct xenbus_device **end = &bus->devices;
    while (*end != NULL)
        end = &(*end)->next;
    *end = dev;
    dev->next = NULL;
    dev->driver = bus->driver;
    dev->settled = dev->broken = false;
    log_format(dev->name, sizeof(dev->name), "%s/%s", bus->driver->type, id);
    error = xenbus_begin(bus, dev);
    if (error < 0) {
        log_line(LOG_ERROR, "%s: no memory", dev->name);
        *end = NULL;
        bus->driver->gone(dev);
        bus->driver->destroy(dev);
        return;
    }
}

void xenbus_lost(struct xenbus_device *dev)
{
    const struct xenbus_driver *driver = dev->driver;
    struct xenbus_private *p = dev->priv;
    struct xenbus_device **at = &p->bus->devices;

    while (*at != dev)
        at = &(*at)->next;
    *at = dev->next;
    xenbus_enter(p);
    if (!dev->broken)
        driver->gone(dev);
    xenbus_settle(dev);
    xenbus_let_go(dev);
    xenbus_leave(p);
    driver->destroy(dev);
    iobuf_retry();
}

/* One name of the list. */
static void xenbus_take_name(struct xenbus_driver_state *bus, const char *id)
{
    size_t len = strlen(id);
    struct xenbus_device *dev;

    if (len == 0 || len >= XENBUS_ID_MAX || strspn(id, "0123456789") != len) {
        log_line(LOG_WARNING, "%s: a directory that is no number", bus->dir);
        return;
    }
    dev = xenbus_find_device(bus, id);
    if (dev == NULL) {
        xenbus_found(bus, id);
        dev = xenbus_find_device(bus, id);
        if (dev == NULL)
            return;
        if (!bus->listed && !dev->settled) {
            dev->priv->first = true;
            bus->unsettled++;
        }
    } else if (dev->priv->recheck || dev->broken || dev->state == XenbusStateClosed) {
        xenbus_begin_recheck(dev);
    } else {
        xenbus_read_live(dev); /* it may have changed before it was watched */
    }
    dev->priv->seen = true;
}

static void xenbus_list_done(struct xenstore_req *req)
{
    struct xenbus_driver_state *bus = req->arg;
    char *names = bus->names;
    size_t len = req->reply_len < PAGE_SIZE ? req->reply_len : PAGE_SIZE; /* 0: none, or an error */

    bus->names = NULL;
    if (req->status == 0 || req->status == -ENOENT) {
        for (struct xenbus_device *dev = bus->devices; dev != NULL; dev = dev->next)
            dev->priv->seen = false;
        for (size_t at = 0; at < len && memchr(names + at, '\0', len - at) != NULL;
             at += strlen(names + at) + 1)
            xenbus_take_name(bus, names + at);
        for (struct xenbus_device *dev = bus->devices, *next; dev != NULL; dev = next) {
            next = dev->next;
            if (!dev->priv->seen)
                xenbus_lost(dev);
        }
    } else {
        log_line(LOG_ERROR, "%s: cannot be listed: error %d", bus->dir, -req->status);
    }
    pages_put(names);
    if (!bus->listed) {
        bus->listed = true;
        xenbus_changed();
    }
    xenbus_calm(bus);
}

/* ---- The watch on it ----------------------------------------------------------------------- */

static void xenbus_dir_fired(struct xenstore_watch *watch, const char *path)
{
    struct xenbus_driver_state *bus = watch->arg;
    size_t dir_len = strlen(bus->dir);
    struct xenbus_device *dev;
    char id[XENBUS_ID_MAX];

    if (strncmp(path, bus->dir, dir_len) == 0 && path[dir_len] == '/') {
        const char *rest = path + dir_len + 1;
        size_t id_len = strcspn(rest, "/");

        if (id_len >= sizeof(id))
            return;
        memcpy(id, rest, id_len);
        id[id_len] = '\0';
        dev = xenbus_find_device(bus, id);
        if (dev != NULL && rest[id_len] == '\0') {
            dev->priv->recheck = true;
        } else if (dev != NULL && !dev->broken && dev->state != XenbusStateClosed) {
            const char *live = bus->driver->live_key;

            if (live != NULL && strcmp(rest + id_len + 1, live) == 0)
                xenbus_read_live(dev);
            return; /* else most likely what we published */
        }
    }
    xenbus_list(bus); /* or one is under way, and its answer will tell */
}

static void xenbus_dir_watched(struct xenstore_req *req)
{
    struct xenbus_driver_state *bus = req->arg;

    if (req->status < 0)
        log_line(LOG_ERROR, "%s: cannot be watched: error %d", bus->dir, -req->status);
}

static bool xenbus_under_way(const struct xenbus_driver_state *bus)
{
    for (const struct xenbus_device *dev = bus->devices; dev != NULL; dev = dev->next) {
        if (dev->priv->under_way > 0)
            return true;
    }
    return bus->names != NULL;
}

void xenbus_calm(struct xenbus_driver_state *bus)
{
    if (bus->watched || !bus->listed || xenbus_under_way(bus))
        return;
    if (!bus->had_quiet) {
        if (!bus->quiet.armed)
            timer_arm(&bus->quiet, clock_monotonic_ns() + XENBUS_QUIET_NS);
        return;
    }
    bus->watched = true;
    bus->watch = (struct xenstore_watch){
        .path = bus->dir,
        .fired = xenbus_dir_fired,
        .arg = bus,
    };
    bus->watch_req = (struct xenstore_req){ .done = xenbus_dir_watched, .arg = bus };
    xenstore_watch(&bus->watch, &bus->watch_req);
}

/* It is not put off again, so that no back end can keep us from seeing the others. */
static void xenbus_on_quiet(struct timer *timer)
{
    struct xenbus_driver_state *bus = timer->arg;

    bus->had_quiet = true;
    xenbus_calm(bus);
}

/* ---- Devices that come back ---------------------------------------------------------------- */

void xenbus_rechecked(struct xenbus_device *dev, const char *backend, const char *state)
{
    struct xenbus_private *p = dev->priv;
    struct xenbus_driver_state *bus = p->bus;
    size_t len = strlen(backend);
    bool moved =
        p->theirs_len > 0 && (len + 1 != p->theirs_len || memcmp(backend, p->theirs, len) != 0);
    /* The tool stack writes Initialising, and once we have been further, nobody else does. */
    bool anew = strcmp(state, "1") == 0 && p->taken != XenbusStateInitialising;
    char id[XENBUS_ID_MAX];

    if (!moved && !anew)
        return;
    log_format(id, sizeof(id), "%s", dev->name + strlen(bus->driver->type) + 1);
    xenbus_lost(dev);
    xenbus_found(bus, id);
}

static void xenbus_resume_device(struct xenbus_driver_state *bus, struct xenbus_device *dev)
{
    const struct xenbus_driver *driver = dev->driver;

    if (dev->broken || driver->resumed == NULL)
        driver->gone(dev);
    else
        driver->resumed(dev);
    xenbus_settle(dev);
    xenbus_let_go(dev);
    dev->broken = false;
    if (xenbus_begin(bus, dev) < 0) {
        log_line(LOG_ERROR, "%s: no memory", dev->name);
        driver->gone(dev);
        for (struct xenbus_device **at = &bus->devices; *at != NULL; at = &(*at)->next) {
            if (*at == dev) {
                *at = dev->next;
                break;
            }
        }
        driver->destroy(dev);
    }
}

void xenbus_resume(void)
{
    bool was_masked = vcpu_mask_upcalls();

    for (struct xenbus_driver_state *bus = xenbus.types; bus != NULL; bus = bus->next) {
        for (struct xenbus_device *dev = bus->devices, *next; dev != NULL; dev = next) {
            next = dev->next;
            xenbus_resume_device(bus, dev);
        }
        xenbus_list(bus);
    }
    vcpu_restore_upcalls(was_masked);
}
