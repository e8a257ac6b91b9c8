/*
 * What goes to the disk while others have the lock. fsync(), sync(), the writer's thread and
 * whoever has written too much want a flight: content, and with it the running transaction if it is
 * needed.
 *
 * There is one at a time. Whoever comes while one is under way may have changed something since it
 * took off, so he waits for the next one, and of all those who wait, the first begins it, for all.
 *
 * Taking off, with the lock: content is marked clean and pinned; metadata is copied, and counts as
 * logged; from then on changes belong to the next transaction. Flying, without the lock: the
 * writes. Landing, with the lock: who lost something is told, and what the transaction freed may be
 * used. Content that changes while it is under way is dirty once more, and goes with a later
 * flight.
 *
 * Who keeps the lock and has to write waits until nothing is under way: so a block is never written
 * twice at once, and transactions come one after the other. He lands the flight himself if the one
 * who flew it has not come to it yet. A transaction that needs a checkpoint after it, or is too
 * large to be copied, is committed on foot: with the lock.
 */
#include <stdlib.h>

#include "ext_priv.h"

#define EXT_FLIGHT_BEHIND 512u /* blocks, when nobody waits for them */

void ext_flight_init(struct ext_fs *ext)
{
    ext->flight.spin = (struct spinlock)SPINLOCK_INIT("ext flight");
    wait_queue_init(&ext->flight.ended);
}

static bool ext_flight_is_under_way(const struct ext_fs *ext)
{
    return ext->flight.begun != ext->flight.landed;
}

/* Until this one needs the disk no more. Neither needs the lock nor minds it. */
static void ext_flight_sleep(struct ext_fs *ext, uint64_t number)
{
    struct ext_flight *flight = &ext->flight;
    bool was_masked;

    for (;;) {
        was_masked = spin_lock(&flight->spin);
        if (flight->down >= number)
            break;
        wait_queue_sleep(&flight->ended, &flight->spin, was_masked, CLOCK_NEVER, false, "disk");
    }
    spin_unlock(&flight->spin, was_masked);
}

/* ---- taking off ---- */

/* Goes this content with a flight that does what is wanted of the next one? */
static bool ext_flight_takes(struct ext_fs *ext, const struct ext_buf *buf, bool commits)
{
    const struct ext_inode *node;

    if (ext->flight.all || (commits && buf->fresh))
        return true;
    node = ext_inode_find(ext, buf->owner);
    return node != NULL && node->syncs > 0;
}

/* Choose the content; it stays as it is for now. -ENOMEM. */
static int ext_flight_choose(struct ext_fs *ext, bool commits)
{
    struct ext_flight *flight = &ext->flight;
    bool behind = !flight->commits && !flight->flushes;

    flight->n_bufs = 0;
    flight->bufs = NULL;
    if (ext->cache.n_data == 0)
        return 0;
    flight->bufs = malloc(ext->cache.n_data * sizeof(*flight->bufs));
    if (flight->bufs == NULL)
        return -ENOMEM;
    list_for_each(link, &ext->cache.data)
    {
        struct ext_buf *buf = list_entry(link, struct ext_buf, dirty);

        if (behind && flight->n_bufs == EXT_FLIGHT_BEHIND)
            break;
        if (ext_flight_takes(ext, buf, commits))
            flight->bufs[flight->n_bufs++] = buf;
    }
    ext_io_sort(flight->bufs, flight->n_bufs);
    return 0;
}

/* The running transaction becomes what flies, and the next one begins. */
static int ext_flight_take_transaction(struct ext_fs *ext)
{
    struct ext_set *none = ext->freed_before;
    int error;

    ext->flight.commit.copies = true;
    error = ext_commit_build(ext, &ext->flight.commit);
    if (error == 0)
        error = ext_journal_logged(ext);
    if (error < 0)
        return error;
    ext->freed_before = ext->freed;
    ext->freed = none;
    return 0;
}

static bool ext_flight_can_commit(struct ext_fs *ext)
{
    if (!ext->journal.present || ext_inode_store_all(ext) < 0 || ext_write_groups(ext) < 0)
        return false;
    return ext->cache.n_meta <= ext->cache.max / 8 &&
           !ext_journal_is_filling(ext, ext->cache.n_meta + ext->journal.n_revoked / 64 + 4);
}

static void ext_flight_clear(struct ext_fs *ext)
{
    struct ext_flight *flight = &ext->flight;

    ext_commit_free(ext, &flight->commit);
    free(flight->bufs);
    flight->bufs = NULL;
    flight->n_bufs = 0;
    if (flight->io != NULL)
        ext_io_give(ext, flight->io);
    flight->io = NULL;
}

/* Everything is ready for ext_flight_fly(), or nothing has changed: false. */
static bool ext_flight_take_off(struct ext_fs *ext, bool commits)
{
    struct ext_flight *flight = &ext->flight;
    int error = commits && !ext_flight_can_commit(ext) ? -EAGAIN : 0;

    if (error == 0)
        error = ext_flight_choose(ext, commits);
    if (error == 0)
        error = ext_commit_new(ext, &flight->commit, flight->n_bufs, commits);
    if (error == 0) {
        flight->io = ext_io_take(ext);
        error = flight->io != NULL ? 0 : -ENOMEM;
    }
    for (size_t i = 0; error == 0 && i < flight->n_bufs; i++) {
        ext_commit_content(&flight->commit, flight->bufs[i]->block, flight->bufs[i]->data);
        flight->commit.fresh |= commits && flight->bufs[i]->fresh;
    }
    if (error == 0 && commits)
        error = ext_flight_take_transaction(ext);
    if (error < 0) {
        ext_flight_clear(ext);
        return false;
    }
    for (size_t i = 0; i < flight->n_bufs; i++) {
        ext_clean(ext, flight->bufs[i]);
        flight->bufs[i]->pins++;
    }
    return true;
}

/* ---- flying and landing ---- */

static void ext_flight_land(struct ext_fs *ext)
{
    struct ext_flight *flight = &ext->flight;

    for (size_t i = 0; i < flight->n_bufs; i++) {
        if (flight->lost < 0)
            ext_io_blame(ext, flight->bufs[i], flight->lost);
        ext_put(flight->bufs[i]);
    }
    if (flight->commit.record != NULL && flight->status < 0)
        ext_abort(ext, "commit", flight->status);
    else if (flight->commit.record != NULL)
        ext_set_clear(ext->freed_before);
    flight->landed = flight->begun;
    if (flight->status < 0)
        flight->failed = flight->landed;
    if (flight->lost < 0)
        flight->lossy = flight->landed;
    ext_flight_clear(ext);
}

/* The writes. Gives the lock back meanwhile, unless there is nothing to write. */
static void ext_flight_fly(struct ext_fs *ext, bool flushes)
{
    struct ext_flight *flight = &ext->flight;
    uint64_t number = ++flight->begun;
    bool idle = flight->commit.n == 0 && !(flushes && ext->device->can_flush), was_masked;
    int status = 0, lost = 0;

    if (!idle) {
        mutex_unlock(&ext->lock);
        status = ext_commit_write(ext, flight->io, &flight->commit, &lost);
        if (status == 0 && flushes && flight->commit.record == NULL)
            status = ext_io_flush(ext, flight->io);
    }
    was_masked = spin_lock(&flight->spin);
    flight->status = status;
    flight->lost = lost;
    flight->down = number;
    wait_queue_wake(&flight->ended, WAKE_ALL);
    spin_unlock(&flight->spin, was_masked);
    if (!idle)
        mutex_lock(&ext->lock);
    if (flight->landed < number)
        ext_flight_land(ext);
}

/* The same without giving the lock back. */
static void ext_flight_on_foot(struct ext_fs *ext, bool commits, bool flushes)
{
    struct ext_flight *flight = &ext->flight;
    int lost = ext_write_list(ext, &ext->cache.data, -1);
    int error = ext->cache.n_data > 0 ? lost : 0; /* no memory: it is still to be written */

    if (error == 0 && commits)
        error = ext_commit(ext);
    else if (error == 0 && flushes)
        error = ext_io_flush(ext, &ext->io);
    flight->landed = flight->down = ++flight->begun;
    if (error < 0)
        flight->failed = flight->landed;
    if (lost < 0)
        flight->lossy = flight->landed;
}

static void ext_flight_run(struct ext_fs *ext)
{
    struct ext_flight *flight = &ext->flight;
    bool commits = flight->commits && ext_has_changes(ext), flushes = flight->flushes, off = false;

    if (ext->writes)
        off = ext_flight_take_off(ext, commits);
    flight->commits = flight->flushes = flight->all = false;
    if (off) {
        ext_flight_fly(ext, flushes);
    } else if (ext->writes) {
        ext_flight_on_foot(ext, commits, flushes);
    } else {
        flight->landed = flight->down =
            ++flight->begun; /* shut: everything is on the disk; or aborted */
        if (ext->aborted)
            flight->failed = flight->landed;
    }
}

int ext_flight_go(struct ext_fs *ext)
{
    struct ext_flight *flight = &ext->flight;
    uint64_t mine = flight->begun + 1;

    while (flight->landed < mine) {
        uint64_t other = flight->begun;

        if (!ext_flight_is_under_way(ext)) {
            ext_flight_run(ext);
            continue;
        }
        mutex_unlock(&ext->lock);
        ext_flight_sleep(ext, other);
        mutex_lock(&ext->lock);
        if (flight->landed < other)
            ext_flight_land(ext);
    }
    return flight->failed >= mine ? -EIO : 0;
}

void ext_flight_wait(struct ext_fs *ext)
{
    if (!ext_flight_is_under_way(ext))
        return;
    ext_flight_sleep(ext, ext->flight.begun);
    ext_flight_land(ext);
}
