/* Included by <time.h>: the unit of clock(), as newlib was built, and calls that newlib lacks. */
#ifndef _MACHTIME_H_
#define _MACHTIME_H_

#include <sys/cdefs.h>
#include <sys/types.h>

#define _CLOCKS_PER_SEC_ 1000000

#if __MISC_VISIBLE
__BEGIN_DECLS
struct tm;
time_t timegm(struct tm *tm);
__END_DECLS
#endif

#if __ISO_C_VISIBLE >= 2011
#define TIME_UTC 1

__BEGIN_DECLS
struct timespec;
int timespec_get(struct timespec *now, int base);
__END_DECLS
#endif

#endif
