/*
 * net_sum: the Internet checksum, eight bytes at a time. Source: RFC 1071, section 2.
 */
#include <stdint.h>
#include <string.h>

#include <lwip/arch.h>

/* One's complement addition: what is carried out comes in again at the other end. */
static inline uint64_t net_sum_add(uint64_t sum, uint64_t value)
{
    uint64_t carry = __builtin_add_overflow(sum, value, &sum);

    return sum + carry;
}

uint16_t net_sum(const void *data, int len)
{
    const uint8_t *at = data;
    size_t left = (size_t)len;
    uint64_t sum = 0, more = 0;

    for (; left >= 32; left -= 32, at += 32) {
        uint64_t part[4];

        memcpy(part, at, sizeof(part));
        sum = net_sum_add(sum, part[0]);
        more = net_sum_add(more, part[1]);
        sum = net_sum_add(sum, part[2]);
        more = net_sum_add(more, part[3]);
    }
    sum = net_sum_add(sum, more);
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t part;

        memcpy(&part, at, sizeof(part));
        sum = net_sum_add(sum, part);
    }
    if (left >= 4) {
        uint32_t part;

        memcpy(&part, at, sizeof(part));
        sum = net_sum_add(sum, part);
        left -= 4;
        at += 4;
    }
    if (left > 0) {
        uint32_t part = 0;

        for (size_t i = 0; i < left; i++)
            part |= (uint32_t)at[i] << (8 * i);
        sum = net_sum_add(sum, part);
    }
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}
