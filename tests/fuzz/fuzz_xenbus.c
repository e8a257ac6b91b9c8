/*
 * The tool stack and the back ends as enemies. Whatever they write into the tree, and whenever, a
 * driver is called in an order that makes sense: created once, told of InitWait only while it is
 * Initialising and of Connected only while it is not, told nothing once it broke or is gone; and
 * when all devices are removed, nothing of them is left.
 */
#include "fuzz.h"

#include <stdio.h>

#include <fakedevice.h>

#include <drivers/xenbus.h>
#include <platform/clock.h>
#include <platform/gnttab.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/timer.h>

#define DEVICES 3u

static struct toy {
    struct xenbus_device dev;
    bool exists, gone;
} toys[DEVICES];

static struct xenbus_driver_state bus;
static uint8_t moods[DEVICES]; /* how each driver behaves */

static struct toy *toy_of(struct xenbus_device *dev)
{
    return (struct toy *)((char *)dev - offsetof(struct toy, dev));
}

static struct xenbus_device *toy_create(const char *id, int *error)
{
    unsigned i = (unsigned)atoi(id);

    *error = -19;
    if (i >= DEVICES || (moods[i] & 0x80) != 0)
        return NULL;
    FUZZ_CHECK(!toys[i].exists);
    memset(&toys[i], 0, sizeof(toys[i]));
    toys[i].exists = true;
    return &toys[i].dev;
}

static void toy_destroy(struct xenbus_device *dev)
{
    FUZZ_CHECK(toy_of(dev)->exists && toy_of(dev)->gone);
    toy_of(dev)->exists = false;
    memset(dev, 0xee, sizeof(*dev));
}

static void toy_gone(struct xenbus_device *dev)
{
    FUZZ_CHECK(toy_of(dev)->exists && !toy_of(dev)->gone);
    toy_of(dev)->gone = true;
}

static void toy_use(struct xenbus_device *dev)
{
    uint64_t n = 0;

    if (xenbus_read_uint(dev, XENBUS_THEIRS, "size", 5, 500, &n) == 0)
        FUZZ_CHECK(n >= 5 && n <= 500);
    const char *text = xenbus_read_text(dev, XENBUS_THEIRS, "name");
    FUZZ_CHECK(text == NULL || strlen(text) < XENBUS_VALUE_MAX);
    text = xenbus_read_text(dev, XENBUS_OURS, "colour");
    FUZZ_CHECK(text == NULL || strlen(text) < XENBUS_VALUE_MAX);
}

static void toy_changed(struct xenbus_device *dev, enum xenbus_state state)
{
    uint8_t mood = moods[toy_of(dev) - toys];

    FUZZ_CHECK(toy_of(dev)->exists && !toy_of(dev)->gone && !dev->broken);
    FUZZ_CHECK(state > XenbusStateUnknown && state <= XenbusStateReconfigured);
    FUZZ_CHECK(dev->backend_state == state);
    toy_use(dev);
    if ((mood & 0x70) == 0x10) {
        xenbus_break(dev, "a whim");
        return;
    }
    switch (state) {
    case XenbusStateInitWait:
        FUZZ_CHECK(dev->state == XenbusStateInitialising);
        for (unsigned i = 0; i < (mood & 7u); i++)
            xenbus_put(dev, "key", "%u", i);
        if ((mood & 0x70) != 0x20)
            xenbus_publish(dev, (mood & 8) != 0 ? XenbusStateInitialised : XenbusStateConnected);
        break;
    case XenbusStateConnected:
        FUZZ_CHECK(dev->state == XenbusStateInitialised || dev->state == XenbusStateConnected);
        xenbus_publish(dev, XenbusStateConnected);
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
        if ((mood & 0x70) != 0x30)
            xenbus_publish(dev, XenbusStateClosed);
        break;
    default:
        break;
    }
}

/* May come at any time from creation to the end. */
static void toy_live(struct xenbus_device *dev)
{
    FUZZ_CHECK(toy_of(dev)->exists && !dev->broken);
    xenbus_read_text(dev, XENBUS_OURS, "colour");
    if ((moods[toy_of(dev) - toys] & 0x70) == 0x70)
        xenbus_break(dev, "it does not like its colour");
}

static const struct xenbus_driver driver = {
    .type = "toy",
    .frontend_keys = (const char *const[]){ "shape", "colour", NULL },
    .live_key = "colour",
    .live_changed = toy_live,
    .offered_keys = (const char *const[]){ "size", "name", NULL },
    .connected_keys = (const char *const[]){ "size", NULL },
    .create = toy_create,
    .destroy = toy_destroy,
    .backend_changed = toy_changed,
    .gone = toy_gone,
};

static void on_slice(void)
{
}

static void start(void)
{
    struct xenstore_req req = { 0 };

    fakexen_start(NULL);
    pages_start();
    gnttab_start(pages_get_for_table);
    timer_start(on_slice);
    xenstore_start();
    log_set_level(LOG_ERROR);
    vcpu_restore_upcalls(false);
    FUZZ_CHECK(xenbus_register(&bus, &driver) == 0);
    fakexen_run();
    fakexen_advance(XENBUS_QUIET_NS);
    fakexen_run();
    (void)req;
    fakexen_mark_clean();
}

static const char *some_text(struct fuzz_input *input)
{
    static char text[300];
    static const char *const likely[] = {
        "0", "1", "2",   "3", "4",  "5",  "6",  "7",          "8",
        "9", "",  "501", "x", "-1", "1 ", "17", "3000000000", "18446744073709551617"
    };
    uint8_t which = fuzz_byte(input);

    if (which < 240)
        return likely[which % (sizeof(likely) / sizeof(likely[0]))];
    size_t n = fuzz_byte(input);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(fuzz_byte(input) | 1);
    text[n] = '\0';
    return text;
}

static void change_front(struct fuzz_input *input, unsigned id)
{
    static const char *const keys[] = { "state", "backend", "backend-id", "colour" };
    static const char *const backs[] = { "/local/domain/3/backend/toy/7/0",
                                         "/local/domain/4/backend/toy/7/0", "/", "backend" };
    uint8_t which = fuzz_byte(input) % 8;

    if (which == 1)
        fakedevice_set_front("toy", id, "backend", backs[fuzz_byte(input) % 4]);
    else if (which < 4)
        fakedevice_set_front("toy", id, keys[which], some_text(input));
    else if (which < 6)
        fakedevice_set_front("toy", id, keys[fuzz_byte(input) % 4], NULL);
    else
        fakexen_store_write("/local/domain/7/device/toy", which == 6 ? "" : NULL);
}

static void change_back(struct fuzz_input *input, unsigned id)
{
    static const char *const keys[] = { "state", "size", "name", "state" };
    const char *key = keys[fuzz_byte(input) % 4];

    if (fakedevice_front("toy", id, "backend") == NULL)
        return;
    fakedevice_set("toy", id, key, fuzz_byte(input) < 230 ? some_text(input) : NULL);
}

static struct fuzz_input *hooked;

/* In between two requests: the same enemies. */
static void on_request(unsigned request)
{
    struct fuzz_input *input = hooked;

    (void)request;
    if (input == NULL || !fuzz_more(input))
        return;
    hooked = NULL;
    uint8_t what = fuzz_byte(input);
    unsigned id = what % DEVICES;
    if (what >= 250)
        fakedevice_remove("toy", id);
    else if (what >= 245)
        fakedevice_add("toy", id, 3, (const char *[]){ "size", "9", NULL });
    else if (what >= 230)
        change_back(input, id);
    hooked = input;
}

static void step(struct fuzz_input *input)
{
    static const char *const errors[] = { NULL, "ENOSPC", "EACCES", "EIO" };
    uint8_t what = fuzz_byte(input);
    unsigned id = fuzz_byte(input) % DEVICES;
    struct toy *toy = &toys[id];

    switch (what % 16) {
    case 0:
        fakedevice_add("toy", id, 3, (const char *[]){ "size", "9", "name", "n", NULL });
        break;
    case 1:
        fakedevice_add_front("toy", id, 3);
        break;
    case 2:
        fakedevice_remove("toy", id);
        break;
    case 3:
        change_front(input, id);
        break;
    case 4:
    case 5:
    case 6:
        change_back(input, id);
        break;
    case 7:
        if (fakedevice_front("toy", id, "backend") != NULL)
            fakedevice_state("toy", id, fuzz_byte(input) % 9);
        break;
    case 8:
        fakexen_store_refuse(errors[fuzz_byte(input) % 4]);
        break;
    case 9:
        fakexen_store_refuse_path("/local/domain/3/backend/toy/7/0/state",
                                  errors[fuzz_byte(input) % 4]);
        break;
    case 10:
        fakexen_store_slow(fuzz_byte(input) % 40);
        break;
    case 11:
        moods[id] = fuzz_byte(input);
        break;
    case 12:
        if (toy->exists)
            xenbus_break(&toy->dev, "for no reason");
        break;
    case 13:
        if (toy->exists) {
            xenbus_put(&toy->dev, "late", "%u", id);
            if (fuzz_byte(input) < 200)
                xenbus_publish(&toy->dev, fuzz_byte(input) % 2 != 0 ? XenbusStateConnected
                                                                    : XenbusStateClosed);
        }
        break;
    default:
        fakexen_run();
    }
    if ((what & 0x40) != 0)
        fakexen_run();
}

/* The tool stack cleans up, and xenstored is as it should be. */
static void end(void)
{
    hooked = NULL;
    fakexen_store_refuse(NULL);
    fakexen_store_refuse_path(NULL, NULL);
    fakexen_store_slow(0);
    fakexen_run();
    fakexen_store_write("/local/domain/7/device/toy", NULL);
    for (unsigned dom = 3; dom < 5; dom++) {
        char path[64];
        snprintf(path, sizeof(path), "/local/domain/%u", dom);
        fakexen_store_write(path, NULL);
    }
    fakexen_run();
    for (unsigned i = 0; i < DEVICES; i++)
        FUZZ_CHECK(!toys[i].exists);
    FUZZ_CHECK(bus.devices == NULL);
    FUZZ_CHECK(!xenbus_discovering(&bus));
    FUZZ_CHECK(xenstore_alive());
    fakexen_check_clean();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    struct fuzz_input input = { data, data + size };

    if (!started)
        start();
    started = true;
    fakexen_store_set_hook(on_request);
    hooked = &input;
    memset(moods, 0, sizeof(moods));
    while (fuzz_more(&input))
        step(&input);
    end();
    return 0;
}
