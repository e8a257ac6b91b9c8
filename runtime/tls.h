/*
 * tls: the block of thread-local storage and the thread control block above it.
 *
 * Owns the layout (variant II of the ELF TLS ABI): the TLS image ends where the control block
 * begins, and the thread pointer points at the control block, whose first word is its own address.
 * The stack protector's canary lies at offset 0x28, where gcc expects it.
 */
#ifndef RUNTIME_TLS_H
#define RUNTIME_TLS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that tls_create() needs below a 64-aligned end. */
size_t tls_size(void);

/* Make a block that ends at `end`, 64-aligned. Returns the thread pointer. */
void *tls_create(uintptr_t end);

/* Boot: choose the canary. */
void tls_start(void);

#endif
