/* sys/file.h: flock() and its operations, which <fcntl.h> has. */
#ifndef _SYS_FILE_H
#define _SYS_FILE_H

#include <fcntl.h>
#include <unistd.h>
#include <sys/cdefs.h>

#ifndef LOCK_SH
#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8
__BEGIN_DECLS
int flock(int __fd, int __operation);
__END_DECLS
#endif

#define L_SET  SEEK_SET
#define L_INCR SEEK_CUR
#define L_XTND SEEK_END

#endif
