/*
 * net_tcp_window: how much one connection may have under way, by the guest's memory.
 */
#include "net.h"

#include <platform/memory.h>

#include "net_priv.h"

/*
 * A 64th of the memory, so that a dozen connections whose programs do not read, or whose peers do
 * not, cannot take all of it; enough for a gigabyte a second at a quarter of a millisecond from 16
 * MiB on.
 */
#define NET_WINDOW_SHARE 64u
#define NET_WINDOW_MIN   (64u << 10)
#define NET_WINDOW_MAX   (4u << 20)

uint32_t net_tcp_window = NET_WINDOW_MIN, net_tcp_send_buffer = NET_WINDOW_MIN;

void net_tcp_start(void)
{
    size_t share = memory_pages() * PAGE_SIZE / NET_WINDOW_SHARE;
    uint32_t window = share < NET_WINDOW_MIN   ? NET_WINDOW_MIN
                      : share > NET_WINDOW_MAX ? NET_WINDOW_MAX
                                               : (uint32_t)share;

    net_tcp_window = net_tcp_send_buffer = window;
}
