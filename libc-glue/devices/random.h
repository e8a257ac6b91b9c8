/*
 * random: unpredictable bytes.
 *
 * Owns one generator: ChaCha20 whose key is replaced after every request ("fast key erasure"), so that
 * what was given out cannot be computed from a later state. The key comes from the processor's
 * generator, with the jitter of the clock stirred in, which alone is not trusted. Without a processor
 * that gives random numbers there are none: the caller is told, and never gets zeroes instead.
 */
#ifndef LIBC_GLUE_RANDOM_H
#define LIBC_GLUE_RANDOM_H

#include <stddef.h>

/* Fill buffer. Returns 0, or -ENOSYS when this machine has no source. Not for event handlers. */
int random_bytes(void *buffer, size_t len);

/* Mix bytes into the key. They can make it better, not worse. */
void random_stir(const void *bytes, size_t len);

#endif
