/*
 * reent: newlib's names for system calls with a reentrancy structure. errno is a thread's own without
 * it, and newlib itself does not call these; programs written for newlib do.
 */
#include <reent.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files/sys.h"

pid_t _fork(void);
pid_t _getpid(void);
int _kill(pid_t pid, int signal);
void *_sbrk(ptrdiff_t delta);
clock_t _times(struct tms *out);
int _gettimeofday(struct timeval *now, void *zone);
int _execve(const char *path, char *const argv[], char *const envp[]);

#define REENT(type, name, parameters, ...)                                                        \
    type name##_r parameters                                                                      \
    {                                                                                             \
        (void)reent;                                                                              \
        return name(__VA_ARGS__);                                                                 \
    }

REENT(int, _close, (struct _reent *reent, int fd), fd)
REENT(int, _execve, (struct _reent *reent, const char *path, char *const *argv, char *const *envp),
      path, argv, envp)
REENT(int, _fcntl, (struct _reent *reent, int fd, int command, int arg), fd, command, arg)
REENT(int, _fork, (struct _reent *reent))
REENT(int, _fstat, (struct _reent *reent, int fd, struct stat *out), fd, out)
REENT(int, _getpid, (struct _reent *reent))
REENT(int, _isatty, (struct _reent *reent, int fd), fd)
REENT(int, _kill, (struct _reent *reent, int pid, int signal), pid, signal)
REENT(int, _link, (struct _reent *reent, const char *from, const char *to), from, to)
REENT(_off_t, _lseek, (struct _reent *reent, int fd, _off_t offset, int whence), fd, offset, whence)
REENT(int, _mkdir, (struct _reent *reent, const char *path, int mode), path, (mode_t)mode)
REENT(int, _open, (struct _reent *reent, const char *path, int flags, int mode), path, flags, mode)
REENT(_ssize_t, _read, (struct _reent *reent, int fd, void *buffer, size_t len), fd, buffer, len)
REENT(int, _rename, (struct _reent *reent, const char *from, const char *to), from, to)
REENT(void *, _sbrk, (struct _reent *reent, ptrdiff_t delta), delta)
REENT(int, _stat, (struct _reent *reent, const char *path, struct stat *out), path, out)
REENT(clock_t, _times, (struct _reent *reent, struct tms *out), out)
REENT(int, _unlink, (struct _reent *reent, const char *path), path)
REENT(int, _wait, (struct _reent *reent, int *status), status)
REENT(_ssize_t, _write, (struct _reent *reent, int fd, const void *buffer, size_t len), fd, buffer,
      len)
REENT(int, _getentropy, (struct _reent *reent, void *buffer, size_t len), buffer, len)
REENT(int, _gettimeofday, (struct _reent *reent, struct timeval *now, void *zone), now, zone)
