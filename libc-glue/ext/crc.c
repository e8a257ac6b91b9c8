/*
 * CRC-32C (Castagnoli, reflected) and CRC-16 (0x8005, reflected), as ext4's checksums use them: the
 * caller gives the start value, and nothing is inverted at the end. The processor's own instruction
 * where there is one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cpuid.h>

#include "ext_priv.h"
#include "ext2fs/crc16.h"

#define EXT_CRC32C_POLYNOMIAL 0x82f63b78u
#define EXT_CRC16_POLYNOMIAL 0xa001u

static uint32_t ext_crc32c_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
    uint64_t wide = crc;

    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;

        memcpy(&word, at, 8);
        __asm__("crc32q %1, %0" : "+r"(wide) : "rm"(word));
    }
    crc = (uint32_t)wide;
    for (; len > 0; at++, len--)
        __asm__("crc32b %1, %0" : "+r"(crc) : "rm"(*at));
    return crc;
}

static uint32_t ext_crc32c_table[256];

static void ext_crc32c_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? EXT_CRC32C_POLYNOMIAL : 0);
        ext_crc32c_table[i] = crc;
    }
}

static bool ext_crc32c_has_instruction(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
}

uint32_t ext_crc32c(uint32_t crc, const void *data, size_t len)
{
    static int how; /* 0: not known yet, 1: instruction, 2: table */
    const uint8_t *at = data;

    if (how == 0) {
        ext_crc32c_fill();
        how = ext_crc32c_has_instruction() ? 1 : 2;
    }
    if (how == 1)
        return ext_crc32c_instruction(crc, at, len);
    for (; len > 0; at++, len--)
        crc = crc >> 8 ^ ext_crc32c_table[(crc ^ *at) & 255];
    return crc;
}

/* ---- libext2fs's names ---- */

__u32 ext2fs_crc32c_le(__u32 crc, unsigned char const *data, size_t len)
{
    return ext_crc32c(crc, data, len);
}

crc16_t ext2fs_crc16(crc16_t crc, const void *buffer, unsigned int len)
{
    const uint8_t *at = buffer;

    for (; len > 0; at++, len--) {
        crc ^= *at;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc16_t)(crc >> 1 ^ (crc & 1 ? EXT_CRC16_POLYNOMIAL : 0));
    }
    return crc;
}
