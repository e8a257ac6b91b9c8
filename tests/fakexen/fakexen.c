/* The life of the fake domain: its start, its console at Xen, its end, and what it leaves behind. */
#include <errno.h>
#include <setjmp.h>
#include <string.h>

#include <platform/evtchn.h>
#include <platform/gnttab.h>
#include <platform/memory.h>
#include <platform/vcpu.h>
#include <runtime/pages.h>

#include "fakexen_priv.h"
#include "hypercall.h"
#include "start_info_priv.h"

#define FAKEXEN_TEXT_MAX 65536u

static struct {
    bool refused;
    char out[FAKEXEN_TEXT_MAX];
    size_t out_len;
    char in[256];
    size_t in_len;
} fakexen_xen_console;

static struct {
    bool started, ignore_pages;
    jmp_buf *end;
    int reason;
    unsigned ports, grants, watches, transactions;
    size_t pages, leaked;
} fakexen_domain;

/* A test that does not link the page allocator uses no pages. */
__attribute__((weak)) void pages_get_stats(struct pages_stats *stats)
{
    memset(stats, 0, sizeof(*stats));
}

void fakexen_fill_start_info(start_info_t *page, const struct fakexen_options *options)
{
    size_t pages = options->pages != 0 ? options->pages : 2048;

    memset(page, 0, sizeof(*page));
    strcpy(page->magic, "xen-3.0-x86_64");
    page->nr_pages = pages;
    page->shared_info = 0x176e2000;
    page->pt_base = 0x505000;
    page->nr_pt_frames = 7;
    page->mfn_list = 0x4f2000;
    page->nr_p2m_frames = 0;
    if (options->dom0) {
        page->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
        page->console.dom0.info_off = 0x150;
        page->console.dom0.info_size = 16;
    } else {
        page->store_mfn = FAKEXEN_MFN_BASE + 10;
        page->store_evtchn = FAKEXEN_STORE_PORT;
        page->console.domU.mfn = options->no_console ? 0 : FAKEXEN_MFN_BASE + 11;
        page->console.domU.evtchn = options->no_console ? 0 : FAKEXEN_CONSOLE_PORT;
    }
    if (options->cmdline != NULL)
        strncpy((char *)page->cmd_line, options->cmdline, sizeof(page->cmd_line) - 1);
}

void fakexen_start(const struct fakexen_options *options)
{
    static const struct fakexen_options defaults;
    static start_info_t page __attribute__((aligned(4096)));
    const char *why;

    if (options == NULL)
        options = &defaults;
    fakexen_fill_start_info(&page, options);
    FAKEXEN_CHECK(start_info_take(&page, &why) == 0);
    memset(&page, 0xee, sizeof(page)); /* whoever reads it later, reads that */
    fakexen_xen_console.refused = !options->dom0;
    fakexen_memory_start(start_facts()->nr_pages);
    fakexen_events_start();
    fakexen_store()->req_cons = fakexen_store()->req_prod = options->store_index;
    fakexen_store()->rsp_cons = fakexen_store()->rsp_prod = options->store_index;
    fakexen_console()->in_cons = fakexen_console()->in_prod = options->console_index;
    fakexen_console()->out_cons = fakexen_console()->out_prod = options->console_index;
    fakexen_store_start();
    fakexen_domain.started = true;
    vcpu_mask_upcalls();
    evtchn_start();
    fakexen_mark_clean();
}

/* ---- left behind ---- */

void fakexen_mark_clean(void)
{
    struct pages_stats pages;
    struct gnttab_stats grants;

    pages_get_stats(&pages);
    gnttab_get_stats(&grants);
    fakexen_domain.ports = fakexen_ports_in_use();
    fakexen_domain.grants = fakexen_grants_in_use();
    fakexen_domain.watches = fakexen_store_watches();
    fakexen_domain.transactions = fakexen_store_transactions();
    fakexen_domain.pages = pages.used;
    fakexen_domain.leaked = grants.leaked;
}

void fakexen_ignore_pages(void)
{
    fakexen_domain.ignore_pages = true;
}

static void fakexen_compare(const char *what, size_t now, size_t then)
{
    if (now != then)
        fakexen_fail(__FILE__, __LINE__, "%s in use: %zu now, %zu before", what, now, then);
}

void fakexen_check_clean(void)
{
    struct pages_stats pages;
    struct gnttab_stats grants;

    if (!fakexen_domain.started)
        return;
    pages_get_stats(&pages);
    gnttab_get_stats(&grants);
    fakexen_compare("event channels", fakexen_ports_in_use(), fakexen_domain.ports);
    fakexen_compare("grants", fakexen_grants_in_use(), fakexen_domain.grants);
    fakexen_compare("watches", fakexen_store_watches(), fakexen_domain.watches);
    fakexen_compare("transactions", fakexen_store_transactions(), fakexen_domain.transactions);
    if (!fakexen_domain.ignore_pages)
        fakexen_compare("pages", pages.used, fakexen_domain.pages);
    fakexen_compare("leaked grants", grants.leaked, fakexen_domain.leaked);
}

/* ---- Xen's own console ---- */

static long fakexen_console_write(const char *text, size_t len)
{
    size_t room = sizeof(fakexen_xen_console.out) - 1 - fakexen_xen_console.out_len;

    if (fakexen_xen_console.refused)
        return -EPERM;
    if (len > room)
        len = room;
    memcpy(fakexen_xen_console.out + fakexen_xen_console.out_len, text, len);
    fakexen_xen_console.out_len += len;
    return 0;
}

static long fakexen_console_read(char *buffer, size_t size)
{
    size_t n = fakexen_xen_console.in_len < size ? fakexen_xen_console.in_len : size;

    if (!start_is_dom0())
        return -EPERM;
    memcpy(buffer, fakexen_xen_console.in, n);
    fakexen_xen_console.in_len -= n;
    memmove(fakexen_xen_console.in, fakexen_xen_console.in + n, fakexen_xen_console.in_len);
    return (long)n;
}

long hypercall_console_io(unsigned command, unsigned count, char *buffer)
{
    return command == CONSOLEIO_write ? fakexen_console_write(buffer, count)
                                      : fakexen_console_read(buffer, count);
}

const char *fakexen_emergency_text(void)
{
    return fakexen_xen_console.out;
}

void fakexen_emergency_allow(bool allowed)
{
    fakexen_xen_console.refused = !allowed;
}

void fakexen_emergency_type(const char *text)
{
    size_t len = strlen(text);

    FAKEXEN_CHECK(len <= sizeof(fakexen_xen_console.in) - fakexen_xen_console.in_len);
    memcpy(fakexen_xen_console.in + fakexen_xen_console.in_len, text, len);
    fakexen_xen_console.in_len += len;
    fakexen_raise_virq(VIRQ_CONSOLE);
}

/* ---- the end of the domain, and which Xen this is ---- */

int fakexen_ends(void (*fn)(void))
{
    jmp_buf end;

    fakexen_domain.end = &end;
    fakexen_domain.reason = -1;
    if (setjmp(end) == 0)
        fn();
    fakexen_domain.end = NULL;
    return fakexen_domain.reason;
}

long hypercall_sched_op(unsigned command, void *arg)
{
    const struct sched_shutdown *shutdown = arg;

    if (command != SCHEDOP_shutdown)
        return -ENOSYS;
    if (fakexen_domain.end == NULL)
        fakexen_fail(__FILE__, __LINE__, "the domain ends, reason %u", shutdown->reason);
    fakexen_domain.reason = (int)shutdown->reason;
    longjmp(*fakexen_domain.end, 1);
}

long hypercall_xen_version(unsigned command, void *arg)
{
    switch (command) {
    case XENVER_version:
        return 4 << 16 | 17;
    case XENVER_extraversion:
        strcpy(arg, ".7");
        return 0;
    default:
        return -EPERM;
    }
}
