/*
 * The journal: a transaction's metadata blocks go into the log and become valid with a commit
 * block; then they may be written where they belong, at leisure. See jbd.h for the format.
 *
 * A commit: content that the transaction maps for the first time is there already (transaction.c),
 * or goes along (flight.c); descriptors, blocks and revokes are written side by side; flush; the
 * commit block; flush. The blocks are in state EXT_LOGGED from then on.
 *
 * A checkpoint writes all those where they belong and flushes, and then the whole log is free. It
 * comes only right after a commit, when no block is changed that the log has in an older version.
 *
 * A metadata block that is freed and used again for content must not be overwritten by a recovery:
 * the transaction that frees it revokes it, if the log holds it.
 */
#include <stdlib.h>

#include <platform/clock.h>

#include "ext_priv.h"
#include "jbd.h"

#define EXT_JOURNAL_MIN 64 /* blocks, below which it is of no use */

static struct jbd_super *ext_journal_super(struct ext_fs *ext)
{
    return (struct jbd_super *)ext->journal.super;
}

uint64_t ext_journal_block(struct ext_fs *ext, uint32_t logical)
{
    const struct ext_journal *journal = &ext->journal;

    for (size_t i = 0; i < journal->n_runs; i++)
        if (logical - journal->runs[i].logical < journal->runs[i].n)
            return journal->runs[i].block + (logical - journal->runs[i].logical);
    return 0;
}

/* Bytes of a tag without the UUID that may follow it. */
unsigned ext_journal_tag_size(const struct ext_journal *journal)
{
    unsigned size = 8;

    if (journal->features & JBD_INCOMPAT_CSUM_V3)
        return 16;
    if (journal->features & JBD_INCOMPAT_64BIT)
        size += 4;
    if (journal->features & JBD_INCOMPAT_CSUM_V2)
        size += 2;
    return size;
}

/*
 * The checksum of a block of the journal, in which field counts as zero. As it stands on the disk.
 */
uint32_t ext_journal_crc(const struct ext_journal *journal, const void *block, size_t size,
                         uint32_t *field)
{
    uint32_t was = *field, crc;

    *field = 0;
    crc = ext_crc32c(journal->seed, block, size);
    *field = was;
    return jbd_32(crc);
}

int ext_journal_write_super(struct ext_fs *ext)
{
    struct jbd_super *super = ext_journal_super(ext);
    int error;

    if (ext->journal.checksums) {
        super->checksum = 0;
        super->checksum = jbd_32(ext_crc32c(~0u, super, sizeof(*super)));
    }
    error = ext_io_blocks(ext, ext_journal_block(ext, 0), super, ext->block_size, true);
    return error == 0 ? ext_io_flush(ext, &ext->io) : error;
}

/* ---- loading ---- */

static int ext_journal_map(struct ext_fs *ext, struct ext_inode *node)
{
    struct ext_journal *journal = &ext->journal;
    uint32_t blocks = (uint32_t)(ext_inode_size(node) / ext->block_size), n;

    for (uint32_t at = 0; at < blocks; at += n) {
        struct ext_run *runs;
        uint64_t block;
        bool unwritten;
        int error = ext_map(ext, node, at, &block, &n, &unwritten);

        if (error < 0)
            return error;
        if (block == 0 || n == 0)
            return -EBADMSG;
        if (journal->n_runs > 0 &&
            journal->runs[journal->n_runs - 1].block + journal->runs[journal->n_runs - 1].n ==
                block) {
            journal->runs[journal->n_runs - 1].n += n;
            continue;
        }
        runs = realloc(journal->runs, (journal->n_runs + 1) * sizeof(*runs));
        if (runs == NULL)
            return -ENOMEM;
        runs[journal->n_runs++] = (struct ext_run){ at, n, block };
        journal->runs = runs;
    }
    return blocks > 0 ? 0 : -EBADMSG;
}

/* Is what the superblock says possible? */
static const char *ext_journal_check(struct ext_fs *ext, uint32_t blocks)
{
    struct ext_journal *journal = &ext->journal;
    struct jbd_super *super = ext_journal_super(ext);
    uint32_t fast = 0;

    if (super->header.magic != jbd_32(JBD_MAGIC) || super->header.type != jbd_32(JBD_SUPER_V2))
        return "no journal of version 2";
    if (jbd_32(super->block_size) != ext->block_size || jbd_32(super->blocks) > blocks)
        return "sizes do not fit";
    if ((jbd_32(super->incompat) & ~(JBD_INCOMPAT_KNOWN | JBD_INCOMPAT_FAST_COMMIT)) != 0)
        return "unknown features";
    if (jbd_32(super->incompat) & JBD_INCOMPAT_FAST_COMMIT)
        fast = super->fast_blocks != 0 ? jbd_32(super->fast_blocks) : 256;
    journal->features = jbd_32(super->incompat);
    journal->compat = jbd_32(super->compat);
    journal->checksums = (journal->features & (JBD_INCOMPAT_CSUM_V2 | JBD_INCOMPAT_CSUM_V3)) != 0;
    journal->first = jbd_32(super->first);
    journal->last = jbd_32(super->blocks);
    if (journal->first == 0 || journal->last < journal->first ||
        journal->last - journal->first < EXT_JOURNAL_MIN + fast)
        return "too short";
    journal->last -= fast;
    if (super->start != 0 &&
        (jbd_32(super->start) < journal->first || jbd_32(super->start) >= journal->last))
        return "its start lies outside";
    journal->seed = ext_crc32c(~0u, super->uuid, sizeof(super->uuid));
    if (journal->checksums) {
        uint32_t was = super->checksum, crc;

        super->checksum = 0;
        crc = jbd_32(ext_crc32c(~0u, super, sizeof(*super)));
        super->checksum = was;
        if (crc != was)
            return "wrong checksum";
    }
    return NULL;
}

int ext_journal_load(struct ext_fs *ext)
{
    struct ext_journal *journal = &ext->journal;
    struct ext_inode *node;
    const char *why;
    int error;

    journal->super = ext_block_new(ext);
    journal->in_log = ext_set_new();
    if (journal->super == NULL || journal->in_log == NULL)
        return -ENOMEM;
    error = ext_inode_get(ext, ext->e2->super->s_journal_inum, &node);
    if (error < 0)
        return error;
    error = ext_journal_map(ext, node);
    if (error == 0)
        error =
            ext_io_blocks(ext, ext_journal_block(ext, 0), journal->super, ext->block_size, false);
    if (error == 0) {
        why = ext_journal_check(ext, (uint32_t)(ext_inode_size(node) / ext->block_size));
        if (why != NULL) {
            log_line(LOG_ERROR, "ext: %s: journal: %s", ext->label, why);
            error = -EBADMSG;
        }
    }
    inode_put(&node->inode);
    return error;
}

void ext_journal_free(struct ext_fs *ext)
{
    free(ext->journal.super);
    free(ext->journal.runs);
    free(ext->journal.revoked);
    ext_set_free(ext->journal.in_log);
}

/* ---- life ---- */

static uint32_t ext_journal_size(const struct ext_journal *journal)
{
    return journal->last - journal->first;
}

/* The log is empty and begins at head with the running transaction. */
static int ext_journal_restart(struct ext_fs *ext)
{
    struct ext_journal *journal = &ext->journal;
    struct jbd_super *super = ext_journal_super(ext);

    super->sequence = jbd_32(journal->tid);
    super->start = jbd_32(journal->head);
    journal->free = ext_journal_size(journal);
    ext_set_clear(journal->in_log);
    return ext_journal_write_super(ext);
}

int ext_journal_start(struct ext_fs *ext)
{
    struct ext_journal *journal = &ext->journal;
    struct jbd_super *super = ext_journal_super(ext);

    journal->present = true;
    journal->tid = jbd_32(super->sequence);
    if (journal->tid == 0)
        journal->tid = 1;
    journal->head = journal->first;
    journal->max = ext_journal_size(journal) / 4;
    journal->features |= JBD_INCOMPAT_REVOKE;
    if (ext2fs_blocks_count(ext->e2->super) >> 32)
        journal->features |= JBD_INCOMPAT_64BIT;
    super->incompat = jbd_32(journal->features);
    return ext_journal_restart(ext);
}

/* Everything is where it belongs: nothing to recover any more. */
int ext_journal_stop(struct ext_fs *ext)
{
    struct jbd_super *super = ext_journal_super(ext);

    super->sequence = jbd_32(ext->journal.tid);
    super->start = 0;
    return ext_journal_write_super(ext);
}

int ext_checkpoint(struct ext_fs *ext)
{
    struct ext_journal *journal = &ext->journal;
    int error;

    if (journal->free == ext_journal_size(journal))
        return 0;
    error = ext_write_list(ext, &ext->cache.logged, -1);
    if (error == 0)
        error = ext_io_flush(ext, &ext->io);
    return error == 0 ? ext_journal_restart(ext) : error;
}

/*
 * What a transaction frees is not given out again before its commit (ext->freed), so a revoke never
 * has to be taken back.
 */
int ext_journal_forget(struct ext_fs *ext, uint64_t block)
{
    struct ext_journal *journal = &ext->journal;

    if (!ext_set_has(journal->in_log, block))
        return 0;
    if (journal->n_revoked == journal->max_revoked) {
        size_t max = journal->max_revoked != 0 ? 2 * journal->max_revoked : 64;
        uint64_t *bigger = realloc(journal->revoked, max * sizeof(*bigger));

        if (bigger == NULL)
            return -ENOMEM;
        journal->revoked = bigger;
        journal->max_revoked = max;
    }
    journal->revoked[journal->n_revoked++] = block;
    return 0;
}

/* ---- a commit ---- */

static bool ext_commit_add(struct ext_fs *ext, struct ext_commit *commit, void *data)
{
    struct ext_journal *journal = &ext->journal;

    if (commit->n == commit->max || journal->free == 0)
        return false;
    commit->blocks[commit->n] = ext_journal_block(ext, journal->head);
    commit->data[commit->n++] = data;
    if (++journal->head == journal->last)
        journal->head = journal->first;
    journal->free--;
    return true;
}

static uint8_t *ext_commit_part(struct ext_fs *ext, struct ext_commit *commit)
{
    uint8_t *block = commit->n_made < commit->max ? ext_part_new(ext) : NULL;

    if (block != NULL)
        commit->made[commit->n_made++] = block;
    return block;
}

/* A new block of the log, zeroed, with its header. */
static uint8_t *ext_commit_make(struct ext_fs *ext, struct ext_commit *commit, uint32_t type)
{
    uint8_t *block = ext_commit_part(ext, commit);

    if (block == NULL)
        return NULL;
    memset(block, 0, ext->block_size);
    *(struct jbd_header *)(void *)block =
        (struct jbd_header){ jbd_32(JBD_MAGIC), jbd_32(type), jbd_32(ext->journal.tid) };
    return block;
}

/* The checksum at the end of descriptor and revoke blocks. */
static void ext_commit_seal(struct ext_fs *ext, uint8_t *block)
{
    uint32_t *tail = (uint32_t *)(void *)(block + ext->block_size - 4);

    if (ext->journal.checksums)
        *tail = ext_journal_crc(&ext->journal, block, ext->block_size, tail);
}

static void ext_commit_end_descriptor(struct ext_fs *ext, struct ext_commit *commit)
{
    if (commit->descriptor == NULL)
        return;
    commit->last_tag[7] |= JBD_LAST_TAG; /* the flags end there in both kinds of tags */
    ext_commit_seal(ext, commit->descriptor);
    commit->descriptor = NULL;
}

static void ext_commit_put_tag(struct ext_fs *ext, uint8_t *at, const struct jbd_tag *tag)
{
    uint32_t low = jbd_32((uint32_t)tag->block), high = jbd_32((uint32_t)(tag->block >> 32));
    uint32_t features = ext->journal.features;

    memcpy(at, &low, 4);
    if (features & JBD_INCOMPAT_CSUM_V3) {
        uint32_t flags = jbd_32(tag->flags), checksum = jbd_32(tag->checksum);

        memcpy(at + 4, &flags, 4);
        memcpy(at + 8, &high, 4);
        memcpy(at + 12, &checksum, 4);
        return;
    }
    uint16_t checksum = __builtin_bswap16((uint16_t)tag->checksum);
    uint16_t flags = __builtin_bswap16((uint16_t)tag->flags);

    if (features & JBD_INCOMPAT_CSUM_V2)
        memcpy(at + 4, &checksum, 2);
    memcpy(at + 6, &flags, 2);
    if (features & JBD_INCOMPAT_64BIT)
        memcpy(at + 8, &high, 4);
}

/* One changed block: its tag, and its content, which must not look like a header of the journal. */
static bool ext_commit_block(struct ext_fs *ext, struct ext_commit *commit, struct ext_buf *buf)
{
    struct ext_journal *journal = &ext->journal;
    unsigned size = ext_journal_tag_size(journal),
             end = ext->block_size - (journal->checksums ? 4 : 0);
    struct jbd_tag tag = { .block = buf->block };
    uint32_t sequence = jbd_32(journal->tid);
    void *data = buf->data;

    if (commit->descriptor != NULL && commit->at + size > end)
        ext_commit_end_descriptor(ext, commit);
    if (commit->descriptor == NULL) {
        commit->descriptor = ext_commit_make(ext, commit, JBD_DESCRIPTOR);
        if (commit->descriptor == NULL || !ext_commit_add(ext, commit, commit->descriptor))
            return false;
        commit->at = sizeof(struct jbd_header);
    } else {
        tag.flags |= JBD_SAME_UUID;
    }
    if (commit->copies || *(uint32_t *)data == jbd_32(JBD_MAGIC)) {
        data = ext_commit_part(ext, commit);
        if (data == NULL)
            return false;
        memcpy(data, buf->data, ext->block_size);
    }
    if (*(uint32_t *)data == jbd_32(JBD_MAGIC)) {
        *(uint32_t *)data = 0;
        tag.flags |= JBD_ESCAPED;
    }
    if (journal->checksums)
        tag.checksum = ext_crc32c(ext_crc32c(journal->seed, &sequence, 4), data, ext->block_size);
    commit->last_tag = commit->descriptor + commit->at;
    ext_commit_put_tag(ext, commit->last_tag, &tag);
    commit->at += size;
    if (!(tag.flags & JBD_SAME_UUID)) {
        memcpy(commit->descriptor + commit->at, ext_journal_super(ext)->uuid, 16);
        commit->at += 16;
    }
    return ext_commit_add(ext, commit, data);
}

static bool ext_commit_revokes(struct ext_fs *ext, struct ext_commit *commit)
{
    struct ext_journal *journal = &ext->journal;
    unsigned size = journal->features & JBD_INCOMPAT_64BIT ? 8 : 4;
    unsigned end = ext->block_size - (journal->checksums ? 4 : 0);

    for (size_t i = 0; i < journal->n_revoked;) {
        uint8_t *block = ext_commit_make(ext, commit, JBD_REVOKE);
        struct jbd_revoke *revoke = (struct jbd_revoke *)(void *)block;
        unsigned at = sizeof(*revoke);

        if (block == NULL || !ext_commit_add(ext, commit, block))
            return false;
        for (; i < journal->n_revoked && at + size <= end; i++, at += size) {
            uint64_t wide = jbd_64(journal->revoked[i]);
            uint32_t narrow = jbd_32((uint32_t)journal->revoked[i]);

            memcpy(block + at, size == 8 ? (void *)&wide : (void *)&narrow, size);
        }
        revoke->used = jbd_32(at);
        ext_commit_seal(ext, block);
    }
    return true;
}

int ext_commit_new(struct ext_fs *ext, struct ext_commit *commit, size_t n_content, bool commits)
{
    /* Every block may need a copy; descriptors and revokes are fewer than what they list. */
    size_t max = n_content + (commits ? 2 * ext->cache.n_meta + ext->journal.n_revoked + 4 : 0);

    *commit = (struct ext_commit){ .max = max };
    commit->blocks = malloc(max * sizeof(*commit->blocks));
    commit->data = malloc(max * sizeof(*commit->data));
    commit->made = malloc(max * sizeof(*commit->made));
    if (max == 0 || (commit->blocks != NULL && commit->data != NULL && commit->made != NULL))
        return 0;
    ext_commit_free(ext, commit);
    return -ENOMEM;
}

void ext_commit_free(struct ext_fs *ext, struct ext_commit *commit)
{
    while (commit->n_made > 0)
        ext_part_free(ext, commit->made[--commit->n_made]);
    free(commit->blocks);
    free(commit->data);
    free(commit->made);
    *commit = (struct ext_commit){ 0 };
}

void ext_commit_content(struct ext_commit *commit, uint64_t block, void *data)
{
    commit->blocks[commit->n] = block;
    commit->data[commit->n++] = data;
    commit->n_content = commit->n;
}

int ext_commit_build(struct ext_fs *ext, struct ext_commit *commit)
{
    struct ext_journal *journal = &ext->journal;
    uint32_t head = journal->head, room = journal->free;
    bool fits = ext_commit_revokes(ext, commit), is_full;

    list_for_each(link, &ext->cache.meta) fits =
        fits && ext_commit_block(ext, commit, list_entry(link, struct ext_buf, dirty));
    ext_commit_end_descriptor(ext, commit);
    if (fits)
        commit->record = (void *)ext_commit_make(ext, commit, JBD_COMMIT);
    if (commit->record != NULL && ext_commit_add(ext, commit, commit->record))
        return 0;
    is_full = journal->free == 0;
    journal->head = head;
    journal->free = room;
    return is_full ? -ENOSPC : -ENOMEM;
}

/* The record makes valid what is on the disk before it. */
static int ext_commit_write_record(struct ext_fs *ext, struct ext_io *io, struct ext_commit *commit)
{
    struct jbd_commit *record = commit->record;
    uint64_t now_ns = clock_realtime_ns();
    size_t last = commit->n - 1;
    int error;

    record->seconds = jbd_64(now_ns / 1000000000u);
    record->ns = jbd_32((uint32_t)(now_ns % 1000000000u));
    if (ext->journal.checksums)
        record->checksum[0] =
            ext_journal_crc(&ext->journal, record, ext->block_size, &record->checksum[0]);
    error = ext_io_scatter(ext, io, commit->blocks + last, commit->data + last, 1);
    return error == 0 ? ext_io_flush(ext, io) : error;
}

int ext_commit_write(struct ext_fs *ext, struct ext_io *io, struct ext_commit *commit, int *lost)
{
    size_t end = commit->n - (commit->record != NULL), from = 0;
    int error;

    *lost = 0;
    if (!commit->fresh && commit->n_content > 0) {
        *lost = ext_io_scatter(ext, io, commit->blocks, commit->data, commit->n_content);
        from = commit->n_content;
    }
    error = ext_io_scatter(ext, io, commit->blocks + from, commit->data + from, end - from);
    if (error < 0 && commit->n_content > from)
        *lost = error;
    if (error < 0 || commit->record == NULL)
        return error;
    error = ext_io_flush(ext, io);
    return error == 0 ? ext_commit_write_record(ext, io, commit) : error;
}

int ext_journal_logged(struct ext_fs *ext)
{
    struct ext_cache *cache = &ext->cache;

    while (!list_empty(&cache->meta)) {
        struct ext_buf *buf = list_entry(cache->meta.next, struct ext_buf, dirty);

        if (!ext_set_add(ext->journal.in_log, buf->block))
            return ext_abort(ext, "commit", -ENOMEM);
        list_remove(&buf->dirty);
        buf->state = EXT_LOGGED;
        list_append(&cache->logged, &buf->dirty);
        cache->n_meta--;
        cache->n_logged++;
    }
    ext->journal.n_revoked = 0;
    ext->journal.tid++;
    ext->changed_ns = 0;
    return 0;
}

bool ext_journal_is_filling(const struct ext_fs *ext, size_t more)
{
    const struct ext_journal *journal = &ext->journal;

    return journal->free < ext_journal_size(journal) / 2 + more ||
           ext->cache.n_logged + more > ext->cache.max / 2;
}

int ext_journal_commit(struct ext_fs *ext)
{
    struct ext_commit commit;
    int error = ext_commit_new(ext, &commit, 0, true), lost;

    if (error == 0)
        error = ext_commit_build(ext, &commit);
    if (error == 0) {
        error = ext_commit_write(ext, &ext->io, &commit, &lost);
        if (error < 0)
            ext_abort(ext, "commit", error); /* whatever it is: a part is in the log */
    }
    ext_commit_free(ext, &commit);
    if (error == 0)
        error = ext_journal_logged(ext);
    if (error < 0)
        return error;
    /* Room for the next one is made now, while nothing is changed; without memory, after that. */
    error = ext_journal_is_filling(ext, 0) ? ext_checkpoint(ext) : 0;
    return error == -ENOMEM ? 0 : error;
}
