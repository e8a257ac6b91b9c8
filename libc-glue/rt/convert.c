/*
 * convert: between floating point and integers too wide for one instruction. Each result is rounded
 * once, in the current rounding mode; what does not fit is undefined, as in C.
 */
#include "rt.h"

#define RT_TWO64  0x1p64
#define RT_TWO_64 0x1p-64

/* Exact steps: the high word takes the leading bits, and what is left of them fits the low word. */
#define RT_DEFINE_FIX(mode, type)                                                                 \
    rt_u128 __fixuns##mode##ti(type value)                                                        \
    {                                                                                             \
        if (!(value >= (type)RT_TWO64))                                                           \
            return (uint64_t)value;                                                               \
        uint64_t high = (uint64_t)(value * (type)RT_TWO_64);                                      \
        return (rt_u128)high << 64 | (uint64_t)(value - (type)high * (type)RT_TWO64);             \
    }                                                                                             \
                                                                                                  \
    rt_i128 __fix##mode##ti(type value)                                                           \
    {                                                                                             \
        return (rt_i128)(value < 0 ? -__fixuns##mode##ti(-value) : __fixuns##mode##ti(value));    \
    }                                                                                             \
                                                                                                  \
    int64_t __fix##mode##di(type value)                                                           \
    {                                                                                             \
        return (int64_t)value;                                                                    \
    }                                                                                             \
                                                                                                  \
    uint64_t __fixuns##mode##di(type value)                                                       \
    {                                                                                             \
        const type half = (type)0x1p63;                                                           \
                                                                                                  \
        return value < half ? (uint64_t)(int64_t)value                                            \
                            : (uint64_t)(int64_t)(value - half) ^ (uint64_t)1 << 63;              \
    }                                                                                             \
                                                                                                  \
    uint32_t __fixuns##mode##si(type value)                                                       \
    {                                                                                             \
        return (uint32_t)(int64_t)value;                                                          \
    }

RT_DEFINE_FIX(sf, float)
RT_DEFINE_FIX(df, double)
RT_DEFINE_FIX(xf, long double)

/*
 * The leading 64 bits of a value of more than 64, and where they came from. Their last bit stands for
 * all that was cut off, so that rounding them to a shorter type rounds the value.
 */
static inline uint64_t rt_leading(rt_u128 value, int *shift)
{
    *shift = 64 - __builtin_clzll((uint64_t)(value >> 64));
    uint64_t leading = (uint64_t)(value >> *shift);

    return leading | (value << (128 - *shift) != 0);
}

/* 2 to the power n, for 0 <= n <= 64. */
static inline double rt_power_of_two(int n)
{
    union {
        uint64_t bits;
        double value;
    } power = { .bits = (uint64_t)(1023 + n) << 52 };

    return power.value;
}

#define RT_DEFINE_FLOAT(mode, type)                                                               \
    type __floatunti##mode(rt_u128 value)                                                         \
    {                                                                                             \
        int shift;                                                                                \
                                                                                                  \
        if (value >> 64 == 0)                                                                     \
            return (type)(uint64_t)value;                                                         \
        uint64_t leading = rt_leading(value, &shift);                                             \
        return (type)leading * (type)rt_power_of_two(shift);                                      \
    }                                                                                             \
                                                                                                  \
    type __floatti##mode(rt_i128 value)                                                           \
    {                                                                                             \
        int shift;                                                                                \
                                                                                                  \
        if (value >= INT64_MIN && value <= INT64_MAX)                                             \
            return (type)(int64_t)value;                                                          \
        if (value >= 0)                                                                           \
            return __floatunti##mode((rt_u128)value);                                             \
        rt_u128 magnitude = -(rt_u128)value;                                                      \
        if (magnitude >> 64 == 0) {                                                               \
            /* Its leading bit is set: halve it, keeping what the cut says about rounding. */     \
            int64_t half = (int64_t)((uint64_t)magnitude >> 1 | (magnitude & 1));                 \
            return (type)-half * 2;                                                               \
        }                                                                                         \
        uint64_t leading = rt_leading(magnitude, &shift);                                         \
        int64_t half = (int64_t)(leading >> 1 | (leading & 1));                                   \
        return (type)-half * ((type)rt_power_of_two(shift) * 2);                                  \
    }

RT_DEFINE_FLOAT(sf, float)
RT_DEFINE_FLOAT(df, double)

/* 64 bits of precision: both halves are exact, their sum is rounded. */
long double __floatuntixf(rt_u128 value)
{
    return (long double)(uint64_t)(value >> 64) * RT_TWO64 + (long double)(uint64_t)value;
}

long double __floattixf(rt_i128 value)
{
    return (long double)(int64_t)(value >> 64) * RT_TWO64 + (long double)(uint64_t)value;
}

#define RT_DEFINE_FLOAT64(mode, type)                                                             \
    type __floatdi##mode(int64_t value)                                                           \
    {                                                                                             \
        return (type)value;                                                                       \
    }                                                                                             \
                                                                                                  \
    type __floatundi##mode(uint64_t value)                                                        \
    {                                                                                             \
        if (value <= INT64_MAX)                                                                   \
            return (type)(int64_t)value;                                                          \
        return (type)(int64_t)(value >> 1 | (value & 1)) * 2;                                     \
    }

RT_DEFINE_FLOAT64(sf, float)
RT_DEFINE_FLOAT64(df, double)

long double __floatdixf(int64_t value)
{
    return value;
}

long double __floatundixf(uint64_t value)
{
    return (long double)(int64_t)value + (value > INT64_MAX ? (long double)RT_TWO64 : 0);
}
