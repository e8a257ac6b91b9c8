/* bits: counting bits and swapping bytes, for CPUs that are not known to have an instruction for it. */
#include "rt.h"

static inline int rt_popcount(uint64_t value)
{
    /* Sums of neighbours: of single bits, of pairs, of nibbles; the product adds up the bytes. */
    value -= value >> 1 & 0x5555555555555555u;
    value = (value & 0x3333333333333333u) + (value >> 2 & 0x3333333333333333u);
    value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int)(value * 0x0101010101010101u >> 56);
}

int __popcountsi2(uint32_t value)
{
    return rt_popcount(value);
}

int __popcountdi2(uint64_t value)
{
    return rt_popcount(value);
}

int __popcountti2(rt_u128 value)
{
    return rt_popcount((uint64_t)value) + rt_popcount((uint64_t)(value >> 64));
}

int __paritysi2(uint32_t value)
{
    return rt_popcount(value) & 1;
}

int __paritydi2(uint64_t value)
{
    return rt_popcount(value) & 1;
}

int __parityti2(rt_u128 value)
{
    return rt_popcount((uint64_t)value ^ (uint64_t)(value >> 64)) & 1;
}

/* The count for 0 is undefined, as the compiler's builtins have it. */
int __clzsi2(uint32_t value)
{
    return __builtin_clz(value);
}

int __clzdi2(uint64_t value)
{
    return __builtin_clzll(value);
}

int __clzti2(rt_u128 value)
{
    uint64_t high = (uint64_t)(value >> 64);

    return high != 0 ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)value);
}

int __ctzsi2(uint32_t value)
{
    return __builtin_ctz(value);
}

int __ctzdi2(uint64_t value)
{
    return __builtin_ctzll(value);
}

int __ctzti2(rt_u128 value)
{
    uint64_t low = (uint64_t)value;

    return low != 0 ? __builtin_ctzll(low) : 64 + __builtin_ctzll((uint64_t)(value >> 64));
}

int __ffssi2(uint32_t value)
{
    return value != 0 ? __builtin_ctz(value) + 1 : 0;
}

int __ffsdi2(uint64_t value)
{
    return value != 0 ? __builtin_ctzll(value) + 1 : 0;
}

int __ffsti2(rt_u128 value)
{
    return value != 0 ? __ctzti2(value) + 1 : 0;
}

/* How many bits after the sign bit repeat it. */
int __clrsbsi2(int32_t value)
{
    uint32_t differing = (uint32_t)(value < 0 ? ~value : value);

    return differing != 0 ? __builtin_clz(differing) - 1 : 31;
}

int __clrsbdi2(int64_t value)
{
    uint64_t differing = (uint64_t)(value < 0 ? ~value : value);

    return differing != 0 ? __builtin_clzll(differing) - 1 : 63;
}

int __clrsbti2(rt_i128 value)
{
    rt_u128 differing = (rt_u128)(value < 0 ? ~value : value);

    return differing != 0 ? __clzti2(differing) - 1 : 127;
}

uint32_t __bswapsi2(uint32_t value)
{
    return value >> 24 | (value >> 8 & 0xff00) | (value & 0xff00) << 8 | value << 24;
}

uint64_t __bswapdi2(uint64_t value)
{
    return (uint64_t)__bswapsi2((uint32_t)value) << 32 | __bswapsi2((uint32_t)(value >> 32));
}
