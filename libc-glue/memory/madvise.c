/*
 * madvise and its relatives. All memory but that of files is resident and locked as it is, so most
 * advice changes nothing; MADV_DONTNEED is more than advice: programs rely on the zeroes that it leaves,
 * or on the file's content.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <runtime/vmem.h>

#include "mapping_file.h"
#include "process/result.h"

/* There are none in a program that maps no file. */
extern __typeof__(mapping_is_file) mapping_is_file __attribute__((weak));
extern __typeof__(mapping_file_forget) mapping_file_forget __attribute__((weak));
extern __typeof__(mapping_file_sync) mapping_file_sync __attribute__((weak));
extern __typeof__(mapping_resolve) mapping_resolve __attribute__((weak));

/* -ENOMEM when a page of the range is not mapped. */
static int madvise_check(uintptr_t at, size_t len)
{
    size_t n = mapping_pages(len);

    if (at % PAGE_SIZE != 0)
        return -EINVAL;
    if (len != 0 && n == 0)
        return -ENOMEM;
    if (vmem_in_use(at, n) == VMEM_ALL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (memory_lookup(at + i * PAGE_SIZE, NULL) == NULL)
            return -ENOMEM;
    }
    return 0;
}

static void madvise_zero(uintptr_t at, size_t n)
{
    unsigned prot;

    for (size_t i = 0; i < n; i++) {
        uintptr_t page = at + i * PAGE_SIZE;
        if (mapping_file_forget != NULL && mapping_file_forget(page))
            continue;
        if (memory_lookup(page, &prot) == NULL)
            continue; /* reserved only: zeroed when it gets its page */
        if ((prot & MEMORY_WRITE) != 0) {
            memset((void *)page, 0, PAGE_SIZE);
            continue;
        }
        memory_protect(page, 1, MEMORY_READ | MEMORY_WRITE);
        memset((void *)page, 0, PAGE_SIZE);
        memory_protect(page, 1, prot);
    }
}

int madvise(void *address, size_t len, int advice)
{
    int error = advice >= MADV_NORMAL && advice <= MADV_PAGEOUT
                    ? madvise_check((uintptr_t)address, len)
                    : -EINVAL;

    if (error == 0 && advice == MADV_DONTNEED)
        madvise_zero((uintptr_t)address, mapping_pages(len));
    return (int)result(error);
}

int posix_madvise(void *address, size_t len, int advice)
{
    if (advice < POSIX_MADV_NORMAL || advice > POSIX_MADV_DONTNEED)
        return EINVAL;
    return -madvise_check((uintptr_t)address, len);
}

int mincore(void *address, size_t len, unsigned char *resident)
{
    int error = madvise_check((uintptr_t)address, len);

    for (size_t i = 0; error == 0 && i < mapping_pages(len); i++) {
        bool here = true;

        if (mapping_is_file != NULL && !mapping_is_file((uintptr_t)address + i * PAGE_SIZE, &here))
            here = true;
        resident[i] = here;
    }
    return (int)result(error);
}

int msync(void *address, size_t len, int flags)
{
    if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0 ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return (int)result(-EINVAL);
    int error = madvise_check((uintptr_t)address, len);
    if (error == 0 && len != 0 && mapping_file_sync != NULL)
        error = mapping_file_sync((uintptr_t)address, mapping_pages(len), (flags & MS_ASYNC) == 0);
    return (int)result(error);
}

/* Any address will do, and the whole pages around it are meant. */
static int madvise_lock(const void *address, size_t len)
{
    uintptr_t at = (uintptr_t)address & PAGE_MASK;

    return (int)result(madvise_check(at, len + ((uintptr_t)address - at)));
}

int mlock(const void *address, size_t len)
{
    return madvise_lock(address, len);
}

int munlock(const void *address, size_t len)
{
    return madvise_lock(address, len);
}

int mlockall(int flags)
{
    if (flags == 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) != 0)
        return (int)result(-EINVAL);
    return 0;
}

int munlockall(void)
{
    return 0;
}
