/*
 * emergency_console: output that needs nothing: no ring, no memory, no events.
 *
 * Goes to the hypervisor's own console, where Xen allows it: as dom0, or from any guest on a debug
 * build of Xen. Elsewhere Xen refuses with -EPERM and the text is dropped.
 * Source: xen/xen.h, CONSOLEIO_write.
 */
#ifndef PLATFORM_EMERGENCY_CONSOLE_H
#define PLATFORM_EMERGENCY_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/* True when Xen took the text. Never waits; fine everywhere, even in a trap handler. */
bool emergency_console_write(const char *text, size_t len);

/* Up to size bytes of input; 0 when there is none or we may not read. As dom0 only. */
size_t emergency_console_read(char *buffer, size_t size);

#endif
