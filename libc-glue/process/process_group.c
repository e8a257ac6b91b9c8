/*
 * process_group: sessions and process groups. The one process leads both and can leave neither.
 */
#include <errno.h>
#include <unistd.h>

#include "result.h"

static long process_of(pid_t pid)
{
    return result(pid == 0 || pid == getpid() ? getpid() : -ESRCH);
}

pid_t getpgrp(void)
{
    return getpid();
}

pid_t getpgid(pid_t pid)
{
    return (pid_t)process_of(pid);
}

pid_t getsid(pid_t pid)
{
    return (pid_t)process_of(pid);
}

int setpgid(pid_t pid, pid_t group)
{
    (void)group;
    return process_of(pid) < 0 ? -1 : (int)result(-EPERM); /* a session leader stays where it is */
}

int setpgrp(void)
{
    return 0; /* it leads its group already */
}

pid_t setsid(void)
{
    return (pid_t)result(-EPERM);
}
