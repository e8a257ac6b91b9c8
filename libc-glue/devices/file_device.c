/* The devices that are always there: null, zero, full, random, urandom, console, tty. */
#include <errno.h>
#include <stdlib.h>

#include "device.h"
#include "file_console.h"
#include "random.h"
#include "files/vfs.h"

static ssize_t file_null_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    (void)file;
    (void)iov;
    (void)n;
    (void)offset;
    return 0;
}

static ssize_t file_null_write(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    (void)file;
    (void)offset;
    return iov_length(iov, n);
}

static ssize_t file_zero_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    (void)file;
    (void)offset;
    return (ssize_t)iov_zero(iov, n, 0, (size_t)iov_length(iov, n));
}

static ssize_t file_full_write(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    (void)file;
    (void)offset;
    return iov_length(iov, n) > 0 ? -ENOSPC : 0;
}

static ssize_t file_random_read(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    ssize_t done = 0;

    (void)file;
    (void)offset;
    for (int i = 0; i < n; i++) {
        int error = random_bytes(iov[i].iov_base, iov[i].iov_len);

        if (error < 0)
            return done > 0 ? done : -EIO;
        done += (ssize_t)iov[i].iov_len;
    }
    return done;
}

/* What is written to a random device is stirred in, and trusted with nothing. */
static ssize_t file_random_write(struct file *file, const struct iovec *iov, int n, off_t *offset)
{
    (void)file;
    (void)offset;
    for (int i = 0; i < n; i++)
        random_stir(iov[i].iov_base, iov[i].iov_len);
    return iov_length(iov, n);
}

static off_t file_device_seek(struct file *file, off_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return 0;
}

static void file_device_close(struct file *file)
{
    free(file);
}

static const struct file_ops file_null_ops = {
    .kind = "null",
    .read = file_null_read,
    .write = file_null_write,
    .seek = file_device_seek,
    .close = file_device_close,
};

static const struct file_ops file_zero_ops = {
    .kind = "zero",
    .read = file_zero_read,
    .write = file_null_write,
    .seek = file_device_seek,
    .close = file_device_close,
};

static const struct file_ops file_full_ops = {
    .kind = "full",
    .read = file_zero_read,
    .write = file_full_write,
    .seek = file_device_seek,
    .close = file_device_close,
};

static const struct file_ops file_random_ops = {
    .kind = "random",
    .read = file_random_read,
    .write = file_random_write,
    .seek = file_device_seek,
    .close = file_device_close,
};

static int file_device_open(const struct file_ops *ops, int flags, struct file **out)
{
    struct file *file = malloc(sizeof(*file));

    if (file == NULL)
        return -ENOMEM;
    file_init(file, ops, flags);
    *out = file;
    return 0;
}

static int file_null_open(const struct device *device, int flags, struct file **out)
{
    (void)device;
    return file_device_open(&file_null_ops, flags, out);
}

static int file_zero_open(const struct device *device, int flags, struct file **out)
{
    (void)device;
    return file_device_open(&file_zero_ops, flags, out);
}

static int file_full_open(const struct device *device, int flags, struct file **out)
{
    (void)device;
    return file_device_open(&file_full_ops, flags, out);
}

static int file_random_open(const struct device *device, int flags, struct file **out)
{
    (void)device;
    return file_device_open(&file_random_ops, flags, out);
}

static int file_terminal_open(const struct device *device, int flags, struct file **out)
{
    (void)device;
    return file_console_open(flags, out);
}

static struct device file_devices[] = {
    { .name = "null", .mode = S_IFCHR | 0666, .number = DEVICE_NULL, .open = file_null_open },
    { .name = "zero", .mode = S_IFCHR | 0666, .number = DEVICE_ZERO, .open = file_zero_open },
    { .name = "full", .mode = S_IFCHR | 0666, .number = DEVICE_FULL, .open = file_full_open },
    { .name = "random", .mode = S_IFCHR | 0666, .number = DEVICE_RANDOM, .open = file_random_open },
    { .name = "urandom", .mode = S_IFCHR | 0666, .number = DEVICE_URANDOM, .open = file_random_open },
    { .name = "tty", .mode = S_IFCHR | 0666, .number = DEVICE_TTY, .open = file_terminal_open },
    { .name = "console", .mode = S_IFCHR | 0600, .number = DEVICE_CONSOLE, .open = file_terminal_open },
};

int device_start(void)
{
    int error = device_set_dir("/dev");

    for (size_t i = 0; i < sizeof(file_devices) / sizeof(file_devices[0]) && error == 0; i++)
        error = device_add(&file_devices[i]);
    return error;
}
