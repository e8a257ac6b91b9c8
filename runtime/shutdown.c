#include <runtime/shutdown.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <platform/clock.h>
#include <platform/domain.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>
#include <runtime/log.h>
#include <runtime/sync.h>
#include <runtime/thread.h>

#include "shutdown_priv.h"

#define SHUTDOWN_PUBLISH_NS 2000000000u /* how long xenstored may take for our last word */
#define SHUTDOWN_STACK_SIZE 32768u
#define SHUTDOWN_REQUEST_SIZE 16u
#define SHUTDOWN_STATUS_KEY "data/xenolith/exit-status"
#define SHUTDOWN_REQUEST_KEY "control/shutdown"

static struct {
    struct shutdown_hook *hooks;
    bool ending;
    void (*handler)(const char *request);
    /* The request under way: a read of control/shutdown, then a write that acknowledges it. */
    struct xenstore_watch watch;
    struct xenstore_req watch_req, read_req, ack_req;
    bool reading;
    char read[SHUTDOWN_REQUEST_SIZE];
    /* The latest one, for the thread that serves them; written with upcalls masked. */
    char request[SHUTDOWN_REQUEST_SIZE];
    uint32_t requests;     /* so far; the thread waits for it to change */
    struct thread *thread; /* prepared at boot, so that serving a request needs no memory; then NULL */
} shutdown;

void shutdown_add_hook(struct shutdown_hook *hook)
{
    hook->next = shutdown.hooks;
    shutdown.hooks = hook;
}

void shutdown_set_request_handler(void (*handler)(const char *request))
{
    shutdown.handler = handler;
}

static void shutdown_done(struct xenstore_req *req)
{
    *(volatile bool *)req->arg = true;
}

/* Write the status and wait for the answer, threads or not: at the end the vCPU itself waits. */
static void shutdown_publish(const char *value)
{
    char body[sizeof(SHUTDOWN_STATUS_KEY) + 16];
    bool done = false;
    size_t len = strlen(value);
    struct xenstore_req req = {
        .type = XS_WRITE,
        .body = body,
        .done = shutdown_done,
        .arg = &done,
    };

    if (!xenstore_alive())
        return;
    memcpy(body, SHUTDOWN_STATUS_KEY, sizeof(SHUTDOWN_STATUS_KEY));
    memcpy(body + sizeof(SHUTDOWN_STATUS_KEY), value, len);
    req.body_len = sizeof(SHUTDOWN_STATUS_KEY) + len;
    xenstore_submit(&req);
    uint64_t deadline_ns = clock_monotonic_ns() + SHUTDOWN_PUBLISH_NS;
    while (!*(volatile bool *)&done && clock_monotonic_ns() < deadline_ns)
        vcpu_block(deadline_ns);
    xenstore_cancel(&req);
}

void shutdown_exit(int status)
{
    char text[8];

    if (shutdown.ending) /* another thread ends the guest already */
        for (;;)
            thread_sleep_until(CLOCK_NEVER - 1);
    shutdown.ending = true;
    while (shutdown.hooks != NULL) {
        struct shutdown_hook *hook = shutdown.hooks;
        shutdown.hooks = hook->next;
        hook->fn();
    }
    vcpu_mask_upcalls();
    status &= 255;
    if (log_get_level() >= LOG_INFO)
        log_print("xenolith: exit status %d\n", status);
    log_format(text, sizeof(text), "%d", status);
    shutdown_publish(text);
    log_drain();
    domain_shutdown(DOMAIN_POWEROFF);
}

void shutdown_crash(const char *why)
{
    static bool crashing;

    vcpu_mask_upcalls();
    if (!crashing) {
        crashing = true;
        log_print("xenolith: crashed: %s\n", why);
        shutdown_publish("crash");
        log_drain();
    }
    domain_shutdown(DOMAIN_CRASH);
}

/* A thread of its own for requests, so that the handler may wait. */
static void shutdown_request_thread(void *arg)
{
    char request[SHUTDOWN_REQUEST_SIZE];
    uint32_t served;

    (void)arg;
    for (;;) {
        bool was_masked = vcpu_mask_upcalls();
        served = shutdown.requests;
        memcpy(request, shutdown.request, sizeof(request));
        vcpu_restore_upcalls(was_masked);

        if (shutdown.handler != NULL)
            shutdown.handler(request);
        else if (strcmp(request, "poweroff") == 0 || strcmp(request, "halt") == 0)
            shutdown_exit(0);
        while (__atomic_load_n(&shutdown.requests, __ATOMIC_RELAXED) == served)
            futex_wait(&shutdown.requests, served, CLOCK_NEVER, false, "shutdown request");
    }
}

static void shutdown_on_request(struct xenstore_req *req)
{
    static const char ack[] = SHUTDOWN_REQUEST_KEY "\0";

    shutdown.reading = false;
    if (req->status != 0 || req->reply_len == 0 || req->reply_len >= sizeof(shutdown.request))
        return;
    memcpy(shutdown.request, shutdown.read, req->reply_len);
    shutdown.request[req->reply_len] = '\0';
    shutdown.requests++;
    /* An empty value tells the tool stack that we have seen it. */
    xenstore_cancel(&shutdown.ack_req);
    shutdown.ack_req = (struct xenstore_req){
        .type = XS_WRITE,
        .body = ack,
        .body_len = sizeof(SHUTDOWN_REQUEST_KEY),
    };
    xenstore_submit(&shutdown.ack_req);
    if (shutdown.thread != NULL)
        thread_go(shutdown.thread);
    shutdown.thread = NULL;
    futex_wake(&shutdown.requests, 1);
}

static void shutdown_on_watch(struct xenstore_watch *watch, const char *path)
{
    (void)watch;
    (void)path;
    if (shutdown.reading)
        return;
    shutdown.reading = true;
    shutdown.read_req = (struct xenstore_req){
        .type = XS_READ,
        .body = SHUTDOWN_REQUEST_KEY,
        .body_len = sizeof(SHUTDOWN_REQUEST_KEY),
        .reply = shutdown.read,
        .reply_size = sizeof(shutdown.read) - 1,
        .done = shutdown_on_request,
    };
    xenstore_submit(&shutdown.read_req);
}

void shutdown_prepare(void)
{
    struct thread_attr attr = { .name = "shutdown", .stack_size = SHUTDOWN_STACK_SIZE };

    if (thread_prepare(&attr, shutdown_request_thread, NULL, &shutdown.thread) != 0)
        shutdown.thread = NULL;
}

void shutdown_watch_requests(void)
{
    shutdown.watch.path = SHUTDOWN_REQUEST_KEY;
    shutdown.watch.fired = shutdown_on_watch;
    xenstore_watch(&shutdown.watch, &shutdown.watch_req);
}
