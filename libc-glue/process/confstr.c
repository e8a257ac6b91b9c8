/* confstr: strings by number; the compiler needs no flags for anything that is asked here. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "result.h"

size_t confstr(int name, char *buffer, size_t size)
{
    const char *text = "";
    size_t len;

    if (name < _CS_PATH || name > _CS_LFS_LINTFLAGS) {
        result(-EINVAL);
        return 0;
    }
    if (name == _CS_PATH)
        text = "/bin:/usr/bin";
    else if (name == _CS_V7_ENV)
        text = "POSIXLY_CORRECT=1";
    else if (name == _CS_POSIX_V7_WIDTH_RESTRICTED_ENVS)
        text = "POSIX_V7_LP64_OFF64";
    else if (name == _CS_POSIX_V7_THREADS_CFLAGS)
        text = "-pthread";
    len = strlen(text) + 1;
    if (buffer != NULL && size != 0) {
        size_t some = len < size ? len : size;
        memcpy(buffer, text, some);
        buffer[some - 1] = '\0';
    }
    return len;
}
