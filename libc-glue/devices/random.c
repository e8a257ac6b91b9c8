#include "random.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <platform/clock.h>
#include <platform/vcpu.h>
#include <runtime/log.h>
#include <runtime/sync.h>

#include "chacha.h"

#define RANDOM_RESEED_BYTES (1u << 20)           /* fresh processor numbers after this much, */
#define RANDOM_RESEED_NS    (300ull * 1000000000) /* or this long */
#define RANDOM_TRIES        64                    /* the processor may be short of numbers for a moment */
#define RANDOM_JITTER       64                    /* clock readings stirred in */

static struct {
    struct mutex mutex; /* "random": protects all of this */
    uint8_t key[CHACHA_KEY];
    bool seeded;
    bool reported;
    size_t given; /* bytes since the last seeding */
    uint64_t seeded_ns;
} generator;

/* key = first half of the block of (key ^ bytes): one step, len at most CHACHA_KEY. */
static void random_absorb(const uint8_t *bytes, size_t len)
{
    static const uint8_t nonce[CHACHA_NONCE] = { 's', 't', 'i', 'r' };
    uint8_t block[CHACHA_BLOCK];

    for (size_t i = 0; i < len; i++)
        generator.key[i] ^= bytes[i];
    chacha_block(generator.key, 0, nonce, block);
    memcpy(generator.key, block, CHACHA_KEY);
    explicit_bzero(block, sizeof(block));
}

static void random_absorb_all(const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += CHACHA_KEY)
        random_absorb(bytes + at, len - at < CHACHA_KEY ? len - at : CHACHA_KEY);
}

static bool random_processor(uint64_t *value)
{
    for (int i = 0; i < RANDOM_TRIES; i++)
        if (vcpu_random(value))
            return true;
    return false;
}

/* Two keys' worth from the processor, and what the clock's last bits add: all that two readings differ in. */
static int random_seed(void)
{
    uint64_t words[2 * CHACHA_KEY / sizeof(uint64_t)];
    uint8_t jitter[RANDOM_JITTER];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!random_processor(&words[i]))
            return -ENOSYS;
    for (size_t i = 0; i < RANDOM_JITTER; i++)
        jitter[i] = (uint8_t)clock_monotonic_ns();
    random_absorb_all(jitter, sizeof(jitter));
    random_absorb_all((const uint8_t *)words, sizeof(words));
    explicit_bzero(words, sizeof(words));
    generator.seeded = true;
    generator.given = 0;
    generator.seeded_ns = clock_monotonic_ns();
    return 0;
}

static int random_ready(void)
{
    int error = 0;

    if (!generator.seeded || generator.given >= RANDOM_RESEED_BYTES ||
        clock_monotonic_ns() - generator.seeded_ns >= RANDOM_RESEED_NS)
        error = random_seed();
    if (generator.seeded)
        return 0; /* a source that dries up later leaves a good key behind */
    if (!generator.reported)
        log_line(LOG_ERROR, "random: no source: the processor has neither RDRAND nor RDSEED");
    generator.reported = true;
    return error;
}

int random_bytes(void *buffer, size_t len)
{
    static const uint8_t nonce[CHACHA_NONCE] = { 'g', 'i', 'v', 'e' };
    uint8_t first[CHACHA_BLOCK], block[CHACHA_BLOCK];
    size_t half = CHACHA_BLOCK - CHACHA_KEY, done;
    int error;

    mutex_lock(&generator.mutex);
    error = random_ready();
    if (error < 0) {
        mutex_unlock(&generator.mutex);
        return error;
    }
    /* Block 0: the next key, then output; blocks 1... output. */
    chacha_block(generator.key, 0, nonce, first);
    done = len < half ? len : half;
    memcpy(buffer, first + CHACHA_KEY, done);
    for (uint32_t counter = 1; done < len; counter++) {
        size_t part = len - done < CHACHA_BLOCK ? len - done : CHACHA_BLOCK;

        if (counter == 0)
            break; /* not reached: 256 GiB in one request */
        chacha_block(generator.key, counter, nonce, block);
        memcpy((uint8_t *)buffer + done, block, part);
        done += part;
    }
    memcpy(generator.key, first, CHACHA_KEY);
    generator.given += len;
    mutex_unlock(&generator.mutex);
    explicit_bzero(first, sizeof(first));
    explicit_bzero(block, sizeof(block));
    return 0;
}

void random_stir(const void *bytes, size_t len)
{
    mutex_lock(&generator.mutex);
    random_absorb_all(bytes, len);
    mutex_unlock(&generator.mutex);
}
