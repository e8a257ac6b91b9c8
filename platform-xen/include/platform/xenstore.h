/*
 * xenstore: the client of the domain's configuration tree.
 *
 * Owns the xenstore ring and its port; nothing else touches them. Requests are asynchronous: a
 * struct xenstore_req belongs to the caller until its done callback has run, which is in an event
 * handler or inside xenstore_submit() itself. Several may be under way; answers find their request
 * by id. Watches call back whenever the watched node or anything below it changes.
 * xenstored is not trusted: when it breaks the protocol, every request ends with -EIO, those of later
 * as well, and the ring is left alone for good. One that never answers costs only those who wait.
 * Usable after xenstore_start(); before threads exist the waiting forms block the vCPU.
 * Source: xen/io/xs_wire.h; docs/misc/xenstore.txt of Xen.
 */
#ifndef PLATFORM_XENSTORE_H
#define PLATFORM_XENSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/xs_wire.h>

#define XENSTORE_PATH_MAX XENSTORE_ABS_PATH_MAX /* 3072 bytes */

struct xenstore_req;
typedef void (*xenstore_done_t)(struct xenstore_req *req);

struct xenstore_req {
    /* The caller fills these. */
    uint32_t type;      /* XS_READ, XS_WRITE, ... */
    uint32_t tx_id;     /* 0 outside a transaction */
    const void *body;   /* request payload, valid until done */
    size_t body_len;    /* bytes */
    const void *tail;   /* second piece of the payload, after body, valid until done; may be NULL */
    size_t tail_len;    /* body_len and tail_len together: at most XENSTORE_PAYLOAD_MAX */
    char *reply;        /* buffer for the answer; may be NULL */
    size_t reply_size;  /* longer answers are cut, reply_len tells the true length */
    xenstore_done_t done; /* may be NULL */
    void *arg;
    /* The client fills these. */
    int status;         /* 0, or a negative errno: xenstored's, or -EIO when the ring broke,
                           or -E2BIG without asking it when the payload is too long */
    size_t reply_len;
    uint32_t id;
    size_t sent;
    struct xenstore_req *next;
};

/* Queue a request. Never waits. done runs exactly once. */
void xenstore_submit(struct xenstore_req *req);

/* Stop waiting: done will not run after this returns; a late answer is dropped. */
void xenstore_cancel(struct xenstore_req *req);

struct xenstore_watch {
    const char *path;   /* watched, with all below it; stays valid until unwatched */
    /* path: what changed; as `path` above is written, so relative to it; gone when fired returns */
    void (*fired)(struct xenstore_watch *watch, const char *path);
    void *arg;
    /* The client's. */
    struct xenstore_watch *next;
    char token[9]; /* what events carry: eight hexadecimal digits, never used twice */
};

/*
 * Register a watch; it fires once soon after registration. Of req only done and arg are the
 * caller's; done tells whether xenstored accepted it: if not, fired never runs and there is nothing
 * to undo. fired runs in an event handler and must not wait; it may unwatch.
 */
void xenstore_watch(struct xenstore_watch *watch, struct xenstore_req *req);
/*
 * fired never runs after this returns; req is used to tell xenstored, and watch and its path stay
 * valid until it is done.
 */
void xenstore_unwatch(struct xenstore_watch *watch, struct xenstore_req *req);

/*
 * Waiting forms, for threads and for boot; never for event handlers. They wait at most
 * XENSTORE_TIMEOUT_NS and return 0 or a negative errno; -ETIMEDOUT when xenstored does not answer.
 */
#define XENSTORE_TIMEOUT_NS 10000000000u

/*
 * value gets a NUL at its end; *len (len may be NULL) is its length without that. A value may hold
 * NULs of its own. -ERANGE when it does not fit into size bytes; *len tells its length all the same.
 */
int xenstore_read(const char *path, char *value, size_t size, size_t *len);
int xenstore_write(const char *path, const char *value);
int xenstore_remove(const char *path);
/*
 * Names below path, each ended by a NUL, in names; *len is their total length. -ERANGE as above,
 * -E2BIG when the names are more than one answer can hold (4096 bytes).
 */
int xenstore_directory(const char *path, char *names, size_t size, size_t *len);

/* In a transaction: *tx out of start; -EAGAIN from end(commit) asks for the whole to be repeated. */
int xenstore_transaction_start(uint32_t *tx);
int xenstore_transaction_end(uint32_t tx, bool commit);
int xenstore_read_tx(uint32_t tx, const char *path, char *value, size_t size, size_t *len);
int xenstore_write_tx(uint32_t tx, const char *path, const char *value);

/* A number from outside: decimal, within min..max, or -EINVAL; -ENOENT when missing. */
int xenstore_read_uint(const char *path, uint64_t min, uint64_t max, uint64_t *value);

/*
 * How the waiting forms wait: called until *done is true or the deadline passed. Boot's own blocks
 * the vCPU; the runtime puts a thread to sleep and has wake called from the event handler. NULL
 * brings boot's own back.
 */
struct xenstore_waiter {
    void (*wait)(const volatile bool *done, uint64_t deadline_ns);
    void (*wake)(void);
};
void xenstore_set_waiter(const struct xenstore_waiter *waiter);

/*
 * Who is told, once and with the reason, that xenstored broke the protocol; the log. Any context.
 * Without one the emergency console says it.
 */
void xenstore_set_reporter(void (*broken)(const char *why));

/* True while there is a ring; false as dom0 or when xenstored broke the protocol. */
bool xenstore_alive(void);

/*
 * Boot and resume: take over the ring. At resume what was in flight is asked again and the watches
 * are registered anew. Returns 0, or -ENODEV when this domain has no xenstore.
 */
int xenstore_start(void);

#endif
