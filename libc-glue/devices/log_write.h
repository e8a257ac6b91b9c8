/*
 * log_write: one line to the runtime's log, for files whose own headers use its words LOG_... differently.
 */
#ifndef LIBC_GLUE_LOG_WRITE_H
#define LIBC_GLUE_LOG_WRITE_H

/* severity as in syslog.h, 0 to 7. */
void log_write(int severity, const char *line);

#endif
