/*
 * publish: what the guest shows of itself in xenstore, below data/xenolith/.
 *
 * version, stage          written once, when main is about to start
 * uptime-ms, memory-kib, memory-used-kib, threads
 *                         written anew whenever somebody writes data/xenolith/query: a guest that
 *                         nobody looks at does nothing
 * exit-status             shutdown.c's, at the end
 *
 * All of it is asynchronous: nothing here waits, and a write that fails is not missed.
 */
#include <string.h>

#include <platform/clock.h>
#include <platform/xenstore.h>
#include <runtime/boot.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/thread.h>

#include "publish_priv.h"

#define PUBLISH_ROOT "data/xenolith/"
#define PUBLISH_BODY_MAX 64

enum {
    PUBLISH_VERSION,
    PUBLISH_STAGE,
    PUBLISH_UPTIME,
    PUBLISH_MEMORY,
    PUBLISH_USED,
    PUBLISH_THREADS,
    PUBLISH_KEYS
};

static const char *const publish_key[PUBLISH_KEYS] = {
    [PUBLISH_VERSION] = PUBLISH_ROOT "version",      [PUBLISH_STAGE] = PUBLISH_ROOT "stage",
    [PUBLISH_UPTIME] = PUBLISH_ROOT "uptime-ms",     [PUBLISH_MEMORY] = PUBLISH_ROOT "memory-kib",
    [PUBLISH_USED] = PUBLISH_ROOT "memory-used-kib", [PUBLISH_THREADS] = PUBLISH_ROOT "threads",
};

/* One request a key; touched by the starting thread before, and by event handlers after the watch. */
static struct {
    struct xenstore_req req[PUBLISH_KEYS];
    char body[PUBLISH_KEYS][PUBLISH_BODY_MAX];
    bool under_way[PUBLISH_KEYS];
    struct xenstore_watch watch;
    struct xenstore_req watch_req;
} publish;

static void publish_done(struct xenstore_req *req)
{
    *(bool *)req->arg = false;
}

static void publish_write(int key, const char *value)
{
    struct xenstore_req *req = &publish.req[key];
    size_t key_len = strlen(publish_key[key]) + 1;
    size_t len = strlen(value);

    if (publish.under_way[key] || key_len + len > PUBLISH_BODY_MAX)
        return;
    memcpy(publish.body[key], publish_key[key], key_len);
    memcpy(publish.body[key] + key_len, value, len);
    *req = (struct xenstore_req){
        .type = XS_WRITE,
        .body = publish.body[key],
        .body_len = key_len + len,
        .done = publish_done,
        .arg = &publish.under_way[key],
    };
    publish.under_way[key] = true;
    xenstore_submit(req);
}

static void publish_number(int key, uint64_t value)
{
    char text[24];

    log_format(text, sizeof(text), "%lu", (unsigned long)value);
    publish_write(key, text);
}

/* Somebody looks. (Also once, right after the watch is set.) */
static void publish_on_query(struct xenstore_watch *watch, const char *path)
{
    struct pages_stats pages;

    (void)watch;
    (void)path;
    pages_get_stats(&pages);
    publish_number(PUBLISH_MEMORY, pages.total * 4);
    publish_number(PUBLISH_USED, (pages.boot + pages.used) * 4);
    publish_number(PUBLISH_THREADS, thread_count());
    /* The last to be written: whoever asked waits for this one. */
    publish_number(PUBLISH_UPTIME, (clock_monotonic_ns() - clock_boot_ns()) / 1000000);
}

void publish_start(void)
{
    publish_write(PUBLISH_VERSION, XENOLITH_VERSION);
    publish_write(PUBLISH_STAGE, "main");
    publish.watch.path = PUBLISH_ROOT "query";
    publish.watch.fired = publish_on_query;
    xenstore_watch(&publish.watch, &publish.watch_req);
}
