/*
 * stubs: calls that a guest refuses, each with the errno that says why. They are here so that programs
 * link; new processes and children are refused in process_stubs.c, shared objects in dlfcn.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "result.h"

/* Memory with a name, for other processes: there are none. */
int shm_open(const char *name, int flags, mode_t mode)
{
    (void)name;
    (void)flags;
    (void)mode;
    return (int)result(-ENOSYS);
}

int shm_unlink(const char *name)
{
    (void)name;
    return (int)result(-ENOENT);
}

int memfd_create(const char *name, unsigned int flags)
{
    (void)name;
    (void)flags;
    return (int)result(-ENOSYS);
}

/* CPU-time clocks are always on. */
int clock_setenable_attr(clockid_t id, int attribute)
{
    (void)id;
    return attribute == CLOCK_ENABLED ? 0 : (int)result(-ENOTSUP);
}

int clock_getenable_attr(clockid_t id, int *attribute)
{
    (void)id;
    *attribute = CLOCK_ENABLED;
    return 0;
}

/* DES. */
char *crypt(const char *key, const char *salt)
{
    (void)key;
    (void)salt;
    return result_null(-ENOSYS);
}

void encrypt(char *block, int decrypt)
{
    (void)block;
    (void)decrypt;
    result(-ENOSYS);
}

void setkey(const char *key)
{
    (void)key;
    result(-ENOSYS);
}

/* newlib's random() has one state, which cannot be exchanged. */
char *initstate(unsigned seed, char *state, size_t size)
{
    (void)seed;
    (void)state;
    (void)size;
    return result_null(-ENOSYS);
}

char *setstate(char *state)
{
    (void)state;
    return result_null(-ENOSYS);
}

/* Trust in the users of other machines. */
int iruserok(unsigned long address, int superuser, const char *remote_user, const char *local_user)
{
    (void)address;
    (void)superuser;
    (void)remote_user;
    (void)local_user;
    return (int)result(-EACCES);
}

int ruserok(const char *host, int superuser, const char *remote_user, const char *local_user)
{
    (void)host;
    (void)superuser;
    (void)remote_user;
    (void)local_user;
    return (int)result(-EACCES);
}

int rresvport(int *port)
{
    (void)port;
    return (int)result(-ENOSYS);
}

int getpeereid(int fd, uid_t *user, gid_t *group)
{
    (void)fd;
    (void)user;
    (void)group;
    return (int)result(-ENOTSUP);
}

int revoke(char *path)
{
    (void)path;
    return (int)result(-ENOSYS);
}

int vhangup(void)
{
    return (int)result(-EPERM);
}
