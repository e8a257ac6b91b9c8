/*
 * xenbus: how front ends find their back ends, and how both agree on a state.
 *
 * Owns the watches on device/TYPE and on the back ends' state nodes, the list of devices, and every
 * read and write of the handshake. A driver registers a type; for each device/TYPE/ID it gets a
 * struct xenbus_device, embedded in a structure of its own. Nothing here waits, and devices connect
 * side by side: what a driver wants to read is fetched before it is called, what it writes is sent
 * without waiting for answers. All callbacks run with upcalls masked, one at a time: in event
 * handlers, or inside the call that caused them where that is said.
 *
 * The back end is not trusted: its values are length-limited and range-checked, a state outside of
 * enum xenbus_state is a violation, so is one that makes no sense after the last, and one that
 * changes all the time is only followed as fast as xenstored answers. Source: xen/io/xenbus.h, enum
 * xenbus_state; docs/misc/xenstore-paths.pandoc of Xen.
 */
#ifndef DRIVERS_XENBUS_H
#define DRIVERS_XENBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/xenbus.h>

#include <platform/xenstore.h>
#include <runtime/timer.h>

#define XENBUS_VALUE_MAX \
    64u /* bytes of one fetched value with its NUL; longer ones count as damaged */
#define XENBUS_KEYS_MAX 24u    /* of each list of keys below, and of one xenbus_publish() */
#define XENBUS_FETCHED_MAX 44u /* of the three lists together */
#define XENBUS_NAME_MAX 24u    /* "vif/12": for messages */
#define XENBUS_QUIET_NS \
    20000000u /* for the devices of boot; then those that come and go are seen */

struct xenbus_device;

struct xenbus_driver {
    const char *type; /* "vif", "vbd": the directory below device/; up to 11 characters */

    /*
     * Keys to fetch, each list ended by NULL (or NULL itself): of our own directory when the device
     * is found; of the back end's when it says InitWait, and when it says Connected. Each key is a
     * request to xenstored, so what is not needed costs time at boot.
     */
    const char *const *frontend_keys;
    const char *const *offered_keys;
    const char *const *connected_keys;
    /* One of the frontend_keys that the tool stack may change while the device is there, or NULL. */
    const char *live_key;

    /*
     * A device was found: make its structure (pages_get_zeroed() and the like) and return the
     * xenbus_device in it, or NULL with *error set; the device is then left alone, and the log says
     * so. Nothing has been fetched yet.
     */
    struct xenbus_device *(*create)(const char *id, int *error);
    /* Everything ended, and nothing will call any more: free the structure. Comes after gone. */
    void (*destroy)(struct xenbus_device *dev);

    /*
     * The back end's state was read, and the keys that go with it fetched. One case per state:
     *   InitWait   only while our state is Initialising: make rings, put, publish. It may come
     *              again, when the back end went away (Closing, Closed) and came back.
     *   Connected  only while ours is Initialised or Connected: it works. It comes again when the
     *              back end says that its values have changed, which may turn out not to be so.
     *   Closing, Closed   stop using the rings, end what is in flight, publish Closed.
     *   Others mean nothing to most.
     */
    void (*backend_changed)(struct xenbus_device *dev, enum xenbus_state state);
    /* live_key was fetched anew; it may be as it was. */
    void (*live_changed)(struct xenbus_device *dev);
    /*
     * The directory went away, or the device broke: stop using the rings, end every request. May
     * come when all that was done before, at Closing. After this come destroy (directory gone), or
     * nothing (broken) until the directory goes.
     */
    void (*gone)(struct xenbus_device *dev);
    /*
     * The domain was resumed elsewhere: grants and ports mean nothing any more and the back end
     * knows nothing of us. Keep what was in flight, to be sent again after the InitWait that
     * follows. NULL: as gone.
     */
    void (*resumed)(struct xenbus_device *dev);
};

struct xenbus_driver_state {
    const struct xenbus_driver *driver;
    /* xenbus.c's. */
    struct xenbus_driver_state *next;
    struct xenbus_device *devices;
    char dir[20]; /* "device/vif" */
    struct xenstore_watch watch;
    struct xenstore_req watch_req, list_req;
    char *names; /* a page, while a list is being fetched */
    struct timer quiet; /* before the directory is watched */
    bool watched, listed, had_quiet;
    unsigned unsettled; /* devices of the first list that boot may wait for */
};

struct xenbus_device {
    /* Fixed before the first backend_changed. */
    const struct xenbus_driver *driver;
    char name[XENBUS_NAME_MAX]; /* "vif/0" */
    domid_t peer;               /* the back end's domain */

    /* As they stand. */
    enum xenbus_state state;         /* ours, as last published */
    enum xenbus_state backend_state; /* the back end's, as last read */
    bool broken;                     /* xenbus_break() was called */
    bool settled; /* connected once, refused, or broken: boot need not wait for it */

    struct xenbus_private *priv; /* xenbus.c's: paths, fetched values, requests */
    struct xenbus_device *next;
};

/*
 * Look for devices of this type from now on. Returns 0 or a negative errno (-ENODEV: no xenstore).
 * state: static, zeroed.
 */
int xenbus_register(struct xenbus_driver_state *state, const struct xenbus_driver *driver);

/* True while a device that was there when its driver registered is not settled yet. */
bool xenbus_discovering(const struct xenbus_driver_state *state);
/*
 * changed runs in an event handler whenever xenbus_discovering() of any driver may have changed.
 * Every listener is kept, up to XENBUS_LISTENERS.
 */
#define XENBUS_LISTENERS 4u
void xenbus_set_listener(void (*changed)(void));

/*
 * Fetched values, of our own directory (OURS) or of the back end's (THEIRS). The key must be in the
 * driver's lists; values are those of the last fetch.
 *   uint   decimal digits only, within min..max. 0, -ENOENT when missing, -EINVAL when it is
 *          no such number.
 *   flag   true when it reads "1"
 *   text   NUL-terminated printable ASCII, as it is until the device's next fetch, so valid until
 *          the callback returns; NULL when missing, too long, or anything else
 */
enum xenbus_side { XENBUS_OURS, XENBUS_THEIRS };
int xenbus_read_uint(struct xenbus_device *dev, enum xenbus_side side, const char *key,
                     uint64_t min, uint64_t max, uint64_t *value);
bool xenbus_read_flag(struct xenbus_device *dev, enum xenbus_side side, const char *key);
const char *xenbus_read_text(struct xenbus_device *dev, enum xenbus_side side, const char *key);

/*
 * Publish: collect keys and values for our directory ("ring-ref", "queue-0/tx-ring-ref"), then send
 * all of them and behind them the new state. xenbus_put() returns 0, -ENOSPC (too many, too long)
 * or -ENOMEM. When xenstored refuses one the device breaks, though never inside a callback of the
 * driver. Keys published before and not given again stay. After xenbus_break() both do nothing.
 */
int xenbus_put(struct xenbus_device *dev, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void xenbus_publish(struct xenbus_device *dev, enum xenbus_state state);

/*
 * The back end broke the protocol, or connecting failed: log one line "vif/0: broken: why", call
 * gone before it returns, publish Closing, then Closed, and never touch this back end again until
 * the tool stack makes the device anew, which is then another struct xenbus_device. why: static.
 * Any context.
 */
void xenbus_break(struct xenbus_device *dev, const char *why);

/* Every device of a driver. */
void xenbus_for_each(const struct xenbus_driver_state *state,
                     void (*visit)(struct xenbus_device *dev, void *arg), void *arg);

/* Resume, after xenstore_start(): every device begins anew, its driver told by resumed. */
void xenbus_resume(void);

#endif
