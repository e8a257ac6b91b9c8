/*
 * fakexen: a hypervisor and its tool stack for one domain, in an ordinary process.
 *
 * The sources of platform-xen that are plain C run as they are, on fake hypercalls: evtchn.c,
 * gnttab.c, clock.c, domain.c, emergency_console.c, start_info.c, xenstore.c. What needs the processor
 * (vcpu.c, memory.c) has an implementation of its own here, with pages from one shared file, so
 * that a page can be mapped at several addresses and faults are real.
 *
 * Time stands still until it is moved. The other side of a port is a function, the peer, which runs
 * when the guest blocks, as another domain would. A guest that blocks while nothing can ever wake it
 * fails the test. All failures go through fakexen_fail(), which the test runner defines.
 */
#ifndef FAKEXEN_H
#define FAKEXEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>

#define FAKEXEN_STORE_PORT 1u
#define FAKEXEN_CONSOLE_PORT 2u
#define FAKEXEN_DOMID 7u /* ours */

void fakexen_fail(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

struct fakexen_options {
    size_t pages; /* 0: 2048, 8 MiB */
    bool dom0;    /* neither ring; the emergency console works */
    bool no_console;
    const char *cmdline;
    uint32_t store_index, console_index; /* where the rings' indices begin */
};

/* A new domain at its first instruction, upcalls masked, evtchn_start() done. Once per process. */
void fakexen_start(const struct fakexen_options *options);

/* start_info as it would be for a domain; for tests that want to change it first. */
void fakexen_fill_start_info(start_info_t *page, const struct fakexen_options *options);

/*
 * Remember what is in use now; fakexen_check_clean() fails, naming what it is, unless the same
 * number of ports, grants, pages and registered watches is in use then, and nothing was leaked.
 * fakexen_start() marks; a test marks again after set-up that stays. Nothing to check before it.
 */
void fakexen_mark_clean(void);
void fakexen_check_clean(void);
/* For tests that count pages themselves: page tables stay when what needed them is gone. */
void fakexen_ignore_pages(void);

/* ---- time ---- */

uint64_t fakexen_now(void);
/* Let time pass; the timer fires when its deadline lies on the way. */
void fakexen_advance(uint64_t ns);
/* The deadline the vCPU's timer is set to, UINT64_MAX when it is not. */
uint64_t fakexen_timer(void);
unsigned fakexen_timer_sets(void); /* hypercalls that set it, so far */

/* Called, instead of failing the test, when the guest blocks and nothing can ever wake it. */
void fakexen_set_stuck(void (*stuck)(void));

/* ---- events ---- */

/* The peer of a port: called when the guest blocks or in fakexen_run(), if it was notified. */
void fakexen_set_peer(evtchn_port_t port, void (*peer)(void *arg), void *arg);
/* Let the peers that were notified run until none is. */
void fakexen_run(void);
/* The other end sends an event; its handler runs at once unless something masks it. */
void fakexen_raise(evtchn_port_t port);
void fakexen_raise_virq(unsigned virq);
/* Another domain offers a port for evtchn_bind_interdomain(). */
void fakexen_offer_port(domid_t dom, evtchn_port_t port);
bool fakexen_port_open(evtchn_port_t port);
unsigned fakexen_notified(evtchn_port_t port); /* times the guest notified it, so far */
unsigned fakexen_ports_in_use(void);

/* ---- grants ---- */

/*
 * Another domain maps a granted page. NULL when the table does not allow it. Each must be unmapped
 * as often as it was mapped.
 */
void *fakexen_map(domid_t dom, grant_ref_t gref, bool writable);
void fakexen_unmap(domid_t dom, grant_ref_t gref);
unsigned fakexen_grants_in_use(void);
void fakexen_limit_grant_frames(unsigned frames); /* before gnttab_start() */

/* ---- memory ---- */

size_t fakexen_pages_mapped(void); /* at addresses in the regions */
/* Does this access fault? Reads, or writes back what it read. */
bool fakexen_faults(uintptr_t address, bool write);

/* ---- console and the end ---- */

/* What reached Xen's own console, as a string; whether Xen lets us write there. */
const char *fakexen_emergency_text(void);
void fakexen_emergency_allow(bool allowed);
void fakexen_emergency_type(const char *text);

/* Run fn. Returns the SHUTDOWN_* reason with which it ended the domain, or -1 when it returned. */
int fakexen_ends(void (*fn)(void));

struct xencons_interface *fakexen_console(void);
struct xenstore_domain_interface *fakexen_store(void);

/* ---- xenstore: the tree and the server, running on the ring as a peer ---- */

/* From the outside: any absolute path. NULL value removes. Fires watches. */
void fakexen_store_write(const char *path, const char *value);
/* The value, or NULL. Valid until the next change. */
const char *fakexen_store_read(const char *path);
unsigned fakexen_store_watches(void);
unsigned fakexen_store_transactions(void); /* open ones */
/* Answer at most this many bytes at a time (0: as the ring has room). */
void fakexen_store_slow(size_t bytes);
/* A server that is gone: it neither reads nor answers while stopped. */
void fakexen_store_stop(bool stopped);
/* As a xenstored that knows this domain's tree but nothing of its connection: after a migration. */
void fakexen_store_forget_watches(void);
/* Requests seen so far. */
unsigned fakexen_store_requests(void);
/* Every WRITE and RM fails with this error's name ("ENOSPC"); NULL: none does. */
void fakexen_store_refuse(const char *error);
/* READ and DIRECTORY of this path (absolute), and all below it, fail with this error; NULL: none. */
void fakexen_store_refuse_path(const char *path, const char *error);
/* Every WATCH fails with this error; NULL: none does. */
void fakexen_store_refuse_watches(const char *error);
/* Called before each request is served, with its number (fakexen_store_requests() then). */
void fakexen_store_set_hook(void (*before)(unsigned request));
/* Put bytes into the response ring as they are, and send the event. */
void fakexen_store_say(const void *bytes, size_t len);

#endif
