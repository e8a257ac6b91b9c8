/* timegm: gmtime()'s inverse. Fields out of their range are carried, as mktime() does it. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <time.h>

#define DAYS_TO_1970 719468 /* from 0000-03-01 */

/* Days from 1970-01-01 to the first of a month (0..11), by years that begin in March. */
static long timegm_days(long year, long month)
{
    long century_years, era;

    year -= month < 2;
    era = (year >= 0 ? year : year - 399) / 400;
    century_years = year - era * 400;
    return era * 146097 + century_years * 365 + century_years / 4 - century_years / 100 +
           (153 * (month < 2 ? month + 10 : month - 2) + 2) / 5 - DAYS_TO_1970;
}

time_t timegm(struct tm *tm)
{
    long year = 1900L + tm->tm_year + tm->tm_mon / 12, month = tm->tm_mon % 12;
    time_t seconds;
    struct tm normal;

    if (month < 0) {
        month += 12;
        year--;
    }
    seconds = (timegm_days(year, month) + tm->tm_mday - 1L) * 86400 + tm->tm_hour * 3600L +
              tm->tm_min * 60L + tm->tm_sec;
    if (gmtime_r(&seconds, &normal) == NULL) {
        errno = EOVERFLOW;
        return -1;
    }
    *tm = normal;
    return seconds;
}
