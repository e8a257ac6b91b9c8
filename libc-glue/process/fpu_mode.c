/*
 * fpu_mode: SysV's control of floating point: the x87 unit and SSE always agree.
 */
#include <ieeefp.h>
#include <stdint.h>

#define FPU_MXCSR_STICKY 0x3fu
#define FPU_MXCSR_MASKS  7 /* shift of the exceptions' mask bits */
#define FPU_MXCSR_ROUND  13
#define FPU_X87_ROUND    10

static uint32_t fpu_mxcsr(void)
{
    uint32_t value;

    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value;
}

static void fpu_set_mxcsr(uint32_t value)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(value));
}

static uint16_t fpu_x87(void)
{
    uint16_t value;

    __asm__ volatile("fnstcw %0" : "=m"(value));
    return value;
}

static void fpu_set_x87(uint16_t value)
{
    __asm__ volatile("fldcw %0" : : "m"(value));
}

/* FP_RN, FP_RM, FP_RP and FP_RZ are the processor's own numbers for the modes. */
_Static_assert(FP_RN == 0 && FP_RM == 1 && FP_RP == 2 && FP_RZ == 3, "as the processor has them");

fp_rnd fpgetround(void)
{
    return (fp_rnd)(fpu_mxcsr() >> FPU_MXCSR_ROUND & 3);
}

fp_rnd fpsetround(fp_rnd mode)
{
    fp_rnd old = fpgetround();

    fpu_set_mxcsr((fpu_mxcsr() & ~(3u << FPU_MXCSR_ROUND)) | ((uint32_t)mode & 3) << FPU_MXCSR_ROUND);
    fpu_set_x87((uint16_t)((fpu_x87() & ~(3u << FPU_X87_ROUND)) |
                           ((uint32_t)mode & 3) << FPU_X87_ROUND));
    return old;
}

/* FP_X_* by the bit of the exception in MXCSR and in the x87 words. */
static const struct {
    fp_except name;
    uint32_t bit;
} fpu_exceptions[] = {
    { FP_X_INV, 1 }, { FP_X_DX, 4 }, { FP_X_OFL, 8 }, { FP_X_UFL, 16 }, { FP_X_IMP, 32 },
};
#define FPU_EXCEPTIONS (sizeof(fpu_exceptions) / sizeof(fpu_exceptions[0]))

static fp_except fpu_names(uint32_t bits)
{
    fp_except names = 0;

    for (unsigned i = 0; i < FPU_EXCEPTIONS; i++)
        names |= (bits & fpu_exceptions[i].bit) != 0 ? fpu_exceptions[i].name : 0;
    return names;
}

static uint32_t fpu_bits(fp_except names)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < FPU_EXCEPTIONS; i++)
        bits |= (names & fpu_exceptions[i].name) != 0 ? fpu_exceptions[i].bit : 0;
    return bits;
}

/* An exception traps when its mask bit is clear. */
fp_except fpgetmask(void)
{
    return fpu_names(~(fpu_mxcsr() >> FPU_MXCSR_MASKS));
}

fp_except fpsetmask(fp_except names)
{
    fp_except old = fpgetmask();
    uint32_t enabled = fpu_bits(names), all = fpu_bits(~0);

    fpu_set_mxcsr((fpu_mxcsr() | all << FPU_MXCSR_MASKS) & ~(enabled << FPU_MXCSR_MASKS));
    fpu_set_x87((uint16_t)((fpu_x87() | all) & ~enabled));
    return old;
}

static uint32_t fpu_sticky(void)
{
    uint16_t status;

    __asm__ volatile("fnstsw %0" : "=m"(status));
    return (status | fpu_mxcsr()) & FPU_MXCSR_STICKY;
}

fp_except fpgetsticky(void)
{
    return fpu_names(fpu_sticky());
}

fp_except fpsetsticky(fp_except names)
{
    fp_except old = fpgetsticky();

    __asm__ volatile("fnclex"); /* SSE's flags speak for both from here on */
    fpu_set_mxcsr((fpu_mxcsr() & ~FPU_MXCSR_STICKY) | fpu_bits(names));
    return old;
}

/* C's conversion to integers cuts off, whatever the mode. */
fp_rdi fpgetroundtoi(void)
{
    return FP_RDI_TOZ;
}

fp_rdi fpsetroundtoi(fp_rdi mode)
{
    (void)mode;
    return FP_RDI_TOZ;
}
