/*
 * complex_long: <complex.h>'s functions of long double that newlib lacks. Each is its textbook identity
 * over the real functions of libm; special values are those that the identities give.
 */
#include <complex.h>
#include <math.h>

long double cargl(long double complex z)
{
    return atan2l(cimagl(z), creall(z));
}

long double complex cprojl(long double complex z)
{
    if (isinf(creall(z)) || isinf(cimagl(z)))
        return CMPLXL(INFINITY, copysignl(0.0L, cimagl(z)));
    return z;
}

long double complex cexpl(long double complex z)
{
    long double scale = expl(creall(z));

    if (cimagl(z) == 0)
        return CMPLXL(scale, cimagl(z));
    return CMPLXL(scale * cosl(cimagl(z)), scale * sinl(cimagl(z)));
}

long double complex clogl(long double complex z)
{
    return CMPLXL(logl(hypotl(creall(z), cimagl(z))), cargl(z));
}

/* The root in the right half plane; the halved argument keeps the sign of the imaginary part. */
long double complex csqrtl(long double complex z)
{
    long double re = creall(z), im = cimagl(z);
    long double half;

    if (re == 0 && im == 0)
        return CMPLXL(0.0L, im);
    if (isinf(im))
        return CMPLXL(INFINITY, im);
    half = sqrtl((hypotl(re, im) + fabsl(re)) / 2);
    if (re >= 0)
        return CMPLXL(half, im / (2 * half));
    return CMPLXL(fabsl(im) / (2 * half), copysignl(half, im));
}

long double complex cpowl(long double complex base, long double complex exponent)
{
    if (creall(base) == 0 && cimagl(base) == 0)
        return creall(exponent) > 0 ? CMPLXL(0.0L, 0.0L) : cexpl(exponent * clogl(base));
    return cexpl(exponent * clogl(base));
}

long double complex csinhl(long double complex z)
{
    return CMPLXL(sinhl(creall(z)) * cosl(cimagl(z)), coshl(creall(z)) * sinl(cimagl(z)));
}

long double complex ccoshl(long double complex z)
{
    return CMPLXL(coshl(creall(z)) * cosl(cimagl(z)), sinhl(creall(z)) * sinl(cimagl(z)));
}

/* sinh(2x) and cosh(2x) overflow long before the quotient leaves +-1. */
long double complex ctanhl(long double complex z)
{
    long double re = 2 * creall(z), im = 2 * cimagl(z);

    if (fabsl(re) > 100)
        return CMPLXL(copysignl(1.0L, re), copysignl(0.0L, sinl(im)));
    long double below = coshl(re) + cosl(im);
    return CMPLXL(sinhl(re) / below, sinl(im) / below);
}

/* f(z) = -i fh(iz) for sin and tan, cos(z) = cosh(iz). */
static long double complex complex_turn(long double complex z)
{
    return CMPLXL(-cimagl(z), creall(z));
}

static long double complex complex_turn_back(long double complex z)
{
    return CMPLXL(cimagl(z), -creall(z));
}

long double complex csinl(long double complex z)
{
    return complex_turn_back(csinhl(complex_turn(z)));
}

long double complex ccosl(long double complex z)
{
    return ccoshl(complex_turn(z));
}

long double complex ctanl(long double complex z)
{
    return complex_turn_back(ctanhl(complex_turn(z)));
}

/* atan(z): its real part by the argument of (1 + iz) / (1 - iz), its imaginary part by the modulus. */
long double complex catanl(long double complex z)
{
    long double re = creall(z), im = cimagl(z);
    long double angle = atan2l(2 * re, (1 - re) * (1 + re) - im * im) / 2;
    long double above = re * re + (im + 1) * (im + 1);
    long double below = re * re + (im - 1) * (im - 1);

    return CMPLXL(angle, logl(above / below) / 4);
}
