/* overflow: signed arithmetic that notices: -ftrapv aborts, the __mulo functions report. */
#include <stdlib.h>

#include "rt.h"

#define RT_DEFINE_TRAPPING(size, type)                                                            \
    type __addv##size##3(type a, type b)                                                          \
    {                                                                                             \
        type sum;                                                                                 \
                                                                                                  \
        if (__builtin_add_overflow(a, b, &sum))                                                   \
            abort();                                                                              \
        return sum;                                                                               \
    }                                                                                             \
                                                                                                  \
    type __subv##size##3(type a, type b)                                                          \
    {                                                                                             \
        type difference;                                                                          \
                                                                                                  \
        if (__builtin_sub_overflow(a, b, &difference))                                            \
            abort();                                                                              \
        return difference;                                                                        \
    }                                                                                             \
                                                                                                  \
    type __mulv##size##3(type a, type b)                                                          \
    {                                                                                             \
        int overflow;                                                                             \
        type product = __mulo##size##4(a, b, &overflow);                                          \
                                                                                                  \
        if (overflow)                                                                             \
            abort();                                                                              \
        return product;                                                                           \
    }                                                                                             \
                                                                                                  \
    type __negv##size##2(type a)                                                                  \
    {                                                                                             \
        return __subv##size##3(0, a);                                                             \
    }                                                                                             \
                                                                                                  \
    type __absv##size##2(type a)                                                                  \
    {                                                                                             \
        return a < 0 ? __negv##size##2(a) : a;                                                    \
    }

int32_t __mulosi4(int32_t a, int32_t b, int *overflow)
{
    int32_t product;

    *overflow = __builtin_mul_overflow(a, b, &product);
    return product;
}

int64_t __mulodi4(int64_t a, int64_t b, int *overflow)
{
    int64_t product;

    *overflow = __builtin_mul_overflow(a, b, &product);
    return product;
}

/* Written out: the builtin for 128 bits may itself become a call of this function. */
rt_i128 __muloti4(rt_i128 a, rt_i128 b, int *overflow)
{
    rt_i128 product = (rt_i128)((rt_u128)a * (rt_u128)b);
    rt_u128 x = a < 0 ? -(rt_u128)a : (rt_u128)a, y = b < 0 ? -(rt_u128)b : (rt_u128)b;
    rt_u128 most = ((rt_u128)1 << 127) - ((a < 0) == (b < 0)); /* one more below zero than above */

    *overflow = x != 0 && y > most / x;
    return product;
}

RT_DEFINE_TRAPPING(si, int32_t)
RT_DEFINE_TRAPPING(di, int64_t)
RT_DEFINE_TRAPPING(ti, rt_i128)
