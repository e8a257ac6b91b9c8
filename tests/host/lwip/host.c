/*
 * host: what lwIP takes from us in a guest, for tests on the host.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <lwip/netif.h>
#include <lwip/sys.h>
#include <platform/clock.h>

#include "net.h"
#include "net_heap.h"
#include "net_priv.h"
#include "devices/random.h"

void net_assert(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

uint32_t net_tcp_window = 256 << 10, net_tcp_send_buffer = 256 << 10;

__attribute__((weak)) u32_t sys_now(void)
{
    return (u32_t)(clock_monotonic_ns() / 1000000);
}

int random_bytes(void *buffer, size_t len)
{
    return getrandom(buffer, len, 0) == (ssize_t)len ? 0 : -1;
}

/* Each by itself, so that AddressSanitizer sees its ends. A test may have the real net_heap. */
__attribute__((weak)) void *net_heap_get(size_t size)
{
    return malloc(size);
}

__attribute__((weak)) void *net_heap_get_zeroed(size_t n, size_t size)
{
    return calloc(n, size);
}

__attribute__((weak)) void net_heap_put(void *memory)
{
    free(memory);
}

__attribute__((weak)) bool net_heap_is_too_low(void)
{
    return false;
}

__attribute__((weak)) void *net_page_get(void)
{
    return aligned_alloc(4096, 4096);
}

__attribute__((weak)) void net_page_put(void *page)
{
    free(page);
}

/* No test of lwIP knows of large segments; test_net_tcp has its own. */
__attribute__((weak)) size_t net_gso_max(const struct netif *netif, bool ip6)
{
    (void)netif;
    (void)ip6;
    return 0;
}

__attribute__((weak)) void net_if_finish(void)
{
}

const ip6_addr_t *net_gateway6(struct netif *netif, const ip6_addr_t *dest)
{
    (void)netif;
    (void)dest;
    return NULL;
}
