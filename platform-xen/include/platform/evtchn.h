/*
 * evtchn: event channels: ports, their handlers, masks and notification.
 *
 * Owns every local port of this domain and the pending and mask bitmaps in shared_info. Usable after
 * evtchn_start(). Handlers run with upcalls masked, on a stack of their own, in bounded batches; they
 * never wait. The pending bit is cleared before its handler runs, so an event that arrives while the
 * handler works makes it run once more and none is lost.
 * Source: xen/event_channel.h (2-level ABI); xen/xen.h, "EVENT CHANNELS".
 */
#ifndef PLATFORM_EVTCHN_H
#define PLATFORM_EVTCHN_H

#include <stdint.h>

#include <xen/event_channel.h>
#include <xen/xen.h>

typedef void (*evtchn_handler_t)(evtchn_port_t port, void *arg);

/*
 * Each way to get a port binds handler and leaves the port unmasked.
 * Returns 0 with *port set, or a negative errno (Xen's, or -ENOSPC beyond our own table).
 * Never waits. Undo with evtchn_close().
 */
int evtchn_alloc_unbound(domid_t remote, evtchn_handler_t handler, void *arg, evtchn_port_t *port);
int evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port, evtchn_handler_t handler,
                            void *arg, evtchn_port_t *port);
int evtchn_bind_virq(uint32_t virq, evtchn_handler_t handler, void *arg, evtchn_port_t *port);
/* A port that exists already: those of start_info. */
int evtchn_bind_port(evtchn_port_t port, evtchn_handler_t handler, void *arg);

/* A masked port's events stay pending; unmasking delivers them. */
void evtchn_mask(evtchn_port_t port);
void evtchn_unmask(evtchn_port_t port);

/* Tell the other end. Never waits. */
void evtchn_notify(evtchn_port_t port);

/* Give the port back to Xen. Its handler never runs again once this returns. */
void evtchn_close(evtchn_port_t port);

/* Events delivered since boot, for the published state. */
uint64_t evtchn_count(void);

/* Boot and resume: take over shared_info's bitmaps, all ports masked; register the upcall. */
void evtchn_start(void);

#endif
