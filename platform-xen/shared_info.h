/*
 * shared_info: the page Xen shares with the whole domain: event bitmaps, per-vCPU state, clocks.
 *
 * A page of our image until shared_info_map() lays Xen's page over it; writing its upcall mask before
 * that is a private note. Each part has an owner: vcpu.c (vcpu_info), evtchn.c (bitmaps),
 * clock.c (times).
 */
#ifndef PLATFORM_SHARED_INFO_H
#define PLATFORM_SHARED_INFO_H

#include <xen/xen.h>

extern struct shared_info shared_info_page;

/* Boot and resume. Panics when Xen refuses: nothing runs without it. */
void shared_info_map(void);

#endif
