/*
 * start_info: what Xen told us at boot, copied once and checked.
 *
 * Owns the copy of the start_info page and of the command line. Usable from the first C statement
 * of the guest on; nothing else reads the page itself afterwards, except suspend.
 * Source: xen/xen.h, struct start_info.
 */
#ifndef PLATFORM_START_INFO_H
#define PLATFORM_START_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>

#define START_INFO_CMDLINE_SIZE MAX_GUEST_CMDLINE /* 1024 bytes with the final NUL */

struct start_facts {
    uintptr_t address; /* virtual address of the start_info page */
    char magic[32];    /* NUL-terminated */
    unsigned long nr_pages;
    unsigned long shared_info; /* machine address */
    uint32_t flags;            /* SIF_* */
    xen_pfn_t store_mfn;
    uint32_t store_evtchn;
    xen_pfn_t console_page_mfn; /* 0 when booted as dom0 (xen.h has a macro console_mfn) */
    uint32_t console_port;
    unsigned long pt_base; /* virtual address of the boot L4 table */
    unsigned long nr_pt_frames;
    unsigned long mfn_list;  /* virtual address of the p2m list */
    unsigned long mod_start; /* virtual address of the ramdisk, 0 without one */
    unsigned long mod_len;   /* bytes */
    unsigned long first_p2m_pfn;
    unsigned long nr_p2m_frames;
    uintptr_t cmdline_address; /* where it lies in the start_info page, for the diagnostics */
    size_t cmdline_len;        /* without the NUL */
    bool cmdline_unterminated; /* Xen filled all 1024 bytes: the last word may be cut */
    char cmdline[START_INFO_CMDLINE_SIZE];
};

/*
 * Copy and check one start_info page.
 *
 * page   as Xen built it; not kept
 * out    valid when 0 is returned
 * why    out: on failure one sentence naming the field; a static string
 * Returns 0 or -EINVAL. Pure: touches nothing else, so that it runs on the host as well.
 */
int start_info_parse(const start_info_t *page, struct start_facts *out, const char **why);

/* The facts of this boot. Never NULL after entry. */
const struct start_facts *start_facts(void);

/* True when we are the initial domain: no xenstore, no console ring. */
bool start_is_dom0(void);

#endif
