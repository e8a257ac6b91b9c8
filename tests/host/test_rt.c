/*
 * Do our support routines compute what the host compiler's own do?
 *
 * libc-glue/rt is compiled into this program under other names (rt_rename.h), so that each routine can be
 * held against plain C expressions, which end in the host's libgcc.
 */
#include <complex.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt_rename.h"
#include "../../libc-glue/rt/rt.h"

void *rt_test_memcpy(void *restrict to, const void *restrict from, size_t n);
void *rt_test_memmove(void *to, const void *from, size_t n);
void *rt_test_memset(void *to, int byte, size_t n);
int rt_test_memcmp(const void *one, const void *two, size_t n);

static int failures;

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
            failures++;                                                                           \
        }                                                                                         \
    } while (0)

/* A fixed sequence (xorshift64), so that a failure comes back. */
static uint64_t random_state = 88172645463325252u;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Numbers of all lengths, often with long runs of equal bits. */
static rt_u128 random128(void)
{
    rt_u128 value = (rt_u128)random64() << 64 | random64();

    if (random64() % 4 == 0)
        value |= value << (random64() % 128);
    if (random64() % 4 == 0)
        value &= value >> (random64() % 128);
    return value >> (random64() % 128);
}

/* ---- do divisions of 128 bits agree with the host's? ---- */

static void check_division(rt_u128 n, rt_u128 d)
{
    rt_u128 rest;
    rt_i128 signed_rest, sn = (rt_i128)n, sd = (rt_i128)d;

    CHECK(__udivti3(n, d) == n / d);
    CHECK(__umodti3(n, d) == n % d);
    CHECK(__udivmodti4(n, d, &rest) == n / d && rest == n % d);
    if (sd == -1 && n == (rt_u128)1 << 127)
        return; /* overflow: undefined in C */
    CHECK(__divti3(sn, sd) == sn / sd);
    CHECK(__modti3(sn, sd) == sn % sd);
    CHECK(__divmodti4(sn, sd, &signed_rest) == sn / sd && signed_rest == sn % sd);
}

static void division_agrees_with_the_host(void)
{
    const rt_u128 one = 1;
    const rt_u128 edges[] = { 1,           2,          3,          UINT64_MAX, (rt_u128)UINT64_MAX + 1,
                              one << 127,  ~(rt_u128)0, ~(one << 127), one << 63, (one << 65) - 1,
                              (one << 96), ~(one << 64) };

    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        check_division(0, edges[i]);
        for (size_t j = 0; j < sizeof(edges) / sizeof(edges[0]); j++)
            check_division(edges[i], edges[j]);
    }
    for (int i = 0; i < 200000; i++) {
        rt_u128 d = random128();
        check_division(random128(), d != 0 ? d : 7);
    }
    CHECK(__cmpti2(-1, 1) == 0 && __cmpti2(5, 5) == 1 && __cmpti2(1, -1) == 2);
    CHECK(__ucmpti2(~(rt_u128)0, 1) == 2);
}

/* ---- do bit counts agree? ---- */

static void bit_counts_agree_with_the_host(void)
{
    for (int i = 0; i < 100000; i++) {
        rt_u128 value = random128();
        uint64_t low = (uint64_t)value, high = (uint64_t)(value >> 64);

        CHECK(__popcountdi2(low) == __builtin_popcountll(low));
        CHECK(__popcountsi2((uint32_t)low) == __builtin_popcount((uint32_t)low));
        CHECK(__popcountti2(value) == __builtin_popcountll(low) + __builtin_popcountll(high));
        CHECK(__paritydi2(low) == __builtin_parityll(low));
        CHECK(__paritysi2((uint32_t)low) == __builtin_parity((uint32_t)low));
        CHECK(__parityti2(value) == (__builtin_parityll(low) ^ __builtin_parityll(high)));
        CHECK(__ffsdi2(low) == __builtin_ffsll((long long)low));
        CHECK(__ffssi2((uint32_t)low) == __builtin_ffs((int)low));
        CHECK(__ffsti2(value) == (low      ? __builtin_ffsll((long long)low)
                                  : high   ? 64 + __builtin_ffsll((long long)high)
                                           : 0));
        CHECK(__clrsbdi2((int64_t)low) == __builtin_clrsbll((long long)low));
        CHECK(__clrsbsi2((int32_t)low) == __builtin_clrsb((int)low));
        CHECK(__bswapdi2(low) == __builtin_bswap64(low));
        CHECK(__bswapsi2((uint32_t)low) == __builtin_bswap32((uint32_t)low));
        if (low != 0) {
            CHECK(__clzdi2(low) == __builtin_clzll(low) && __ctzdi2(low) == __builtin_ctzll(low));
            CHECK(__clzti2(low) == 64 + __builtin_clzll(low));
        }
        if ((uint32_t)low != 0) {
            CHECK(__clzsi2((uint32_t)low) == __builtin_clz((uint32_t)low));
            CHECK(__ctzsi2((uint32_t)low) == __builtin_ctz((uint32_t)low));
        }
        if (high != 0) {
            CHECK(__clzti2(value) == __builtin_clzll(high));
            CHECK(__ctzti2((rt_u128)high << 64) == 64 + __builtin_ctzll(high));
        }
    }
    CHECK(__clrsbti2(0) == 127 && __clrsbti2(-1) == 127 && __clrsbti2(1) == 126);
}

/* ---- is every overflow of a product seen, and none imagined? ---- */

static void products_notice_overflow(void)
{
    for (int i = 0; i < 200000; i++) {
        rt_i128 a = (rt_i128)random128(), b = (rt_i128)random128(), product;
        int overflow;
        bool expected = __builtin_mul_overflow(a, b, &product);

        CHECK(__muloti4(a, b, &overflow) == product && overflow == expected);
        int64_t product64;
        expected = __builtin_mul_overflow((int64_t)a, (int64_t)b, &product64);
        CHECK(__mulodi4((int64_t)a, (int64_t)b, &overflow) == product64 && overflow == expected);
    }
    rt_i128 least = (rt_i128)((rt_u128)1 << 127), product;
    int overflow;
    CHECK(__muloti4(least, 1, &overflow) == least && !overflow);
    CHECK((product = __muloti4(least, -1, &overflow), overflow));
    CHECK((product = __muloti4(-1, least, &overflow), overflow));
    CHECK(__muloti4(least, 0, &overflow) == 0 && !overflow);
    (void)product;
    CHECK(__addvdi3(INT64_MAX, -1) == INT64_MAX - 1 && __subvsi3(INT32_MIN, -1) == INT32_MIN + 1);
    CHECK(__absvti2(-5) == 5 && __negvdi2(INT64_MAX) == -INT64_MAX && __mulvsi3(-7, 6) == -42);
}

/* ---- are conversions rounded once, and exact where they can be? ---- */

static void conversions_agree_with_the_host(void)
{
    for (int i = 0; i < 200000; i++) {
        rt_u128 u = random128();
        rt_i128 s = (rt_i128)random128();
        if (random64() & 1)
            s = -s;

        CHECK(__floatuntisf(u) == (float)u && __floattisf(s) == (float)s);
        CHECK(__floatuntidf(u) == (double)u && __floattidf(s) == (double)s);
        CHECK(__floatuntixf(u) == (long double)u && __floattixf(s) == (long double)s);
        uint64_t u64 = (uint64_t)u;
        int64_t s64 = (int64_t)s;
        CHECK(__floatundisf(u64) == (float)u64 && __floatdisf(s64) == (float)s64);
        CHECK(__floatundidf(u64) == (double)u64 && __floatdidf(s64) == (double)s64);
        CHECK(__floatundixf(u64) == (long double)u64 && __floatdixf(s64) == (long double)s64);

        /* Back: values that fit, with and without a fraction. */
        long double f = ldexpl((long double)random64(), (int)(random64() % 126) - 62);
        double d = ldexp((double)(random64() >> 1), (int)(random64() % 126) - 62);
        float g = ldexpf((float)(random64() >> 2), (int)(random64() % 126) - 62);
        CHECK(__fixunsxfti(f) == (rt_u128)f && __fixxfti(-f) == (rt_i128)-f);
        CHECK(__fixunsdfti(d) == (rt_u128)d && __fixdfti(-d) == (rt_i128)-d);
        CHECK(__fixunssfti(g) == (rt_u128)g && __fixsfti(-g) == (rt_i128)-g);
        if (f < 0x1p64L)
            CHECK(__fixunsxfdi(f) == (uint64_t)f);
        if (d < 0x1p64)
            CHECK(__fixunsdfdi(d) == (uint64_t)d);
        if (d < 0x1p63)
            CHECK(__fixdfdi(-d) == (int64_t)-d);
        if (d < 0x1p32)
            CHECK(__fixunsdfsi(d) == (uint32_t)d);
    }
    CHECK(__fixunsdfti(0.0) == 0 && __fixdfti(-0.75) == 0);
    CHECK(__floattidf((rt_i128)((rt_u128)1 << 127)) == -0x1p127);
}

/* ---- do powers agree? ---- */

static void powers_agree_with_the_host(void)
{
    static const double bases[] = { 0.0, 1.0, -1.0, 2.0, -3.5, 0.125, 1.0000001, 1e10 };

    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        for (int n = -40; n <= 40; n++) {
            volatile int exponent = n;
            CHECK(__powidf2(bases[i], n) == __builtin_powi(bases[i], exponent));
            CHECK(__powisf2((float)bases[i], n) == __builtin_powif((float)bases[i], exponent));
            CHECK(__powixf2(bases[i], n) == __builtin_powil(bases[i], exponent));
        }
    }
    CHECK(__powidf2(1.0, INT32_MIN) == 1.0);
}

/* ---- complex numbers: right values, and Annex G's infinities and NaNs ---- */

/* Annex G: a complex number with an infinite part is an infinity, whatever the other part is. */
static int kind(long double _Complex z)
{
    if (isinf(creall(z)) || isinf(cimagl(z)))
        return 2;
    if (isnan(creall(z)) || isnan(cimagl(z)))
        return 3;
    return creall(z) != 0 || cimagl(z) != 0;
}

static bool close_to(long double _Complex z, long double _Complex expected, long double precision)
{
    if (kind(z) != kind(expected))
        return kind(z) < 2 && kind(expected) < 2 && cabsl(z - expected) < 1e-4900L;
    if (kind(z) >= 2)
        return true;
    return cabsl(z - expected) <= precision * cabsl(expected);
}

static void complex_numbers_agree_with_the_host(void)
{
    static const double parts[] = { 0.0,  -0.0, 1.0,    -1.0,      0.5,       3.0, 1e-30,
                                    1e30, -7e5, 1e-3, (double)INFINITY, -(double)INFINITY, (double)NAN };
    const size_t n = sizeof(parts) / sizeof(parts[0]);

    for (size_t i = 0; i < n * n * n * n; i++) {
        volatile double a = parts[i % n], b = parts[i / n % n];
        volatile double c = parts[i / (n * n) % n], d = parts[i / (n * n * n)];
        double _Complex x = CMPLX(a, b), y = CMPLX(c, d);
        float _Complex xf = CMPLXF((float)a, (float)b), yf = CMPLXF((float)c, (float)d);
        long double _Complex xl = CMPLXL(a, b), yl = CMPLXL(c, d);

        CHECK(close_to(__muldc3(a, b, c, d), x * y, 4e-16L));
        CHECK(close_to(__mulxc3(a, b, c, d), xl * yl, 4e-19L));
        CHECK(close_to(__mulsc3((float)a, (float)b, (float)c, (float)d), xf * yf, 3e-7L));
        CHECK(close_to(__divdc3(a, b, c, d), x / y, 1e-15L));
        CHECK(close_to(__divxc3(a, b, c, d), xl / yl, 1e-18L));
        CHECK(close_to(__divsc3((float)a, (float)b, (float)c, (float)d), xf / yf, 5e-7L));
    }

    /* A divisor whose square leaves the range. */
    CHECK(close_to(__divdc3(1e300, 1e300, 1e300, 1e300), 1.0L, 1e-15L));
    CHECK(close_to(__divdc3(1e-300, 1e-300, 1e-300, 1e-300), 1.0L, 1e-15L));
    CHECK(close_to(__divxc3(1e4900L, 1e4900L, 1e4900L, 1e4900L), 1.0L, 1e-18L));
    CHECK(close_to(__divxc3(1e-4900L, 0, 1e-4900L, 1e-4900L), CMPLXL(0.5L, -0.5L), 1e-18L));
}

/* ---- memory: every short length, every alignment, every overlap ---- */

enum { MEMORY_SPAN = 320, MEMORY_EDGE = 48 };

static void memory_functions_do_what_they_should(void)
{
    static unsigned char from[MEMORY_SPAN], to[MEMORY_SPAN], expected[MEMORY_SPAN];

    for (size_t i = 0; i < MEMORY_SPAN; i++)
        from[i] = (unsigned char)random64();

    for (size_t n = 0; n <= MEMORY_SPAN - 2 * MEMORY_EDGE; n++) {
        for (size_t at = 0; at < MEMORY_EDGE; at += n < 40 ? 1 : 5) {
            memset(to, 0xaa, sizeof(to));
            memcpy(expected, to, sizeof(to));
            memcpy(expected + MEMORY_EDGE, from + at, n);
            CHECK(rt_test_memcpy(to + MEMORY_EDGE, from + at, n) == to + MEMORY_EDGE);
            CHECK(memcmp(to, expected, sizeof(to)) == 0);

            /* Overlap: from below, from above, onto itself. */
            memcpy(to, from, sizeof(to));
            memcpy(expected, from, sizeof(to));
            memmove(expected + at, expected + MEMORY_EDGE / 2, n);
            CHECK(rt_test_memmove(to + at, to + MEMORY_EDGE / 2, n) == to + at);
            CHECK(memcmp(to, expected, sizeof(to)) == 0);

            memset(expected + at, (int)n | 0x100, n);
            CHECK(rt_test_memset(to + at, (int)n | 0x100, n) == to + at);
            CHECK(memcmp(to, expected, sizeof(to)) == 0);
        }
        memcpy(to, from, sizeof(to));
        CHECK(rt_test_memcmp(to, from, n) == 0);
        if (n > 0) {
            size_t where = random64() % n;
            to[where] ^= (unsigned char)(1 + random64() % 255);
            int sign = rt_test_memcmp(to, from, n), host = memcmp(to, from, n);
            CHECK((sign > 0) == (host > 0) && (sign < 0) == (host < 0));
        }
    }
}

int main(void)
{
    division_agrees_with_the_host();
    bit_counts_agree_with_the_host();
    products_notice_overflow();
    conversions_agree_with_the_host();
    powers_agree_with_the_host();
    complex_numbers_agree_with_the_host();
    memory_functions_do_what_they_should();
    if (failures > 0)
        printf("%d failures\n", failures);
    return failures > 0;
}
