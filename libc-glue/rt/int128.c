/*
 * int128: division of 128-bit integers, which gcc leaves to a support library.
 *
 * The machine divides 128 by 64 bits when the quotient fits into 64; everything is brought to that. A
 * division by zero traps, as a 64-bit one does.
 */
#include "rt.h"

/* high:low / divisor, for high < divisor. */
static inline uint64_t rt_div64(uint64_t high, uint64_t low, uint64_t divisor, uint64_t *rest)
{
    uint64_t quotient;

    __asm__("divq %[divisor]"
            : "=a"(quotient), "=d"(*rest)
            : "a"(low), "d"(high), [divisor] "r"(divisor)
            : "cc");
    return quotient;
}

static inline rt_u128 rt_divide(rt_u128 n, rt_u128 d, rt_u128 *rest)
{
    uint64_t n_high = (uint64_t)(n >> 64), n_low = (uint64_t)n;
    uint64_t d_high = (uint64_t)(d >> 64), d_low = (uint64_t)d;

    if (d_high == 0) {
        uint64_t q_high = 0, part = n_high, part_rest;

        if (n_high >= d_low) {
            q_high = n_high / d_low;
            part = n_high % d_low;
        }
        uint64_t q_low = rt_div64(part, n_low, d_low, &part_rest);
        *rest = part_rest;
        return (rt_u128)q_high << 64 | q_low;
    }

    if (n < d) {
        *rest = n;
        return 0;
    }

    /*
     * The quotient fits into 64 bits. An estimate from the divisor's top 64 bits, and from half of n
     * so that the machine's quotient fits, is at most one too large; less one it is never too large.
     */
    int shift = __builtin_clzll(d_high);
    uint64_t top = (uint64_t)(d << shift >> 64), unused;
    rt_u128 half = n >> 1;
    uint64_t q = rt_div64((uint64_t)(half >> 64), (uint64_t)half, top, &unused) >> (63 - shift);

    if (q > 0)
        q--;
    rt_u128 left = n - q * d;
    if (left >= d) {
        q++;
        left -= d;
    }
    *rest = left;
    return q;
}

static inline rt_u128 rt_magnitude(rt_i128 value)
{
    return value < 0 ? -(rt_u128)value : (rt_u128)value;
}

rt_u128 __udivmodti4(rt_u128 n, rt_u128 d, rt_u128 *rest)
{
    rt_u128 left, quotient = rt_divide(n, d, &left);

    if (rest != NULL)
        *rest = left;
    return quotient;
}

rt_u128 __udivti3(rt_u128 n, rt_u128 d)
{
    rt_u128 rest;

    return rt_divide(n, d, &rest);
}

rt_u128 __umodti3(rt_u128 n, rt_u128 d)
{
    rt_u128 rest;

    rt_divide(n, d, &rest);
    return rest;
}

/* C's rule: the quotient is cut towards zero, the rest has the dividend's sign. */
rt_i128 __divmodti4(rt_i128 n, rt_i128 d, rt_i128 *rest)
{
    rt_u128 left, quotient = rt_divide(rt_magnitude(n), rt_magnitude(d), &left);

    if (rest != NULL)
        *rest = (rt_i128)(n < 0 ? -left : left);
    return (rt_i128)((n < 0) != (d < 0) ? -quotient : quotient);
}

rt_i128 __divti3(rt_i128 n, rt_i128 d)
{
    return __divmodti4(n, d, NULL);
}

rt_i128 __modti3(rt_i128 n, rt_i128 d)
{
    rt_i128 rest;

    __divmodti4(n, d, &rest);
    return rest;
}

int __cmpti2(rt_i128 a, rt_i128 b)
{
    return (a > b) - (a < b) + 1;
}

int __ucmpti2(rt_u128 a, rt_u128 b)
{
    return (a > b) - (a < b) + 1;
}
