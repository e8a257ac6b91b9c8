/* sys/fcntl.h: newlib's flags and requests, and those that Linux has beside them. */
#ifndef _SYS_FCNTL_H_
#define _SYS_FCNTL_H_

#include <sys/_default_fcntl.h>

#if __BSD_VISIBLE || __GNU_VISIBLE
#define O_ASYNC     _FASYNC
#define O_NDELAY    O_NONBLOCK
#define O_NOATIME   0x1000000
#define O_LARGEFILE 0

#define F_GETPIPE_SZ 1032
#define F_SETPIPE_SZ 1031
#define F_OFD_GETLK  36
#define F_OFD_SETLK  37
#define F_OFD_SETLKW 38

#define AT_NO_AUTOMOUNT 0x0800

#define FALLOC_FL_KEEP_SIZE  1
#define FALLOC_FL_PUNCH_HOLE 2
#define FALLOC_FL_ZERO_RANGE 16
#endif

#define POSIX_FADV_NORMAL     0
#define POSIX_FADV_RANDOM     1
#define POSIX_FADV_SEQUENTIAL 2
#define POSIX_FADV_WILLNEED   3
#define POSIX_FADV_DONTNEED   4
#define POSIX_FADV_NOREUSE    5

__BEGIN_DECLS
int posix_fadvise(int __fd, off_t __offset, off_t __len, int __advice);
int posix_fallocate(int __fd, off_t __offset, off_t __len);
#if __GNU_VISIBLE
int fallocate(int __fd, int __mode, off_t __offset, off_t __len);
ssize_t readahead(int __fd, off_t __offset, size_t __len);
int sync_file_range(int __fd, off_t __offset, off_t __len, unsigned int __flags);
#endif
__END_DECLS

#endif
