/*
 * ext_priv: the structures that the files of libc-glue/ext share.
 *
 * Locks: one mutex "ext" for each file system, below fs->tree and inode->data, held around
 * everything here. Whoever changes something keeps it while waiting for the device. Two give it
 * back meanwhile. Readers of content: what they read is pinned and busy in the cache, and stays the
 * file's, as whoever changes it waits for them (or they hold inode->data). And those who want
 * something to be on the disk: flight.c.
 */
#ifndef LIBC_GLUE_EXT_PRIV_H
#define LIBC_GLUE_EXT_PRIV_H

#include <errno.h>
#include <string.h>

#include <runtime/list.h>
#include <runtime/log.h>
#include <runtime/sync.h>

#include "config.h"
#include "ext2fs/ext2_fs.h"
#include "ext2fs/ext2fs.h"
#include "ext2fs/ext3_extents.h"

#include "ext.h"

#define EXT_IO_REQUESTS 32
#define EXT_IO_PIECES 256
#define EXT_READ_AHEAD (256u << 10) /* bytes, at most */

struct ext_fs;
struct ext_inode;

/* ---- cache.c: blocks in memory ---- */

enum ext_buf_state {
    EXT_CLEAN,
    EXT_DATA,   /* a file's content, to be written where it belongs */
    EXT_META,   /* changed in the running transaction */
    EXT_LOGGED, /* in the journal, not yet where it belongs */
};

/* What kind of metadata: the order in which an ext2 without a journal writes it. */
enum ext_class {
    EXT_FIRST, /* bitmaps, mapping blocks, new blocks of directories */
    EXT_INODE, /* inode tables, group descriptors, superblock */
    EXT_NAMES, /* blocks of directories that were there before */
    EXT_CLASSES
};

struct ext_buf {
    uint64_t block;
    uint8_t *data;
    struct ext_buf *hash_next;
    struct list lru;   /* every buffer, the one used last at the end */
    struct list dirty; /* in the cache's list of its state */
    ext2_ino_t owner;  /* EXT_DATA: whose content */
    unsigned pins;
    uint8_t state;
    uint8_t class;
    bool valid; /* data is the block's content */
    bool busy;  /* content on its way from the device, without the lock: not valid yet */
    bool fresh; /* EXT_DATA: the running transaction maps it for the first time, or the size does */
};

struct ext_cache {
    struct ext_buf **table;
    size_t buckets;    /* a power of two */
    size_t count, max; /* buffers */
    size_t n_data, n_meta, n_logged, n_fresh;
    struct list lru, data, meta, logged;
    void *pages; /* free parts of pages, chained */
};

int ext_cache_init(struct ext_fs *ext, size_t bytes);
void ext_cache_free(struct ext_fs *ext);

/* A block with its content, pinned until ext_put(). -EIO, -ENOMEM, -EBADMSG (no such block). */
int ext_get(struct ext_fs *ext, uint64_t block, struct ext_buf **out);
/* The same without reading: the caller fills it, or zeroes it. */
int ext_get_new(struct ext_fs *ext, uint64_t block, struct ext_buf **out);
/* NULL when it is not in memory. Pinned. */
struct ext_buf *ext_get_cached(struct ext_fs *ext, uint64_t block);
void ext_put(struct ext_buf *buf);
/* Read n blocks from block on that are not in memory yet, as few requests as can be. */
int ext_read_ahead(struct ext_fs *ext, uint64_t block, unsigned n);
/*
 * A block of a file's content, whose inode->data is held: pinned, and with it, if it is not in memory,
 * up to n blocks from it on. Gives the lock back while it waits.
 */
int ext_get_content(struct ext_fs *ext, uint64_t block, unsigned n, struct ext_buf **out);
/* Wait until one more read has ended, without the lock; and tell that one has. */
void ext_await_read(struct ext_fs *ext);
void ext_read_ended(struct ext_fs *ext);

void ext_dirty_meta(struct ext_fs *ext, struct ext_buf *buf, enum ext_class class);
void ext_dirty_data(struct ext_fs *ext, struct ext_buf *buf, ext2_ino_t owner, bool fresh);
void ext_clean(struct ext_fs *ext, struct ext_buf *buf);
/* The block is free: its content is nobody's any more. */
void ext_forget(struct ext_fs *ext, uint64_t block);

/* A block's worth of zeroed memory that the device can use; free() gives it back. */
void *ext_block_new(struct ext_fs *ext);
/* The same, not zeroed, from the cache's pages: with the lock held. */
void *ext_part_new(struct ext_fs *ext);
void ext_part_free(struct ext_fs *ext, void *part);

/* ---- io.c: the device ---- */

/* Requests that are under way together, and who waits for them. */
struct ext_io {
    struct spinlock spin; /* "ext io" */
    struct wait_queue done;
    unsigned pending;
    int status;
    struct ext_io *next; /* spare ones */
    struct block_request requests[EXT_IO_REQUESTS];
    struct block_piece pieces[EXT_IO_PIECES];
};

void ext_io_init(struct ext_io *io);
void ext_io_free(struct ext_fs *ext);
/* One for somebody who gives the lock back: NULL without memory. With the lock held. */
struct ext_io *ext_io_take(struct ext_fs *ext);
void ext_io_give(struct ext_fs *ext, struct ext_io *io);
/* Parts of one direction that lie side by side on the device are sent as one request. */
int ext_io_bufs(struct ext_fs *ext, struct ext_buf **bufs, size_t n, bool write);
/* Read them; the lock is given back meanwhile. They are pinned and busy. */
int ext_io_read_unlocked(struct ext_fs *ext, struct ext_buf **bufs, size_t n);
/* By block. */
void ext_io_sort(struct ext_buf **bufs, size_t n);
/* Write the buffers of a list (linked by dirty) where they belong, and make them clean. */
int ext_write_list(struct ext_fs *ext, struct list *list, int class /* or -1 */);
/*
 * Content could not be written: its file's fsync() tells, all threads that are in it and else one;
 * or the next one, if the file is closed.
 */
void ext_io_blame(struct ext_fs *ext, const struct ext_buf *buf, int error);
/* len bytes at block, which may be anywhere in memory. */
int ext_io_blocks(struct ext_fs *ext, uint64_t block, void *data, size_t len, bool write);
/* Write to several places at once: block numbers and one block of memory each. */
int ext_io_scatter(struct ext_fs *ext, struct ext_io *io, const uint64_t *blocks, void **data,
                   size_t n);
int ext_io_flush(struct ext_fs *ext, struct ext_io *io);
int ext_device_read(struct block_device *device, uint64_t sector, void *data, size_t len);

/* ---- journal.c, recovery.c ---- */

struct ext_run {
    uint32_t logical, n;
    uint64_t block;
};

struct ext_journal {
    bool present;
    struct ext_run *runs;
    size_t n_runs;
    uint32_t first, last; /* the log's blocks: first <= b < last */
    uint32_t head;        /* where the next transaction goes */
    uint32_t free;        /* blocks that no transaction takes that may be needed */
    uint32_t tid;         /* of the running transaction */
    uint32_t features;    /* incompatible ones */
    uint32_t compat;
    uint32_t seed;     /* of checksums */
    bool checksums;    /* version 2 or 3 */
    uint32_t max;      /* metadata blocks in one transaction */
    uint8_t *super;    /* one block */
    uint64_t *revoked; /* blocks that the running transaction freed and the log holds */
    size_t n_revoked, max_revoked;
    struct ext_set *in_log; /* blocks that the log holds */
};

/*
 * Blocks on their way to the disk: content first, then those of a transaction for the log, with the
 * record that makes it valid behind them.
 */
struct ext_commit {
    uint64_t *blocks; /* where each goes */
    void **data;      /* what goes there */
    void **made;      /* what of it was made for this, and is to be freed */
    size_t n, n_made, max;
    size_t n_content;
    bool fresh;           /* content that the transaction maps: it fails with it */
    bool copies;          /* the blocks may change meanwhile */
    uint8_t *descriptor;  /* being filled, or NULL */
    unsigned at;          /* bytes of it in use */
    uint8_t *last_tag;
    struct jbd_commit *record; /* NULL: content alone */
};

/* Memory for n_content blocks of content, and the running transaction if it commits. */
int ext_commit_new(struct ext_fs *ext, struct ext_commit *commit, size_t n_content, bool commits);
void ext_commit_content(struct ext_commit *commit, uint64_t block, void *data);
/* Fill in the transaction: -ENOSPC (of the log), -ENOMEM, and nothing of the log is taken. */
int ext_commit_build(struct ext_fs *ext, struct ext_commit *commit);
/* To the disk, needing no lock. *lost: the error of content that fails alone. */
int ext_commit_write(struct ext_fs *ext, struct ext_io *io, struct ext_commit *commit, int *lost);
void ext_commit_free(struct ext_fs *ext, struct ext_commit *commit);

/* Is a checkpoint needed when so many blocks more are in the log? */
bool ext_journal_is_filling(const struct ext_fs *ext, size_t more);
/*
 * The running transaction counts as logged, and another one begins; its blocks are in the log. An
 * error is the end of writing.
 */
int ext_journal_logged(struct ext_fs *ext);
int ext_journal_load(struct ext_fs *ext);
void ext_journal_free(struct ext_fs *ext);
int ext_journal_recover(struct ext_fs *ext, bool *replayed);
int ext_journal_start(struct ext_fs *ext);
int ext_journal_stop(struct ext_fs *ext);
int ext_journal_commit(struct ext_fs *ext);
int ext_checkpoint(struct ext_fs *ext);
int ext_journal_forget(struct ext_fs *ext, uint64_t block); /* freed */
uint64_t ext_journal_block(struct ext_fs *ext, uint32_t logical);
unsigned ext_journal_tag_size(const struct ext_journal *journal);
int ext_journal_write_super(struct ext_fs *ext);
uint32_t ext_journal_crc(const struct ext_journal *journal, const void *block, size_t size,
                         uint32_t *field);

/* ---- set.c: sets of block numbers, of runs ---- */

struct ext_set *ext_set_new(void);
void ext_set_free(struct ext_set *set);
bool ext_set_add(struct ext_set *set, uint64_t value); /* false: no memory */
bool ext_set_has(const struct ext_set *set, uint64_t value);
void ext_set_remove(struct ext_set *set, uint64_t value);
void ext_set_clear(struct ext_set *set);
size_t ext_set_count(const struct ext_set *set);
/* Visit all, in any order. */
void ext_set_each(const struct ext_set *set, void (*visit)(void *arg, uint64_t value), void *arg);

/* ---- transaction.c: what changes together ---- */

/*
 * Around every operation that changes something: takes the lock and makes room for blocks changed
 * metadata blocks, which may commit what came before. -EROFS, -EIO: the lock is not held.
 */
int ext_begin(struct ext_fs *ext, unsigned blocks);
void ext_end(struct ext_fs *ext);
/* In the middle of a long operation, where everything is consistent. */
int ext_more(struct ext_fs *ext, unsigned blocks);
/*
 * With the lock held, between operations: all that was done so far is on the disk afterwards. -ENOMEM:
 * it is not, and may be yet; after other errors there is no more writing.
 */
int ext_commit(struct ext_fs *ext);
bool ext_has_changes(const struct ext_fs *ext);
/*
 * What came before must reach the disk before what comes after: nothing to do with a journal. An error
 * is the end of writing.
 */
int ext_order(struct ext_fs *ext);
/* The first error that makes everything doubtful: no more writing. */
int ext_abort(struct ext_fs *ext, const char *what, int error);
/*
 * How an operation ended, with the lock held: if it met damage, and whoever made the file system wants
 * that (mke2fs -e remount-ro), no more writing.
 */
void ext_judge(struct ext_fs *ext, int error);
/* libext2fs's errors as ours. */
int ext_errno(errcode_t error);

/* ---- alloc.c: blocks and inodes, in use or free ---- */

/* Up to *n blocks in a row, near goal; *n becomes how many. -ENOSPC. */
int ext_alloc_blocks(struct ext_fs *ext, uint64_t goal, unsigned *n, uint64_t *out);
int ext_free_block(struct ext_fs *ext, uint64_t block);
int ext_alloc_inode(struct ext_fs *ext, struct ext_inode *parent, mode_t mode, ext2_ino_t *out);
int ext_free_inode(struct ext_fs *ext, ext2_ino_t ino, bool is_dir);
/* Are there n blocks to be had? Between operations a commit may make them so. */
bool ext_have_blocks(struct ext_fs *ext, uint64_t n, bool may_commit);
void ext_alloc_committed(struct ext_fs *ext);
/* Group descriptors and superblock, as they are in memory, into their blocks. */
int ext_write_groups(struct ext_fs *ext);
void ext_group_dirty(struct ext_fs *ext, unsigned group);

/* ---- table.c: inodes in memory ---- */

struct ext_inode {
    struct inode inode;
    struct ext_inode *hash_next;
    struct list dirty;           /* in ext->dirty_inodes */
    struct ext2_inode_large raw; /* the start of what the disk has, the library's view */
    uint32_t tid;                /* the transaction that changed it last */
    uint32_t data_tid;           /* ... changed what is needed to read it back */
    int error;                   /* of the last write of its content that failed: fsync() tells */
    unsigned losses, told;       /* how many failed, and how many somebody was told of */
    unsigned syncs;              /* threads that wait until it is on the disk */
    unsigned readers;            /* of content, that do not hold inode->data */
    bool awaited;                /* somebody waits for their end */
    bool is_dirty;
    bool orphan;   /* in the list of those without a name */
    bool unhashed; /* freed */

    /* What was mapped last. len 0: nothing. block 0: a hole. */
    uint32_t map_logical, map_len;
    uint64_t map_block;
    bool map_unwritten;

    uint32_t read_next; /* the block after the last one that was read */
    unsigned window;    /* blocks to read ahead */
    uint32_t dir_hint;  /* a directory: the block where the last name went in */
    /* ... and where a walk goes on at walk_at (0: nowhere), as nothing was changed since. */
    uint64_t walk_at, walk_from;
};

/* What the disk has, of one that is not in memory. */
int ext_inode_peek(struct ext_fs *ext, ext2_ino_t ino, struct ext2_inode *out);
int ext_inode_get(struct ext_fs *ext, ext2_ino_t ino, struct ext_inode **out);
/* A new one, not on the disk yet, with one reference. */
int ext_inode_new(struct ext_fs *ext, ext2_ino_t ino, mode_t mode, struct ext_inode **out);
void ext_inode_dirty(struct ext_inode *node, bool needed_to_read);
void ext_changed(struct ext_fs *ext); /* something is to be committed, some time */
int ext_inode_store(struct ext_fs *ext, struct ext_inode *node);
int ext_inode_store_all(struct ext_fs *ext);
void ext_inode_release(struct inode *inode);
struct ext_inode *ext_inode_find(struct ext_fs *ext, ext2_ino_t ino);
void ext_inode_set_size(struct ext_inode *node, uint64_t size);
uint64_t ext_inode_size(const struct ext_inode *node);

int ext_orphan_add(struct ext_fs *ext, struct ext_inode *node);
int ext_orphan_remove(struct ext_fs *ext, struct ext_inode *node);
int ext_orphans_clean(struct ext_fs *ext);
int ext_inode_destroy(struct ext_fs *ext, struct ext_inode *node);

enum { EXT_TIME_A = 1, EXT_TIME_M = 2, EXT_TIME_C = 4 };
void ext_touch(struct ext_inode *node, int which);
void ext_set_time(struct ext_inode *node, int which, struct timespec time);
struct timespec ext_get_time(const struct ext_inode *node, int which);

/* ---- map.c: from a file's blocks to the device's ---- */

/* *block 0: a hole. *n: how many blocks are alike. */
int ext_map(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, uint64_t *block,
            uint32_t *n, bool *unwritten);
/* Give the file blocks from logical on, where there are none: *n becomes how many. */
int ext_map_alloc(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, unsigned *n,
                  bool unwritten, uint64_t *block);
/* What was unwritten counts as written from now on. */
int ext_map_written(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, unsigned n);
/*
 * Free all blocks from logical on, of a file that was size bytes long (UINT64_MAX: who knows). May
 * commit in between.
 */
int ext_map_cut(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, uint64_t size);
/* Blocks that a file without extents can have. */
uint64_t ext_map_table_max(const struct ext_fs *ext);
int ext_map_indirect(struct ext_fs *ext, struct ext_inode *node, uint32_t logical, unsigned *n,
                     bool allocate, uint64_t *block);

/* ---- data.c: content of regular files ---- */

ssize_t ext_data_read(struct ext_fs *ext, struct ext_inode *node, const struct iovec *iov, int n,
                      uint64_t offset, size_t len);
ssize_t ext_data_write(struct ext_fs *ext, struct ext_inode *node, const struct iovec *iov, int n,
                       uint64_t offset, size_t len);
int ext_data_truncate(struct ext_fs *ext, struct ext_inode *node, uint64_t size);
/* What was lost since node->told was `told`: an error. Nobody who asks later hears of it again. */
int ext_data_lost(struct ext_fs *ext, struct ext_inode *node, unsigned told);

/* ---- dir.c, htree.c: names ---- */

int ext_dir_find(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name, ext2_ino_t *ino,
                 uint8_t *type);
int ext_dir_add(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name, ext2_ino_t ino,
                mode_t mode);
int ext_dir_remove(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name);
/* Let a name that is there stand for another inode. */
int ext_dir_replace(struct ext_fs *ext, struct ext_inode *dir, struct vfs_name name, ext2_ino_t ino,
                    mode_t mode);
int ext_dir_init(struct ext_fs *ext, struct ext_inode *dir, ext2_ino_t parent);
int ext_dir_is_empty(struct ext_fs *ext, struct ext_inode *dir);
int ext_dir_name_of(struct ext_fs *ext, struct ext_inode *dir, ext2_ino_t ino, char *name);
int ext_dir_next(struct ext_fs *ext, struct ext_inode *dir, uint64_t at, struct file_entry *out);

/* ---- ops.c, ops_names.c: what the VFS asks, see inode.h ---- */

#define EXT_OP_CREDITS 40 /* metadata blocks that an operation on names may change */
#define EXT_OP_SPARE 12   /* free blocks that it may need: splits, mapping blocks */

int ext_lookup(struct inode *dir, struct vfs_name name, struct inode **out);
int ext_parent(struct inode *dir, struct inode **out);
int ext_name_of(struct inode *dir, struct inode *child, char name[VFS_NAME_MAX + 1]);
int ext_next_entry(struct inode *dir, off_t at, struct file_entry *entry);
int ext_create(struct inode *dir, struct vfs_name name, const struct inode_new *what,
               struct inode **out);
int ext_link(struct inode *to, struct vfs_name name, struct inode *inode);
int ext_unlink(struct inode *from, struct vfs_name name, struct inode *child);
int ext_rename(struct inode *from_dir, struct vfs_name from, struct inode *child,
               struct inode *to_dir, struct vfs_name to, struct inode *replaced);
ssize_t ext_readlink(struct inode *inode, char *target, size_t size);

/* ---- flight.c: what goes to the disk while others have the lock ---- */

struct ext_flight {
    /* Under the lock. */
    uint64_t begun, landed; /* numbers of the last ones: one is under way where they differ */
    uint64_t failed, lossy; /* the last one that did, and the last that lost content */
    bool commits, flushes;  /* what the next one has to do; content of files that somebody syncs, */
    bool all;               /* or all */
    /* Of the one under way. */
    struct ext_buf **bufs; /* its content, pinned */
    size_t n_bufs;
    struct ext_commit commit;
    struct ext_io *io;

    struct spinlock spin; /* "ext flight" */
    struct wait_queue ended;
    uint64_t down; /* the last one that needs the disk no more */
    int status, lost;
};

void ext_flight_init(struct ext_fs *ext);
/*
 * Until a flight has landed that begins now or later: -EIO if it failed. The lock is given back
 * meanwhile. What is wanted of it stands in ext->flight.
 */
int ext_flight_go(struct ext_fs *ext);
/* Until none is under way. The lock is kept. */
void ext_flight_wait(struct ext_fs *ext);

/* ---- writer.c: the thread that commits what is EXT_COMMIT_S old ---- */

int ext_writer_start(struct ext_fs *ext);
void ext_writer_stop(struct ext_fs *ext);
void ext_writer_wake(struct ext_fs *ext);

/* ---- one file system ---- */

struct ext_fs {
    struct fs fs;
    struct mutex lock; /* "ext" */
    struct block_device *device;
    ext2_filsys e2;
    unsigned block_size;
    unsigned sectors; /* of 512 bytes in a block */
    int lost;         /* a write of content failed whose file was closed */
    bool aborted;
    bool writes; /* mounted for writing, and still so */
    bool has_groups_dirty, super_dirty;
    void (*closed)(struct fs *fs, struct block_device *device);

    struct ext_cache cache;
    struct ext_journal journal;

    struct ext_inode **inodes; /* hash table, of those that somebody refers to */
    size_t inode_buckets;
    struct list dirty_inodes;

    struct ext_set *freed;        /* blocks that may be used again after the next commit */
    struct ext_set *freed_before; /* ... after the one that is under way: flight.c */
    struct ext_set *freed_inodes; /* the same for inodes; ext2 only */
    uint8_t *group_dirty;         /* a bit for each group */
    uint64_t last_block;          /* where the last allocation ended */
    uint64_t changed_ns;          /* the first change that is not committed; 0: none */

    struct ext_io io;        /* of whoever keeps the lock */
    struct ext_io *spare_io; /* of those who do not */
    unsigned n_spare_io;
    struct ext_flight flight;
    struct { /* waiting for another thread that reads */
        struct spinlock spin; /* "ext reads" */
        struct wait_queue ended;
        unsigned n; /* reads that have ended */
    } reads;

    struct thread *thread; /* writer.c's, or NULL */
    struct {
        struct spinlock spin; /* "ext writer" */
        struct wait_queue wake, end;
        bool changed, stop, stopped;
    } writer;
    char label[64]; /* "/dev/xvda": fs.source, and for messages */
};

static inline struct ext_fs *ext_of(struct fs *fs)
{
    return (struct ext_fs *)fs;
}

static inline struct ext_inode *ext_node(struct inode *inode)
{
    return (struct ext_inode *)inode;
}

/* crc.c */
uint32_t ext_crc32c(uint32_t crc, const void *data, size_t len);

/* library.c: what libext2fs calls. */
extern struct struct_io_manager ext_io_manager;
int ext_library_open(struct ext_fs *ext, const char *name, int flags);

extern const struct inode_ops ext_inode_ops;

#endif
