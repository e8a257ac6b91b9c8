/* Sets of processors, for sched_setaffinity() and pthread_setaffinity_np(). */
#ifndef _SYS_CPUSET_H
#define _SYS_CPUSET_H

#define CPU_SETSIZE 1024

typedef struct {
    unsigned long __bits[CPU_SETSIZE / 64];
} cpu_set_t;

#define __CPU_WORD(cpu) ((unsigned long)(cpu) / 64)
#define __CPU_BIT(cpu)  (1UL << ((unsigned long)(cpu) % 64))
#define __CPU_OK(cpu)   ((unsigned long)(cpu) < CPU_SETSIZE)

#define CPU_ZERO(set)       ((void)__builtin_memset((set), 0, sizeof(cpu_set_t)))
#define CPU_SET(cpu, set)                                                                         \
    ((void)(__CPU_OK(cpu) ? ((set)->__bits[__CPU_WORD(cpu)] |= __CPU_BIT(cpu)) : 0))
#define CPU_CLR(cpu, set)                                                                         \
    ((void)(__CPU_OK(cpu) ? ((set)->__bits[__CPU_WORD(cpu)] &= ~__CPU_BIT(cpu)) : 0))
#define CPU_ISSET(cpu, set)                                                                       \
    (__CPU_OK(cpu) && ((set)->__bits[__CPU_WORD(cpu)] & __CPU_BIT(cpu)) != 0)
#define CPU_EQUAL(one, two) (__builtin_memcmp((one), (two), sizeof(cpu_set_t)) == 0)
#define CPU_COUNT(set)      __cpu_count(set)

static __inline__ int __cpu_count(const cpu_set_t *__set)
{
    int __count = 0;
    unsigned __i;

    for (__i = 0; __i < CPU_SETSIZE / 64; __i++)
        __count += __builtin_popcountl(__set->__bits[__i]);
    return __count;
}

#endif
