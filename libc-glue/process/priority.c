/*
 * priority: nice values. All threads are equal, so there is one: 0.
 */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "result.h"

static int priority_check(int which, id_t who)
{
    if (which != PRIO_PROCESS && which != PRIO_PGRP && which != PRIO_USER)
        return -EINVAL;
    if (who != 0 && !(which == PRIO_USER ? who == getuid() : who == (id_t)getpid()))
        return -ESRCH;
    return 0;
}

int getpriority(int which, id_t who)
{
    return (int)result(priority_check(which, who));
}

int setpriority(int which, id_t who, int value)
{
    int error = priority_check(which, who);

    return (int)result(error != 0 ? error : value == 0 ? 0 : -EACCES);
}

int nice(int add)
{
    return (int)result(add == 0 ? 0 : -EPERM);
}
