/*
 * jbd: the journal's format on the disk, all numbers big-endian.
 *
 * Source: the Linux kernel's Documentation/filesystems/ext4/journal.rst. The journal is a file
 * whose block 0 is its superblock; from s_first on it is a ring of transactions: descriptor blocks
 * with tags, each followed by the blocks that the tags name; revoke blocks; a commit block.
 */
#ifndef LIBC_GLUE_EXT_JBD_H
#define LIBC_GLUE_EXT_JBD_H

#include <stddef.h>
#include <stdint.h>

#define JBD_MAGIC 0xc03b3998u

enum { JBD_DESCRIPTOR = 1, JBD_COMMIT = 2, JBD_SUPER_V1 = 3, JBD_SUPER_V2 = 4, JBD_REVOKE = 5 };

/* Flags of a tag. */
enum { JBD_ESCAPED = 1, JBD_SAME_UUID = 2, JBD_DELETED = 4, JBD_LAST_TAG = 8 };

/* Features. */
enum {
    JBD_COMPAT_CHECKSUM = 1,
    JBD_INCOMPAT_REVOKE = 1,
    JBD_INCOMPAT_64BIT = 2,
    JBD_INCOMPAT_ASYNC_COMMIT = 4,
    JBD_INCOMPAT_CSUM_V2 = 8,
    JBD_INCOMPAT_CSUM_V3 = 16,
    JBD_INCOMPAT_FAST_COMMIT = 32,
    JBD_INCOMPAT_KNOWN = 31
};

struct jbd_header {
    uint32_t magic, type, sequence;
};

struct jbd_super {
    struct jbd_header header;
    uint32_t block_size, blocks, first; /* s_blocksize, s_maxlen, s_first */
    uint32_t sequence, start;           /* of the oldest transaction; start 0: nothing to recover */
    uint32_t error;
    uint32_t compat, incompat, ro_compat;
    uint8_t uuid[16];
    uint32_t users, dynamic_super, max_transaction, max_data;
    uint8_t checksum_type, unused[3];
    uint32_t fast_blocks; /* at the end of the journal, for fast commits */
    uint32_t unused2[41];
    uint32_t checksum;
    uint8_t user_ids[16 * 48];
};
_Static_assert(offsetof(struct jbd_super, uuid) == 0x30, "journal superblock");
_Static_assert(offsetof(struct jbd_super, fast_blocks) == 0x54, "journal superblock");
_Static_assert(offsetof(struct jbd_super, checksum) == 0xfc, "journal superblock");
_Static_assert(sizeof(struct jbd_super) == 1024, "journal superblock");

struct jbd_commit {
    struct jbd_header header;
    uint8_t checksum_type, checksum_size, unused[2];
    uint32_t checksum[8];
    uint64_t seconds;
    uint32_t ns;
};
_Static_assert(offsetof(struct jbd_commit, seconds) == 0x30, "commit block");

/* What a tag says, whatever its size. */
struct jbd_tag {
    uint64_t block;
    uint32_t flags;
    uint32_t checksum;
};

struct jbd_revoke {
    struct jbd_header header;
    uint32_t used; /* bytes of this block, the header with them */
};

static inline uint32_t jbd_32(uint32_t value)
{
    return __builtin_bswap32(value);
}

static inline uint64_t jbd_64(uint64_t value)
{
    return __builtin_bswap64(value);
}

#endif
