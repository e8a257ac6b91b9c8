/*
 * spinlock: short critical sections against event handlers, other threads and, one day, other vCPUs.
 *
 * A lock has a name and one owner module; hold it for a bounded number of steps and never across
 * anything that waits. Taking it masks upcalls, so that on one vCPU it cannot be contended; the flag
 * is there so that a second vCPU is an addition, and to catch taking it twice.
 */
#ifndef PLATFORM_SPINLOCK_H
#define PLATFORM_SPINLOCK_H

#include <stdbool.h>

#include <platform/vcpu.h>

struct spinlock {
    const char *name;
    bool held;
};

#define SPINLOCK_INIT(lock_name) { .name = (lock_name), .held = false }

/*
 * This vCPU would wait for itself for ever. The runtime panics, naming the lock; only if a panic is
 * under way already does this return, and the lock is taken over so that the last words get out.
 */
void spinlock_deadlock(const struct spinlock *lock) __attribute__((cold));

/* Returns what spin_unlock() wants back. */
static inline bool spin_lock(struct spinlock *lock)
{
    bool was_masked = vcpu_mask_upcalls();

    if (__atomic_exchange_n(&lock->held, true, __ATOMIC_ACQUIRE))
        spinlock_deadlock(lock);
    return was_masked;
}

static inline void spin_unlock(struct spinlock *lock, bool was_masked)
{
    __atomic_store_n(&lock->held, false, __ATOMIC_RELEASE);
    vcpu_restore_upcalls(was_masked);
}

#endif
