/*
 * Recovery: what the journal has, and the disk perhaps not, is written where it belongs.
 *
 * Three passes over the log, from its oldest transaction on: the first finds the last one that is
 * whole, the second collects what is revoked, the third writes. A block is not written when the
 * transaction that revoked it is the one that logged it or a later one. Nothing read here is
 * trusted: numbers are checked against the log's and the device's size, and a transaction that
 * fails a check ends the log.
 */
#include <stdlib.h>

#include "ext_priv.h"
#include "jbd.h"

enum ext_pass { EXT_PASS_SCAN, EXT_PASS_REVOKE, EXT_PASS_REPLAY };

struct ext_revoked {
    uint64_t block;
    uint32_t tid;
};

struct ext_recovery {
    struct ext_fs *ext;
    enum ext_pass pass;
    uint32_t at, tid;            /* where we are */
    uint32_t end;                /* the first transaction that is not whole */
    struct ext_revoked *revoked; /* sorted by block after the second pass */
    size_t n_revoked, max_revoked;
    size_t replayed;
    uint8_t *block, *content;
};

static int ext_recovery_read(struct ext_recovery *r, uint32_t logical, uint8_t *into)
{
    return ext_io_blocks(r->ext, ext_journal_block(r->ext, logical), into, r->ext->block_size,
                         false);
}

static void ext_recovery_step(struct ext_recovery *r)
{
    if (++r->at == r->ext->journal.last)
        r->at = r->ext->journal.first;
}

/* Does the checksum at the end of a descriptor or revoke block fit? */
static bool ext_recovery_is_sealed(struct ext_recovery *r)
{
    struct ext_journal *journal = &r->ext->journal;
    unsigned size = r->ext->block_size;
    uint32_t *tail = (uint32_t *)(void *)(r->block + size - 4);

    return !journal->checksums || ext_journal_crc(journal, r->block, size, tail) == *tail;
}

/* ---- what is revoked ---- */

static int ext_revoked_compare(const void *one, const void *two)
{
    const struct ext_revoked *a = one, *b = two;

    return a->block < b->block ? -1 : a->block > b->block;
}

static int ext_recovery_revoke(struct ext_recovery *r)
{
    const struct jbd_revoke *header = (const void *)r->block;
    unsigned size = r->ext->journal.features & JBD_INCOMPAT_64BIT ? 8 : 4;
    uint32_t used = jbd_32(header->used);

    if (used < sizeof(*header) || used > r->ext->block_size)
        return -EBADMSG;
    for (uint32_t at = sizeof(*header); at + size <= used; at += size) {
        uint64_t wide;
        uint32_t narrow;

        if (r->n_revoked == r->max_revoked) {
            size_t max = r->max_revoked != 0 ? 2 * r->max_revoked : 128;
            struct ext_revoked *bigger = realloc(r->revoked, max * sizeof(*bigger));

            if (bigger == NULL)
                return -ENOMEM;
            r->revoked = bigger;
            r->max_revoked = max;
        }
        memcpy(&wide, r->block + at, size == 8 ? 8 : 0);
        memcpy(&narrow, r->block + at, 4);
        r->revoked[r->n_revoked++] =
            (struct ext_revoked){ size == 8 ? jbd_64(wide) : jbd_32(narrow), r->tid };
    }
    return 0;
}

static bool ext_recovery_is_revoked(const struct ext_recovery *r, uint64_t block)
{
    size_t low = 0, high = r->n_revoked;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (r->revoked[middle].block < block)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < r->n_revoked && r->revoked[low].block == block; low++)
        if ((int32_t)(r->revoked[low].tid - r->tid) >= 0)
            return true;
    return false;
}

/* ---- descriptors ---- */

static void ext_recovery_get_tag(struct ext_recovery *r, const uint8_t *at, struct jbd_tag *tag)
{
    uint32_t features = r->ext->journal.features, low, high = 0, wide;
    uint16_t narrow;

    memcpy(&low, at, 4);
    *tag = (struct jbd_tag){ 0 };
    if (features & JBD_INCOMPAT_CSUM_V3) {
        memcpy(&wide, at + 4, 4);
        tag->flags = jbd_32(wide);
        memcpy(&high, at + 8, 4);
        memcpy(&wide, at + 12, 4);
        tag->checksum = jbd_32(wide);
    } else {
        memcpy(&narrow, at + 4, 2);
        tag->checksum = __builtin_bswap16(narrow);
        memcpy(&narrow, at + 6, 2);
        tag->flags = __builtin_bswap16(narrow);
        if (features & JBD_INCOMPAT_64BIT)
            memcpy(&high, at + 8, 4);
    }
    tag->block = jbd_32(low) | (uint64_t)(features & JBD_INCOMPAT_64BIT ? jbd_32(high) : 0) << 32;
}

/* One logged block. In the scan its checksum decides whether the transaction is whole. */
static int ext_recovery_content(struct ext_recovery *r, const struct jbd_tag *tag)
{
    struct ext_fs *ext = r->ext;
    struct ext_journal *journal = &ext->journal;
    uint32_t sequence = jbd_32(r->tid), crc;
    int error;

    if (r->pass == EXT_PASS_REVOKE || (r->pass == EXT_PASS_SCAN && !journal->checksums))
        return 0;
    if (r->pass == EXT_PASS_REPLAY && ext_recovery_is_revoked(r, tag->block))
        return 0;
    error = ext_recovery_read(r, r->at, r->content);
    if (error < 0)
        return error;
    if (r->pass == EXT_PASS_SCAN) {
        crc = ext_crc32c(ext_crc32c(journal->seed, &sequence, 4), r->content, ext->block_size);
        if (journal->features & JBD_INCOMPAT_CSUM_V2)
            crc &= 0xffff;
        return crc == tag->checksum ? 0 : -EBADMSG;
    }
    if (tag->flags & JBD_ESCAPED)
        *(uint32_t *)(void *)r->content = jbd_32(JBD_MAGIC);
    if (tag->block >= ext2fs_blocks_count(ext->e2->super))
        return -EBADMSG;
    r->replayed++;
    return ext_io_blocks(ext, tag->block, r->content, ext->block_size, true);
}

static int ext_recovery_descriptor(struct ext_recovery *r)
{
    struct ext_journal *journal = &r->ext->journal;
    unsigned size = ext_journal_tag_size(journal), at = sizeof(struct jbd_header);
    unsigned end = r->ext->block_size - (journal->checksums ? 4 : 0);
    struct jbd_tag tag;
    int error;

    do {
        if (at + size > end)
            return 0; /* the last tag is not marked: the block is full */
        ext_recovery_get_tag(r, r->block + at, &tag);
        at += size + (tag.flags & JBD_SAME_UUID ? 0 : 16);
        error = ext_recovery_content(r, &tag);
        if (error < 0)
            return error;
        ext_recovery_step(r);
    } while (!(tag.flags & JBD_LAST_TAG));
    return 0;
}

static bool ext_recovery_is_committed(struct ext_recovery *r)
{
    struct ext_journal *journal = &r->ext->journal;
    struct jbd_commit *record = (void *)r->block;

    return !journal->checksums || ext_journal_crc(journal, r->block, r->ext->block_size,
                                                  &record->checksum[0]) == record->checksum[0];
}

/* ---- passes ---- */

/* One block of the log's own, and what it covers. 1: the log ends before it. */
static int ext_recovery_block(struct ext_recovery *r)
{
    const struct jbd_header *header = (const void *)r->block;
    int error = ext_recovery_read(r, r->at, r->block);

    if (error < 0)
        return error;
    if (header->magic != jbd_32(JBD_MAGIC) || jbd_32(header->sequence) != r->tid)
        return 1;
    ext_recovery_step(r);
    switch (jbd_32(header->type)) {
    case JBD_DESCRIPTOR:
        return ext_recovery_is_sealed(r) ? ext_recovery_descriptor(r) : -EBADMSG;
    case JBD_REVOKE:
        if (!ext_recovery_is_sealed(r))
            return -EBADMSG;
        return r->pass == EXT_PASS_REVOKE ? ext_recovery_revoke(r) : 0;
    case JBD_COMMIT:
        if (!ext_recovery_is_committed(r))
            return -EBADMSG;
        r->tid++;
        if (r->pass == EXT_PASS_SCAN)
            r->end = r->tid;
        return 0;
    default:
        return 1;
    }
}

static int ext_recovery_pass(struct ext_recovery *r, enum ext_pass pass)
{
    const struct jbd_super *super = (const void *)r->ext->journal.super;
    uint32_t steps = r->ext->journal.last - r->ext->journal.first;
    int error = 0;

    r->pass = pass;
    r->at = jbd_32(super->start);
    r->tid = jbd_32(super->sequence);
    if (pass == EXT_PASS_SCAN)
        r->end = r->tid;
    while (error == 0 && steps-- > 0) {
        if (pass != EXT_PASS_SCAN && r->tid == r->end)
            break;
        error = ext_recovery_block(r);
    }
    /* What does not fit ends the log in the scan, and cannot be later on. */
    if (pass == EXT_PASS_SCAN && error == -EBADMSG)
        return 0;
    return error > 0 ? 0 : error;
}

static int ext_recovery_run(struct ext_recovery *r)
{
    int error = ext_recovery_pass(r, EXT_PASS_SCAN);

    if (error == 0)
        error = ext_recovery_pass(r, EXT_PASS_REVOKE);
    if (error < 0)
        return error;
    if (r->n_revoked > 1)
        qsort(r->revoked, r->n_revoked, sizeof(*r->revoked), ext_revoked_compare);
    error = ext_recovery_pass(r, EXT_PASS_REPLAY);
    return error == 0 ? ext_io_flush(r->ext, &r->ext->io) : error;
}

int ext_journal_recover(struct ext_fs *ext, bool *replayed)
{
    struct jbd_super *super = (void *)ext->journal.super;
    struct ext_recovery r = { .ext = ext };
    uint32_t first = jbd_32(super->sequence);
    int error = -ENOMEM;

    *replayed = false;
    if (super->start == 0)
        return 0;
    if (jbd_32(super->incompat) & JBD_INCOMPAT_FAST_COMMIT) {
        log_line(LOG_ERROR, "ext: %s: journal: fast commits are not known here", ext->label);
        return -EOPNOTSUPP;
    }
    r.block = ext_block_new(ext);
    r.content = ext_block_new(ext);
    if (r.block != NULL && r.content != NULL)
        error = ext_recovery_run(&r);
    if (error == 0) {
        /* One number is left out, so that no leftover can pass for what comes next. */
        super->sequence = jbd_32(r.end + 1);
        super->start = 0;
        error = ext_journal_write_super(ext);
        *replayed = true;
        log_line(LOG_INFO, "ext: %s: journal recovered: %zu blocks of %u transactions", ext->label,
                 r.replayed, (unsigned)(r.end - first));
    }
    free(r.block);
    free(r.content);
    free(r.revoked);
    return error;
}
