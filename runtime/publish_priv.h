/* publish_priv: for boot.c. */
#ifndef RUNTIME_PUBLISH_PRIV_H
#define RUNTIME_PUBLISH_PRIV_H

/* Show this guest in xenstore and answer queries from then on. Never waits; fine in an event handler. */
void publish_start(void);

#endif
