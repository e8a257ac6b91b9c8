/*
 * console: the PV console: one shared page with a ring in each direction.
 *
 * Owns the console page and its port, a buffer for messages that do not fit the ring at once, and
 * nothing of what the bytes mean (lines, echo and Ctrl-C are libc-glue's terminal). Newline becomes
 * CR LF on the way out. As dom0, where there is no ring, it writes through the emergency console.
 * Source: xen/io/console.h, struct xencons_interface.
 */
#ifndef DRIVERS_CONSOLE_H
#define DRIVERS_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#define CONSOLE_READABLE 1u /* input has arrived */
#define CONSOLE_WRITABLE 2u /* there is room for output again */
#define CONSOLE_BROKEN   4u /* the back end broke the protocol: no input will ever come, output is lost */

/*
 * Queue up to len bytes of output; returns how many were taken, 0 when there is no room. Never
 * waits; any context.
 */
size_t console_write(const char *text, size_t len);

/* Take up to size bytes of input; 0 when there is none. Never waits. */
size_t console_read(char *buffer, size_t size);

/* CONSOLE_READABLE and CONSOLE_WRITABLE as they stand now. */
unsigned console_ready(void);

/* changed runs in an event handler whenever console_ready() may have changed. One listener. */
void console_set_listener(void (*changed)(void *arg), void *arg);

/*
 * Wait until the back end has taken everything, or until it has made no progress for about a
 * second. For the end of the guest.
 */
void console_drain(void);

/* Boot: take over the ring and become a log sink. Resume: the same again. */
int console_start(void);

#endif
