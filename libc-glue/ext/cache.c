/*
 * Blocks in memory: one for each block of the device, found by number, given up least recently used
 * first. Content and metadata share the bound. What waits for a commit cannot be given up, so the
 * bound is one of good will: transactions are kept to half of it (transaction.c).
 */
#include <stdlib.h>

#include <runtime/pages.h>

#include "ext_priv.h"

#define EXT_PAGE 4096u

static size_t ext_cache_bucket(const struct ext_cache *cache, uint64_t block)
{
    return (block * 0x9e3779b97f4a7c15u >> 20) & (cache->buckets - 1);
}

int ext_cache_init(struct ext_fs *ext, size_t bytes)
{
    struct ext_cache *cache = &ext->cache;

    list_init(&cache->lru);
    list_init(&cache->data);
    list_init(&cache->meta);
    list_init(&cache->logged);
    cache->max = bytes / ext->block_size;
    cache->buckets = 64;
    while (cache->buckets < cache->max)
        cache->buckets *= 2;
    cache->table = calloc(cache->buckets, sizeof(struct ext_buf *));
    return cache->table != NULL ? 0 : -ENOMEM;
}

/* ---- memory of blocks: parts of pages ---- */

static uint8_t *ext_cache_new_data(struct ext_fs *ext)
{
    struct ext_cache *cache = &ext->cache;
    uint8_t *data = cache->pages;

    if (data == NULL) {
        data = pages_get();
        if (data == NULL)
            return NULL;
        for (unsigned at = ext->block_size; at < EXT_PAGE; at += ext->block_size) {
            *(void **)(data + at) = cache->pages;
            cache->pages = data + at;
        }
        return data;
    }
    cache->pages = *(void **)data;
    return data;
}

static void ext_cache_put_data(struct ext_fs *ext, uint8_t *data)
{
    if (ext->block_size == EXT_PAGE) {
        pages_put(data);
    } else {
        *(void **)data = ext->cache.pages;
        ext->cache.pages = data;
    }
}

void ext_cache_free(struct ext_fs *ext)
{
    struct ext_cache *cache = &ext->cache;
    void *whole = NULL;

    if (cache->table == NULL)
        return;
    while (!list_empty(&cache->lru)) {
        struct ext_buf *buf = list_entry(cache->lru.next, struct ext_buf, lru);

        list_remove(&buf->lru);
        ext_cache_put_data(ext, buf->data);
        free(buf);
    }
    /* A page is free when its first part is, as all of them are now. */
    for (void *part = cache->pages, *next; part != NULL; part = next) {
        next = *(void **)part;
        if (((uintptr_t)part & (EXT_PAGE - 1)) == 0) {
            *(void **)part = whole;
            whole = part;
        }
    }
    while (whole != NULL) {
        void *next = *(void **)whole;

        pages_put(whole);
        whole = next;
    }
    free(cache->table);
    cache->table = NULL;
}

void *ext_part_new(struct ext_fs *ext)
{
    return ext_cache_new_data(ext);
}

void ext_part_free(struct ext_fs *ext, void *part)
{
    ext_cache_put_data(ext, part);
}

void *ext_block_new(struct ext_fs *ext)
{
    void *block = aligned_alloc(ext->block_size, ext->block_size);

    if (block != NULL)
        memset(block, 0, ext->block_size);
    return block;
}

/* ---- finding ---- */

static struct ext_buf *ext_cache_find(struct ext_cache *cache, uint64_t block)
{
    struct ext_buf *buf = cache->table[ext_cache_bucket(cache, block)];

    while (buf != NULL && buf->block != block)
        buf = buf->hash_next;
    return buf;
}

static void ext_cache_unhash(struct ext_cache *cache, struct ext_buf *buf)
{
    struct ext_buf **at = &cache->table[ext_cache_bucket(cache, buf->block)];

    while (*at != buf)
        at = &(*at)->hash_next;
    *at = buf->hash_next;
}

static void ext_cache_drop(struct ext_fs *ext, struct ext_buf *buf)
{
    ext_cache_unhash(&ext->cache, buf);
    list_remove(&buf->lru);
    ext_cache_put_data(ext, buf->data);
    free(buf);
    ext->cache.count--;
}

/* The least recently used one that nobody needs. */
static struct ext_buf *ext_cache_victim(struct ext_cache *cache)
{
    list_for_each(link, &cache->lru)
    {
        struct ext_buf *buf = list_entry(link, struct ext_buf, lru);

        if (buf->state == EXT_CLEAN && buf->pins == 0)
            return buf;
    }
    return NULL;
}

/* Bring the number of buffers below the bound, if that can be done without a commit. */
static int ext_cache_trim(struct ext_fs *ext)
{
    struct ext_cache *cache = &ext->cache;
    int error;

    while (cache->count >= cache->max) {
        struct ext_buf *buf = NULL;

        /* A walk along the list is worth it only when there is something to find. */
        if (cache->count > cache->n_data + cache->n_meta + cache->n_logged)
            buf = ext_cache_victim(cache);
        if (buf != NULL) {
            ext_cache_drop(ext, buf);
            continue;
        }
        if (cache->n_data > 0)
            error = ext_write_list(ext, &cache->data, -1);
        else if (cache->n_logged > 0 && !ext->aborted) /* else the log may not have them */
            error = ext_write_list(ext, &cache->logged, -1);
        else
            return 0;
        if (error < 0)
            return error;
        if (ext_cache_victim(cache) == NULL)
            return 0; /* all pinned */
    }
    return 0;
}

static int ext_cache_new(struct ext_fs *ext, uint64_t block, struct ext_buf **out)
{
    struct ext_cache *cache = &ext->cache;
    struct ext_buf *buf;
    size_t bucket;
    int error = ext_cache_trim(ext);

    if (error < 0)
        return error;
    buf = calloc(1, sizeof(*buf));
    if (buf == NULL)
        return -ENOMEM;
    buf->data = ext_cache_new_data(ext);
    if (buf->data == NULL) {
        free(buf);
        return -ENOMEM;
    }
    buf->block = block;
    bucket = ext_cache_bucket(cache, block);
    buf->hash_next = cache->table[bucket];
    cache->table[bucket] = buf;
    list_init(&buf->dirty);
    list_append(&cache->lru, &buf->lru);
    cache->count++;
    *out = buf;
    return 0;
}

struct ext_buf *ext_get_cached(struct ext_fs *ext, uint64_t block)
{
    struct ext_buf *buf = ext_cache_find(&ext->cache, block);

    if (buf == NULL || !buf->valid)
        return NULL;
    list_remove(&buf->lru);
    list_append(&ext->cache.lru, &buf->lru);
    buf->pins++;
    return buf;
}

int ext_get_new(struct ext_fs *ext, uint64_t block, struct ext_buf **out)
{
    int error;

    *out = ext_get_cached(ext, block);
    if (*out != NULL)
        return 0;
    if (block >= ext2fs_blocks_count(ext->e2->super))
        return -EBADMSG;
    *out = ext_cache_find(&ext->cache, block);
    if (*out != NULL && (*out)->busy)
        return -EBADMSG; /* the content of a file, and something else */
    if (*out == NULL) {
        error = ext_cache_new(ext, block, out);
        if (error < 0)
            return error;
    }
    (*out)->pins++;
    (*out)->valid = true;
    return 0;
}

int ext_get(struct ext_fs *ext, uint64_t block, struct ext_buf **out)
{
    int error;

    *out = ext_get_cached(ext, block);
    if (*out != NULL)
        return 0;
    error = ext_get_new(ext, block, out);
    if (error < 0)
        return error;
    error = ext_io_bufs(ext, out, 1, false);
    if (error < 0) {
        (*out)->pins--;
        ext_cache_drop(ext, *out);
    }
    return error;
}

void ext_put(struct ext_buf *buf)
{
    if (buf != NULL)
        buf->pins--;
}

int ext_read_ahead(struct ext_fs *ext, uint64_t block, unsigned n)
{
    struct ext_buf *bufs[EXT_IO_PIECES];
    unsigned count = 0;
    int error = 0;

    if (n > EXT_IO_PIECES)
        n = EXT_IO_PIECES;
    for (unsigned i = 0; i < n; i++) {
        if (ext_cache_find(&ext->cache, block + i) != NULL)
            continue;
        error = ext_get_new(ext, block + i, &bufs[count]);
        if (error < 0)
            break;
        count++;
    }
    error = count > 0 ? ext_io_bufs(ext, bufs, count, false) : error;
    for (unsigned i = 0; i < count; i++) {
        ext_put(bufs[i]);
        if (error < 0)
            ext_cache_drop(ext, bufs[i]);
    }
    return error;
}

/* ---- content, without the lock ---- */

void ext_await_read(struct ext_fs *ext)
{
    unsigned before = ext->reads.n;
    bool was_masked;

    mutex_unlock(&ext->lock);
    for (;;) {
        was_masked = spin_lock(&ext->reads.spin);
        if (ext->reads.n != before)
            break;
        wait_queue_sleep(&ext->reads.ended, &ext->reads.spin, was_masked, CLOCK_NEVER, false,
                         "disk");
    }
    spin_unlock(&ext->reads.spin, was_masked);
    mutex_lock(&ext->lock);
}

void ext_read_ended(struct ext_fs *ext)
{
    bool was_masked = spin_lock(&ext->reads.spin);

    ext->reads.n++;
    wait_queue_wake(&ext->reads.ended, WAKE_ALL);
    spin_unlock(&ext->reads.spin, was_masked);
}

/* Those of n blocks that are not in memory; the first is among them. */
static int ext_cache_fetch(struct ext_fs *ext, uint64_t block, unsigned n)
{
    struct ext_buf *bufs[EXT_IO_PIECES];
    unsigned count = 0;
    int error = 0;

    if (n > EXT_IO_PIECES)
        n = EXT_IO_PIECES;
    for (unsigned i = 0; i < n; i++) {
        if (ext_cache_find(&ext->cache, block + i) != NULL)
            continue;
        error = ext_get_new(ext, block + i, &bufs[count]);
        if (error < 0)
            break;
        bufs[count]->valid = false;
        bufs[count++]->busy = true;
    }
    if (count == 0)
        return error;
    error = ext_io_read_unlocked(ext, bufs, count);
    for (unsigned i = 0; i < count; i++) {
        bufs[i]->busy = false;
        bufs[i]->valid = error == 0;
        ext_put(bufs[i]);
        if (error < 0)
            ext_cache_drop(ext, bufs[i]);
    }
    ext_read_ended(ext);
    return error;
}

int ext_get_content(struct ext_fs *ext, uint64_t block, unsigned n, struct ext_buf **out)
{
    for (;;) {
        struct ext_buf *buf;
        int error = 0;

        *out = ext_get_cached(ext, block);
        if (*out != NULL)
            return 0;
        buf = ext_cache_find(&ext->cache, block);
        if (buf != NULL && !buf->busy)
            return ext_get(ext, block, out);
        if (buf != NULL)
            ext_await_read(ext); /* another thread's */
        else
            error = ext_cache_fetch(ext, block, n);
        /* Beside what cannot be read there may be what was wanted. */
        if (error < 0 && n == 1)
            return error;
        if (error < 0)
            n = 1;
    }
}

/* ---- states ---- */

void ext_clean(struct ext_fs *ext, struct ext_buf *buf)
{
    struct ext_cache *cache = &ext->cache;

    switch (buf->state) {
    case EXT_DATA:
        cache->n_data--;
        cache->n_fresh -= buf->fresh;
        buf->fresh = false;
        break;
    case EXT_META:
        cache->n_meta--;
        break;
    case EXT_LOGGED:
        cache->n_logged--;
        break;
    }
    list_remove(&buf->dirty);
    buf->state = EXT_CLEAN;
}

void ext_dirty_meta(struct ext_fs *ext, struct ext_buf *buf, enum ext_class class)
{
    struct ext_cache *cache = &ext->cache;

    if (buf->state == EXT_META) {
        /* A new block that is changed again stays one that must go first. */
        if (class < buf->class)
            buf->class = class;
        return;
    }
    if (buf->state != EXT_CLEAN)
        ext_clean(ext, buf);
    buf->state = EXT_META;
    buf->class = class;
    list_append(&cache->meta, &buf->dirty);
    cache->n_meta++;
}

void ext_dirty_data(struct ext_fs *ext, struct ext_buf *buf, ext2_ino_t owner, bool fresh)
{
    struct ext_cache *cache = &ext->cache;

    if (buf->state == EXT_DATA) {
        cache->n_fresh += fresh && !buf->fresh;
        buf->fresh |= fresh;
        return;
    }
    if (buf->state != EXT_CLEAN)
        ext_clean(ext, buf);
    buf->state = EXT_DATA;
    buf->fresh = fresh;
    buf->owner = owner;
    list_append(&cache->data, &buf->dirty);
    cache->n_data++;
    cache->n_fresh += fresh;
}

void ext_forget(struct ext_fs *ext, uint64_t block)
{
    struct ext_buf *buf = ext_cache_find(&ext->cache, block);

    if (buf == NULL)
        return;
    if (buf->state != EXT_CLEAN)
        ext_clean(ext, buf);
    if (buf->pins == 0)
        ext_cache_drop(ext, buf);
}
