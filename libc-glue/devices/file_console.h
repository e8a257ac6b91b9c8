/*
 * file_console: the terminal on the Xen console, as a file.
 *
 * Owns the one struct terminal of the guest. The console driver tells of input and of room for
 * output; input is taken from its ring when it arrives, so that Ctrl-C works while nobody reads, but
 * only as far as the terminal has room: the rest stays at the back end.
 *
 * Locks: the spinlock "terminal" protects struct terminal; the mutex "terminal output" keeps one
 * write() in one piece.
 */
#ifndef LIBC_GLUE_FILE_CONSOLE_H
#define LIBC_GLUE_FILE_CONSOLE_H

#include "files/file.h"

/* Boot: listen to the console. Returns a file with one reference. */
struct file *file_console_start(void);

/* open("/dev/console") or "/dev/tty". 0, or -ENOMEM. */
int file_console_open(int flags, struct file **out);

/*
 * A key that raises a signal was typed. Defined by the signals; weak, so that a program without them
 * does not carry them. Any context.
 */
void signal_from_terminal(int signal) __attribute__((weak));

#endif
