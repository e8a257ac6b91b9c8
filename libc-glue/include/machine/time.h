/* Included by <time.h>: the unit of clock(), as newlib was built, and a call that newlib lacks. */
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

#endif
