#include "ramfs_data.h"

#include <string.h>

#include <runtime/pages.h>

#include "file.h"

#define RAMFS_PAGE   4096u
#define RAMFS_SHIFT  12
#define RAMFS_FANOUT 512u
#define RAMFS_BITS   9

/* What files leave to the rest of the program: 1/32 of memory, 64 to 1024 pages. */
#define RAMFS_RESERVE_PART 32u
#define RAMFS_RESERVE_MIN  64u
#define RAMFS_RESERVE_MAX  1024u

struct ramfs_node {
    void *child[RAMFS_FANOUT];
};
_Static_assert(sizeof(struct ramfs_node) == RAMFS_PAGE, "a node is a page");

static void *ramfs_page_get(void)
{
    struct pages_stats stats;
    size_t reserve;

    pages_get_stats(&stats);
    reserve = stats.total / RAMFS_RESERVE_PART;
    if (reserve < RAMFS_RESERVE_MIN)
        reserve = RAMFS_RESERVE_MIN;
    if (reserve > RAMFS_RESERVE_MAX)
        reserve = RAMFS_RESERVE_MAX;
    return stats.free > reserve || pages_reclaim(1) != 0 ? pages_get() : NULL;
}

/* Pages that a tree of so many levels can hold. */
static uint64_t ramfs_data_span(unsigned levels)
{
    return 1ull << levels * RAMFS_BITS;
}

static unsigned ramfs_data_slot(uint64_t index, unsigned level)
{
    return (unsigned)(index >> (level - 1) * RAMFS_BITS) % RAMFS_FANOUT;
}

static char *ramfs_data_page(const struct ramfs_data *data, uint64_t index)
{
    void *at = data->root;

    if (index >= ramfs_data_span(data->levels))
        return NULL;
    for (unsigned level = data->levels; level > 0 && at != NULL; level--)
        at = ((struct ramfs_node *)at)->child[ramfs_data_slot(index, level)];
    return at;
}

/* Put a level on top until index fits. */
static bool ramfs_data_raise(struct ramfs_data *data, uint64_t index)
{
    while (index >= ramfs_data_span(data->levels)) {
        if (data->root != NULL) {
            struct ramfs_node *node = ramfs_page_get();

            if (node == NULL)
                return false;
            memset(node, 0, sizeof(*node));
            node->child[0] = data->root;
            data->root = node;
        }
        data->levels++;
    }
    return true;
}

/* What a page that does not exist reads as. */
static void ramfs_data_fill(const struct ramfs_data *data, uint64_t index, char *page)
{
    uint64_t start = index << RAMFS_SHIFT;
    size_t have = 0;

    if (start < data->origin_len) {
        have = data->origin_len - start;
        if (have > RAMFS_PAGE)
            have = RAMFS_PAGE;
        memcpy(page, data->origin + start, have);
    }
    memset(page + have, 0, RAMFS_PAGE - have);
}

/* The page for writing; whole: all of it will be overwritten. NULL when memory ran out. */
static char *ramfs_data_make(struct ramfs_data *data, uint64_t index, bool whole)
{
    void **at = &data->root;

    if (!ramfs_data_raise(data, index))
        return NULL;
    for (unsigned level = data->levels; level > 0; level--) {
        if (*at == NULL) {
            *at = ramfs_page_get();
            if (*at == NULL)
                return NULL;
            memset(*at, 0, RAMFS_PAGE);
        }
        at = &((struct ramfs_node *)*at)->child[ramfs_data_slot(index, level)];
    }
    if (*at == NULL) {
        char *page = ramfs_page_get();

        if (page == NULL)
            return NULL;
        if (!whole)
            ramfs_data_fill(data, index, page);
        *at = page;
        data->pages++;
    }
    return *at;
}

void *ramfs_data_get(struct ramfs_data *data, uint64_t index)
{
    return ramfs_data_make(data, index, false);
}

static size_t ramfs_data_part(off_t offset, size_t len)
{
    size_t room = RAMFS_PAGE - (size_t)(offset % RAMFS_PAGE);

    return len < room ? len : room;
}

void ramfs_data_read(const struct ramfs_data *data, off_t offset, size_t len,
                     const struct iovec *iov, int n)
{
    size_t done = 0;

    while (done < len) {
        uint64_t at = (uint64_t)offset + done;
        size_t part = ramfs_data_part((off_t)at, len - done);
        const char *page = ramfs_data_page(data, at >> RAMFS_SHIFT);

        if (page != NULL) {
            iov_put(iov, n, done, page + at % RAMFS_PAGE, part);
        } else {
            size_t have = at < data->origin_len ? data->origin_len - at : 0;

            if (have > part)
                have = part;
            if (have > 0)
                iov_put(iov, n, done, data->origin + at, have);
            iov_zero(iov, n, done + have, part - have);
        }
        done += part;
    }
}

size_t ramfs_data_write(struct ramfs_data *data, off_t offset, size_t len, const struct iovec *iov,
                        int n)
{
    size_t done = 0;

    while (done < len) {
        uint64_t at = (uint64_t)offset + done;
        size_t part = ramfs_data_part((off_t)at, len - done);
        char *page = ramfs_data_make(data, at >> RAMFS_SHIFT, part == RAMFS_PAGE);

        if (page == NULL)
            break;
        iov_take(iov, n, done, page + at % RAMFS_PAGE, part);
        done += part;
    }
    return done;
}

bool ramfs_data_allocate(struct ramfs_data *data, off_t offset, off_t len)
{
    uint64_t last = (uint64_t)(offset + len - 1) >> RAMFS_SHIFT;

    for (uint64_t index = (uint64_t)offset >> RAMFS_SHIFT; index <= last; index++)
        if (ramfs_data_make(data, index, false) == NULL)
            return false;
    return true;
}

/* Free pages from number first on, below at, which spans from start. True when nothing is left. */
static bool ramfs_data_prune(struct ramfs_data *data, void *at, unsigned level, uint64_t start,
                             uint64_t first)
{
    struct ramfs_node *node = at;
    uint64_t span = ramfs_data_span(level);
    bool empty = true;

    if (level == 0) {
        if (start < first)
            return false;
        pages_put(at);
        data->pages--;
        return true;
    }
    for (unsigned i = 0; i < RAMFS_FANOUT; i++) {
        uint64_t child_start = start + i * (span / RAMFS_FANOUT);

        if (node->child[i] == NULL)
            continue;
        if (child_start + span / RAMFS_FANOUT > first &&
            ramfs_data_prune(data, node->child[i], level - 1, child_start, first))
            node->child[i] = NULL;
        else
            empty = false;
    }
    if (empty)
        pages_put(node);
    return empty;
}

void ramfs_data_truncate(struct ramfs_data *data, off_t size)
{
    uint64_t first = ((uint64_t)size + RAMFS_PAGE - 1) >> RAMFS_SHIFT;
    size_t tail = (size_t)(size % RAMFS_PAGE);

    if (data->root != NULL && ramfs_data_prune(data, data->root, data->levels, 0, first)) {
        data->root = NULL;
        data->levels = 0;
    }
    if (data->origin_len > (uint64_t)size)
        data->origin_len = (size_t)size;
    if (tail != 0) {
        char *page = ramfs_data_page(data, (uint64_t)size >> RAMFS_SHIFT);

        if (page != NULL)
            memset(page + tail, 0, RAMFS_PAGE - tail);
    }
}

/*
 * The first page number from index on that has a page (or, for hole, has none); UINT64_MAX when the
 * tree ends before. What a missing node spans is passed in one step.
 */
static uint64_t ramfs_data_next(const struct ramfs_data *data, uint64_t index, bool hole)
{
    while (index < ramfs_data_span(data->levels) && data->root != NULL) {
        void *at = data->root;
        unsigned level = data->levels;
        uint64_t span;

        for (; level > 0 && at != NULL; level--)
            at = ((struct ramfs_node *)at)->child[ramfs_data_slot(index, level)];
        if ((at == NULL) == hole)
            return index;
        span = at == NULL ? ramfs_data_span(level) : 1;
        index = (index / span + 1) * span;
    }
    return hole ? index : UINT64_MAX;
}

off_t ramfs_data_seek(const struct ramfs_data *data, off_t offset, off_t size, bool hole)
{
    uint64_t at = (uint64_t)offset, page, found;

    /* All of the origin is data. */
    if (at < data->origin_len) {
        if (!hole)
            return offset;
        at = data->origin_len;
    }
    if (at >= (uint64_t)size)
        return size;
    page = ramfs_data_next(data, at >> RAMFS_SHIFT, hole);
    found = page > (uint64_t)size >> RAMFS_SHIFT ? (uint64_t)size : page << RAMFS_SHIFT;
    if (found < at)
        found = at;
    return (off_t)(found < (uint64_t)size ? found : (uint64_t)size);
}
