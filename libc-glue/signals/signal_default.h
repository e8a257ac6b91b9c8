/*
 * signal_default: what signals do of themselves. Apart from the rest, because programs without
 * handlers and masks carry no more than this.
 */
#ifndef LIBC_GLUE_SIGNAL_DEFAULT_H
#define LIBC_GLUE_SIGNAL_DEFAULT_H

#include <stdbool.h>

/* True when the default action is to do nothing. */
bool signal_default_ignores(int number);

/*
 * The default action. A crash report for signals that mean a mistake, an orderly end with status
 * 128 + number for the others; returns only for those that do nothing. Not for event handlers.
 */
void signal_default(int number);

#endif
