#define _GNU_SOURCE
#include <math.h>

/* Two reads of the argument: of one, the compiler would make a call of sincosl() itself. */
void sincosl(long double x, long double *sine, long double *cosine)
{
    volatile long double argument = x;

    *sine = sinl(argument);
    *cosine = cosl(argument);
}
