#include "net_rig.h"

#include <stdarg.h>

#include <drivers/xenbus.h>
#include <platform/memory.h>

struct net_rig rig = { .back = NETBACK_DEFAULTS };
char rig_log[65536];

#define RIG_CHECK(what)                                         \
    do {                                                        \
        if (!(what))                                            \
            fakexen_fail(__FILE__, __LINE__, "rig: %s", #what); \
    } while (0)

static void rig_log_write(const char *text, size_t len)
{
    size_t used = strlen(rig_log);

    if (used + len >= sizeof(rig_log)) /* a fuzzer's: the beginning is enough */
        return;
    memcpy(rig_log + used, text, len);
    rig_log[used + len] = '\0';
}

void boot_stage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void boot_stage(const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    log_vformat(text, sizeof(text), format, args);
    va_end(args);
    rig_log_write(text, strlen(text));
    rig_log_write("\n", 1);
}

static void *rig_on_found(struct netfront *nf, unsigned index, const char *ip)
{
    RIG_CHECK(!rig.found);
    rig.nf = nf;
    rig.index = index;
    snprintf(rig.ip, sizeof(rig.ip), "%s", ip);
    rig.found = !rig.refuse;
    return rig.refuse ? NULL : &rig;
}

static void rig_on_link(void *handle, bool up)
{
    RIG_CHECK(handle == &rig && rig.up != up && !rig.lost);
    rig.up = up;
    rig.ups += up;
    rig.downs += !up;
}

static void rig_on_ready(void *handle)
{
    RIG_CHECK(handle == &rig && !rig.lost);
    rig.readies++;
}

static void rig_on_lost(void *handle)
{
    RIG_CHECK(handle == &rig && !rig.lost && !rig.up);
    rig.lost = true;
}

static struct netfront_events rig_events = {
    .found = rig_on_found,
    .link = rig_on_link,
    .ready = rig_on_ready,
    .lost = rig_on_lost,
};

static void rig_on_slice(void)
{
}

void rig_start(size_t pages, bool joins)
{
    static struct log_sink sink = { .write = rig_log_write };

    fakexen_start(&(struct fakexen_options){ .pages = pages });
    pages_start();
    RIG_CHECK(gnttab_start(pages_get_for_table) == 0);
    log_add_sink(&sink);
    timer_start(rig_on_slice);
    RIG_CHECK(xenstore_start() == 0);
    vcpu_restore_upcalls(false);
    rig_events.joins = joins;
    if (rig.at_boot)
        return;

    /* What stays for good: page tables, the grant table's first frame, the watch on device/vif. */
    grant_ref_t gref;
    unsigned char *run = pages_get_run(500);
    RIG_CHECK(gnttab_grant_page(0, run, GNT_RO, &gref) == 0 && gnttab_revoke(gref) == 0);
    for (unsigned i = 0; i < 500; i++)
        pages_put(run + i * PAGE_SIZE);
    RIG_CHECK(netfront_start(&rig_events) == 0);
    fakexen_run();
    fakexen_advance(XENBUS_QUIET_NS);
    fakexen_run();
    RIG_CHECK(!netfront_discovering());
    fakexen_mark_clean();
}

void rig_connect(void)
{
    netback_offer(&rig.back);
    if (rig.at_boot) {
        RIG_CHECK(netfront_start(&rig_events) == 0);
        fakexen_run();
    }
    RIG_CHECK(rig.found && !rig.up && netfront_discovering() == rig.at_boot);
    netback_accept(&rig.back);
    RIG_CHECK(rig.up && !netfront_discovering());
}

static void rig_input(void *handle, const struct netfront_rx *frame)
{
    RIG_CHECK(handle == &rig && frame->n >= 1 && frame->n <= NETFRONT_PIECES);
    RIG_CHECK(!vcpu_upcalls_masked() && frame->pieces[0].len >= 14);
    rig.frames++;
    rig.pieces = frame->n;
    rig.offload = frame->offload;
    rig.len = 0;
    for (unsigned i = 0; i < frame->n; i++) {
        uint8_t *data = frame->pieces[i].data;
        size_t len = frame->pieces[i].len;

        RIG_CHECK(len > 0 && len <= PAGE_SIZE - (uintptr_t)data % PAGE_SIZE);
        RIG_CHECK(rig.len + len <= sizeof(rig.data));
        memcpy(rig.data + rig.len, data, len);
        rig.len += len;
        if (!rig.keep) {
            memset((void *)((uintptr_t)data & PAGE_MASK), 0x5a, PAGE_SIZE); /* ours to use */
            netfront_page_put(data + len - 1);
        } else {
            RIG_CHECK(rig.n_held < sizeof(rig.held) / sizeof(rig.held[0]));
            rig.held[rig.n_held++] = data;
        }
    }
    RIG_CHECK(rig.len == frame->len);
}

unsigned rig_poll(void)
{
    unsigned n = 0, now;

    do {
        now = netfront_poll(rig.nf, 64, rig_input);
        RIG_CHECK(now <= 64);
        n += now;
    } while (now == 64);
    return n;
}

static void rig_on_done(void *arg)
{
    RIG_CHECK(arg == &rig.done && !vcpu_in_event());
    rig.done++;
}

int rig_send_pieces(const struct netfront_tx_piece *pieces, unsigned n,
                    const struct netfront_offload *offload)
{
    struct netfront_tx frame = { .pieces = pieces, .n = n, .done = rig_on_done, .arg = &rig.done };

    if (offload != NULL)
        frame.offload = *offload;
    return netfront_send(rig.nf, &frame);
}

int rig_send(const void *data, size_t len, const struct netfront_offload *offload)
{
    struct netfront_tx_piece piece = { data, len };

    return rig_send_pieces(&piece, 1, offload);
}

void rig_put_held(void)
{
    while (rig.n_held > 0)
        netfront_page_put(rig.held[--rig.n_held]);
}

void rig_fill(uint8_t *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(seed + i + (i >> 8) * 7);
}

static size_t rig_span(size_t len, size_t offset)
{
    return (len + offset + PAGE_SIZE - 1) / PAGE_SIZE;
}

uint8_t *rig_bytes(size_t len, size_t offset)
{
    uint8_t *pages = pages_get_run(rig_span(len, offset));

    RIG_CHECK(pages != NULL);
    rig_fill(pages + offset, len, 1);
    return pages + offset;
}

void rig_free(uint8_t *bytes, size_t len)
{
    size_t offset = (uintptr_t)bytes % PAGE_SIZE;

    for (size_t i = 0; i < rig_span(len, offset); i++)
        pages_put(bytes - offset + i * PAGE_SIZE);
}
