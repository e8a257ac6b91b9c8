/*
 * fuzz: what the fuzz targets share: reading the input as a list of decisions, and the end of a run
 * when a promise is broken.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fakexen.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(what)                                   \
    do {                                                   \
        if (!(what))                                       \
            fakexen_fail(__FILE__, __LINE__, "%s", #what); \
    } while (0)

struct fuzz_input {
    const uint8_t *at, *end;
};

static inline bool fuzz_more(const struct fuzz_input *input)
{
    return input->at != input->end;
}

/* Zeros when the input is used up. */
static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    return input->at != input->end ? *input->at++ : 0;
}

static inline uint32_t fuzz_u16(struct fuzz_input *input)
{
    uint32_t low = fuzz_byte(input);

    return low | (uint32_t)fuzz_byte(input) << 8;
}

static inline uint32_t fuzz_u32(struct fuzz_input *input)
{
    uint32_t low = fuzz_u16(input);

    return low | fuzz_u16(input) << 16;
}

#endif
