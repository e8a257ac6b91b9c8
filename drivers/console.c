/*
 * The protocol: one page holds two rings of bytes with free-running indices. We write `out` up to
 * out_prod and the back end reads it up to out_cons; it writes `in`, we read. Whoever moves an index
 * sends an event. When a ring is full its writer waits for the event of the reader.
 *
 * A byte of output goes straight into the ring while there is room. Program output that does not fit
 * is not taken: the caller waits for CONSOLE_WRITABLE. A log line cannot wait, so it is held back in
 * a buffer, and whatever is written later, by the program or the log, comes after it. Everything
 * enters the ring through console_fill(), which makes LF into CR LF; held text is not yet converted.
 */
#include <drivers/console.h>

#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/console.h>

#include <platform/barrier.h>
#include <platform/clock.h>
#include <platform/emergency_console.h>
#include <platform/evtchn.h>
#include <platform/shared_pages.h>
#include <platform/spinlock.h>
#include <platform/start_info.h>
#include <platform/vcpu.h>
#include <runtime/boot.h>
#include <runtime/log.h>

#define CONSOLE_OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define CONSOLE_IN_SIZE sizeof(((struct xencons_interface *)0)->in)
#define CONSOLE_HELD_SIZE 8192u
#define CONSOLE_NOTICE_SIZE 64u
#define CONSOLE_DRAIN_NS 1000000000u       /* without progress */
#define CONSOLE_DRAIN_MOST_NS 30000000000u /* with progress, however slow */

static struct console {
    struct spinlock lock; /* protects all of this */

    struct xencons_interface *page; /* NULL: no ring, or not any more */
    evtchn_port_t port;
    const char *broken; /* why the ring is left alone, or NULL */
    bool reported;

    /* Our indices, never read back from the page, and the last one of the back end that was good. */
    uint32_t out_prod, out_cons, in_cons;
    uint32_t published; /* out_prod as the back end knows it */

    /* Log lines that wait for room. */
    uint32_t held_prod, held_cons;
    unsigned lost; /* lines dropped since the last notice of it */

    bool mid_line; /* the program's last character was no newline */

    /* As dom0: input taken from Xen's console, not yet asked for. */
    size_t dom0_len;
    char dom0_in[64];

    void (*changed)(void *arg);
    void *changed_arg;
} console = { .lock = SPINLOCK_INIT("console") };

static char console_held[CONSOLE_HELD_SIZE];

_Static_assert((CONSOLE_HELD_SIZE & (CONSOLE_HELD_SIZE - 1)) == 0, "indices wrap with the buffer");

static void console_on_event(evtchn_port_t port, void *arg);
static void console_log(const char *text, size_t len);
static uint32_t console_room(void);
static size_t console_fill(const char *text, size_t len, uint32_t *room);
static void console_hold(const char *text, size_t len);
static void console_push(void);
static void console_publish(void);
static uint32_t console_input(void);
static void console_break(const char *why);
static void console_leave(bool was_masked);

static struct log_sink console_sink = { .write = console_log, .drain = console_drain };

int console_start(void)
{
    bool was_masked = spin_lock(&console.lock);
    int error = 0;

    console.page = shared_console_page();
    console.broken = NULL;
    console.reported = false;
    console.mid_line = false;
    if (console.page != NULL) {
        console.out_prod = READ_ONCE(console.page->out_prod);
        console.out_cons = READ_ONCE(console.page->out_cons);
        console.in_cons = READ_ONCE(console.page->in_cons);
        console.published = console.out_prod;
        console.port = start_facts()->console_port;
        if (console.out_prod - console.out_cons > CONSOLE_OUT_SIZE)
            console_break("output index out of range at start");
    }
    console_leave(was_masked);

    if (console.page != NULL) {
        error = evtchn_bind_port(console.port, console_on_event, NULL);
        log_add_sink(&console_sink);
    } else if (start_is_dom0()) {
        error = evtchn_bind_virq(VIRQ_CONSOLE, console_on_event, NULL, &console.port);
    }
    return error;
}
BOOT_PART(10, console_start);

void console_set_listener(void (*changed)(void *arg), void *arg)
{
    bool was_masked = spin_lock(&console.lock);

    console.changed = changed;
    console.changed_arg = arg;
    spin_unlock(&console.lock, was_masked);
}

/* Program output: only behind everything that is held, and only as much as the ring takes. */
size_t console_write(const char *text, size_t len)
{
    bool was_masked = spin_lock(&console.lock);
    size_t taken = 0;

    if (console.page != NULL) {
        console_push();
        uint32_t room = console_room();
        if (console.held_prod == console.held_cons)
            taken = console_fill(text, len, &room);
        if (taken > 0)
            console.mid_line = text[taken - 1] != '\n';
        console_publish();
    }
    if (console.page == NULL && taken < len) { /* perhaps only since a moment */
        emergency_console_write(text + taken, len - taken);
        taken = len;
    }
    console_leave(was_masked);
    return taken;
}

/* Text of the log: taken whole or, when even the buffer is full, not at all. */
static void console_take_log(const char *text, size_t len)
{
    uint32_t room = console_room();
    size_t taken = 0;

    if (console.held_prod == console.held_cons)
        taken = console_fill(text, len, &room);
    if (len - taken > CONSOLE_HELD_SIZE - (console.held_prod - console.held_cons))
        console.lost++;
    else
        console_hold(text + taken, len - taken);
}

/* Log output. It begins a line of its own, wherever the program is in its. */
static void console_log(const char *text, size_t len)
{
    bool was_masked = spin_lock(&console.lock);

    if (console.page != NULL) {
        console_push();
        if (console.mid_line)
            console_take_log("\n", 1);
        console.mid_line = false;
        console_take_log(text, len);
        console_publish();
    } /* else nothing: the log itself writes to the emergency console */
    console_leave(was_masked);
}

/* How much room the ring has; 0 also when the back end's index makes no sense. */
static uint32_t console_room(void)
{
    if (console.page == NULL)
        return 0;

    uint32_t cons = READ_ONCE(console.page->out_cons);
    barrier_read(); /* the back end has read what lies before cons: only then may we write there */

    /* It moves between where it last was and where we are, or it lies. */
    if (cons - console.out_cons > console.out_prod - console.out_cons) {
        console_break("output index out of range");
        return 0;
    }
    console.out_cons = cons;
    return CONSOLE_OUT_SIZE - (console.out_prod - cons);
}

/* Put text into the ring, as far as there is room. Returns how much of it was taken. */
static size_t console_fill(const char *text, size_t len, uint32_t *room)
{
    size_t taken = 0;

    for (; taken < len; taken++) {
        uint32_t need = text[taken] == '\n' ? 2 : 1; /* never half of a CR LF */

        if (need > *room)
            break;
        if (need == 2)
            console.page->out[console.out_prod++ % CONSOLE_OUT_SIZE] = '\r';
        console.page->out[console.out_prod++ % CONSOLE_OUT_SIZE] = text[taken];
        *room -= need;
    }
    return taken;
}

/* Move held text into the ring, as far as there is room. */
static void console_move_held(void)
{
    uint32_t room = console_room();

    while (console.page != NULL && console.held_cons != console.held_prod) {
        size_t at = console.held_cons % CONSOLE_HELD_SIZE;
        size_t len = console.held_prod - console.held_cons;

        if (len > CONSOLE_HELD_SIZE - at)
            len = CONSOLE_HELD_SIZE - at;
        size_t taken = console_fill(console_held + at, len, &room);
        console.held_cons += (uint32_t)taken;
        if (taken < len)
            return;
    }
}

static void console_hold(const char *text, size_t len)
{
    while (len-- > 0)
        console_held[console.held_prod++ % CONSOLE_HELD_SIZE] = *text++;
}

/* As console_move_held(); and if lines were lost for want of room, say how many once there is some. */
static void console_push(void)
{
    char notice[CONSOLE_NOTICE_SIZE];

    console_move_held();
    if (console.lost == 0 || console.page == NULL ||
        CONSOLE_HELD_SIZE - (console.held_prod - console.held_cons) < CONSOLE_NOTICE_SIZE)
        return;
    console_hold(notice, (size_t)log_format(notice, sizeof(notice), "console: lines lost: %u\n",
                                            console.lost));
    console.lost = 0;
    console_move_held();
}

/* Show the back end what is new. It looks at the index once for each event, so it gets one. */
static void console_publish(void)
{
    if (console.page == NULL || console.published == console.out_prod)
        return;
    barrier_write(); /* it reads the text after it has read the index */
    WRITE_ONCE(console.page->out_prod, console.out_prod);
    console.published = console.out_prod;
    evtchn_notify(console.port);
}

static void console_on_event(evtchn_port_t port, void *arg)
{
    (void)port;
    (void)arg;
    bool was_masked = spin_lock(&console.lock);
    void (*changed)(void *) = console.changed;
    void *changed_arg = console.changed_arg;

    if (console.page != NULL) {
        console_push();
        console_publish();
        console_input();
    }
    console_leave(was_masked);
    if (changed != NULL)
        changed(changed_arg);
}

/* How many bytes of input lie in the ring; 0 also when the back end's index makes no sense. */
static uint32_t console_input(void)
{
    if (console.page == NULL)
        return 0;

    uint32_t available = READ_ONCE(console.page->in_prod) - console.in_cons;
    barrier_read(); /* the back end wrote the bytes before the index */

    if (available > CONSOLE_IN_SIZE) {
        console_break("input index out of range");
        return 0;
    }
    return available;
}

/* As dom0: keep a little input at hand, so that we know whether there is any. */
static size_t console_dom0_input(void)
{
    if (console.dom0_len == 0 && start_is_dom0())
        console.dom0_len = emergency_console_read(console.dom0_in, sizeof(console.dom0_in));
    return console.dom0_len;
}

static size_t console_dom0_read(char *buffer, size_t size)
{
    size_t n = console_dom0_input();

    if (n > size)
        n = size;
    memcpy(buffer, console.dom0_in, n);
    console.dom0_len -= n;
    memmove(console.dom0_in, console.dom0_in + n, console.dom0_len);
    return n;
}

size_t console_read(char *buffer, size_t size)
{
    bool was_masked = spin_lock(&console.lock);
    size_t n = console_input();

    if (console.page == NULL) {
        n = console_dom0_read(buffer, size);
    } else if (n > 0 && size > 0) {
        if (n > size)
            n = size;
        for (size_t i = 0; i < n; i++)
            buffer[i] = console.page->in[console.in_cons++ % CONSOLE_IN_SIZE];
        barrier_full(); /* the back end may overwrite them once it sees the index */
        WRITE_ONCE(console.page->in_cons, console.in_cons);
        evtchn_notify(console.port); /* it may wait for room */
    } else {
        n = 0;
    }
    console_leave(was_masked);
    return n;
}

unsigned console_ready(void)
{
    bool was_masked = spin_lock(&console.lock);
    bool readable = console_input() > 0;
    bool writable = console_room() >= 2 && console.held_prod == console.held_cons;

    if (console.page == NULL) {
        readable = console_dom0_input() > 0;
        writable = true;
    }
    unsigned ready = (readable ? CONSOLE_READABLE : 0) | (writable ? CONSOLE_WRITABLE : 0) |
                     (console.broken != NULL ? CONSOLE_BROKEN : 0);
    console_leave(was_masked);
    return ready;
}

void console_drain(void)
{
    bool was_masked = vcpu_mask_upcalls();
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t give_up_ns = now_ns + CONSOLE_DRAIN_MOST_NS;
    uint64_t deadline_ns = now_ns + CONSOLE_DRAIN_NS;
    uint32_t taken_before = 0;

    for (bool first = true;; first = false) {
        bool was = spin_lock(&console.lock);
        console_push();
        console_publish();
        bool empty = console.page == NULL || (console.out_prod == console.out_cons &&
                                              console.held_prod == console.held_cons);
        uint32_t taken = console.out_cons;
        console_leave(was);

        now_ns = clock_monotonic_ns();
        if (first || taken != taken_before)
            deadline_ns = now_ns + CONSOLE_DRAIN_NS;
        taken_before = taken;
        if (empty || now_ns >= deadline_ns || now_ns >= give_up_ns)
            break;
        if (vcpu_in_event()) /* a crash in a handler: no handler can run */
            vcpu_yield();
        else
            vcpu_block(deadline_ns);
    }
    vcpu_restore_upcalls(was_masked);
}

/* Leave the ring alone for good. Called with the lock held; console_leave() reports it. */
static void console_break(const char *why)
{
    console.page = NULL;
    console.broken = why;
    console.lost = 0;
    evtchn_mask(console.port);
    while (console.held_cons != console.held_prod) {
        size_t at = console.held_cons % CONSOLE_HELD_SIZE;
        size_t len = console.held_prod - console.held_cons;

        if (len > CONSOLE_HELD_SIZE - at)
            len = CONSOLE_HELD_SIZE - at;
        emergency_console_write(console_held + at, len);
        console.held_cons += (uint32_t)len;
    }
}

/* Release the lock; if the ring broke under it, say so once, and tell whoever waits for it. */
static void console_leave(bool was_masked)
{
    const char *report = console.reported ? NULL : console.broken;
    void (*changed)(void *) = console.changed;
    void *changed_arg = console.changed_arg;

    if (report != NULL)
        console.reported = true;
    spin_unlock(&console.lock, true);
    if (report != NULL) {
        log_line(LOG_ERROR, "console: broken: %s", report);
        if (changed != NULL)
            changed(changed_arg);
    }
    vcpu_restore_upcalls(was_masked);
}
