/*
 * domain: ourselves as Xen sees us: how we end, and which hypervisor we run on.
 *
 * Source: xen/sched.h (SHUTDOWN_*), xen/version.h.
 */
#ifndef PLATFORM_DOMAIN_H
#define PLATFORM_DOMAIN_H

#include <stdint.h>

enum domain_end { DOMAIN_POWEROFF, DOMAIN_REBOOT, DOMAIN_CRASH };

/* Ends the domain at once; what is still in buffers is lost, so the caller has drained them. */
void domain_shutdown(enum domain_end how) __attribute__((noreturn));

/* "4.17.7", or what Xen lets us see of it. */
const char *domain_xen_version(void);

/* vCPUs configured for this domain (at least 1); we run on the first. */
unsigned domain_vcpus(void);

#endif
