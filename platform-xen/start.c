/*
 * start: the first C of the guest: what must stand before the runtime can run at all.
 *
 * Traps come first so that a mistake in anything later is reported; then the facts Xen gave us,
 * shared_info and the protections of the image. Everything else is the runtime's to order.
 */
#include <platform/domain.h>
#include <platform/emergency_console.h>
#include <platform/memory.h>
#include <platform/runtime.h>
#include <platform/traps.h>
#include <platform/vcpu.h>

#include "clock_priv.h"
#include "entry.h"
#include "memory_priv.h"
#include "shared_info.h"
#include "start_info_priv.h"
#include "vcpu_priv.h"

static void start_refuse(const char *why)
{
    size_t len = 0;

    while (why[len] != '\0')
        len++;
    emergency_console_write("start_info: ", 12);
    emergency_console_write(why, len);
    emergency_console_write("\n", 1);
    domain_shutdown(DOMAIN_CRASH);
}

/* From start.S, on the boot stack, with upcalls masked. */
void platform_start(const start_info_t *page, uint64_t entry_tsc)
{
    const char *why;

    traps_start();
    if (start_info_take(page, &why) != 0)
        start_refuse(why);
    clock_note_entry(entry_tsc);
    shared_info_map();
    vcpu_start();
    memory_start();
    runtime_start();
}
