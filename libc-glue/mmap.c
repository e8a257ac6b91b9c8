/*
 * mmap: memory by the page.
 *
 * A guest has one process, so shared and private anonymous memory are the same. A private mapping of
 * a file is a copy of its bytes. Every page is there when mmap() returns: no access fails later.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <runtime/vmem.h>

#include "fd.h"
#include "mapping.h"
#include "result.h"

#define MMAP_KNOWN_PROT (PROT_READ | PROT_WRITE | PROT_EXEC)

struct mutex mapping_mutex = MUTEX_INIT;

size_t mapping_pages(size_t len)
{
    size_t pages = len / PAGE_SIZE + (len % PAGE_SIZE != 0);

    return pages <= memory_region_size(MEMORY_REGION_MMAP) / PAGE_SIZE ? pages : 0;
}

int mapping_protection(int prot)
{
    if ((prot & ~MMAP_KNOWN_PROT) != 0)
        return -EINVAL;
    return prot == PROT_NONE ? 0
                             : (int)(MEMORY_READ | ((prot & PROT_WRITE) != 0 ? MEMORY_WRITE : 0) |
                                     ((prot & PROT_EXEC) != 0 ? MEMORY_EXEC : 0));
}

bool mapping_taken(uintptr_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uintptr_t page = at + i * PAGE_SIZE;
        /* Without a page it may be reserved: then taking its protection away succeeds. */
        if (memory_lookup(page, NULL) != NULL || vmem_protect(page, 1, 0) == 0)
            return true;
    }
    return false;
}

/* n pages where the caller wants them: at `at` for MAP_FIXED and MAP_FIXED_NOREPLACE. */
static int mmap_place(uintptr_t *at, size_t n, int flags, unsigned prot)
{
    int error = 0;

    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) == 0) {
        *at = vmem_map(0, n, prot);
        return *at != 0 ? 0 : -ENOMEM;
    }
    if (*at == 0 || *at % PAGE_SIZE != 0)
        return -EINVAL;
    mutex_lock(&mapping_mutex);
    if ((flags & MAP_FIXED_NOREPLACE) != 0 && mapping_taken(*at, n))
        error = -EEXIST;
    else if (vmem_map(*at, n, prot) == 0)
        error = -ENOMEM;
    mutex_unlock(&mapping_mutex);
    return error;
}

/* Copy len bytes of the file from offset on; what lies behind its end stays zero. */
static int mmap_fill(struct file *file, uintptr_t at, size_t len, off_t offset)
{
    size_t done = 0;

    while (done < len) {
        struct iovec iov = { .iov_base = (void *)(at + done), .iov_len = len - done };
        off_t from = offset + (off_t)done;
        ssize_t n = file_read(file, &iov, 1, &from);

        if (n == -EINTR)
            continue;
        if (n < 0)
            return (int)n;
        if (n == 0)
            return 0;
        done += (size_t)n;
    }
    return 0;
}

/* May this open file be mapped that way? */
static int mmap_check_file(struct file *file, int flags)
{
    struct stat stat;
    int error = file_stat(file, &stat);

    if (error != 0)
        return error;
    if ((file_flags(file) & O_ACCMODE) == O_WRONLY)
        return -EACCES;
    return S_ISREG(stat.st_mode) && (flags & MAP_TYPE) == MAP_PRIVATE ? 0 : -ENODEV;
}

static int mmap_file(uintptr_t *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    size_t n = mapping_pages(len);
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL)
        return -EBADF;
    error = mmap_check_file(file, flags);
    if (error == 0)
        error = mmap_place(at, n, flags, MEMORY_READ | MEMORY_WRITE);
    if (error == 0) {
        error = mmap_fill(file, *at, len, offset);
        if (error == 0)
            error = vmem_protect(*at, n, (unsigned)mapping_protection(prot));
        if (error != 0)
            vmem_unmap(*at, n);
    }
    file_put(file);
    return error;
}

void *mmap(void *address, size_t len, int prot, int flags, int fd, off_t offset)
{
    uintptr_t at = (uintptr_t)address;
    int protection = mapping_protection(prot);
    int type = flags & MAP_TYPE;
    int error;

    if (len == 0 || protection < 0 || offset < 0 || offset % (off_t)PAGE_SIZE != 0)
        error = -EINVAL;
    else if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
        error = -EINVAL;
    else if (mapping_pages(len) == 0)
        error = -ENOMEM;
    else if ((flags & MAP_ANONYMOUS) != 0)
        error = mmap_place(&at, mapping_pages(len), flags, (unsigned)protection);
    else
        error = mmap_file(&at, len, prot, flags, fd, offset);
    return error == 0 ? (void *)at : (void *)result(error);
}

int munmap(void *address, size_t len)
{
    size_t n = mapping_pages(len);

    return (int)result(n != 0 ? vmem_unmap((uintptr_t)address, n) : -EINVAL);
}
