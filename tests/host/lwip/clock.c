/*
 * clock: the clock of lwIP's unit tests, which set it themselves.
 */
#include <stdint.h>

#include <lwip/sys.h>
#include <platform/clock.h>

u32_t lwip_sys_now;

u32_t sys_now(void)
{
    return lwip_sys_now;
}

uint64_t clock_monotonic_ns(void)
{
    return (uint64_t)lwip_sys_now * 1000000;
}

uint64_t clock_realtime_ns(void)
{
    return clock_monotonic_ns();
}
