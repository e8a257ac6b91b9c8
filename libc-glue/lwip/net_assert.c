/*
 * net_assert: the end, when lwIP finds its own state broken.
 */
#include <lwip/arch.h>
#include <runtime/panic.h>

void net_assert(const char *what, const char *file, int line)
{
    panic("network: %s (%s:%d)", what, file, line);
}
