/* Included by <stdlib.h>: calls that newlib's own does not declare. */
#ifndef _MACHSTDLIB_H_
#define _MACHSTDLIB_H_

#include <sys/cdefs.h>

#if __MISC_VISIBLE
__BEGIN_DECLS
int getloadavg(double average[], int n);
__END_DECLS
#endif

#endif
