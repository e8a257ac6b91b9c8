/*
 * mmap: memory by the page.
 *
 * A guest has one process, so shared and private anonymous memory are the same, and all of it is there
 * when mmap() returns: no access fails later. Pages of files come when they are touched: mapping_file.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <runtime/pages.h>
#include <runtime/vmem.h>

#include "files/fd.h"
#include "mapping_file.h"
#include "process/result.h"

#define MMAP_KNOWN_PROT (PROT_READ | PROT_WRITE | PROT_EXEC)
#define MMAP_OFFSET_MAX INT64_MAX

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
    return vmem_in_use(at, n) != VMEM_NONE;
}

/* Could n pages lie there? */
static bool mmap_is_place(uintptr_t at, size_t n)
{
    uintptr_t start = memory_region_start(MEMORY_REGION_MMAP);
    size_t size = memory_region_size(MEMORY_REGION_MMAP);

    return at % PAGE_SIZE == 0 && at >= start && at - start <= size &&
           n <= (size - (at - start)) / PAGE_SIZE;
}

/*
 * Where n pages go, and *at is made free: the address that the caller insists on (MAP_FIXED,
 * MAP_FIXED_NOREPLACE) or, if nothing is there, would like; else *at becomes 0. mapping_mutex is held.
 */
static int mmap_place(uintptr_t *at, size_t n, int flags)
{
    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) == 0) {
        if (!mmap_is_place(*at, n) || mapping_taken(*at, n))
            *at = 0;
        return 0;
    }
    if (*at == 0 || *at % PAGE_SIZE != 0)
        return -EINVAL;
    if (!mmap_is_place(*at, n))
        return -ENOMEM;
    if ((flags & MAP_FIXED_NOREPLACE) != 0 && mapping_taken(*at, n))
        return -EEXIST;
    return mapping_file_cut(*at, n);
}

static int mmap_anonymous(uintptr_t *at, size_t n, int flags, unsigned prot)
{
    int error;

    mutex_lock(&mapping_mutex);
    error = mmap_place(at, n, flags);
    if (error == 0) {
        *at = vmem_map(*at, n, prot);
        error = *at != 0 ? 0 : -ENOMEM;
    }
    mutex_unlock(&mapping_mutex);
    return error;
}

/* May this open file be mapped that way? */
static int mmap_check_file(struct file *file, int prot, bool shared, size_t n, off_t offset)
{
    int mode = file_flags(file) & O_ACCMODE;

    if (mode == O_WRONLY || (shared && (prot & PROT_WRITE) != 0 && mode != O_RDWR))
        return -EACCES;
    if (file->inode == NULL || !S_ISREG(file->inode->kind))
        return -ENODEV;
    return (uint64_t)offset / PAGE_SIZE + n > (uint64_t)MMAP_OFFSET_MAX / PAGE_SIZE ? -EOVERFLOW : 0;
}

/* As far as memory goes, the pages of a new mapping come now rather than when they are touched. */
static void mmap_populate(uintptr_t at, size_t n)
{
    struct pages_stats stats;

    pages_get_stats(&stats);
    for (size_t i = 0; i < n && i < stats.free / 2; i++) {
        if (mapping_resolve(at + i * PAGE_SIZE, MEMORY_READ) < 0)
            return;
    }
}

static int mmap_file(uintptr_t *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
    struct file *file = fd_get(fd);
    int error;

    if (file == NULL)
        return -EBADF;
    error = mmap_check_file(file, prot, shared, n, offset);
    if (error == 0) {
        mutex_lock(&mapping_mutex);
        error = mmap_place(at, n, flags);
        if (error == 0)
            error = mapping_file_map(at, n, (unsigned)mapping_protection(prot), shared, file, offset);
        mutex_unlock(&mapping_mutex);
    }
    file_put(file);
    if (error == 0 && (flags & (MAP_POPULATE | MAP_LOCKED)) != 0 && prot != PROT_NONE)
        mmap_populate(*at, n);
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
        error = mmap_anonymous(&at, mapping_pages(len), flags, (unsigned)protection);
    else
        error = mmap_file(&at, mapping_pages(len), prot, flags, fd, offset);
    return error == 0 ? (void *)at : (void *)result(error);
}

int munmap(void *address, size_t len)
{
    uintptr_t at = (uintptr_t)address;
    size_t n = mapping_pages(len);
    int error = -EINVAL;

    if (n != 0 && mmap_is_place(at, n)) {
        mutex_lock(&mapping_mutex);
        error = mapping_file_cut(at, n);
        if (error == 0)
            error = vmem_unmap(at, n);
        mutex_unlock(&mapping_mutex);
    }
    return (int)result(error);
}
