/* Transfers to and from memory that shows files: its pages stay for as long as the transfer takes. */
#include <errno.h>

#include "files/file.h"
#include "mapping_file.h"
#include "mapping_pages.h"

#define MAPPING_PIN_PAGES 64u /* at a time */
#define MAPPING_PIN_PIECES 16

const char mapping_pin_is_linked = 1;

/* What is pinned, and the pieces of memory in it. */
struct mapping_part {
    struct mapping_page *pages[MAPPING_PIN_PAGES];
    unsigned n_pages;
    struct iovec iov[MAPPING_PIN_PIECES];
    int n;
    size_t len;
};

static bool mapping_piece_is_near(const struct iovec *piece)
{
    uintptr_t at = (uintptr_t)piece->iov_base, start = memory_region_start(MEMORY_REGION_MMAP);

    return piece->iov_len != 0 && at + piece->iov_len > start &&
           at < start + memory_region_size(MEMORY_REGION_MMAP);
}

bool mapping_pin_needed(const struct iovec *iov, int n)
{
    bool needed = false;

    if (list_empty(&mapping.areas)) /* a glance: an area that comes now comes after the transfer */
        return false;
    for (int i = 0; i < n && !needed; i++) {
        struct mapping_area *area;
        bool was_masked;

        if (!mapping_piece_is_near(&iov[i]))
            continue;
        was_masked = spin_lock(&mapping.lock);
        area = mapping_area_after((uintptr_t)iov[i].iov_base);
        needed = area != NULL && area->start < (uintptr_t)iov[i].iov_base + iov[i].iov_len;
        spin_unlock(&mapping.lock, was_masked);
    }
    return needed;
}

/* Pin up to len bytes at `at`; *len becomes how many. */
static int mapping_part_add(struct mapping_part *part, uintptr_t at, size_t *len, unsigned access)
{
    uintptr_t va = at & PAGE_MASK, end = at + *len;
    bool resident;
    int error = 0;

    for (; va < end; va += PAGE_SIZE) {
        struct mapping_page *page = NULL;

        if (part->n_pages == MAPPING_PIN_PAGES)
            break;
        if (mapping_is_file(va, &resident)) {
            error = mapping_pin(va, access, &page);
            if (error < 0)
                break;
        }
        if (page != NULL)
            part->pages[part->n_pages++] = page;
    }
    if (va < end)
        *len = va > at ? va - at : 0;
    part->iov[part->n++] = (struct iovec){ .iov_base = (void *)at, .iov_len = *len };
    part->len += *len;
    return error;
}

/* The pieces from skip bytes on, as many as can be pinned at once. */
static int mapping_part_begin(struct mapping_part *part, const struct iovec *iov, int n,
                              size_t skip, unsigned access)
{
    int error = 0;

    part->n_pages = 0;
    part->n = 0;
    part->len = 0;
    for (int i = 0; i < n && part->n < MAPPING_PIN_PIECES && error == 0; i++) {
        size_t len = iov[i].iov_len, wanted;

        if (skip >= len) {
            skip -= len;
            continue;
        }
        len -= skip;
        wanted = len;
        error = mapping_part_add(part, (uintptr_t)iov[i].iov_base + skip, &len, access);
        skip = 0;
        if (len < wanted)
            break;
    }
    return part->len > 0 || error == 0 ? 0 : -EFAULT;
}

static void mapping_part_end(struct mapping_part *part)
{
    while (part->n_pages > 0)
        mapping_unpin(part->pages[--part->n_pages]);
}

ssize_t mapping_pinned(const struct iovec *iov, int n, bool into, mapping_transfer_t transfer,
                       void *arg)
{
    unsigned access = into ? MEMORY_READ | MEMORY_WRITE : MEMORY_READ;
    size_t len = 0, done = 0;
    struct mapping_part part;
    ssize_t some = 0;

    for (int i = 0; i < n; i++)
        len += iov[i].iov_len;
    while (done < len) {
        some = mapping_part_begin(&part, iov, n, done, access);
        if (some == 0)
            some = transfer(arg, part.iov, part.n);
        mapping_part_end(&part);
        if (some > 0)
            done += (size_t)some;
        if (some < 0 || (size_t)some < part.len)
            break;
    }
    return done > 0 ? (ssize_t)done : some;
}

/* ---- of files ---- */

struct mapping_file_parts {
    struct file *file;
    file_transfer_t transfer;
    off_t at;
    bool has_offset;
};

static ssize_t mapping_transfer_part(void *arg, const struct iovec *iov, int n)
{
    struct mapping_file_parts *parts = arg;
    ssize_t done = file_transfer(parts->file, parts->transfer, iov, n,
                                 parts->has_offset ? &parts->at : NULL);

    if (done > 0)
        parts->at += done;
    return done;
}

ssize_t mapping_transfer(struct file *file, bool into, const struct iovec *iov, int n,
                         const off_t *offset)
{
    struct mapping_file_parts parts = {
        .file = file,
        .transfer = into ? file->ops->read : file->ops->write,
        .at = offset != NULL ? *offset : 0,
        .has_offset = offset != NULL,
    };
    ssize_t len = iov_length(iov, n);

    return len <= 0 ? len : mapping_pinned(iov, n, into, mapping_transfer_part, &parts);
}
