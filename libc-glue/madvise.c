/*
 * madvise and its relatives. All memory is resident and locked as it is, so most advice changes
 * nothing; MADV_DONTNEED is more than advice: programs rely on the zeroes that it leaves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "mapping.h"
#include "result.h"

/* -ENOMEM when a page of the range is not mapped. */
static int madvise_check(uintptr_t at, size_t len)
{
    size_t n = mapping_pages(len);

    if (at % PAGE_SIZE != 0)
        return -EINVAL;
    if (len != 0 && n == 0)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (memory_lookup(at + i * PAGE_SIZE, NULL) == NULL && !mapping_taken(at + i * PAGE_SIZE, 1))
            return -ENOMEM;
    }
    return 0;
}

static void madvise_zero(uintptr_t at, size_t n)
{
    unsigned prot;

    for (size_t i = 0; i < n; i++) {
        uintptr_t page = at + i * PAGE_SIZE;
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

    if (error == 0)
        memset(resident, 1, mapping_pages(len));
    return (int)result(error);
}

int msync(void *address, size_t len, int flags)
{
    if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0 ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return (int)result(-EINVAL);
    return (int)result(madvise_check((uintptr_t)address, len));
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
