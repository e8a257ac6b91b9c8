/*
 * What changes together: begin and end of operations, and the commit of all that was done since the
 * last one. An operation runs from ext_begin() to ext_end() under the lock, and commits come
 * between operations, so that one is in the journal whole or not at all.
 *
 * Without a journal a commit writes in three steps, each on the disk before the next: content,
 * bitmaps and mapping blocks; inodes; names. An operation whose own changes need an order among
 * them says so with ext_order(). Blocks and inodes that were freed become free on the disk one
 * commit later.
 */
#include <stdlib.h>

#include <platform/clock.h>

#include "ext_priv.h"

#define EXT_FREED_MAX 16384 /* blocks waiting to be free: memory */

int ext_errno(errcode_t error)
{
    switch (error) {
    case 0:
        return 0;
    case EXT2_ET_NO_MEMORY:
        return -ENOMEM;
    case EXT2_ET_BLOCK_ALLOC_FAIL:
    case EXT2_ET_INODE_ALLOC_FAIL:
    case EXT2_ET_CANT_INSERT_EXTENT:
        return -ENOSPC;
    case EXT2_ET_FILE_TOO_BIG:
        return -EFBIG;
    case EXT2_ET_RO_FILSYS:
        return -EROFS;
    }
    /* The system's own numbers pass through the library; its others mean damage. */
    return error > 0 && error < 4096 ? -(int)error : -EBADMSG;
}

int ext_abort(struct ext_fs *ext, const char *what, int error)
{
    if (!ext->aborted)
        log_line(LOG_ERROR, "ext: %s: %s failed: error %d: read-only from now on", ext->label, what,
                 error);
    ext->aborted = true;
    ext->writes = false;
    ext->fs.read_only = true;
    return error;
}

void ext_judge(struct ext_fs *ext, int error)
{
    if (error == -EBADMSG && ext->writes && ext->e2->super->s_errors > EXT2_ERRORS_CONTINUE)
        ext_abort(ext, "using what is damaged", error);
}

bool ext_has_changes(const struct ext_fs *ext)
{
    return ext->cache.n_meta > 0 || !list_empty(&ext->dirty_inodes) || ext->has_groups_dirty ||
           ext->super_dirty;
}

/* Without a journal: everything where it belongs, in steps. */
static int ext_commit_in_place(struct ext_fs *ext)
{
    int error = ext_write_list(ext, &ext->cache.data, -1);

    for (int class = 0; class < EXT_CLASSES && error == 0; class ++) {
        error = ext_write_list(ext, &ext->cache.meta, class);
        if (error == 0)
            error = ext_io_flush(ext, &ext->io);
    }
    return error;
}

int ext_commit(struct ext_fs *ext)
{
    int error;

    ext_flight_wait(ext);
    if (ext->aborted)
        return -EIO;
    if (!ext_has_changes(ext))
        return 0;
    error = ext_inode_store_all(ext);
    if (error == 0)
        error = ext_write_groups(ext);
    if (error == 0 && !ext->journal.present) {
        error = ext_commit_in_place(ext);
        if (error == 0) {
            ext->journal.tid++;
            ext->changed_ns = 0;
        }
    } else if (error == 0) {
        if (ext->cache.n_fresh > 0)
            error = ext_write_list(ext, &ext->cache.data, -1);
        if (error == 0)
            error = ext_journal_commit(ext);
    }
    if (error == -ENOMEM)
        return error; /* as it was: another time */
    if (error < 0)
        return ext_abort(ext, "commit", error);
    ext_alloc_committed(ext);
    return 0;
}

int ext_order(struct ext_fs *ext)
{
    int error = ext->journal.present ? 0 : ext_commit(ext);

    return error < 0 ? ext_abort(ext, "commit", error) : 0; /* in the middle of an operation */
}

/* Is there room for so many changed blocks more? */
static bool ext_has_room(const struct ext_fs *ext, unsigned blocks)
{
    size_t max = ext->cache.max / 2;

    if (ext->journal.present && ext->journal.max < max)
        max = ext->journal.max;
    return ext->cache.n_meta + blocks <= max && ext_set_count(ext->freed) < EXT_FREED_MAX;
}

int ext_more(struct ext_fs *ext, unsigned blocks)
{
    if (ext->aborted)
        return -EIO;
    return ext_has_room(ext, blocks) ? 0 : ext_commit(ext);
}

int ext_begin(struct ext_fs *ext, unsigned blocks)
{
    int error = 0;

    mutex_lock(&ext->lock);
    if (!ext->writes)
        error = -EROFS;
    else
        error = ext_more(ext, blocks);
    if (error < 0)
        mutex_unlock(&ext->lock);
    return error;
}

void ext_changed(struct ext_fs *ext)
{
    if (ext->changed_ns == 0) {
        ext->changed_ns = clock_monotonic_ns();
        ext_writer_wake(ext);
    }
}

void ext_end(struct ext_fs *ext)
{
    /* Write behind: content is sent off before it fills the memory. */
    if (ext->cache.n_data > ext->cache.max / 4 && !ext->aborted) {
        ext->flight.all = true;
        ext_flight_go(ext); /* fsync() tells who lost something */
    }
    mutex_unlock(&ext->lock);
}
