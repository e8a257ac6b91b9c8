/* sys/syslog.h: the old place of syslog.h. */
#include <syslog.h>
