/* bindresvport: bind to one of the ports that only root may use. */
#include <errno.h>
#include <netinet/in.h>

#include "process/result.h"

int bindresvport(int fd, struct sockaddr_in *address)
{
    struct sockaddr_in any = { .sin_family = AF_INET };

    if (address == NULL)
        address = &any;
    else if (address->sin_family != AF_INET)
        return (int)result(-EPFNOSUPPORT);
    for (int port = IPPORT_RESERVED - 1; port >= IPPORT_RESERVED / 2; port--) {
        address->sin_port = htons((uint16_t)port);
        if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
            return 0;
        if (errno != EADDRINUSE)
            return -1;
    }
    return -1;
}
