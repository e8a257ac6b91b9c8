/* shutdown_priv: for boot.c. */
#ifndef RUNTIME_SHUTDOWN_PRIV_H
#define RUNTIME_SHUTDOWN_PRIV_H

/* Allocate what serving a request will need. Before main; may wait for a moment for the address space. */
void shutdown_prepare(void);

/* Watch control/shutdown. Never waits; fine in an event handler. */
void shutdown_watch_requests(void);

#endif
