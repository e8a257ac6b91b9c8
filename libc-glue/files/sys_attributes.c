/* Attributes: chmod, chown, times, truncate, access, umask. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include <platform/clock.h>

#include "fd.h"
#include "process/result.h"
#include "sys_at.h"
#include "vfs.h"

int lutimes(const char *path, const struct timeval times[2]);
int futimes(int fd, const struct timeval times[2]);

static int sys_change_fd(int fd, const struct inode_change *change)
{
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL)
        return (int)result(-EBADF);
    error = file->inode != NULL ? vfs_set_inode(file->inode, change) : -EINVAL;
    file_put(file);
    return (int)result(error);
}

static int sys_change(int dir, const char *path, int at_flags, const struct inode_change *change)
{
    struct inode *at, *inode;
    int error;

    if ((at_flags & AT_EMPTY_PATH) && path != NULL && path[0] == '\0' && dir != AT_FDCWD)
        return sys_change_fd(dir, change);
    error = sys_at(dir, path, &at);
    if (error == 0)
        error = vfs_lookup(at, path, at_flags & AT_SYMLINK_NOFOLLOW ? VFS_NOFOLLOW : 0, &inode);
    inode_put(at);
    if (error < 0)
        return (int)result(error);
    if (S_ISLNK(inode->kind) && (change->what & INODE_MODE))
        error = -EOPNOTSUPP; /* a link has no permissions */
    else
        error = vfs_set_inode(inode, change);
    inode_put(inode);
    return (int)result(error);
}

/* ---- permissions and owners ---- */

int fchmodat(int dir, const char *path, mode_t mode, int flags)
{
    struct inode_change change = { .what = INODE_MODE, .mode = mode & 07777 };

    return sys_change(dir, path, flags, &change);
}

int chmod(const char *path, mode_t mode)
{
    return fchmodat(AT_FDCWD, path, mode, 0);
}

int lchmod(const char *path, mode_t mode)
{
    return fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW);
}

int fchmod(int fd, mode_t mode)
{
    struct inode_change change = { .what = INODE_MODE, .mode = mode & 07777 };

    return sys_change_fd(fd, &change);
}

static struct inode_change sys_owner(uid_t uid, gid_t gid)
{
    return (struct inode_change){
        .what = (uid != (uid_t)-1 ? INODE_OWNER : 0u) | (gid != (gid_t)-1 ? INODE_GROUP : 0u),
        .uid = uid,
        .gid = gid,
    };
}

int fchownat(int dir, const char *path, uid_t uid, gid_t gid, int flags)
{
    struct inode_change change = sys_owner(uid, gid);

    return sys_change(dir, path, flags, &change);
}

int chown(const char *path, uid_t uid, gid_t gid)
{
    return fchownat(AT_FDCWD, path, uid, gid, 0);
}

int lchown(const char *path, uid_t uid, gid_t gid)
{
    return fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int fchown(int fd, uid_t uid, gid_t gid)
{
    struct inode_change change = sys_owner(uid, gid);

    return sys_change_fd(fd, &change);
}

/* ---- times ---- */

static int sys_time(const struct timespec *given, unsigned flag, struct timespec *out,
                    unsigned *what)
{
    if (given == NULL || given->tv_nsec == UTIME_NOW) {
        uint64_t ns = clock_realtime_ns();

        out->tv_sec = (time_t)(ns / 1000000000u);
        out->tv_nsec = (long)(ns % 1000000000u);
    } else if (given->tv_nsec == UTIME_OMIT) {
        return 0;
    } else if (given->tv_nsec < 0 || given->tv_nsec >= 1000000000) {
        return -EINVAL;
    } else {
        *out = *given;
    }
    *what |= flag;
    return 0;
}

/* times is NULL for now. */
static int sys_times(const struct timespec times[2], struct inode_change *change)
{
    int error;

    *change = (struct inode_change){ 0 };
    error = sys_time(times, INODE_ATIME, &change->atime, &change->what);
    if (error == 0)
        error = sys_time(times != NULL ? &times[1] : NULL, INODE_MTIME, &change->mtime,
                         &change->what);
    return error;
}

static const struct timespec *sys_from_timeval(const struct timeval *from, struct timespec to[2])
{
    if (from == NULL)
        return NULL;
    for (int i = 0; i < 2; i++) {
        to[i].tv_sec = from[i].tv_sec;
        /* UTIME_NOW and UTIME_OMIT are out of range here. */
        to[i].tv_nsec = from[i].tv_usec < 0 || from[i].tv_usec >= 1000000 ? 2000000000
                                                                         : from[i].tv_usec * 1000;
    }
    return to;
}

int utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
    struct inode_change change;
    int error = sys_times(times, &change);

    return error < 0 ? (int)result(error) : sys_change(dir, path, flags, &change);
}

int futimens(int fd, const struct timespec times[2])
{
    struct inode_change change;
    int error = sys_times(times, &change);

    return error < 0 ? (int)result(error) : sys_change_fd(fd, &change);
}

int utimes(const char *path, const struct timeval times[2])
{
    struct timespec to[2];

    return utimensat(AT_FDCWD, path, sys_from_timeval(times, to), 0);
}

int lutimes(const char *path, const struct timeval times[2])
{
    struct timespec to[2];

    return utimensat(AT_FDCWD, path, sys_from_timeval(times, to), AT_SYMLINK_NOFOLLOW);
}

int futimes(int fd, const struct timeval times[2])
{
    struct timespec to[2];

    return futimens(fd, sys_from_timeval(times, to));
}

int futimesat(int dir, const char *path, const struct timeval times[2])
{
    struct timespec to[2];

    return utimensat(dir, path, sys_from_timeval(times, to), 0);
}

int utime(const char *path, const struct utimbuf *times)
{
    struct timespec to[2];

    if (times == NULL)
        return utimensat(AT_FDCWD, path, NULL, 0);
    to[0] = (struct timespec){ .tv_sec = times->actime };
    to[1] = (struct timespec){ .tv_sec = times->modtime };
    return utimensat(AT_FDCWD, path, to, 0);
}

/* ---- size, access, mask ---- */

int truncate(const char *path, off_t size)
{
    struct inode *inode;
    int error = path != NULL ? vfs_lookup(NULL, path, 0, &inode) : -EFAULT;

    if (error == 0) {
        error = vfs_truncate_inode(inode, size);
        inode_put(inode);
    }
    return (int)result(error);
}

/* What root may: everything, but not write to a read-only file system or run what nobody may run. */
static int sys_access(struct inode *inode, int mode)
{
    struct stat stat = { 0 };

    if ((mode & ~(R_OK | W_OK | X_OK)) != 0)
        return -EINVAL;
    if ((mode & W_OK) && inode->fs->read_only && (S_ISREG(inode->kind) || S_ISDIR(inode->kind)))
        return -EROFS;
    if (!(mode & X_OK) || S_ISDIR(inode->kind))
        return 0;
    inode_stat(inode, &stat);
    return stat.st_mode & 0111 ? 0 : -EACCES;
}

int faccessat(int dir, const char *path, int mode, int flags)
{
    struct inode *at, *inode;
    int error = sys_at(dir, path, &at);

    if (error == 0 && (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW)) != 0)
        error = -EINVAL;
    if (error == 0)
        error = vfs_lookup(at, path, flags & AT_SYMLINK_NOFOLLOW ? VFS_NOFOLLOW : 0, &inode);
    inode_put(at);
    if (error == 0) {
        error = sys_access(inode, mode);
        inode_put(inode);
    }
    return (int)result(error);
}

int access(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, 0);
}

int eaccess(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS);
}

int euidaccess(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS);
}

mode_t umask(mode_t mask)
{
    return vfs_umask(mask);
}
