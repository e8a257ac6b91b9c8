/*
 * net_isn: numbers that nobody outside may guess: the first sequence number of a connection, and
 * what lwIP asks LWIP_RAND() for (ports, transaction ids).
 *
 * Sequence numbers are a clock of 4 us plus a keyed hash of the connection's addresses. Source: RFC
 * 6528, section 3; the hash is SipHash-2-4 (Aumasson, Bernstein, 2012).
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <lwip/arch.h>
#include <platform/clock.h>

#include "net_hooks.h"
#include "devices/random.h"

#define NET_ISN_TICK_NS 4096u

static struct {
    bool keyed;
    uint64_t key[2];
    uint64_t weak; /* where this machine has no random source */
} net_secret;

static inline uint64_t net_rotate(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

static void net_sip_rounds(uint64_t v[4], unsigned n)
{
    while (n-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = net_rotate(v[1], 13) ^ v[0];
        v[3] = net_rotate(v[3], 16) ^ v[2];
        v[0] = net_rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = net_rotate(v[1], 17) ^ v[2];
        v[3] = net_rotate(v[3], 21) ^ v[0];
        v[2] = net_rotate(v[2], 32);
    }
}

/* SipHash-2-4 of whole words; their number stands in the last byte, as the length would. */
static uint64_t net_sip(const uint64_t key[2], const uint64_t *words, size_t n)
{
    uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                      key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
    uint64_t last = (uint64_t)(n * 8) << 56;

    for (size_t i = 0; i <= n; i++) {
        uint64_t word = i < n ? words[i] : last;

        v[3] ^= word;
        net_sip_rounds(v, 2);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    net_sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Without a random source a network still has to work; what is sent is then easier to guess. */
static uint64_t net_weak(void)
{
    uint64_t words[2] = { clock_monotonic_ns(), clock_realtime_ns() };
    uint64_t key[2] = { net_secret.weak, ~net_secret.weak };

    return net_secret.weak = net_sip(key, words, 2);
}

uint32_t net_random(void)
{
    uint32_t value;

    if (random_bytes(&value, sizeof(value)) != 0)
        value = (uint32_t)net_weak();
    return value;
}

static uint64_t net_address_word(const ip_addr_t *ip, unsigned half)
{
    uint64_t word = 0;

    if (IP_IS_V6(ip))
        memcpy(&word, &ip_2_ip6(ip)->addr[2 * half], 8);
    else if (half == 0)
        word = ip_2_ip4(ip)->addr;
    return word;
}

uint32_t net_isn(const ip_addr_t *local_ip, uint16_t local_port, const ip_addr_t *remote_ip,
                 uint16_t remote_port)
{
    uint64_t words[5] = { net_address_word(local_ip, 0), net_address_word(local_ip, 1),
                          net_address_word(remote_ip, 0), net_address_word(remote_ip, 1),
                          (uint64_t)local_port << 16 | remote_port };

    if (!net_secret.keyed) {
        for (unsigned i = 0; i < 2; i++)
            net_secret.key[i] = (uint64_t)net_random() << 32 | net_random();
        net_secret.keyed = true;
    }
    return (uint32_t)(net_sip(net_secret.key, words, 5) + clock_monotonic_ns() / NET_ISN_TICK_NS);
}
