/* chacha: the block function of the ChaCha20 cipher. Source: RFC 8439, section 2.3. */
#ifndef LIBC_GLUE_CHACHA_H
#define LIBC_GLUE_CHACHA_H

#include <stdint.h>

#define CHACHA_KEY   32u /* bytes */
#define CHACHA_NONCE 12u
#define CHACHA_BLOCK 64u

void chacha_block(const uint8_t key[CHACHA_KEY], uint32_t counter, const uint8_t nonce[CHACHA_NONCE],
                  uint8_t out[CHACHA_BLOCK]);

#endif
