/* vcpu_priv: for start.c. */
#ifndef PLATFORM_VCPU_PRIV_H
#define PLATFORM_VCPU_PRIV_H

/* Boot: mask upcalls in the real vcpu_info; find out what the processor lets us use. */
void vcpu_start(void);

#endif
