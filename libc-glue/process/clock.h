/*
 * clock: POSIX's clocks over the platform's two and the scheduler's accounts.
 *
 * A clockid_t is one of CLOCK_* of <time.h>, or that of one thread's CPU time, which is the thread's
 * id above CLOCK_OF_THREADS.
 */
#ifndef LIBC_GLUE_CLOCK_H
#define LIBC_GLUE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_S  1000000000u
#define NS_PER_US 1000u

#define CLOCK_OF_THREADS 0x10000

/* Nanoseconds on that clock, or -EINVAL when there is no such clock. */
int clock_read(clockid_t id, uint64_t *ns);

/* True for the clocks that one can sleep by: not those of CPU time. */
bool clock_can_sleep(clockid_t id);

/* Nanoseconds, cut off at CLOCK_NEVER - 1 (584 years); -EINVAL for a bad tv_nsec or a time before 0. */
int clock_from_timespec(const struct timespec *time, uint64_t *ns);
struct timespec clock_to_timespec(uint64_t ns);

/*
 * The monotonic deadline for a time on clock id. CLOCK_REALTIME may be set meanwhile, so whoever wakes
 * at the deadline looks again. Returns 0 or -EINVAL.
 */
int clock_deadline(clockid_t id, const struct timespec *time, uint64_t *deadline_ns);

#endif
