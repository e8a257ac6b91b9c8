#include "partition.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PARTITION_BLOCK_MAX 4096u
#define PARTITION_LOGICAL_MAX 60u /* links of a chain of logical partitions */

#define MBR_ENTRIES 446u
#define MBR_ENTRY_SIZE 16u
#define MBR_TYPE_GPT 0xeeu

#define GPT_HEADER_MIN 92u
#define GPT_ENTRY_MIN 128u

struct partition_reader {
    const struct partition_disk *disk;
    uint64_t blocks;      /* of the disk, of its own size */
    unsigned char *block; /* one of them */
    struct partition *out;
    int n;
};

static uint32_t partition_u32(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t partition_u64(const unsigned char *at)
{
    return partition_u32(at) | (uint64_t)partition_u32(at + 4) << 32;
}

static int partition_get(struct partition_reader *reader, uint64_t block, void *to)
{
    unsigned size = reader->disk->sector_size;

    if (block >= reader->blocks)
        return -EINVAL;
    return reader->disk->read(reader->disk->arg, block * (size / 512), to, size);
}

/* In blocks. What does not lie within the disk is left out. */
static void partition_found(struct partition_reader *reader, unsigned number, uint64_t start,
                            uint64_t count)
{
    unsigned factor = reader->disk->sector_size / 512;

    if (start == 0 || count == 0 || start >= reader->blocks || count > reader->blocks - start)
        return;
    if (reader->n == PARTITION_MAX)
        return;
    reader->out[reader->n++] =
        (struct partition){ .number = number, .start = start * factor, .sectors = count * factor };
}

/* ---- MBR ------------------------------------------------------------------------------------ */

static bool partition_is_extended(unsigned type)
{
    return type == 0x05 || type == 0x0f || type == 0x85;
}

/*
 * A boot sector of a file system has the signature as well; what would be the table is its code
 * then.
 */
static bool partition_is_mbr(const unsigned char *block)
{
    if (block[510] != 0x55 || block[511] != 0xaa)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        if ((block[MBR_ENTRIES + i * MBR_ENTRY_SIZE] & 0x7f) != 0)
            return false;
    }
    return true;
}

/* The chain of an extended partition: each link describes one partition, and the next link. */
static int partition_read_logical(struct partition_reader *reader, uint64_t first, uint64_t end)
{
    uint64_t at = first;

    for (unsigned number = 5; number < 5 + PARTITION_LOGICAL_MAX && at < reader->blocks; number++) {
        const unsigned char *entry = reader->block + MBR_ENTRIES;
        const unsigned char *link = entry + MBR_ENTRY_SIZE;
        int error = partition_get(reader, at, reader->block);

        if (error < 0)
            return error;
        if (!partition_is_mbr(reader->block))
            return 0;
        if (entry[4] != 0)
            partition_found(reader, number, at + partition_u32(entry + 8),
                            partition_u32(entry + 12));
        uint64_t next = first + partition_u32(link + 8);
        if (!partition_is_extended(link[4]) || next <= at || next >= end)
            return 0;
        at = next;
    }
    return 0; /* the rest, if there is one, cannot be */
}

static int partition_read_mbr(struct partition_reader *reader)
{
    uint64_t extended = 0, extended_end = 0;

    for (unsigned i = 0; i < 4; i++) {
        const unsigned char *entry = reader->block + MBR_ENTRIES + i * MBR_ENTRY_SIZE;
        uint64_t start = partition_u32(entry + 8), count = partition_u32(entry + 12);

        if (entry[4] == 0)
            continue;
        if (partition_is_extended(entry[4])) {
            extended = start;
            extended_end = start + count;
        } else {
            partition_found(reader, i + 1, start, count);
        }
    }
    return extended != 0 ? partition_read_logical(reader, extended, extended_end) : 0;
}

/* ---- GPT ------------------------------------------------------------------------------------ */

/* CRC-32 as everybody has it (polynomial 0x04c11db7, reflected). */
static uint32_t partition_crc(uint32_t crc, const unsigned char *data, size_t len)
{
    for (crc = ~crc; len > 0; len--) {
        crc ^= *data++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
}

struct partition_gpt {
    uint64_t entries; /* block of the first */
    uint32_t count, size, crc;
};

/* The header in this block, if it is a good one: 1; else 0 or a negative errno. */
static int partition_read_header(struct partition_reader *reader, uint64_t at,
                                 struct partition_gpt *gpt)
{
    unsigned char *block = reader->block;
    int error = partition_get(reader, at, block);
    uint32_t size, crc;

    if (error < 0)
        return error;
    size = partition_u32(block + 12);
    crc = partition_u32(block + 16);
    if (memcmp(block, "EFI PART", 8) != 0 || size < GPT_HEADER_MIN ||
        size > reader->disk->sector_size || partition_u64(block + 24) != at)
        return 0;
    memset(block + 16, 0, 4);
    if (partition_crc(0, block, size) != crc)
        return 0;
    *gpt = (struct partition_gpt){
        .entries = partition_u64(block + 72),
        .count = partition_u32(block + 80),
        .size = partition_u32(block + 84),
        .crc = partition_u32(block + 88),
    };
    return gpt->count <= 1024 && gpt->size >= GPT_ENTRY_MIN && gpt->size <= 512 &&
           (gpt->size & (gpt->size - 1)) == 0;
}

static void partition_take_entry(struct partition_reader *reader, unsigned number,
                                 const unsigned char *entry)
{
    static const unsigned char unused[16];
    uint64_t first = partition_u64(entry + 32), last = partition_u64(entry + 40);

    if (memcmp(entry, unused, sizeof(unused)) != 0 && last >= first && last < reader->blocks)
        partition_found(reader, number, first, last - first + 1);
}

/* The entries that a header leads to: 1 when their checksum is right. */
static int partition_read_entries(struct partition_reader *reader, const struct partition_gpt *gpt)
{
    unsigned per_block = reader->disk->sector_size / gpt->size;
    uint32_t crc = 0;

    reader->n = 0;
    for (uint32_t i = 0; i < gpt->count; i++) {
        const unsigned char *entry = reader->block + i % per_block * gpt->size;

        if (i % per_block == 0) {
            int error = partition_get(reader, gpt->entries + i / per_block, reader->block);

            if (error < 0)
                return error == -EINVAL ? 0 : error;
        }
        crc = partition_crc(crc, entry, gpt->size);
        partition_take_entry(reader, i + 1, entry);
    }
    if (crc == gpt->crc)
        return 1;
    reader->n = 0;
    return 0;
}

static int partition_read_gpt(struct partition_reader *reader)
{
    const uint64_t headers[] = { 1, reader->blocks - 1 };
    struct partition_gpt gpt;
    int good = 0;

    for (unsigned i = 0; i < 2 && good == 0; i++) {
        good = partition_read_header(reader, headers[i], &gpt);
        if (good > 0)
            good = partition_read_entries(reader, &gpt);
    }
    return good;
}

int partition_read(const struct partition_disk *disk, struct partition out[PARTITION_MAX])
{
    struct partition_reader reader = {
        .disk = disk,
        .blocks = disk->sectors / (disk->sector_size / 512),
        .block = disk->sector_size <= PARTITION_BLOCK_MAX ? malloc(PARTITION_BLOCK_MAX) : NULL,
        .out = out,
    };
    int error = 0;

    if (reader.block == NULL)
        return -ENOMEM;
    if (reader.blocks >= 4)
        error = partition_get(&reader, 0, reader.block);
    if (error >= 0 && reader.blocks >= 4 && partition_is_mbr(reader.block))
        error = reader.block[MBR_ENTRIES + 4] == MBR_TYPE_GPT ? partition_read_gpt(&reader)
                                                              : partition_read_mbr(&reader);
    free(reader.block);
    return error < 0 ? error : reader.n;
}
