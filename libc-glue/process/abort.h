/*
 * abort: where abort() meets signals.
 */
#ifndef LIBC_GLUE_ABORT_H
#define LIBC_GLUE_ABORT_H

/*
 * Raise SIGABRT, unblocked, for the calling thread. Returns when it is ignored or its handler returned.
 * Defined beside sigaction(), so a program that cannot have a handler does not carry it.
 */
void signal_abort(void) __attribute__((weak));

#endif
