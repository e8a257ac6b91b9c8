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

static inline int __cpu_count(const cpu_set_t *set)
{
    int count = 0;

    for (unsigned int i = 0; i < CPU_SETSIZE / 64; i++) {
        for (unsigned long bits = set->__bits[i]; bits != 0; bits &= bits - 1)
            count++;
    }
    return count;
}

#endif
