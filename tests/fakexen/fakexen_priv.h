/* fakexen_priv: between the files of fakexen. */
#ifndef FAKEXEN_PRIV_H
#define FAKEXEN_PRIV_H

#include <fakexen.h>

#define FAKEXEN_PAGE_SIZE 4096ul
#define FAKEXEN_MFN_BASE 0x123000ul /* so that mistaking pfn for mfn is seen */
#define FAKEXEN_GRANT_FRAMES 64u

#define FAKEXEN_CHECK(what)                                         \
    do {                                                            \
        if (!(what))                                                \
            fakexen_fail(__FILE__, __LINE__, "fakexen: %s", #what); \
    } while (0)

/* memory.c: the file that holds all pages; frames of the grant table come after the domain's. */
void fakexen_memory_start(size_t pages);
/* A second view of a machine frame, for the other domains; NULL when there is none. */
void *fakexen_frame(xen_pfn_t mfn);
xen_pfn_t fakexen_grant_frame(unsigned index);

/* events.c */
void fakexen_events_start(void);
/* Something is to be delivered: an unmasked port is pending. */
bool fakexen_event_pending(void);
/* Move to the timer's deadline and raise its event. False when nothing would come of it. */
bool fakexen_sleep_to_timer(void);
/* One turn for every peer that was notified. False when there was none. */
bool fakexen_run_once(void);
/* A peer has more to do, notified or not. */
void fakexen_peer_again(evtchn_port_t port);

/* vcpu.c: run handlers as an upcall would, if upcalls are unmasked. */
void fakexen_upcall(void);

/* store.c: the peer of the xenstore port. */
void fakexen_store_start(void);

#endif
