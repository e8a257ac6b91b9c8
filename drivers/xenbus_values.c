/*
 * Values: what was fetched, checked when it arrives and read by the driver later; and what the
 * driver publishes, collected in a page that goes when the last write has been answered.
 */
#include "xenbus_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <platform/memory.h>
#include <platform/vcpu.h>
#include <runtime/log.h>
#include <runtime/pages.h>

/* Writes that go out together. A record of the text is KEY NUL VALUE, as XS_WRITE wants it. */
#define XENBUS_PUTS_TEXT 1280u

struct xenbus_puts {
    struct xenbus_private *p;
    unsigned n;
    unsigned left; /* answers to come */
    size_t used;
    struct xenstore_req reqs[XENBUS_KEYS_MAX];
    char text[XENBUS_PUTS_TEXT];
};
_Static_assert(sizeof(struct xenbus_puts) <= PAGE_SIZE, "it fills one page");

/* ---- Lists of keys ------------------------------------------------------------------------ */

unsigned xenbus_count(const char *const *keys)
{
    unsigned n = 0;

    while (keys != NULL && keys[n] != NULL)
        n++;
    return n;
}

bool xenbus_lists_fit(const struct xenbus_driver *driver)
{
    unsigned ours = xenbus_count(driver->frontend_keys);
    unsigned offered = xenbus_count(driver->offered_keys);
    unsigned connected = xenbus_count(driver->connected_keys);

    return ours <= XENBUS_KEYS_MAX && offered <= XENBUS_KEYS_MAX && connected <= XENBUS_KEYS_MAX &&
           ours + offered + connected <= XENBUS_FETCHED_MAX;
}

unsigned xenbus_slot(const struct xenbus_driver *driver, const char *const *keys)
{
    unsigned slot = 0;

    if (keys == driver->frontend_keys)
        return slot;
    slot += xenbus_count(driver->frontend_keys);
    if (keys == driver->offered_keys)
        return slot;
    return slot + xenbus_count(driver->offered_keys);
}

/* The index of a key in a list, or -1. */
static int xenbus_find_key(const char *const *keys, const char *key)
{
    for (int i = 0; keys != NULL && keys[i] != NULL; i++) {
        if (strcmp(keys[i], key) == 0)
            return i;
    }
    return -1;
}

/* ---- Fetched values ------------------------------------------------------------------------ */

void xenbus_fill_read(struct xenbus_private *p, struct xenstore_req *req, const char *path,
                      size_t len, const char *const *keys, unsigned i)
{
    unsigned slot = xenbus_slot(p->dev->driver, keys) + i;

    *req = (struct xenstore_req){
        .type = XS_READ,
        .body = path,
        .body_len = len,
        .tail = keys[i],
        .tail_len = strlen(keys[i]) + 1,
        .reply = p->values[slot],
        .reply_size = XENBUS_VALUE_MAX,
    };
}

bool xenbus_end_text(const struct xenstore_req *req)
{
    if (req->reply_len >= req->reply_size)
        return false;
    for (size_t i = 0; i < req->reply_len; i++) {
        if (req->reply[i] < ' ' || req->reply[i] > '~')
            return false;
    }
    req->reply[req->reply_len] = '\0';
    return true;
}

static uint8_t xenbus_judge(const struct xenstore_req *req)
{
    if (req->status == -ENOENT)
        return XENBUS_MISSING;
    return req->status == 0 && xenbus_end_text(req) ? XENBUS_GOOD : XENBUS_DAMAGED;
}

void xenbus_check_value(struct xenbus_private *p, const struct xenstore_req *req)
{
    p->found[(size_t)(req->reply - p->values[0]) / XENBUS_VALUE_MAX] = xenbus_judge(req);
}

void xenbus_take_value(struct xenbus_private *p, const char *key, const struct xenstore_req *req)
{
    const struct xenbus_driver *driver = p->dev->driver;
    unsigned slot = xenbus_slot(driver, driver->frontend_keys) +
                    (unsigned)xenbus_find_key(driver->frontend_keys, key);

    p->found[slot] = xenbus_judge(req);
    memcpy(p->values[slot], req->reply, XENBUS_VALUE_MAX);
}

/* Where a key's value is; if it is in both lists of the back end's, the later, if it was found. */
static enum xenbus_found xenbus_find(struct xenbus_device *dev, enum xenbus_side side,
                                     const char *key, const char **text)
{
    const struct xenbus_driver *driver = dev->driver;
    const char *const *lists[] = { driver->connected_keys, driver->offered_keys };
    unsigned from = 0;

    if (side == XENBUS_OURS)
        lists[from = 1] = driver->frontend_keys;
    for (; from < 2; from++) {
        int i = xenbus_find_key(lists[from], key);

        if (i < 0)
            continue;
        unsigned slot = xenbus_slot(driver, lists[from]) + (unsigned)i;
        *text = dev->priv->values[slot];
        if (dev->priv->found[slot] != XENBUS_MISSING || from == 1)
            return dev->priv->found[slot];
    }
    return XENBUS_MISSING;
}

bool xenbus_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    uint64_t n = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10u, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
            return false;
    }
    if (n < min || n > max)
        return false;
    *value = n;
    return true;
}

int xenbus_read_uint(struct xenbus_device *dev, enum xenbus_side side, const char *key,
                     uint64_t min, uint64_t max, uint64_t *value)
{
    const char *text;

    switch (xenbus_find(dev, side, key, &text)) {
    case XENBUS_GOOD:
        return xenbus_parse(text, min, max, value) ? 0 : -EINVAL;
    case XENBUS_DAMAGED:
        return -EINVAL;
    default:
        return -ENOENT;
    }
}

bool xenbus_read_flag(struct xenbus_device *dev, enum xenbus_side side, const char *key)
{
    const char *text;

    return xenbus_find(dev, side, key, &text) == XENBUS_GOOD && strcmp(text, "1") == 0;
}

const char *xenbus_read_text(struct xenbus_device *dev, enum xenbus_side side, const char *key)
{
    const char *text;

    return xenbus_find(dev, side, key, &text) == XENBUS_GOOD ? text : NULL;
}

/* ---- Publishing ---------------------------------------------------------------------------- */

static int xenbus_collect(struct xenbus_private *p, const char *key, const char *format,
                          va_list args)
{
    struct xenbus_puts *puts = p->puts;
    size_t key_len = strlen(key) + 1;

    if (puts == NULL) {
        puts = pages_get();
        if (puts == NULL)
            return -ENOMEM;
        puts->p = p;
        puts->n = 0;
        puts->used = 0;
        p->puts = puts;
    }
    size_t room = XENBUS_PUTS_TEXT - puts->used;
    if (puts->n == XENBUS_KEYS_MAX || key_len >= room)
        return -ENOSPC;
    char *text = puts->text + puts->used;
    int len = log_vformat(text + key_len, room - key_len, format, args);
    if (len < 0 || (size_t)len >= room - key_len)
        return -ENOSPC;
    memcpy(text, key, key_len);
    puts->reqs[puts->n++] = (struct xenstore_req){
        .type = XS_WRITE,
        .body = p->ours,
        .body_len = strlen(p->ours),
        .tail = text,
        .tail_len = key_len + (size_t)len, /* a value has no NUL at its end */
    };
    puts->used += key_len + (size_t)len;
    return 0;
}

int xenbus_put(struct xenbus_device *dev, const char *key, const char *format, ...)
{
    bool was_masked = vcpu_mask_upcalls();
    int error = 0;
    va_list args;

    va_start(args, format);
    if (dev->priv != NULL && !dev->broken)
        error = xenbus_collect(dev->priv, key, format, args);
    va_end(args);
    vcpu_restore_upcalls(was_masked);
    return error;
}

static void xenbus_put_done(struct xenstore_req *req)
{
    struct xenbus_puts *puts = req->arg;
    struct xenbus_private *p = puts->p;
    bool refused = req->status < 0;

    if (--puts->left == 0)
        pages_put(puts);
    if (xenbus_answered(p) && refused && !p->dev->broken)
        xenbus_fail(p, "xenstored takes no values from us");
}

void xenbus_send_puts(struct xenbus_private *p)
{
    struct xenbus_puts *puts = p->puts;

    if (puts == NULL)
        return;
    p->puts = NULL;
    unsigned n = puts->left = puts->n;
    if (n == 0)
        pages_put(puts);
    for (unsigned i = 0; i < n;
         i++) { /* the last answer frees the page, but only after its request */
        puts->reqs[i].arg = puts;
        xenbus_ask(p, &puts->reqs[i], xenbus_put_done);
    }
}

void xenbus_drop_puts(struct xenbus_private *p)
{
    if (p->puts != NULL)
        pages_put(p->puts);
    p->puts = NULL;
}
