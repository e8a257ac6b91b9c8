/* sys/mount.h: mounting; values as Linux has them. */
#ifndef _SYS_MOUNT_H
#define _SYS_MOUNT_H

#include <sys/cdefs.h>
#include <sys/ioctl.h>

#define MS_RDONLY      1
#define MS_NOSUID      2
#define MS_NODEV       4
#define MS_NOEXEC      8
#define MS_SYNCHRONOUS 16
#define MS_REMOUNT     32
#define MS_NOATIME     1024
#define MS_BIND        4096
#define MS_RELATIME    (1 << 21)

#define MNT_FORCE       1
#define MNT_DETACH      2
#define MNT_EXPIRE      4
#define UMOUNT_NOFOLLOW 8

__BEGIN_DECLS
int mount(const char *__source, const char *__target, const char *__type, unsigned long __flags,
          const void *__data);
int umount(const char *__target);
int umount2(const char *__target, int __flags);
__END_DECLS

#endif
