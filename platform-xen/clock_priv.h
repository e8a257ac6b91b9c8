/* clock_priv: for start.c and vcpu.c. */
#ifndef PLATFORM_CLOCK_PRIV_H
#define PLATFORM_CLOCK_PRIV_H

#include <stdint.h>

/* Remember the time-stamp counter at entry. */
void clock_note_entry(uint64_t entry_tsc);

#endif
