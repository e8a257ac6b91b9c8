/*
 * hypercall: the names of platform-xen/hypercall.h as plain functions, answered by fakexen.
 *
 * Included before any source of platform-xen (gcc -include), under the guard of the real header, so
 * that the sources are compiled as they stand.
 */
#ifndef PLATFORM_HYPERCALL_H
#define PLATFORM_HYPERCALL_H

#include <stdint.h>

#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

long hypercall_console_io(unsigned command, unsigned count, char *buffer);
long hypercall_xen_version(unsigned command, void *arg);
long hypercall_sched_op(unsigned command, void *arg);
long hypercall_event_channel_op(unsigned command, void *arg);
long hypercall_grant_table_op(unsigned command, void *ops, unsigned n);
long hypercall_vcpu_op(unsigned command, unsigned vcpu, void *arg);

#endif
