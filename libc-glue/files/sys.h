/*
 * sys: what the files with the POSIX names share.
 *
 * newlib calls its system under reserved names (_read, _open...), because a program may have a function
 * `read` of its own. Those are the real definitions; the POSIX name is a weak alias.
 */
#ifndef LIBC_GLUE_SYS_H
#define LIBC_GLUE_SYS_H

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* POSIX's name for a function defined under newlib's. */
#define SYS_POSIX(name) extern __typeof__(name) name __attribute__((weak, alias("_" #name)))
/* One more name for a function of this file. */
#define SYS_ALIAS(name, other) extern __typeof__(name) other __attribute__((weak, alias(#name)))

ssize_t _read(int fd, void *buffer, size_t len);
ssize_t _write(int fd, const void *buffer, size_t len);
int _close(int fd);
off_t _lseek(int fd, off_t offset, int whence);
int _fstat(int fd, struct stat *out);
int _isatty(int fd);
int _fcntl(int fd, int command, ...);
int _open(const char *path, int flags, ...);
int _stat(const char *path, struct stat *out);
int _link(const char *from, const char *to);
int _unlink(const char *path);
int _mkdir(const char *path, mode_t mode);
int _rename(const char *from, const char *to);
int _getentropy(void *buffer, size_t len);

/* At the file's own offset (NULL) or at *offset. They set errno. */
ssize_t sys_readv(int fd, const struct iovec *iov, int n, const off_t *offset);
ssize_t sys_writev(int fd, const struct iovec *iov, int n, const off_t *offset);

#endif
