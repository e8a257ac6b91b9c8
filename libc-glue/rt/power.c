/* power: __builtin_powi, a power with an integer exponent, by squaring. */
#include "rt.h"

#define RT_DEFINE_POWER(mode, type)                                                               \
    type __powi##mode##2(type base, int exponent)                                                 \
    {                                                                                             \
        unsigned int left = exponent < 0 ? -(unsigned int)exponent : (unsigned int)exponent;      \
        type power = 1;                                                                           \
                                                                                                  \
        for (; left != 0; left >>= 1, base *= base) {                                             \
            if (left & 1)                                                                         \
                power *= base;                                                                    \
        }                                                                                         \
        return exponent < 0 ? 1 / power : power;                                                  \
    }

RT_DEFINE_POWER(sf, float)
RT_DEFINE_POWER(df, double)
RT_DEFINE_POWER(xf, long double)
