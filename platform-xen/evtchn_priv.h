/* evtchn_priv: for vcpu.c. */
#ifndef PLATFORM_EVTCHN_PRIV_H
#define PLATFORM_EVTCHN_PRIV_H

/* Run the handlers of pending ports, a bounded number; upcalls are masked. */
void evtchn_deliver(void);

#endif
