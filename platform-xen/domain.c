#include <platform/domain.h>

#include <stddef.h>

#include "hypercall.h"

void domain_shutdown(enum domain_end how)
{
    static const unsigned reasons[] = {
        [DOMAIN_POWEROFF] = SHUTDOWN_poweroff,
        [DOMAIN_REBOOT] = SHUTDOWN_reboot,
        [DOMAIN_CRASH] = SHUTDOWN_crash,
    };
    struct sched_shutdown shutdown = { .reason = reasons[how] };

    for (;;)
        hypercall_sched_op(SCHEDOP_shutdown, &shutdown);
}

/* "4" "." "17" and the extraversion ".7"; written once, on the first call. */
static char domain_version[16 + sizeof(xen_extraversion_t)];

static char *domain_put_number(char *at, unsigned value)
{
    if (value >= 10)
        at = domain_put_number(at, value / 10);
    *at++ = (char)('0' + value % 10);
    return at;
}

const char *domain_xen_version(void)
{
    long version;
    xen_extraversion_t extra = "";

    if (domain_version[0] != '\0')
        return domain_version;
    version = hypercall_xen_version(XENVER_version, NULL);
    char *at = domain_put_number(domain_version, (unsigned)version >> 16);
    *at++ = '.';
    at = domain_put_number(at, (unsigned)version & 0xffff);
    if (hypercall_xen_version(XENVER_extraversion, extra) == 0 && extra[0] != '<')
        for (size_t i = 0; i < sizeof(extra) && extra[i] > ' ' && extra[i] < 0x7f; i++)
            *at++ = extra[i];
    *at = '\0';
    return domain_version;
}

unsigned domain_vcpus(void)
{
    unsigned n = 1;

    while (n < XEN_LEGACY_MAX_VCPUS && hypercall_vcpu_op(VCPUOP_is_up, n, NULL) >= 0)
        n++;
    return n;
}
