/* shutdown_priv: for boot.c. */
#ifndef RUNTIME_SHUTDOWN_PRIV_H
#define RUNTIME_SHUTDOWN_PRIV_H

/* Watch control/shutdown. Never waits. */
void shutdown_watch_requests(void);

#endif
