/*
 * cc: what lwIP asks of the compiler and the system. Included by lwIP's own headers.
 */
#ifndef LIBC_GLUE_LWIP_CC_H
#define LIBC_GLUE_LWIP_CC_H

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif

/* net_isn.c */
uint32_t net_random(void);
#define LWIP_RAND() net_random()

/* A broken invariant of lwIP or of ours; does not return. */
void net_assert(const char *what, const char *file, int line) __attribute__((noreturn));
#define LWIP_PLATFORM_ASSERT(what) net_assert(what, __FILE__, __LINE__)

/* lwIP's words about errors of its callers: nobody reads them. */
#define LWIP_PLATFORM_DIAG(what)

/* The headers that lwIP would share with programs are the sysroot's. */
#define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS
#define LWIP_ERRNO_STDINCLUDE
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)

/* The Internet checksum of len bytes, not inverted, in the byte order of memory: net_sum.c. */
uint16_t net_sum(const void *data, int len);
#define LWIP_CHKSUM net_sum

#endif
