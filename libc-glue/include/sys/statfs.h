/* sys/statfs.h: the other place of statfs. */
#include <sys/vfs.h>
