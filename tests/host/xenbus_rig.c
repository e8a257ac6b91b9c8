#include "xenbus_rig.h"

#include <fakedevice.h>

#include <platform/gnttab.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/timer.h>

#include "test.h"

char diary[DIARY_MAX], log_text[DIARY_MAX];
struct xenbus_driver_state toys, others;
unsigned created, destroyed, discovered;
bool refuse_next, hold_back;
void (*during)(struct toy *toy, enum xenbus_state state);

static void note(const struct toy *toy, const char *what)
{
    size_t len = strlen(diary);

    CHECK(vcpu_upcalls_masked());
    if (toy->id == 0)
        snprintf(diary + len, sizeof(diary) - len, "%s ", what);
    else
        snprintf(diary + len, sizeof(diary) - len, "%u:%s ", toy->id, what);
}

static struct xenbus_device *toy_create(const char *id, int *error)
{
    struct toy *toy;

    if (refuse_next) {
        *error = -ENODEV;
        return NULL;
    }
    toy = calloc(1, sizeof(*toy));
    toy->id = (unsigned)atoi(id);
    created++;
    note(toy, "+");
    return &toy->dev;
}

struct toy *toy_of(struct xenbus_device *dev)
{
    return (struct toy *)((char *)dev - offsetof(struct toy, dev));
}

static void toy_destroy(struct xenbus_device *dev)
{
    note(toy_of(dev), "-");
    destroyed++;
    free(toy_of(dev));
}

static void toy_changed(struct xenbus_device *dev, enum xenbus_state state)
{
    struct toy *toy = toy_of(dev);
    char text[2] = { (char)('0' + state) };

    CHECK(!dev->broken);
    CHECK_EQ(dev->backend_state, state);
    note(toy, text);
    if (during != NULL)
        during(toy, state);
    if (dev->broken || hold_back)
        return;
    switch (state) {
    case XenbusStateInitWait:
        toy->stopped = false;
        CHECK_EQ(xenbus_put(dev, "ring-ref", "%u", 8 + toy->id), 0);
        CHECK_EQ(xenbus_put(dev, "queue-0/port", "%s", "5"), 0);
        xenbus_publish(dev, XenbusStateConnected);
        break;
    case XenbusStateConnected:
        toy->size_error = xenbus_read_uint(dev, XENBUS_THEIRS, "size", 1, 1000, &toy->size);
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
        toy->stopped = true;
        xenbus_publish(dev, XenbusStateClosed);
        break;
    default:
        break;
    }
}

static void toy_gone(struct xenbus_device *dev)
{
    note(toy_of(dev), "!");
    toy_of(dev)->stopped = true;
}

static void toy_resumed(struct xenbus_device *dev)
{
    note(toy_of(dev), "resumed");
}

const struct xenbus_driver toy_driver = {
    .type = "toy",
    .frontend_keys = (const char *const[]){ "colour", NULL },
    .offered_keys = (const char *const[]){ "feature-spin", "size", "name", NULL },
    .connected_keys = (const char *const[]){ "size", NULL },
    .create = toy_create,
    .destroy = toy_destroy,
    .backend_changed = toy_changed,
    .gone = toy_gone,
    .resumed = toy_resumed,
};

static void on_slice(void)
{
}

static void on_discovered(void)
{
    discovered++;
}

static void log_keep(const char *text, size_t len)
{
    size_t have = strlen(log_text);

    if (have + len + 1 < sizeof(log_text)) {
        memcpy(log_text + have, text, len);
        log_text[have + len] = '\0';
    }
}

static struct log_sink sink = { .write = log_keep };

void rig_start(void)
{
    fakexen_start(NULL);
    pages_start();
    CHECK_EQ(gnttab_start(pages_get_for_table), 0);
    timer_start(on_slice);
    CHECK_EQ(xenstore_start(), 0);
    log_add_sink(&sink);
    xenbus_set_listener(on_discovered);
    vcpu_restore_upcalls(false);
    fakexen_run();
    fakexen_mark_clean();
}

void rig_add(unsigned id)
{
    fakedevice_add("toy", id, 3, (const char *[]){ "feature-spin", "1", "size", "70", NULL });
}

void rig_state(unsigned id, enum xenbus_state state)
{
    fakedevice_state("toy", id, state);
    fakexen_run();
}

void rig_rest(void)
{
    fakexen_run();
    fakexen_advance(XENBUS_QUIET_NS);
    fakexen_run();
}

void rig_run(void)
{
    CHECK_EQ(xenbus_register(&toys, &toy_driver), 0);
    rig_rest();
}

struct toy *toy_at(unsigned id)
{
    for (struct xenbus_device *dev = toys.devices; dev != NULL; dev = dev->next) {
        if (toy_of(dev)->id == id)
            return toy_of(dev);
    }
    return NULL;
}

void rig_end(unsigned devices)
{
    for (unsigned id = 0; id < devices; id++)
        fakedevice_remove("toy", id);
    fakexen_run();
    CHECK(toys.devices == NULL);
    CHECK_EQ(created, destroyed);
    CHECK_EQ(fakexen_store_watches(), toys.watched + others.watched);
    struct xenstore_req req = { 0 };
    if (toys.watched)
        xenstore_unwatch(&toys.watch, &req);
    struct xenstore_req other = { 0 };
    if (others.watched)
        xenstore_unwatch(&others.watch, &other);
    fakexen_run();
}
