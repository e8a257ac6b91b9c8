/*
 * A file system from its device to the VFS and back: what can be mounted and how, the journal's
 * recovery, and leaving it clean.
 *
 * An ext2 that was not left clean has bitmaps that may lie, unless it was ours: we keep the order
 * that ext.h promises. Ours is told by s_last_mounted, which then holds the time of the mount as
 * s_mtime does; whoever else mounts it changes one of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include <platform/clock.h>
#include <runtime/pages.h>

#include "devices/device.h"
#include "ext_priv.h"

#define EXT_INCOMPAT_KNOWN                                                                         \
    (EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER |                              \
     EXT2_FEATURE_INCOMPAT_META_BG | EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT | \
     EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT4_FEATURE_INCOMPAT_MMP | EXT4_FEATURE_INCOMPAT_CSUM_SEED | \
     EXT4_FEATURE_INCOMPAT_LARGEDIR)
#define EXT_RO_COMPAT_KNOWN                                                    \
    (EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE | \
     EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_GDT_CSUM |      \
     EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE |   \
     EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT)

#define EXT_CACHE_MIN_BLOCKS 64
#define EXT_CACHE_MAX (256ul << 20)
#define EXT_INODE_BUCKETS 256

static const struct fs_ops *ext_ops_of(const char *kind);

/* ---- probing ---- */

static const char *ext_kind(const struct ext2_super_block *super)
{
    if (super->s_feature_incompat & (EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT |
                                     EXT4_FEATURE_INCOMPAT_FLEX_BG))
        return "ext4";
    return super->s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL ? "ext3" : "ext2";
}

static int ext_read_super(struct block_device *device, struct ext2_super_block *super)
{
    uint8_t *page;
    int error;

    if (device->sectors < 4096 / BLOCK_SECTOR)
        return -EINVAL;
    page = aligned_alloc(4096, 4096);
    if (page == NULL)
        return -ENOMEM;
    error = ext_device_read(device, 0, page, 4096);
    memcpy(super, page + SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE);
    free(page);
    if (error == 0 && super->s_magic != EXT2_SUPER_MAGIC)
        error = -EINVAL;
    return error;
}

const char *ext_probe(struct block_device *device)
{
    struct ext2_super_block super;

    return ext_read_super(device, &super) == 0 ? ext_kind(&super) : NULL;
}

/* ---- may it be mounted, may it be written ---- */

static int ext_check_super(struct ext_fs *ext, const struct ext2_super_block *super)
{
    uint32_t lacking = super->s_feature_incompat & ~(uint32_t)EXT_INCOMPAT_KNOWN;
    uint64_t size;

    if (lacking != 0) {
        log_line(LOG_ERROR, "ext: %s: features that are not known here: incompat %#x", ext->label,
                 lacking);
        return -EOPNOTSUPP;
    }
    size = 1024ull << (super->s_log_block_size <= 2 ? super->s_log_block_size : 0);
    if (super->s_log_block_size > 2 || size < ext->device->sector_size) {
        log_line(LOG_ERROR, "ext: %s: block size 2^%lu is not possible here", ext->label,
                 10 + (unsigned long)super->s_log_block_size);
        return -EOPNOTSUPP;
    }
    if (ext2fs_blocks_count((struct ext2_super_block *)super) >
        ext->device->sectors / (size / BLOCK_SECTOR)) {
        log_line(LOG_ERROR, "ext: %s: is larger than its device", ext->label);
        return -EINVAL;
    }
    return 0;
}

static bool ext_was_ours(const struct ext2_super_block *super)
{
    char mark[32];

    snprintf(mark, sizeof(mark), "xenolith %lu", (unsigned long)super->s_mtime);
    return strncmp((const char *)super->s_last_mounted, mark, sizeof(mark)) == 0;
}

/* Why it must not be written, or NULL. */
static const char *ext_why_read_only(struct ext_fs *ext, const struct ext2_super_block *super)
{
    bool journal = (super->s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL) != 0;

    if (ext->device->read_only)
        return "the device is read-only";
    if (super->s_feature_ro_compat & ~(uint32_t)EXT_RO_COMPAT_KNOWN)
        return "it has features that can only be read here";
    if (super->s_feature_incompat & EXT4_FEATURE_INCOMPAT_MMP)
        return "multiple mount protection is not known here";
    if (super->s_state & EXT2_ERROR_FS)
        return "it has errors: e2fsck is needed";
    if (journal && super->s_journal_inum == 0)
        return "its journal lies on another device";
    if (!journal && !(super->s_state & EXT2_VALID_FS) && !ext_was_ours(super))
        return "it was not left clean: e2fsck is needed";
    return NULL;
}

static int ext_check_groups(struct ext_fs *ext)
{
    ext2_filsys e2 = ext->e2;
    uint64_t blocks = ext2fs_blocks_count(e2->super);

    for (unsigned i = 0; i < e2->group_desc_count; i++) {
        if (!ext2fs_group_desc_csum_verify(e2, i) || ext2fs_block_bitmap_loc(e2, i) >= blocks ||
            ext2fs_inode_bitmap_loc(e2, i) >= blocks ||
            ext2fs_inode_table_loc(e2, i) + e2->inode_blocks_per_group > blocks) {
            log_line(LOG_ERROR, "ext: %s: group %u is damaged", ext->label, i);
            return -EBADMSG;
        }
    }
    return 0;
}

/* ---- making ---- */

static size_t ext_cache_bytes(const struct ext_fs *ext, size_t wanted)
{
    struct pages_stats stats;

    if (wanted == 0) {
        pages_get_stats(&stats);
        wanted = stats.free * 4096 / 8;
    }
    if (wanted > EXT_CACHE_MAX)
        wanted = EXT_CACHE_MAX;
    if (wanted < EXT_CACHE_MIN_BLOCKS * (size_t)ext->block_size)
        wanted = EXT_CACHE_MIN_BLOCKS * (size_t)ext->block_size;
    return wanted;
}

static void ext_destroy(struct ext_fs *ext)
{
    ext_journal_free(ext);
    ext_cache_free(ext);
    ext_io_free(ext);
    ext2fs_free(ext->e2);
    ext_set_free(ext->freed);
    ext_set_free(ext->freed_before);
    ext_set_free(ext->freed_inodes);
    free(ext->group_dirty);
    free(ext->inodes);
    free(ext);
}

static struct ext_fs *ext_make(struct block_device *device, const char *source)
{
    static unsigned last_minor; /* atomic */
    struct ext_fs *ext = calloc(1, sizeof(*ext));

    if (ext == NULL)
        return NULL;
    ext->fs.ops = ext_ops_of("ext4"); /* until we know better */
    ext->fs.source = ext->label;
    ext->fs.dev = DEVICE_NUMBER(202, __atomic_add_fetch(&last_minor, 1, __ATOMIC_RELAXED) & 0xff);
    ext->device = device;
    ext_io_init(&ext->io);
    ext->reads.spin = (struct spinlock)SPINLOCK_INIT("ext reads");
    wait_queue_init(&ext->reads.ended);
    list_init(&ext->dirty_inodes);
    ext->journal.tid = 1;
    ext_flight_init(ext);
    ext->freed = ext_set_new();
    ext->freed_before = ext_set_new();
    ext->freed_inodes = ext_set_new();
    ext->inode_buckets = EXT_INODE_BUCKETS;
    ext->inodes = calloc(EXT_INODE_BUCKETS, sizeof(*ext->inodes));
    snprintf(ext->label, sizeof(ext->label), "%s", source);
    if (ext->freed == NULL || ext->freed_before == NULL || ext->freed_inodes == NULL ||
        ext->inodes == NULL) {
        ext_destroy(ext);
        return NULL;
    }
    return ext;
}

/* The library's view, the cache, and the root. */
static int ext_load(struct ext_fs *ext, const struct ext_options *options, bool writable)
{
    struct ext_inode *root;
    int error = ext_library_open(ext, ext->label, writable ? EXT2_FLAG_RW : 0);

    if (error < 0)
        return error;
    ext->fs.ops = ext_ops_of(ext_kind(ext->e2->super));
    ext->block_size = ext->e2->blocksize;
    ext->sectors = ext->block_size / BLOCK_SECTOR;
    ext->group_dirty = calloc(1, ext->e2->group_desc_count / 8 + 1);
    if (ext->group_dirty == NULL)
        return -ENOMEM;
    error = ext_cache_init(ext, ext_cache_bytes(ext, options->cache_bytes));
    if (error == 0)
        error = ext_check_groups(ext);
    if (error == 0)
        error = ext_inode_get(ext, EXT2_ROOT_INO, &root);
    if (error < 0)
        return error;
    ext->fs.root = &root->inode;
    return S_ISDIR(root->inode.kind) ? 0 : -EBADMSG;
}

/* ---- the superblock's state, written at once ---- */

static int ext_super_now(struct ext_fs *ext)
{
    int error;

    ext->super_dirty = true;
    error = ext_write_groups(ext);
    if (error == 0)
        error = ext_write_list(ext, &ext->cache.meta, -1);
    return error == 0 ? ext_io_flush(ext, &ext->io) : error;
}

static int ext_super_mounted(struct ext_fs *ext)
{
    struct ext2_super_block *super = ext->e2->super;

    super->s_mtime = (__u32)(clock_realtime_ns() / 1000000000u);
    super->s_mnt_count++;
    memset(super->s_last_mounted, 0, sizeof(super->s_last_mounted));
    snprintf((char *)super->s_last_mounted, sizeof(super->s_last_mounted), "xenolith %lu",
             (unsigned long)super->s_mtime);
    if (ext2fs_has_feature_journal(super))
        ext2fs_set_feature_journal_needs_recovery(super);
    else
        super->s_state &= (__u16)~EXT2_VALID_FS;
    return ext_super_now(ext);
}

static int ext_super_clean(struct ext_fs *ext)
{
    struct ext2_super_block *super = ext->e2->super;

    super->s_wtime = (__u32)(clock_realtime_ns() / 1000000000u);
    super->s_state |= EXT2_VALID_FS;
    ext2fs_clear_feature_journal_needs_recovery(super);
    return ext_super_now(ext);
}

/* ---- opening ---- */

static int ext_start_writing(struct ext_fs *ext)
{
    int error = ext_super_mounted(ext);

    if (error == 0 && ext2fs_has_feature_journal(ext->e2->super))
        error = ext_journal_start(ext);
    if (error < 0)
        return error;
    ext->writes = true;
    error = ext_orphans_clean(ext);
    /* What cannot be finished is e2fsck's; everything else works. */
    if (error == -EBADMSG || error == -EOPNOTSUPP)
        log_line(LOG_WARNING, "ext: %s: files without names could not be removed", ext->label);
    return ext->aborted ? -EIO : 0;
}

/*
 * One try. *again: the journal was recovered, and what was read before may be old.
 */
static int ext_try(struct ext_fs *ext, const struct ext_options *options, bool *again)
{
    struct ext2_super_block super;
    const char *why = NULL;
    int error = ext_read_super(ext->device, &super);

    *again = false;
    if (error == 0)
        error = ext_check_super(ext, &super);
    if (error < 0)
        return error;
    why = ext_why_read_only(ext, &super);
    error = ext_load(ext, options, why == NULL);
    if (error < 0)
        return error;
    if (ext2fs_has_feature_journal(&super) && super.s_journal_inum != 0) {
        error = ext_journal_load(ext);
        if (error == 0 && why == NULL)
            error = ext_journal_recover(ext, again);
        if (error < 0 && error != -ENOMEM) {
            why = "its journal could not be recovered: e2fsck is needed";
            error = 0;
        } else if (error == 0 && why != NULL && ext2fs_has_feature_journal_needs_recovery(&super)) {
            log_line(LOG_WARNING,
                     "ext: %s: the journal was not recovered, some files may be damaged",
                     ext->label);
        }
    }
    if (error < 0 || *again)
        return error;
    if (why == NULL && !options->read_only)
        return ext_start_writing(ext);
    ext->fs.read_only = true;
    if (why != NULL && !options->read_only)
        log_line(LOG_WARNING, "ext: %s: mounted read-only: %s", ext->label, why);
    return 0;
}

static void ext_give_up(struct ext_fs *ext)
{
    if (ext->fs.root != NULL)
        inode_put(ext->fs.root);
    ext_destroy(ext);
}

int ext_open(struct block_device *device, const char *source, const struct ext_options *options,
             struct fs **out)
{
    struct ext_fs *ext;
    bool again;
    int error;

    do {
        ext = ext_make(device, source);
        if (ext == NULL)
            return -ENOMEM;
        error = ext_try(ext, options, &again);
        if (error < 0 || again)
            ext_give_up(ext);
    } while (error == 0 && again);
    if (error < 0)
        return error == -EBADMSG ? -EINVAL : error;
    if (ext->writes && !options->no_thread) {
        error = ext_writer_start(ext);
        if (error < 0)
            log_line(LOG_WARNING, "ext: %s: no thread to write behind: error %d", ext->label,
                     error);
    }
    ext->closed = options->closed;
    *out = &ext->fs;
    return 0;
}

/* ---- the file system's operations ---- */

int ext_commit_now(struct fs *fs)
{
    struct ext_fs *ext = ext_of(fs);
    int error = 0;

    mutex_lock(&ext->lock);
    if (ext->writes) {
        ext->flight.all = ext->flight.commits = true;
        error = ext_flight_go(ext);
    }
    mutex_unlock(&ext->lock);
    return error;
}

static int ext_fs_sync(struct fs *fs)
{
    struct ext_fs *ext = ext_of(fs);
    int error = 0;

    mutex_lock(&ext->lock);
    if (ext->writes) {
        uint64_t before = ext->flight.begun;

        ext->flight.all = ext->flight.commits = ext->flight.flushes = true;
        error = ext_flight_go(ext);
        if (ext->flight.lossy > before)
            error = -EIO;
    } else if (ext->aborted) {
        error = -EIO;
    }
    mutex_unlock(&ext->lock);
    return error;
}

int ext_shut(struct fs *fs)
{
    struct ext_fs *ext = ext_of(fs);
    int error = 0;

    mutex_lock(&ext->lock);
    ext_flight_wait(ext);
    if (!ext->writes) {
        mutex_unlock(&ext->lock);
        return 0;
    }
    error = ext_write_list(ext, &ext->cache.data, -1);
    /* A commit may set blocks free, which another one tells the disk. */
    for (int i = 0; i < 3 && error == 0; i++)
        error = ext_commit(ext);
    if (error == 0 && ext->journal.present)
        error = ext_checkpoint(ext);
    if (error == 0 && ext->journal.present)
        error = ext_journal_stop(ext);
    if (error == 0)
        error = ext_super_clean(ext);
    ext->writes = false;
    fs->read_only = true;
    if (error < 0)
        log_line(LOG_ERROR, "ext: %s: not left clean: error %d", ext->label, error);
    mutex_unlock(&ext->lock);
    return error;
}

static void ext_unmount(struct fs *fs)
{
    struct ext_fs *ext = ext_of(fs);
    struct block_device *device = ext->device;
    void (*closed)(struct fs * fs, struct block_device * device) = ext->closed;

    ext_writer_stop(ext);
    ext_shut(fs);
    inode_put(fs->root);
    ext_destroy(ext);
    if (closed != NULL)
        closed(fs, device);
}

static int ext_statvfs(struct fs *fs, struct statvfs *out)
{
    struct ext_fs *ext = ext_of(fs);
    struct ext2_super_block *super = ext->e2->super;
    uint64_t free, reserved = ext2fs_r_blocks_count(super);

    mutex_lock(&ext->lock);
    free = ext2fs_free_blocks_count(super);
    out->f_bsize = out->f_frsize = ext->block_size;
    out->f_blocks = ext2fs_blocks_count(super) - super->s_overhead_clusters;
    out->f_bfree = free;
    out->f_bavail = free > reserved ? free - reserved : 0;
    out->f_files = super->s_inodes_count;
    out->f_ffree = out->f_favail = super->s_free_inodes_count;
    out->f_fsid = fs->dev;
    out->f_namemax = VFS_NAME_MAX;
    mutex_unlock(&ext->lock);
    return 0;
}

static const struct fs_ops ext_fs_ops[] = {
    { .type = "ext4", .statvfs = ext_statvfs, .sync = ext_fs_sync, .unmount = ext_unmount },
    { .type = "ext3", .statvfs = ext_statvfs, .sync = ext_fs_sync, .unmount = ext_unmount },
    { .type = "ext2", .statvfs = ext_statvfs, .sync = ext_fs_sync, .unmount = ext_unmount },
};

static const struct fs_ops *ext_ops_of(const char *kind)
{
    return &ext_fs_ops[kind[3] == '4' ? 0 : kind[3] == '3' ? 1 : 2];
}
