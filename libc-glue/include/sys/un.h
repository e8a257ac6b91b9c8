/* sys/un.h: addresses of sockets within the guest (POSIX). */
#ifndef _SYS_UN_H
#define _SYS_UN_H

#include <string.h>
#include <sys/socket.h>

struct sockaddr_un {
    sa_family_t sun_family; /* AF_UNIX */
    char sun_path[108];     /* a path; or '\0' and a name that is none in the file system */
};

/* The length of an address whose path ends with a NUL. */
#define SUN_LEN(address) (offsetof(struct sockaddr_un, sun_path) + strlen((address)->sun_path))

#endif
