/* Scheduling. All threads are SCHED_OTHER with one priority; processor 0 is the only one. */
#ifndef _SCHED_H_
#define _SCHED_H_

#include <sys/_timespec.h>
#include <sys/cdefs.h>
#include <sys/sched.h>
#include <sys/types.h>
#if __GNU_VISIBLE
#include <sys/cpuset.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

int sched_yield(void);
int sched_get_priority_max(int);
int sched_get_priority_min(int);
int sched_getparam(pid_t, struct sched_param *);
int sched_setparam(pid_t, const struct sched_param *);
int sched_getscheduler(pid_t);
int sched_setscheduler(pid_t, int, const struct sched_param *);
int sched_rr_get_interval(pid_t, struct timespec *);

#if __GNU_VISIBLE
int sched_getcpu(void);
int sched_getaffinity(pid_t, size_t, cpu_set_t *);
int sched_setaffinity(pid_t, size_t, const cpu_set_t *);
#endif

#ifdef __cplusplus
}
#endif

#endif
