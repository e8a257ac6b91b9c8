/* ChaCha20 against the vectors of RFC 8439, and the generator made of it. */
#include "glue_test.h"

#include "devices/chacha.h"
#include "devices/random.h"

static void hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
}

/* RFC 8439, section 2.3.2. */
TEST(block_function_of_section_2_3_2)
{
    uint8_t key[32], nonce[12] = { 0, 0, 0, 9, 0, 0, 0, 0x4a }, block[64];
    char text[129];

    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    chacha_block(key, 1, nonce, block);
    hex(block, 64, text);
    CHECK_STR(text, "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
                    "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e");
}

/* RFC 8439, appendix A.1, test vectors 1 to 3. */
TEST(vectors_of_appendix_a_1)
{
    uint8_t key[32] = { 0 }, nonce[12] = { 0 }, block[64];
    char text[129];

    chacha_block(key, 0, nonce, block);
    hex(block, 64, text);
    CHECK_STR(text, "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
                    "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
    chacha_block(key, 1, nonce, block);
    hex(block, 64, text);
    CHECK_STR(text, "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
                    "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
    key[31] = 1;
    chacha_block(key, 1, nonce, block);
    hex(block, 64, text);
    CHECK_STR(text, "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
                    "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0");
}

/* Before anything was ever seeded: no source means an error and an untouched buffer. */
TEST(without_a_source_the_caller_is_told_and_gets_no_zeroes)
{
    uint8_t bytes[16];

    memset(bytes, 0x5a, sizeof(bytes));
    glue_random_works = false;
    CHECK_EQ(random_bytes(bytes, sizeof(bytes)), -ENOSYS);
    CHECK_EQ(glue_logged, 1);
    CHECK_EQ(random_bytes(bytes, sizeof(bytes)), -ENOSYS);
    CHECK_EQ(glue_logged, 1); /* said once */
    for (size_t i = 0; i < sizeof(bytes); i++)
        CHECK_EQ(bytes[i], 0x5a);
}

TEST(every_length_is_filled_and_nothing_beyond)
{
    static uint8_t bytes[400];

    for (size_t len = 0; len < 300; len++) {
        unsigned zeroes = 0;

        memset(bytes, 0, sizeof(bytes));
        CHECK_EQ(random_bytes(bytes, len), 0);
        for (size_t i = 0; i < len; i++)
            zeroes += bytes[i] == 0;
        CHECK(zeroes <= len / 16 + 4);
        for (size_t i = len; i < sizeof(bytes); i++)
            CHECK_EQ(bytes[i], 0);
    }
}

/* Bits are balanced, and no two answers are alike. */
TEST(answers_differ_and_look_random)
{
    static uint8_t all[4096][32];
    unsigned ones = 0;

    for (int i = 0; i < 4096; i++) {
        CHECK_EQ(random_bytes(all[i], 32), 0);
        for (int j = 0; j < 32; j++)
            ones += (unsigned)__builtin_popcount(all[i][j]);
        for (int j = 0; j < i; j++)
            CHECK(memcmp(all[i], all[j], 32) != 0);
    }
    /* 1 048 576 bits: the standard deviation is 512; ten of them are never seen by chance. */
    CHECK(ones > 524288 - 5120 && ones < 524288 + 5120);
}

TEST(a_source_that_dries_up_later_does_not_stop_the_generator)
{
    uint8_t bytes[16];

    CHECK_EQ(random_bytes(bytes, sizeof(bytes)), 0);
    glue_random_works = false;
    glue_monotonic_ns += 1000ull * 1000000000;
    CHECK_EQ(random_bytes(bytes, sizeof(bytes)), 0);
    random_stir("hello", 5);
    CHECK_EQ(random_bytes(bytes, sizeof(bytes)), 0);
}
