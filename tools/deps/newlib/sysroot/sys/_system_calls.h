/*
 * The system calls as newlib's own files call them, for files that include no header which declares
 * them: an undeclared one would return an int. Included by reent.h while newlib itself is built.
 */
#ifndef _SYS__SYSTEM_CALLS_H
#define _SYS__SYSTEM_CALLS_H

#ifdef _LIBC
#include <stddef.h>

int _close(int);
int _execve(const char *, char *const[], char *const[]);
int _fcntl(int, int, ...);
__pid_t _fork(void);
int _fstat(int, struct stat *);
int _getentropy(void *, size_t);
__pid_t _getpid(void);
int _gettimeofday(struct timeval *, void *);
int _isatty(int);
int _kill(__pid_t, int);
int _link(const char *, const char *);
_off_t _lseek(int, _off_t, int);
int _mkdir(const char *, __mode_t);
int _open(const char *, int, ...);
_ssize_t _read(int, void *, size_t);
int _rename(const char *, const char *);
void *_sbrk(ptrdiff_t);
int _stat(const char *__restrict, struct stat *__restrict);
_CLOCK_T_ _times(struct tms *);
int _unlink(const char *);
__pid_t _wait(int *);
_ssize_t _write(int, const void *, size_t);
#endif

#endif
