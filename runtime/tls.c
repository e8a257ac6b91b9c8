#include "tls.h"

#include <string.h>

#include <platform/clock.h>
#include <platform/vcpu.h>

#define TLS_ALIGN 64u

struct tls_control_block {
    void *self;
    uint64_t reserved[4];
    uint64_t canary;
    uint64_t unused[2];
};
_Static_assert(offsetof(struct tls_control_block, canary) == 0x28, "gcc reads %fs:0x28");
_Static_assert(sizeof(struct tls_control_block) % TLS_ALIGN == 0, "keeps the TLS block aligned");

/* The program image's linker script; its size is the absolute symbol's address. */
extern const char tls_image_start[], tls_image_end[], tls_block_size[];

static uint64_t tls_canary;

size_t tls_size(void)
{
    return (size_t)tls_block_size + sizeof(struct tls_control_block);
}

void *tls_create(uintptr_t end)
{
    struct tls_control_block *block = (void *)(end - sizeof(*block));
    char *tls = (char *)block - (size_t)tls_block_size;
    size_t filled = (size_t)(tls_image_end - tls_image_start);

    memcpy(tls, tls_image_start, filled);
    memset(tls + filled, 0, (size_t)tls_block_size - filled);
    memset(block, 0, sizeof(*block));
    block->self = block;
    block->canary = tls_canary;
    return block;
}

void tls_start(void)
{
    /* Without a random source the clock must do; the lowest byte is 0 so that no string writes it. */
    if (!vcpu_random(&tls_canary))
        tls_canary = clock_monotonic_ns() * 0x9e3779b97f4a7c15u ^ clock_realtime_ns();
    tls_canary &= ~0xffull;
}
