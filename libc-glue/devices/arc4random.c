/*
 * arc4random and its kin. They cannot fail: a program that asks for them on a machine without a random
 * source ends here, rather than going on with something predictable.
 */
#include <stdint.h>
#include <stdlib.h>

#include <runtime/log.h>

#include "random.h"

void arc4random_buf(void *buffer, size_t len)
{
    if (random_bytes(buffer, len) == 0)
        return;
    log_line(LOG_ERROR, "arc4random: no random source on this machine, and no way to say so");
    abort();
}

uint32_t arc4random(void)
{
    uint32_t value;

    arc4random_buf(&value, sizeof(value));
    return value;
}

uint32_t arc4random_uniform(uint32_t bound)
{
    uint32_t least, value;

    if (bound < 2)
        return 0;
    /* 2^32 mod bound values are too many: those below are drawn again. */
    least = -bound % bound;
    do
        value = arc4random();
    while (value < least);
    return value % bound;
}
