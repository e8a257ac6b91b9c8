#include "chacha.h"

#include <string.h>

#define CHACHA_ROUNDS 20

static uint32_t chacha_load(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void chacha_store(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)word;
    bytes[1] = (uint8_t)(word >> 8);
    bytes[2] = (uint8_t)(word >> 16);
    bytes[3] = (uint8_t)(word >> 24);
}

static uint32_t chacha_rotate(uint32_t word, int by)
{
    return word << by | word >> (32 - by);
}

static void chacha_quarter(uint32_t *s, int a, int b, int c, int d)
{
    s[a] += s[b];
    s[d] = chacha_rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = chacha_rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = chacha_rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = chacha_rotate(s[b] ^ s[c], 7);
}

void chacha_block(const uint8_t key[CHACHA_KEY], uint32_t counter, const uint8_t nonce[CHACHA_NONCE],
                  uint8_t out[CHACHA_BLOCK])
{
    uint32_t start[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
    uint32_t s[16];

    for (int i = 0; i < 8; i++)
        start[4 + i] = chacha_load(key + 4 * i);
    start[12] = counter;
    for (int i = 0; i < 3; i++)
        start[13 + i] = chacha_load(nonce + 4 * i);
    memcpy(s, start, sizeof(s));
    for (int round = 0; round < CHACHA_ROUNDS; round += 2) {
        chacha_quarter(s, 0, 4, 8, 12);
        chacha_quarter(s, 1, 5, 9, 13);
        chacha_quarter(s, 2, 6, 10, 14);
        chacha_quarter(s, 3, 7, 11, 15);
        chacha_quarter(s, 0, 5, 10, 15);
        chacha_quarter(s, 1, 6, 11, 12);
        chacha_quarter(s, 2, 7, 8, 13);
        chacha_quarter(s, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++)
        chacha_store(out + 4 * i, s[i] + start[i]);
}
