/*
 * xenbus_priv: what the files of xenbus share.
 *
 *     xenbus.c            types, their directories, devices that come and go
 *     xenbus_handshake.c  one device: the back end's state, and ours
 *     xenbus_values.c     fetched values and what a driver publishes
 */
#ifndef DRIVERS_XENBUS_PRIV_H
#define DRIVERS_XENBUS_PRIV_H

#include <drivers/xenbus.h>

#define XENBUS_OURS_MAX 36u  /* "device/TYPE/ID/" with its NUL */
#define XENBUS_PATH_MAX 128u /* "/local/domain/N/backend/TYPE/N/ID/state" with its NUL */
#define XENBUS_STATE_MAX 8u

/* What became of a fetched value. */
enum xenbus_found { XENBUS_MISSING, XENBUS_DAMAGED, XENBUS_GOOD };

/* Requests that go out together: a page of its own, for as long as the device lives. */
struct xenbus_fetch {
    struct xenstore_req reqs[XENBUS_KEYS_MAX + 2];
    char backend[XENBUS_PATH_MAX]; /* our own keys "backend" and "backend-id" */
    char backend_id[XENBUS_STATE_MAX];
};

/*
 * One device's connection to xenstore. It outlives the device until the last of its requests has
 * been answered: bodies and answers lie in here.
 */
struct xenbus_private {
    struct xenbus_device *dev; /* NULL: the device is gone */
    struct xenbus_driver_state *bus;
    unsigned under_way; /* requests, whoever's */
    bool seen;          /* in the list just fetched */
    bool first;         /* of the first list, and not settled */
    bool recheck;       /* its directory was touched: is it still the same device? */
    bool rechecking;

    /* Failures inside a call of the driver's, or one to the driver, wait for its end. */
    unsigned entered;
    const char *failed; /* why it breaks then, or NULL */

    char ours[XENBUS_OURS_MAX];   /* "device/vif/0/" */
    char theirs[XENBUS_PATH_MAX]; /* ".../vif/7/0/state" */
    size_t theirs_len;            /* without "state"; 0: not known yet */
    struct xenstore_watch watch;  /* on theirs */
    struct xenstore_req watch_req, unwatch_req;
    bool watched;

    /* A look: the back end's state, and behind it the keys that it will probably want. */
    struct xenbus_fetch *fetch;
    struct xenstore_req state_req;
    char state_text[XENBUS_STATE_MAX];
    const char *const *keys; /* being fetched */
    unsigned left;           /* answers to come; 0: not looking */
    bool state_asked;        /* the answer with the state is one of them */
    bool again;              /* the state has changed behind it */

    /* Our state: one write at a time, the last wish counts. */
    struct xenstore_req write_req;
    char write_text[8];        /* "state", NUL, and the digit */
    enum xenbus_state written; /* as xenstored has it, or is about to */
    enum xenbus_state taken;   /* as xenstored last accepted it */
    bool writing;

    struct xenbus_puts *puts; /* being collected */

    /* The driver's live_key, when it is read again. */
    struct xenstore_req live_req;
    char live_text[XENBUS_VALUE_MAX];
    bool live_asked;

    uint8_t found[XENBUS_FETCHED_MAX]; /* enum xenbus_found */
    char values[XENBUS_FETCHED_MAX][XENBUS_VALUE_MAX];
};

/* ---- xenbus.c ---- */

/* A page could not be had, or the like: nothing more to do for this device. */
void xenbus_lost(struct xenbus_device *dev);
/* Called after each answer: if nothing of this type is under way, its directory may be watched. */
void xenbus_calm(struct xenbus_driver_state *bus);
void xenbus_settle(struct xenbus_device *dev);
/* Is this, by what its directory says now, another device than the one we know? */
void xenbus_rechecked(struct xenbus_device *dev, const char *backend, const char *state);

/* ---- xenbus_handshake.c ---- */

/* Begin with a device whose name is set. Returns 0 or -ENOMEM. */
int xenbus_begin(struct xenbus_driver_state *bus, struct xenbus_device *dev);
/* The device has no more to do with its back end. */
void xenbus_let_go(struct xenbus_device *dev);
void xenbus_begin_recheck(struct xenbus_device *dev);
/* Read the driver's live_key again, if it has one. */
void xenbus_read_live(struct xenbus_device *dev);
void xenbus_write_state(struct xenbus_private *p);

/* One request of this device; done ends with xenbus_answered(). */
void xenbus_ask(struct xenbus_private *p, struct xenstore_req *req, xenstore_done_t done);
/* True when the device is still there; else p may be gone. */
bool xenbus_answered(struct xenbus_private *p);

void xenbus_enter(struct xenbus_private *p);
void xenbus_leave(struct xenbus_private *p);
void xenbus_fail(struct xenbus_private *p, const char *why);

/* ---- xenbus_values.c ---- */

unsigned xenbus_count(const char *const *keys);
/* Do the driver's lists keep within their bounds? */
bool xenbus_lists_fit(const struct xenbus_driver *driver);
/* Where the values of a list begin. */
unsigned xenbus_slot(const struct xenbus_driver *driver, const char *const *keys);
/* Read keys[i] of the directory that path (len bytes, with its slash) names. */
void xenbus_fill_read(struct xenbus_private *p, struct xenstore_req *req, const char *path,
                      size_t len, const char *const *keys, unsigned i);
/* Look at an answer to that. */
void xenbus_check_value(struct xenbus_private *p, const struct xenstore_req *req);
/* The same for an answer that lies elsewhere: take it over as the value of our own key. */
void xenbus_take_value(struct xenbus_private *p, const char *key, const struct xenstore_req *req);
/* Decimal digits only. */
bool xenbus_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* End the text of an answer that has room for size bytes; false when it is no printable text. */
bool xenbus_end_text(const struct xenstore_req *req);
void xenbus_send_puts(struct xenbus_private *p);
void xenbus_drop_puts(struct xenbus_private *p);

#endif
