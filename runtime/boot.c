#include <runtime/boot.h>

#include <stdarg.h>
#include <stdbool.h>

#include <platform/clock.h>
#include <platform/domain.h>
#include <platform/evtchn.h>
#include <platform/memory.h>
#include <platform/runtime.h>
#include <platform/start_info.h>
#include <platform/vcpu.h>
#include <platform/xenstore.h>
#include <runtime/launch.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/thread.h>
#include <runtime/timer.h>

#include "launch_priv.h"
#include "publish_priv.h"
#include "shutdown_priv.h"
#include "thread_priv.h"

/* guest.lds: the table of BOOT_PARTs in order, and the image's build-id note. */
extern const struct boot_part boot_parts_start[], boot_parts_end[];
extern const uint8_t build_id_note[], build_id_note_end[];

#define BOOT_LATER_NS 25000000u
#define BOOT_NOTE_HEADER 16 /* three lengths and "GNU\0", then the id itself */

uint64_t boot_elapsed_us(void)
{
    return (clock_monotonic_ns() - clock_boot_ns()) / 1000;
}

void boot_stage(const char *format, ...)
{
    char text[200];
    va_list args;

    if (log_get_level() < LOG_INFO)
        return;
    va_start(args, format);
    log_vformat(text, sizeof(text), format, args);
    va_end(args);
    log_print("[%7lu us] %s\n", (unsigned long)boot_elapsed_us(), text);
}

static void boot_print_build(void)
{
    char id[9] = "none";

    if (build_id_note_end - build_id_note >= BOOT_NOTE_HEADER + 4) {
        const uint8_t *bytes = build_id_note + BOOT_NOTE_HEADER;
        log_format(id, sizeof(id), "%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
    }
    log_print("Xenolith %s on Xen %s (build-id %s)\n", XENOLITH_VERSION, domain_xen_version(), id);
}

/* Every field of start_info, in the shape that AtmanOS made known. */
static void boot_diagnostics(void)
{
    const struct start_facts *f = start_facts();

    if (log_get_level() < LOG_INFO)
        return;
    boot_print_build();
    log_print("%13s:  %zu\n", "ptr_size", sizeof(void *));
    log_print("%13s:  0x%lx\n", "start_info", (unsigned long)f->address);
    log_print("%13s:  %s\n", "magic", f->magic);
    log_print("%13s:  %lu\n", "nr_pages", f->nr_pages);
    log_print("%13s:  %lu\n", "shared_info", f->shared_info);
    log_print("%13s:  %u\n", "siff_flags", f->flags);
    log_print("%13s:  %lu\n", "store_mfn", (unsigned long)f->store_mfn);
    log_print("%13s:  %u\n", "store_evc", f->store_evtchn);
    log_print("%13s:  %lu\n", "console_mfn", (unsigned long)f->console_page_mfn);
    log_print("%13s:  %u\n", "console_evc", f->console_port);
    log_print("%13s:  %lu\n", "pt_base", f->pt_base);
    log_print("%13s:  %lu\n", "nr_pt_frames", f->nr_pt_frames);
    log_print("%13s:  %lu\n", "mfn_list", f->mfn_list);
    log_print("%13s:  %lu\n", "mod_start", f->mod_start);
    log_print("%13s:  %lu\n", "mod_len", f->mod_len);
    log_print("%13s:  [%zu/%d] 0x%lx\n", "cmd_line", f->cmdline_len, START_INFO_CMDLINE_SIZE,
              (unsigned long)f->cmdline_address);
    log_print("%13s:  %lu\n", "first_pfn", f->first_p2m_pfn);
    log_print("%13s:  %lu\n", "nr_p2m_frames", f->nr_p2m_frames);
}

static bool boot_is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* month from 0. */
static unsigned boot_month_length(unsigned year, unsigned month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return days[month] + (month == 1 && boot_is_leap(year));
}

/* Seconds since 1970 as a date and a time of day. */
static void boot_clock_stage(void)
{
    uint64_t seconds = clock_realtime_ns() / 1000000000u;
    unsigned of_day = (unsigned)(seconds % 86400);
    unsigned days = (unsigned)(seconds / 86400); /* of the year, below, then of the month */
    unsigned year = 1970, month = 0;
    unsigned length;

    while (days >= (length = boot_is_leap(year) ? 366 : 365)) {
        days -= length;
        year++;
    }
    while (days >= (length = boot_month_length(year, month))) {
        days -= length;
        month++;
    }
    boot_stage("clock: %04u-%02u-%02u %02u:%02u:%02u UTC, %u vCPU configured, 1 used", year,
               month + 1, days + 1, of_day / 3600, of_day / 60 % 60, of_day % 60, domain_vcpus());
}

static struct timer boot_later;

static void boot_start_parts(long from, long below)
{
    for (const struct boot_part *part = boot_parts_start; part < boot_parts_end; part++) {
        if (part->order < from || part->order >= below)
            continue;
        int error = part->start();
        if (error != 0)
            log_line(LOG_ERROR, "boot: %s failed: error %d", part->name, error);
    }
}

/*
 * What the tool stack wants of us, but the program need not wait for: xenstored would take the CPU from
 * us while we boot, and from the back ends that connect. A program that ends before this has nothing to
 * ask or to show.
 */
static void boot_on_later(struct timer *timer)
{
    (void)timer;
    shutdown_watch_requests();
    publish_start();
}

/* From platform-xen, on the boot stack, upcalls masked, image protected, memory known. */
void runtime_start(void)
{
    launch_read_settings();
    pages_start();
    evtchn_start();
    boot_start_parts(0, BOOT_ORDER_DIAGNOSTICS);
    boot_diagnostics();
    boot_stage("memory: %lu KiB, %lu KiB of them free", memory_pages() * (PAGE_SIZE / 1024),
               (memory_pages() - memory_first_free()) * (PAGE_SIZE / 1024));
    launch_report_settings();
    thread_start();
    boot_clock_stage();
    if (!start_is_dom0() && xenstore_start() == 0) {
        shutdown_prepare();
        timer_init(&boot_later, boot_on_later, NULL);
        timer_arm(&boot_later, clock_monotonic_ns() + BOOT_LATER_NS);
    }
    boot_start_parts(BOOT_ORDER_DIAGNOSTICS, 1000000);
    launch_main();
    thread_idle();
}
