/* sendfile and copy_file_range, through a piece of memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "fd.h"
#include "signals/interrupt.h"
#include "process/result.h"

#define SYS_PIECE 65536u /* a large TCP segment */
#define SYS_PIECE_MIN 4096u

/* One write of all of it, unless the other side takes less. */
static ssize_t sys_put(struct file *out, const off_t *at, const char *bytes, size_t len)
{
    struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };

    return file_write(out, &iov, 1, at);
}

/* Offsets that are not NULL are moved; else the file's own is. */
static ssize_t sys_copy(struct file *in, off_t *in_offset, struct file *out, off_t *out_offset,
                        size_t len)
{
    size_t size = len < SYS_PIECE ? len : SYS_PIECE, done = 0;
    char *piece = malloc(size);
    ssize_t n = 0;

    if (piece == NULL && size > SYS_PIECE_MIN)
        piece = malloc(size = SYS_PIECE_MIN);
    if (piece == NULL && len > 0)
        return -ENOMEM;
    while (done < len) {
        struct iovec iov = { .iov_base = piece, .iov_len = len - done < size ? len - done : size };
        ssize_t got = file_read(in, &iov, 1, in_offset);

        n = got <= 0 ? got : sys_put(out, out_offset, piece, (size_t)got);
        if (n > 0) {
            done += (size_t)n;
            if (in_offset != NULL)
                *in_offset += n;
            else if (n < got)
                file_seek(in, n - got, SEEK_CUR); /* what was not taken is read again */
            if (out_offset != NULL)
                *out_offset += n;
        } else if (got > 0 && in_offset == NULL) {
            file_seek(in, -got, SEEK_CUR);
        }
        if (n <= 0 || n < got)
            break;
    }
    free(piece);
    return done > 0 ? (ssize_t)done : n;
}

static ssize_t sys_copy_once(int in, off_t *in_offset, int out, off_t *out_offset, size_t len)
{
    struct file *from, *to;
    ssize_t done;

    interrupt_hold();
    from = fd_get(in);
    to = fd_get(out);
    done = -EBADF;
    if (from != NULL && to != NULL) {
        if (from->ops->seek == NULL)
            done = -EINVAL;
        else
            done = sys_copy(from, in_offset, to, out_offset, len);
    }
    if (from != NULL)
        file_put(from);
    if (to != NULL)
        file_put(to);
    return done;
}

static ssize_t sys_copy_fds(int in, off_t *in_offset, int out, off_t *out_offset, size_t len)
{
    ssize_t done;

    interrupt_cancel_point();
    do
        done = sys_copy_once(in, in_offset, out, out_offset, len);
    while (interrupt_again(done));
    return result(done);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t len)
{
    return sys_copy_fds(in, offset, out, NULL, len);
}

ssize_t copy_file_range(int in, off_t *in_offset, int out, off_t *out_offset, size_t len,
                        unsigned int flags)
{
    return flags != 0 ? result(-EINVAL) : sys_copy_fds(in, in_offset, out, out_offset, len);
}
