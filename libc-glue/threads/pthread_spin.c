/*
 * pthread_spin: spin locks for programs that ask for them. On one vCPU whoever spins keeps the
 * holder from going on, so a thread that finds the lock taken lets others run. The object is the
 * holder's thread id.
 */
#include <errno.h>
#include <pthread.h>

#include <runtime/thread.h>

int pthread_spin_init(pthread_spinlock_t *spin, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED)
        return EINVAL;
    *spin = 0;
    return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *spin)
{
    return __atomic_load_n(spin, __ATOMIC_RELAXED) != 0 ? EBUSY : 0;
}

int pthread_spin_trylock(pthread_spinlock_t *spin)
{
    unsigned free = 0;

    return __atomic_compare_exchange_n(spin, &free, thread_self()->id, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED)
               ? 0
               : EBUSY;
}

int pthread_spin_lock(pthread_spinlock_t *spin)
{
    while (pthread_spin_trylock(spin) != 0) {
        if (__atomic_load_n(spin, __ATOMIC_RELAXED) == thread_self()->id)
            return EDEADLK;
        thread_yield();
    }
    return 0;
}

int pthread_spin_unlock(pthread_spinlock_t *spin)
{
    if (__atomic_load_n(spin, __ATOMIC_RELAXED) != thread_self()->id)
        return EPERM;
    __atomic_store_n(spin, 0, __ATOMIC_RELEASE);
    return 0;
}
