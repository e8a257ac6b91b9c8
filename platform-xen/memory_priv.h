/* memory_priv: machine frames, for the modules of this room. */
#ifndef PLATFORM_MEMORY_PRIV_H
#define PLATFORM_MEMORY_PRIV_H

#include <stdint.h>

#include <xen/xen.h>

/* Boot: find the end of the builder's mapping; protect the image. */
void memory_start(void);

/* The machine frame behind a page of ours. */
xen_pfn_t memory_machine_frame(const void *page);

/* Where the builder mapped the page with this machine frame; NULL if it is not ours. */
void *memory_boot_page(xen_pfn_t mfn);

/* Map a frame that is Xen's (a grant table frame) at va, read-write. 0 or -ENOMEM. */
int memory_map_machine(uintptr_t va, xen_pfn_t mfn, void *(*table)(void));

#endif
