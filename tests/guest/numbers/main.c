/*
 * Numbers as text and back, in floating point of every width; complex functions; rounding modes.
 */
#define _GNU_SOURCE
#include <complex.h>
#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <wchar.h>

#include "check.h"

static const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *text(const char *format, ...)
{
    static char buffer[512];
    va_list args;

    va_start(args, format);
    vsnprintf(buffer, sizeof(buffer), format, args);
    va_end(args);
    return buffer;
}

static void test_integers(void)
{
    CHECK_STR(text("%d %i %u %x %X %o", -7, 7, 7u, 255u, 255u, 8u), "-7 7 7 ff FF 10");
    CHECK_STR(text("%+05d|%-6d|%06d|% d", 42, 42, -42, 42), "+0042|42    |-00042| 42");
    CHECK_STR(text("%hhd %hd %ld %lld", (signed char)-1, (short)-2, -3L, -4LL), "-1 -2 -3 -4");
    CHECK_STR(text("%zu %jd %td", (size_t)1, (intmax_t)-2, (ptrdiff_t)3), "1 -2 3");
    CHECK_STR(text("%" PRIu64 " %" PRIx64, UINT64_MAX, UINT64_MAX),
              "18446744073709551615 ffffffffffffffff");
    CHECK_STR(text("%lld", LLONG_MIN), "-9223372036854775808");
    CHECK_STR(text("%2$s %1$s", "world", "hello"), "hello world");
    CHECK_STR(text("%.*s|%10s|%-10s|", 2, "abc", "right", "left"), "ab|     right|left      |");
    CHECK_STR(text("%c%%%5c", 'a', 'b'), "a%    b");
    CHECK_EQ(strtol("-0x7f", NULL, 0), -127);
    CHECK_EQ(strtoll("9223372036854775807", NULL, 10), LLONG_MAX);
    errno = 0;
    CHECK(strtoul("99999999999999999999", NULL, 10) == ULONG_MAX && errno == ERANGE);
}

static void test_floating(void)
{
    CHECK_STR(text("%f %.3f %e %g %G", 1.5, 3.14159, 12345.678, 0.0001, 1e-10),
              "1.500000 3.142 1.234568e+04 0.0001 1E-10");
    CHECK_STR(text("%.17g", 0.1), "0.10000000000000001");
    CHECK_STR(text("%a", 1.0), "0x1p+0");
    CHECK_STR(text("%g %g %g", INFINITY, -INFINITY, 1e308 * 10), "inf -inf inf");
    CHECK(strstr(text("%f", (double)NAN), "nan") != NULL);
    CHECK_STR(text("%.0f %.0f %.0f", 0.5, 1.5, 2.5), "0 2 2");
    CHECK(strtod("1e308", NULL) == 1e308 && strtod("0x1.8p1", NULL) == 3.0);
    CHECK(strtod("2.2250738585072014e-308", NULL) == DBL_MIN);
    CHECK(strtof("16777217", NULL) == 16777216.0f);
    CHECK(isinf(strtod("inf", NULL)) && isnan(strtod("nan", NULL)));
    errno = 0;
    CHECK(strtod("1e999", NULL) == HUGE_VAL && errno == ERANGE);
    for (double value = 1e-300; value < 1e300; value *= 1234.567) {
        char shown[40];
        snprintf(shown, sizeof(shown), "%.17g", value);
        CHECK(strtod(shown, NULL) == value);
    }
}

static void test_long_double(void)
{
    volatile long double third = 1.0L / 3;

    CHECK_EQ(LDBL_MANT_DIG, 64);
    CHECK_STR(text("%.20Lf", third), "0.33333333333333333334");
    CHECK_STR(text("%.3Le", 1e4000L), "1.000e+4000");
    CHECK(strtold("0.333333333333333333333", NULL) == third);
    CHECK(fabsl(sqrtl(2.0L) * sqrtl(2.0L) - 2) < 4 * LDBL_EPSILON);
    CHECK(fabsl(expl(1) - 2.718281828459045235360287471352662498L) < 8 * LDBL_EPSILON);
    CHECK(fabsl(logl(10) - 2.302585092994045684017991454684364208L) < 8 * LDBL_EPSILON);
    CHECK(fabsl(sinl(1) - 0.841470984807896506652502321630298999L) < 8 * LDBL_EPSILON);
    CHECK(powl(2, 100) == 0x1p100L && ldexpl(1, -16000) > 0);
    CHECK(ceill(1.5L) == 2 && floorl(-1.5L) == -2 && llroundl(2.5L) == 3 && fmodl(7, 4) == 3);
}

static void check_complex(long double complex got, long double re, long double im)
{
    CHECK(fabsl(creall(got) - re) < 1e-17L && fabsl(cimagl(got) - im) < 1e-17L);
}

static void test_complex(void)
{
    long double complex z = CMPLXL(1, 2);

    CHECK(cabs(3 + 4 * I) == 5);
    check_complex(csqrtl(-4), 0, 2);
    check_complex(csqrtl(CMPLXL(3, -4)), 2, -1);
    check_complex(cexpl(CMPLXL(0, 3.141592653589793238462643383279502884L)), -1, 0);
    check_complex(cexpl(clogl(z)), 1, 2);
    check_complex(cpowl(z, 2), -3, 4);
    check_complex(csinl(z) * csinl(z) + ccosl(z) * ccosl(z), 1, 0);
    check_complex(ctanl(catanl(CMPLXL(0.5L, 0.25L))), 0.5L, 0.25L);
    check_complex(csinhl(z) / ccoshl(z) - ctanhl(z), 0, 0);
    check_complex(cprojl(CMPLXL(1, 2)), 1, 2);
    volatile double complex product = (1 + 2 * I) * (3 - 1 * I), quotient = product / (3 - 1 * I);
    CHECK(creal(product) == 5 && cimag(product) == 5 && cabs(quotient - (1 + 2 * I)) < 1e-15);
}

static void test_rounding(void)
{
    volatile double one = 1, three = 3;

    CHECK_EQ(fegetround(), FE_TONEAREST);
    double nearest = one / three;
    CHECK_EQ(fesetround(FE_UPWARD), 0);
    double up = one / three;
    CHECK_EQ(fesetround(FE_DOWNWARD), 0);
    double down = one / three;
    CHECK_EQ(fesetround(FE_TONEAREST), 0);
    CHECK(down < up && (nearest == down || nearest == up));
    feclearexcept(FE_ALL_EXCEPT);
    volatile double zero = 0;
    volatile double infinite = one / zero;
    CHECK(isinf(infinite) && fetestexcept(FE_DIVBYZERO) != 0);
}

static void test_locale(void)
{
    wchar_t wide[8];

    CHECK_STR(setlocale(LC_ALL, NULL), "C");
    CHECK(setlocale(LC_ALL, "") != NULL);
    CHECK(setlocale(LC_ALL, "C.UTF-8") != NULL);
    CHECK_EQ(mbstowcs(wide, "a\xc3\xa9\xe2\x82\xac", 8), 3);
    CHECK(wide[0] == L'a' && wide[1] == 0xe9 && wide[2] == 0x20ac);
    CHECK_STR(localeconv()->decimal_point, ".");
    CHECK(setlocale(LC_ALL, "C") != NULL);
    CHECK(setlocale(LC_ALL, "xx_YY.nonsense") == NULL);
}

int main(void)
{
    test_integers();
    test_floating();
    test_long_double();
    test_complex();
    test_rounding();
    test_locale();
    puts("PASS");
    return 0;
}
