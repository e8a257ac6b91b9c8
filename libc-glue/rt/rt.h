/*
 * rt: what compiled code calls without having written it: the compiler's support routines, under the
 * names of the GCC manual, "Routines for low-level runtime library".
 *
 * They stand in for libgcc, whose code uses the red zone. int128.c, bits.c, overflow.c and memory.c use
 * general registers only and may run anywhere; convert.c, power.c and complex.c use the FPU.
 */
#ifndef LIBC_GLUE_RT_H
#define LIBC_GLUE_RT_H

#include <stddef.h>
#include <stdint.h>

typedef __int128 rt_i128;
typedef unsigned __int128 rt_u128;

rt_u128 __udivmodti4(rt_u128 n, rt_u128 d, rt_u128 *rest);
rt_u128 __udivti3(rt_u128 n, rt_u128 d);
rt_u128 __umodti3(rt_u128 n, rt_u128 d);
rt_i128 __divmodti4(rt_i128 n, rt_i128 d, rt_i128 *rest);
rt_i128 __divti3(rt_i128 n, rt_i128 d);
rt_i128 __modti3(rt_i128 n, rt_i128 d);
int __cmpti2(rt_i128 a, rt_i128 b);
int __ucmpti2(rt_u128 a, rt_u128 b);

int __clzsi2(uint32_t value);
int __clzdi2(uint64_t value);
int __clzti2(rt_u128 value);
int __ctzsi2(uint32_t value);
int __ctzdi2(uint64_t value);
int __ctzti2(rt_u128 value);
int __ffssi2(uint32_t value);
int __ffsdi2(uint64_t value);
int __ffsti2(rt_u128 value);
int __clrsbsi2(int32_t value);
int __clrsbdi2(int64_t value);
int __clrsbti2(rt_i128 value);
int __popcountsi2(uint32_t value);
int __popcountdi2(uint64_t value);
int __popcountti2(rt_u128 value);
int __paritysi2(uint32_t value);
int __paritydi2(uint64_t value);
int __parityti2(rt_u128 value);
uint32_t __bswapsi2(uint32_t value);
uint64_t __bswapdi2(uint64_t value);

/* -ftrapv: abort on overflow. */
#define RT_TRAPPING(size, type)                                                                   \
    type __addv##size##3(type a, type b);                                                         \
    type __subv##size##3(type a, type b);                                                         \
    type __mulv##size##3(type a, type b);                                                         \
    type __negv##size##2(type a);                                                                 \
    type __absv##size##2(type a);
RT_TRAPPING(si, int32_t)
RT_TRAPPING(di, int64_t)
RT_TRAPPING(ti, rt_i128)

/* *overflow is set to whether it did. */
int32_t __mulosi4(int32_t a, int32_t b, int *overflow);
int64_t __mulodi4(int64_t a, int64_t b, int *overflow);
rt_i128 __muloti4(rt_i128 a, rt_i128 b, int *overflow);

/* Conversions between floating point and integers that no single instruction does. */
#define RT_CONVERSIONS(mode, type)                                                                \
    rt_i128 __fix##mode##ti(type value);                                                          \
    rt_u128 __fixuns##mode##ti(type value);                                                       \
    int64_t __fix##mode##di(type value);                                                          \
    uint64_t __fixuns##mode##di(type value);                                                      \
    uint32_t __fixuns##mode##si(type value);                                                      \
    type __floatti##mode(rt_i128 value);                                                          \
    type __floatunti##mode(rt_u128 value);                                                        \
    type __floatdi##mode(int64_t value);                                                          \
    type __floatundi##mode(uint64_t value);
RT_CONVERSIONS(sf, float)
RT_CONVERSIONS(df, double)
RT_CONVERSIONS(xf, long double)

float __powisf2(float base, int exponent);
double __powidf2(double base, int exponent);
long double __powixf2(long double base, int exponent);

float _Complex __mulsc3(float a, float b, float c, float d);
double _Complex __muldc3(double a, double b, double c, double d);
long double _Complex __mulxc3(long double a, long double b, long double c, long double d);
float _Complex __divsc3(float a, float b, float c, float d);
double _Complex __divdc3(double a, double b, double c, double d);
long double _Complex __divxc3(long double a, long double b, long double c, long double d);

#endif
