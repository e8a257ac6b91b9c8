#include "file_block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "disk.h"

#define FILE_BLOCK_FEW 8 /* pieces that need no memory */

struct file_block {
    struct file file;
    struct block_device *device;
};

/* One transfer: the pieces of the program's memory, with what lies around them in its sectors. */
struct file_block_transfer {
    struct block_request request;
    struct block_piece few[FILE_BLOCK_FEW + 2], *pieces;
    unsigned char *edges; /* the first sector and the last; NULL when all is aligned */
    size_t head, tail;    /* bytes of them that are not the program's */
};

/*
 * A write that has to read and write back what lies around it has the disks to itself: else it
 * could put back what another write has just replaced. Writes of whole sectors only count
 * themselves.
 */
static struct {
    struct mutex edges; /* "edges of writes": held by the former, and briefly by the latter */
    uint32_t whole;     /* atomic: writes of whole sectors under way */
} file_block_writes;

static struct file_block *file_block_of(struct file *file)
{
    return (struct file_block *)file;
}

static uint64_t file_block_size(const struct block_device *device)
{
    return device->sectors * BLOCK_SECTOR;
}

ssize_t file_block_clip(struct block_device *device, off_t offset, size_t len, bool is_write)
{
    uint64_t size = file_block_size(device), at = (uint64_t)offset;

    if (device->gone)
        return -EIO;
    if (len == 0)
        return 0;
    if (at >= size)
        return is_write ? -ENOSPC : 0;
    return (ssize_t)(len < size - at ? len : size - at);
}

/*
 * ---- transfers --------------------------------------------------------------------------------
 */

/* The program's pieces, up to len bytes, at *out on. */
static struct block_piece *file_block_pieces(struct block_piece *out, const struct iovec *iov,
                                             int n, size_t len)
{
    for (int i = 0; i < n && len > 0; i++) {
        size_t part = iov[i].iov_len < len ? iov[i].iov_len : len;

        if (part > 0)
            *out++ = (struct block_piece){ .data = iov[i].iov_base, .len = part };
        len -= part;
    }
    return out;
}

static int file_block_begin(struct file_block_transfer *transfer, const struct block_device *device,
                            const struct iovec *iov, int n, off_t offset, size_t len)
{
    unsigned sector_size = device->sector_size;
    struct block_piece *end;

    memset(&transfer->request, 0, sizeof(transfer->request));
    transfer->edges = NULL;
    transfer->pieces = transfer->few;
    transfer->head = (size_t)offset % sector_size;
    transfer->tail = (sector_size - (transfer->head + len) % sector_size) % sector_size;
    if (n > FILE_BLOCK_FEW) {
        transfer->pieces = malloc(((size_t)n + 2) * sizeof(*transfer->pieces));
        if (transfer->pieces == NULL)
            return -ENOMEM;
    }
    if (transfer->head + transfer->tail > 0) {
        transfer->edges = malloc(2 * (size_t)sector_size);
        if (transfer->edges == NULL) {
            if (transfer->pieces != transfer->few)
                free(transfer->pieces);
            return -ENOMEM;
        }
    }
    end = transfer->pieces;
    if (transfer->head > 0)
        *end++ = (struct block_piece){ .data = transfer->edges, .len = transfer->head };
    end = file_block_pieces(end, iov, n, len);
    if (transfer->tail > 0)
        *end++ = (struct block_piece){ .data = transfer->edges + 2 * (size_t)sector_size -
                                               transfer->tail,
                                       .len = transfer->tail };
    transfer->request.sector = ((uint64_t)offset - transfer->head) / BLOCK_SECTOR;
    transfer->request.pieces = transfer->pieces;
    transfer->request.n = (unsigned)(end - transfer->pieces);
    return 0;
}

static void file_block_end(struct file_block_transfer *transfer)
{
    free(transfer->edges);
    if (transfer->pieces != transfer->few)
        free(transfer->pieces);
}

void file_block_write_begin(void)
{
    mutex_lock(&file_block_writes.edges);
    __atomic_fetch_add(&file_block_writes.whole, 1, __ATOMIC_ACQUIRE);
    mutex_unlock(&file_block_writes.edges);
}

void file_block_write_more(void)
{
    __atomic_fetch_add(&file_block_writes.whole, 1, __ATOMIC_ACQUIRE);
}

void file_block_write_end(void)
{
    if (__atomic_sub_fetch(&file_block_writes.whole, 1, __ATOMIC_RELEASE) == 0)
        futex_wake(&file_block_writes.whole, 1);
}

/* The sectors at the edges are ours alone. */
static void file_block_edges_begin(void)
{
    uint32_t whole;

    mutex_lock(&file_block_writes.edges);
    while ((whole = __atomic_load_n(&file_block_writes.whole, __ATOMIC_ACQUIRE)) != 0)
        futex_wait(&file_block_writes.whole, whole, CLOCK_NEVER, false, "other writes");
}

static void file_block_edges_end(void)
{
    mutex_unlock(&file_block_writes.edges);
}

/* What the sectors at the edges of a write hold now. */
static int file_block_read_edges(struct file_block_transfer *transfer, struct block_device *device,
                                 size_t len)
{
    unsigned sector_size = device->sector_size;
    uint64_t first = transfer->request.sector;
    uint64_t last = first + (transfer->head + len + transfer->tail - sector_size) / BLOCK_SECTOR;
    int error = 0;

    if (transfer->head > 0)
        error = disk_transfer(device, BLOCK_READ, first, transfer->edges, sector_size);
    if (error == 0 && transfer->tail > 0)
        error = disk_transfer(device, BLOCK_READ, last, transfer->edges + sector_size, sector_size);
    return error;
}

static ssize_t file_block_transfer(struct file *file, const struct iovec *iov, int n, off_t *offset,
                                   bool is_write)
{
    struct block_device *device = file_block_of(file)->device;
    struct file_block_transfer transfer;
    ssize_t len = file_block_clip(device, *offset, (size_t)iov_length(iov, n), is_write);
    int error;

    if (len <= 0)
        return len;
    error = file_block_begin(&transfer, device, iov, n, *offset, (size_t)len);
    if (error < 0)
        return error;
    transfer.request.op = is_write ? BLOCK_WRITE : BLOCK_READ;
    if (!is_write) {
        error = disk_run(device, &transfer.request);
    } else if (transfer.edges == NULL) {
        file_block_write_begin();
        error = disk_run(device, &transfer.request);
        file_block_write_end();
    } else {
        file_block_edges_begin();
        error = file_block_read_edges(&transfer, device, (size_t)len);
        if (error == 0)
            error = disk_run(device, &transfer.request);
        file_block_edges_end();
    }
    file_block_end(&transfer);
    if (error < 0)
        return error;
    *offset += len;
    return len;
}

static ssize_t file_block_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    return file_block_transfer(file, iov, n, offset, false);
}

/* What the device cannot flush is as safe as it can be; the log has said so. */
static int file_block_flush(struct block_device *device)
{
    int error = disk_transfer(device, BLOCK_FLUSH, 0, NULL, 0);

    return error == -EOPNOTSUPP ? 0 : error;
}

static ssize_t file_block_write(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    ssize_t done = file_block_transfer(file, iov, n, offset, true);

    if (done > 0 && (file_flags(file) & O_SYNC) != 0) {
        int error = file_block_flush(file_block_of(file)->device);

        if (error < 0)
            return error;
    }
    return done;
}

struct block_device *file_block_async(struct file *file, off_t offset, size_t len)
{
    struct block_device *device;

    if (file->ops->read != file_block_read)
        return NULL;
    device = file_block_of(file)->device;
    return ((size_t)offset | len) % device->sector_size == 0 ? device : NULL;
}

/*
 * ---- the rest of a file ------------------------------------------------------------------------
 */

static off_t file_block_seek(struct file *file, off_t offset, int whence)
{
    return file_position(file, (off_t)file_block_size(file_block_of(file)->device), offset, whence);
}

static int file_block_sync(struct file *file, bool data_only)
{
    (void)data_only;
    return file_block_flush(file_block_of(file)->device);
}

static int file_block_discard(struct file *file, const uint64_t *range)
{
    struct block_device *device = file_block_of(file)->device;
    uint64_t size = file_block_size(device);

    if ((file_flags(file) & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if ((range[0] | range[1]) % device->sector_size != 0 || range[0] > size ||
        range[1] > size - range[0])
        return -EINVAL;
    return disk_transfer(device, BLOCK_DISCARD, range[0] / BLOCK_SECTOR, NULL, range[1]);
}

static int file_block_ioctl(struct file *file, unsigned long request, void *arg)
{
    struct block_device *device = file_block_of(file)->device;

    switch (request) {
    case BLKGETSIZE64:
        *(uint64_t *)arg = file_block_size(device);
        return 0;
    case BLKGETSIZE:
        *(unsigned long *)arg = device->sectors;
        return 0;
    case BLKSSZGET:
        *(int *)arg = (int)device->sector_size;
        return 0;
    case BLKPBSZGET:
        *(unsigned *)arg = device->sector_size;
        return 0;
    case BLKROGET:
        *(int *)arg = device->read_only;
        return 0;
    case BLKFLSBUF:
        return file_block_flush(device);
    case BLKRRPART:
        return disk_reread(device);
    case BLKDISCARD:
        return file_block_discard(file, arg);
    default:
        return -ENOTTY;
    }
}

static void file_block_close(struct file *file)
{
    disk_put(file_block_of(file)->device);
    free(file);
}

static const struct file_ops file_block_ops = {
    .kind = "block device",
    .read = file_block_read,
    .write = file_block_write,
    .seek = file_block_seek,
    .sync = file_block_sync,
    .ioctl = file_block_ioctl,
    .close = file_block_close,
};

int file_block_open(struct block_device *device, int flags, struct file **out)
{
    struct file_block *block;

    if (device->gone)
        return -ENXIO;
    if (device->read_only && (flags & O_ACCMODE) != O_RDONLY)
        return -EACCES; /* as Linux has it */
    block = malloc(sizeof(*block));
    if (block == NULL)
        return -ENOMEM;
    file_init(&block->file, &file_block_ops, flags);
    block->device = disk_ref(device);
    *out = &block->file;
    return 0;
}
