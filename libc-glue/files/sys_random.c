/* getrandom and getentropy. */
#include <errno.h>
#include <sys/random.h>

#include "devices/random.h"
#include "process/result.h"
#include "sys.h"

#define SYS_ENTROPY_MAX 256
#define SYS_RANDOM_MAX  0x1ffffff /* bytes in one call, as Linux */

ssize_t getrandom(void *buffer, size_t len, unsigned int flags)
{
    int error;

    if ((flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) != 0)
        return result(-EINVAL);
    if (len > SYS_RANDOM_MAX)
        len = SYS_RANDOM_MAX;
    error = random_bytes(buffer, len);
    return result(error < 0 ? error : (long)len);
}

int _getentropy(void *buffer, size_t len)
{
    return (int)result(len > SYS_ENTROPY_MAX ? -EIO : random_bytes(buffer, len));
}
SYS_POSIX(getentropy);
