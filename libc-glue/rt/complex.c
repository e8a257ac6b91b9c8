/*
 * complex: multiplication and division of complex numbers as C's Annex G asks: infinities stay
 * infinities even where the textbook formula gives NaNs.
 *
 * float is computed in double, double in long double: their exponents are wide enough that nothing
 * overflows half-way. long double has no wider type, so its division scales the divisor first.
 */
#include "rt.h"

#define RT_INFINITY       __builtin_inf()
#define RT_ISNAN(x)       __builtin_isnan(x)
#define RT_ISINF(x)       __builtin_isinf(x)
#define RT_ISFINITE(x)    __builtin_isfinite(x)
#define RT_SIGNED(x, of)  __builtin_copysignl((x), (of))
#define RT_UNIT(x)        RT_SIGNED(RT_ISINF(x) ? 1.0L : 0.0L, x)
#define RT_NAN_TO_ZERO(x) (RT_ISNAN(x) ? RT_SIGNED(0.0L, x) : (x))

static inline long double _Complex rt_complex(long double real, long double imaginary)
{
    return __builtin_complex(real, imaginary);
}

/*
 * The textbook product of (a + ib) and (c + id) is NaN + iNaN. If a factor is infinite, or a product
 * of parts overflowed, the result is an infinity whose direction comes from the factors' directions.
 */
static long double _Complex rt_rescue_product(long double a, long double b, long double c,
                                              long double d, int overflow)
{
    int infinite = 0;

    if (RT_ISINF(a) || RT_ISINF(b)) {
        a = RT_UNIT(a);
        b = RT_UNIT(b);
        c = RT_NAN_TO_ZERO(c);
        d = RT_NAN_TO_ZERO(d);
        infinite = 1;
    }
    if (RT_ISINF(c) || RT_ISINF(d)) {
        c = RT_UNIT(c);
        d = RT_UNIT(d);
        a = RT_NAN_TO_ZERO(a);
        b = RT_NAN_TO_ZERO(b);
        infinite = 1;
    }
    if (!infinite && overflow) {
        a = RT_NAN_TO_ZERO(a);
        b = RT_NAN_TO_ZERO(b);
        c = RT_NAN_TO_ZERO(c);
        d = RT_NAN_TO_ZERO(d);
        infinite = 1;
    }
    if (!infinite)
        return rt_complex(__builtin_nanl(""), __builtin_nanl(""));
    return rt_complex(RT_INFINITY * (a * c - b * d), RT_INFINITY * (a * d + b * c));
}

/* The same for (a + ib) / (c + id): by zero, an infinity by something finite, or by an infinity. */
static long double _Complex rt_rescue_quotient(long double a, long double b, long double c,
                                               long double d)
{
    if (c == 0 && d == 0 && (!RT_ISNAN(a) || !RT_ISNAN(b)))
        return rt_complex(RT_SIGNED(RT_INFINITY, c) * a, RT_SIGNED(RT_INFINITY, c) * b);
    if ((RT_ISINF(a) || RT_ISINF(b)) && RT_ISFINITE(c) && RT_ISFINITE(d)) {
        a = RT_UNIT(a);
        b = RT_UNIT(b);
        return rt_complex(RT_INFINITY * (a * c + b * d), RT_INFINITY * (b * c - a * d));
    }
    if ((RT_ISINF(c) || RT_ISINF(d)) && RT_ISFINITE(a) && RT_ISFINITE(b)) {
        c = RT_UNIT(c);
        d = RT_UNIT(d);
        return rt_complex(0.0L * (a * c + b * d), 0.0L * (b * c - a * d));
    }
    return rt_complex(__builtin_nanl(""), __builtin_nanl(""));
}

/* An overflow is one of the function's own type. */
#define RT_DEFINE_PRODUCT(mode, type)                                                             \
    type _Complex __mul##mode##3(type a, type b, type c, type d)                                  \
    {                                                                                             \
        type real = a * c - b * d, imaginary = a * d + b * c;                                     \
                                                                                                  \
        if (RT_ISNAN(real) && RT_ISNAN(imaginary)) {                                              \
            type ac = a * c, bd = b * d, ad = a * d, bc = b * c;                                  \
            int overflow = RT_ISINF(ac) || RT_ISINF(bd) || RT_ISINF(ad) || RT_ISINF(bc);          \
            long double _Complex rescued = rt_rescue_product(a, b, c, d, overflow);               \
            return __builtin_complex((type)__real__ rescued, (type)__imag__ rescued);             \
        }                                                                                         \
        return __builtin_complex(real, imaginary);                                                \
    }

RT_DEFINE_PRODUCT(sc, float)
RT_DEFINE_PRODUCT(dc, double)
RT_DEFINE_PRODUCT(xc, long double)

#define RT_DEFINE_QUOTIENT(mode, type, wide)                                                      \
    type _Complex __div##mode##3(type a, type b, type c, type d)                                  \
    {                                                                                             \
        wide norm = (wide)c * c + (wide)d * d;                                                    \
        wide real = ((wide)a * c + (wide)b * d) / norm;                                           \
        wide imaginary = ((wide)b * c - (wide)a * d) / norm;                                      \
                                                                                                  \
        if (RT_ISNAN(real) && RT_ISNAN(imaginary)) {                                              \
            long double _Complex rescued = rt_rescue_quotient(a, b, c, d);                        \
            return __builtin_complex((type)__real__ rescued, (type)__imag__ rescued);             \
        }                                                                                         \
        return __builtin_complex((type)real, (type)imaginary);                                    \
    }

RT_DEFINE_QUOTIENT(sc, float, double)
RT_DEFINE_QUOTIENT(dc, double, long double)

/* The parts of an x87 long double, Intel 64 manual volume 1, 4.2.2: exponents are biased by 16383. */
union rt_extended {
    long double value;
    struct {
        uint64_t mantissa;
        uint16_t sign_exponent;
    } part;
};

/* The exponent of a finite value that is not zero; a denormal is taken for the smallest one. */
static inline int rt_exponent(long double value)
{
    union rt_extended x = { .value = value };
    int biased = x.part.sign_exponent & 0x7fff;

    return (biased != 0 ? biased : 1) - 16383;
}

/* 2 to the power n, for -16382 <= n <= 16383. */
static inline long double rt_power_of_two(int n)
{
    union rt_extended x = { .part = { (uint64_t)1 << 63, (uint16_t)(n + 16383) } };

    return x.value;
}

static inline int rt_clamp(int n)
{
    return n < -16382 ? -16382 : n > 16382 ? 16382 : n;
}

long double _Complex __divxc3(long double a, long double b, long double c, long double d)
{
    long double big = __builtin_fabsl(c) > __builtin_fabsl(d) ? c : d;
    long double scale = 1, x = c, y = d;

    /* The divisor near 1, so that its square neither overflows nor vanishes. */
    if (big != 0 && RT_ISFINITE(c) && RT_ISFINITE(d)) {
        scale = rt_power_of_two(rt_clamp(-rt_exponent(big)));
        x *= scale;
        y *= scale;
    }
    long double norm = x * x + y * y;
    long double p = a * (x / norm) + b * (y / norm), q = b * (x / norm) - a * (y / norm);

    p *= scale;
    q *= scale;
    if (RT_ISNAN(p) && RT_ISNAN(q))
        return rt_rescue_quotient(a, b, c, d);
    return rt_complex(p, q);
}
