/*
 * Inodes in memory: one for each that somebody refers to, found by number. They come from the inode
 * tables and go back there at the commit, or when the last reference goes.
 *
 * A reference may go without the lock, so an inode may be found here that is about to be released.
 * Such a one is left to die (unhashed), and a new copy is made.
 */
#include <stdlib.h>

#include <platform/clock.h>

#include "devices/device.h"
#include "ext_priv.h"

/* ---- the place on the disk ---- */

static int ext_inode_place(struct ext_fs *ext, ext2_ino_t ino, struct ext_buf **buf, uint8_t **at)
{
    ext2_filsys e2 = ext->e2;
    unsigned size = EXT2_INODE_SIZE(e2->super), index, group;
    uint64_t table, byte;
    int error;

    if (ino == 0 || ino > e2->super->s_inodes_count)
        return -EBADMSG;
    group = ext2fs_group_of_ino(e2, ino);
    index = (ino - 1) % e2->super->s_inodes_per_group;
    table = ext2fs_inode_table_loc(e2, group);
    byte = (uint64_t)index * size;
    if (table < e2->super->s_first_data_block)
        return -EBADMSG;
    error = ext_get(ext, table + byte / ext->block_size, buf);
    if (error == 0)
        *at = (*buf)->data + byte % ext->block_size;
    return error;
}

static size_t ext_raw_size(const struct ext_fs *ext)
{
    size_t size = EXT2_INODE_SIZE(ext->e2->super);

    return size < sizeof(struct ext2_inode_large) ? size : sizeof(struct ext2_inode_large);
}

int ext_inode_peek(struct ext_fs *ext, ext2_ino_t ino, struct ext2_inode *out)
{
    struct ext_buf *buf;
    uint8_t *at;
    int error = ext_inode_place(ext, ino, &buf, &at);

    if (error < 0)
        return error;
    memcpy(out, at, sizeof(*out));
    ext_put(buf);
    return 0;
}

int ext_inode_store(struct ext_fs *ext, struct ext_inode *node)
{
    struct ext_buf *buf;
    uint8_t *at;
    int error = ext_inode_place(ext, (ext2_ino_t)node->inode.ino, &buf, &at);

    if (error < 0)
        return error;
    memcpy(at, &node->raw, ext_raw_size(ext));
    ext2fs_inode_csum_set(ext->e2, (ext2_ino_t)node->inode.ino, (void *)at);
    ext_dirty_meta(ext, buf, EXT_INODE);
    ext_put(buf);
    node->is_dirty = false;
    list_remove(&node->dirty);
    return 0;
}

int ext_inode_store_all(struct ext_fs *ext)
{
    int error = 0;

    while (error == 0 && !list_empty(&ext->dirty_inodes))
        error = ext_inode_store(ext, list_entry(ext->dirty_inodes.next, struct ext_inode, dirty));
    return error;
}

void ext_inode_dirty(struct ext_inode *node, bool needed_to_read)
{
    struct ext_fs *ext = ext_of(node->inode.fs);

    node->tid = ext->journal.tid;
    if (needed_to_read)
        node->data_tid = ext->journal.tid;
    if (!node->is_dirty) {
        node->is_dirty = true;
        list_append(&ext->dirty_inodes, &node->dirty);
    }
    ext_changed(ext);
}

/* ---- the table ---- */

static struct ext_inode **ext_inode_slot(struct ext_fs *ext, ext2_ino_t ino)
{
    return &ext->inodes[(ino * 2654435761u >> 7) & (ext->inode_buckets - 1)];
}

struct ext_inode *ext_inode_find(struct ext_fs *ext, ext2_ino_t ino)
{
    struct ext_inode *node = *ext_inode_slot(ext, ino);

    while (node != NULL && node->inode.ino != ino)
        node = node->hash_next;
    return node;
}

static void ext_inode_hash(struct ext_fs *ext, struct ext_inode *node)
{
    struct ext_inode **slot = ext_inode_slot(ext, (ext2_ino_t)node->inode.ino);

    node->hash_next = *slot;
    *slot = node;
}

static void ext_inode_unhash(struct ext_fs *ext, struct ext_inode *node)
{
    struct ext_inode **at = ext_inode_slot(ext, (ext2_ino_t)node->inode.ino);

    while (*at != NULL && *at != node)
        at = &(*at)->hash_next;
    if (*at == node)
        *at = node->hash_next;
    node->unhashed = true;
}

static dev_t ext_raw_device(const struct ext2_inode_large *raw)
{
    if (raw->i_block[0] != 0) /* the old form */
        return DEVICE_NUMBER(raw->i_block[0] >> 8 & 0xff, raw->i_block[0] & 0xff);
    return DEVICE_NUMBER(raw->i_block[1] >> 8 & 0xfff,
                         (raw->i_block[1] & 0xff) | (raw->i_block[1] >> 12 & 0xfff00));
}

static struct ext_inode *ext_inode_make(struct ext_fs *ext, ext2_ino_t ino)
{
    struct ext_inode *node = calloc(1, sizeof(*node));

    if (node == NULL)
        return NULL;
    node->inode.ops = &ext_inode_ops;
    node->inode.fs = &ext->fs;
    node->inode.ino = ino;
    node->inode.refs = 1;
    list_init(&node->dirty);
    return node;
}

/* A reference, if there still is one. */
static bool ext_inode_revive(struct ext_inode *node)
{
    unsigned refs = __atomic_load_n(&node->inode.refs, __ATOMIC_RELAXED);

    while (refs > 0)
        if (__atomic_compare_exchange_n(&node->inode.refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

static int ext_inode_load(struct ext_fs *ext, struct ext_inode *node)
{
    struct ext_buf *buf;
    uint8_t *at;
    int error = ext_inode_place(ext, (ext2_ino_t)node->inode.ino, &buf, &at);

    if (error < 0)
        return error;
    if (!ext2fs_inode_csum_verify(ext->e2, (ext2_ino_t)node->inode.ino, (void *)at))
        error = -EBADMSG;
    memcpy(&node->raw, at, ext_raw_size(ext));
    ext_put(buf);
    node->inode.kind = node->raw.i_mode & S_IFMT;
    if (S_ISREG(node->inode.kind) || S_ISLNK(node->inode.kind) || S_ISDIR(node->inode.kind))
        node->inode.size = (off_t)ext_inode_size(node);
    else
        node->inode.rdev = ext_raw_device(&node->raw);
    if (node->raw.i_flags & (EXT4_INLINE_DATA_FL | EXT4_ENCRYPT_FL))
        error = -EOPNOTSUPP;
    if (node->inode.size < 0)
        error = -EBADMSG;
    if (error == -EBADMSG)
        log_line(LOG_ERROR, "ext: %s: inode %lu is damaged", ext->label,
                 (unsigned long)node->inode.ino);
    return error;
}

int ext_inode_get(struct ext_fs *ext, ext2_ino_t ino, struct ext_inode **out)
{
    struct ext_inode *node = ext_inode_find(ext, ino);
    int error;

    if (node != NULL) {
        if (ext_inode_revive(node)) {
            *out = node;
            return 0;
        }
        if (node->is_dirty) {
            error = ext_inode_store(ext, node);
            if (error < 0)
                return error;
        }
        ext_inode_unhash(ext, node);
    }
    node = ext_inode_make(ext, ino);
    if (node == NULL)
        return -ENOMEM;
    error = ext_inode_load(ext, node);
    if (error < 0) {
        free(node);
        return error;
    }
    ext_inode_hash(ext, node);
    *out = node;
    return 0;
}

int ext_inode_new(struct ext_fs *ext, ext2_ino_t ino, mode_t mode, struct ext_inode **out)
{
    unsigned size = EXT2_INODE_SIZE(ext->e2->super);
    struct ext_inode *old = ext_inode_find(ext, ino), *node = ext_inode_make(ext, ino);
    struct ext_buf *buf;
    uint8_t *at;
    int error;

    if (node == NULL)
        return -ENOMEM;
    error = ext_inode_place(ext, ino, &buf, &at);
    if (error < 0) {
        free(node);
        return error;
    }
    memset(at, 0, size);
    ext_put(buf); /* stored before the commit in any case */
    if (old != NULL)
        ext_inode_unhash(ext, old); /* its end is under way */
    node->inode.kind = mode & S_IFMT;
    node->raw.i_mode = (__u16)mode;
    node->raw.i_links_count = 1;
    node->raw.i_generation = (__u32)clock_realtime_ns();
    if (size > EXT2_GOOD_OLD_INODE_SIZE)
        node->raw.i_extra_isize = ext->e2->super->s_want_extra_isize != 0
                                      ? ext->e2->super->s_want_extra_isize
                                      : sizeof(struct ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
    ext_touch(node, EXT_TIME_A | EXT_TIME_M | EXT_TIME_C);
    if (size > EXT2_GOOD_OLD_INODE_SIZE) {
        node->raw.i_crtime = node->raw.i_mtime;
        node->raw.i_crtime_extra = node->raw.i_mtime_extra;
    }
    ext_inode_hash(ext, node);
    ext_inode_dirty(node, true);
    *out = node;
    return 0;
}

void ext_inode_release(struct inode *inode)
{
    struct ext_inode *node = ext_node(inode);
    struct ext_fs *ext = ext_of(inode->fs);
    bool gone;

    mutex_lock(&ext->lock);
    gone = node->raw.i_links_count == 0 && !node->unhashed;
    if (gone && ext->writes)
        ext_inode_destroy(ext, node);
    if (node->is_dirty && !node->unhashed && !ext->aborted && ext_inode_store(ext, node) < 0)
        ext_abort(ext, "writing an inode", -EIO);
    list_remove(&node->dirty);
    if (!node->unhashed)
        ext_inode_unhash(ext, node);
    mutex_unlock(&ext->lock);
    free(node);
}

/* ---- attributes with a form of their own ---- */

uint64_t ext_inode_size(const struct ext_inode *node)
{
    return node->raw.i_size | (uint64_t)node->raw.i_size_high << 32;
}

void ext_inode_set_size(struct ext_inode *node, uint64_t size)
{
    node->raw.i_size = (__u32)size;
    node->raw.i_size_high = (__u32)(size >> 32);
    node->inode.size = (off_t)size;
    ext_inode_dirty(node, true);
}

/* The extra word: two more bits of the seconds, and the nanoseconds. */
struct ext_time_words {
    __u32 *seconds, *extra;
};

static struct ext_time_words ext_time_words(const struct ext_inode *node, int which)
{
    struct ext2_inode_large *raw = (struct ext2_inode_large *)&node->raw;
    bool has = EXT2_INODE_SIZE(ext_of(node->inode.fs)->e2->super) > EXT2_GOOD_OLD_INODE_SIZE;

    switch (which) {
    case EXT_TIME_A:
        return (struct ext_time_words){ &raw->i_atime, has && raw->i_extra_isize >= 16
                                                           ? &raw->i_atime_extra
                                                           : NULL };
    case EXT_TIME_M:
        return (struct ext_time_words){ &raw->i_mtime, has && raw->i_extra_isize >= 12
                                                           ? &raw->i_mtime_extra
                                                           : NULL };
    default:
        return (struct ext_time_words){ &raw->i_ctime, has && raw->i_extra_isize >= 8
                                                           ? &raw->i_ctime_extra
                                                           : NULL };
    }
}

void ext_set_time(struct ext_inode *node, int which, struct timespec time)
{
    for (int one = EXT_TIME_A; one <= EXT_TIME_C; one <<= 1) {
        struct ext_time_words words = ext_time_words(node, one);
        int64_t seconds = time.tv_sec;

        if (!(which & one))
            continue;
        if (words.extra == NULL) {
            if (seconds < INT32_MIN)
                seconds = INT32_MIN;
            if (seconds > INT32_MAX)
                seconds = INT32_MAX;
        } else {
            *words.extra = (__u32)((seconds - (int32_t)seconds) >> 32 & 3) | (__u32)time.tv_nsec
                                                                                 << 2;
        }
        *words.seconds = (__u32)seconds;
    }
    ext_inode_dirty(node, false);
}

void ext_touch(struct ext_inode *node, int which)
{
    uint64_t ns = clock_realtime_ns();

    ext_set_time(node, which,
                 (struct timespec){ .tv_sec = (time_t)(ns / 1000000000u),
                                    .tv_nsec = (long)(ns % 1000000000u) });
}

struct timespec ext_get_time(const struct ext_inode *node, int which)
{
    struct ext_time_words words = ext_time_words(node, which);
    struct timespec time = { .tv_sec = (int32_t)*words.seconds };

    if (words.extra != NULL) {
        time.tv_sec += (time_t)((uint64_t)(*words.extra & 3) << 32);
        time.tv_nsec = (long)(*words.extra >> 2);
    }
    return time;
}
