/*
 * launch: from a ready platform to main().
 *
 * Owns the command line's words: KEY=VALUE settings, environment, arguments.
 */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include <stddef.h>

/* One KEY=VALUE of the command line by its key ("ip", "mount", "loglevel"); n counts repeats from 0. */
const char *launch_setting(const char *key, size_t n);

#endif
