/* sys/sockio.h: requests of sockets and interfaces, which <sys/ioctl.h> has. */
#ifndef _SYS_SOCKIO_H
#define _SYS_SOCKIO_H

#include <sys/ioctl.h>

#endif
