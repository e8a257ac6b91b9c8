/* resolv_given: the name servers that DHCP, ip= or a router gave, as they are now. */
#ifndef LIBC_GLUE_RESOLV_GIVEN_H
#define LIBC_GLUE_RESOLV_GIVEN_H

#include "netdb_names.h"

/* Stores at most max, the first to be asked first, and returns how many. Takes the lock "network". */
int resolv_given(struct netdb_address *servers, int max);

#endif
