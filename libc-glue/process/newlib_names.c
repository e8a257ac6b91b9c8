/* newlib_names: objects that parts of newlib refer to and none defines for this configuration. */
#include <errno.h>
#include <reent.h>

/* For code compiled before errno became a thread-local variable's name. */
int *__errno(void);

int *__errno(void)
{
    return &errno;
}

_Thread_local char _tls_getlocalename_l_buf[32];
