/*
 * file: an open file: what a descriptor stands for, whatever its kind.
 *
 * A kind (terminal, pipe, regular file, socket...) embeds struct file in its own structure, fills
 * ops, and is freed by ops->close when the last reference goes. References are held by descriptors
 * and by calls under way, so that a close() by another thread never pulls a file away from a read.
 *
 * The POSIX names are in sys_*.c; the functions here return 0, a count or a negative errno.
 */
#ifndef LIBC_GLUE_FILE_H
#define LIBC_GLUE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <runtime/sync.h>

#include "poll_source.h"

struct file;
struct inode;

struct file_entry {
    ino_t ino;
    off_t next;         /* where the directory goes on after this entry */
    unsigned char type; /* DT_* */
    char name[256];
};

/* Any of these may be NULL: the call then fails as POSIX says for a file that cannot do it. */
struct file_ops {
    const char *kind; /* "terminal", "pipe": for people */

    /*
     * Transfer between the file and iov. offset is where, and is moved on, for files that can seek;
     * NULL for the others. Wait unless O_NONBLOCK, but not once something was transferred by read.
     * The pieces are checked already: at most IOV_MAX of them, in all at most SSIZE_MAX bytes.
     */
    ssize_t (*read)(struct file *file, const struct iovec *iov, int n, off_t *offset);
    ssize_t (*write)(struct file *file, const struct iovec *iov, int n, off_t *offset);

    off_t (*seek)(struct file *file, off_t offset, int whence); /* NULL: ESPIPE */
    int (*stat)(struct file *file, struct stat *out);
    int (*truncate)(struct file *file, off_t size);
    int (*sync)(struct file *file, bool data_only);
    int (*allocate)(struct file *file, off_t offset, off_t len);
    int (*ioctl)(struct file *file, unsigned long request, void *arg);

    /* Ready for what, now: POLLIN | POLLOUT | ...; NULL: always for both. Takes no lock that sleeps. */
    unsigned (*ready)(struct file *file);
    /* O_NONBLOCK, O_APPEND ... were changed by fcntl(). */
    void (*flags_changed)(struct file *file);

    /* One step of reading a directory; see struct inode_ops. */
    int (*next_entry)(struct file *file, struct file_entry *entry);

    /* The last reference is gone: free everything. The inode is given back before. */
    void (*close)(struct file *file);
};

struct file {
    const struct file_ops *ops;
    struct poll_source *source; /* tells of changes in ready(); NULL: never changes */
    struct inode *inode;        /* what was opened by path, held (inode_hold); else NULL */
    unsigned refs;              /* atomic */
    int flags;                  /* atomic: O_ACCMODE, O_APPEND, O_NONBLOCK, ... */
    int flock;                  /* LOCK_SH, LOCK_EX or 0: see file_lock.c */

    struct mutex offset_mutex; /* "file offset": held by reads and writes that use the offset */
    off_t offset;              /* protected by offset_mutex */
};

/* A new file with one reference, the caller's. The rest of the structure is the caller's. */
void file_init(struct file *file, const struct file_ops *ops, int flags);

struct file *file_ref(struct file *file);
/* Give a reference back; the last one closes. May wait (a regular file's last pages). */
void file_put(struct file *file);

static inline int file_flags(const struct file *file)
{
    return __atomic_load_n(&file->flags, __ATOMIC_RELAXED);
}

/* At the file's own offset (offset NULL) or at *offset, which is not moved. */
ssize_t file_read(struct file *file, const struct iovec *iov, int n, const off_t *offset);
ssize_t file_write(struct file *file, const struct iovec *iov, int n, const off_t *offset);
/* What both do once it is known that they may: transfer is one of file->ops, perhaps NULL. */
typedef ssize_t (*file_transfer_t)(struct file *file, const struct iovec *iov, int n,
                                   off_t *offset);
ssize_t file_transfer(struct file *file, file_transfer_t transfer, const struct iovec *iov, int n,
                      const off_t *offset);
off_t file_seek(struct file *file, off_t offset, int whence);
/*
 * For a kind's seek: where SEEK_SET, SEEK_CUR or SEEK_END lead, which is in a file of `end` bytes. -EINVAL
 * for another whence or before the beginning, -EOVERFLOW.
 */
off_t file_position(const struct file *file, off_t end, off_t offset, int whence);
int file_stat(struct file *file, struct stat *out);
int file_ioctl(struct file *file, unsigned long request, void *arg);
/* F_SETFL: only the flags that may change are taken. */
void file_set_flags(struct file *file, int flags);

#define FILE_ALWAYS_READY ((unsigned)(POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM))

/* What poll() would report now, of all events. Any context. */
static inline unsigned file_ready(struct file *file)
{
    return file->ops->ready != NULL ? file->ops->ready(file) : FILE_ALWAYS_READY;
}

/* The bytes of n pieces, or -EINVAL when they are too many. */
ssize_t iov_length(const struct iovec *iov, int n);
/* Copy between len bytes at buffer and the pieces, beginning skip bytes into them. Returns how many. */
size_t iov_put(const struct iovec *iov, int n, size_t skip, const void *buffer, size_t len);
size_t iov_take(const struct iovec *iov, int n, size_t skip, void *buffer, size_t len);
/* Zeroes instead of a buffer. */
size_t iov_zero(const struct iovec *iov, int n, size_t skip, size_t len);

#endif
