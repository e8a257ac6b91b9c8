#include <fakedevice.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakexen_priv.h"

#define DEVICE_PATH 256u

static const char *device_front_path(const char *type, unsigned id, const char *key)
{
    static char path[DEVICE_PATH];

    snprintf(path, sizeof(path), "/local/domain/%u/device/%s/%u%s%s", FAKEXEN_DOMID, type, id,
             key != NULL ? "/" : "", key != NULL ? key : "");
    return path;
}

/* Below the path that the front end's directory names; NULL when it names none. */
static const char *device_back_path(const char *type, unsigned id, const char *key)
{
    static char path[2 * DEVICE_PATH];
    const char *back = fakexen_store_read(device_front_path(type, id, "backend"));

    if (back == NULL)
        return NULL;
    snprintf(path, sizeof(path), "%s%s%s", back, key != NULL ? "/" : "", key != NULL ? key : "");
    return path;
}

void fakedevice_set(const char *type, unsigned id, const char *key, const char *value)
{
    const char *path = device_back_path(type, id, key);

    FAKEXEN_CHECK(path != NULL);
    fakexen_store_write(path, value);
}

void fakedevice_set_uint(const char *type, unsigned id, const char *key, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    fakedevice_set(type, id, key, text);
}

void fakedevice_state(const char *type, unsigned id, enum xenbus_state state)
{
    fakedevice_set_uint(type, id, "state", state);
}

void fakedevice_set_front(const char *type, unsigned id, const char *key, const char *value)
{
    fakexen_store_write(device_front_path(type, id, key), value);
}

static void device_write(const char *dir, const char *key, const char *value)
{
    char path[2 * DEVICE_PATH];

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    fakexen_store_write(path, value);
}

/* What a guest finds at boot. One that runs is told of the new directory when it is complete. */
static void device_add(const char *type, unsigned id, domid_t backend,
                       const char *const *keys_values, const char *state)
{
    char back[DEVICE_PATH], front[DEVICE_PATH], text[16];

    snprintf(back, sizeof(back), "/local/domain/%u/backend/%s/%u/%u", backend, type, FAKEXEN_DOMID,
             id);
    snprintf(front, sizeof(front), "%s", device_front_path(type, id, NULL));
    device_write(back, "frontend-id", "7");
    device_write(back, "online", "1");
    for (const char *const *at = keys_values; at != NULL && *at != NULL; at += 2)
        device_write(back, at[0], at[1]);
    if (state != NULL)
        device_write(back, "state", state);
    snprintf(text, sizeof(text), "%u", backend);
    device_write(front, "backend-id", text);
    device_write(front, "state", "1");
    device_write(front, "backend", back);
    fakexen_store_write(front, "");
}

void fakedevice_add(const char *type, unsigned id, domid_t backend, const char *const *keys_values)
{
    device_add(type, id, backend, keys_values, "2");
}

void fakedevice_add_front(const char *type, unsigned id, domid_t backend)
{
    device_add(type, id, backend, NULL, NULL);
}

const char *fakedevice_front(const char *type, unsigned id, const char *key)
{
    return fakexen_store_read(device_front_path(type, id, key));
}

uint64_t fakedevice_front_uint(const char *type, unsigned id, const char *key)
{
    const char *text = fakedevice_front(type, id, key);
    uint64_t value;
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return UINT64_MAX;
    value = strtoull(text, &end, 10);
    return *end == '\0' ? value : UINT64_MAX;
}

enum xenbus_state fakedevice_front_state(const char *type, unsigned id)
{
    uint64_t state = fakedevice_front_uint(type, id, "state");

    return state <= XenbusStateReconfigured ? (enum xenbus_state)state : XenbusStateUnknown;
}

void fakedevice_remove(const char *type, unsigned id)
{
    const char *back = device_back_path(type, id, NULL);

    if (back != NULL)
        fakexen_store_write(back, NULL);
    fakexen_store_write(device_front_path(type, id, NULL), NULL);
}
