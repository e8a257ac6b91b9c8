/*
 * lock: the locks that newlib asks its system for.
 *
 * One kind serves both of newlib's, plain and recursive: a mutex of the runtime with its owner. Taking
 * a free lock is one atomic operation, and so is giving it back. All of newlib's named locks are
 * here, with every function, so that no part of newlib's own empty ones is ever linked.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/lock.h>

#include <runtime/sync.h>
#include <runtime/thread.h>

struct __lock {
    struct mutex mutex;
    unsigned depth;       /* protected by mutex */
    struct thread *owner; /* written by the owner only: another thread never finds itself here */
};

/* What each protects is newlib's: the arena, the list of streams, atexit's table, ... */
struct __lock __lock___malloc_recursive_mutex, __lock___sfp_recursive_mutex,
    __lock___atexit_recursive_mutex, __lock___env_recursive_mutex, __lock___at_quick_exit_mutex,
    __lock___tz_mutex, __lock___dd_hash_mutex, __lock___arc4random_mutex;

/* The standard streams' own, and one that all share for whom there was no memory. */
#define LOCK_FIRST 3
static struct __lock lock_first[LOCK_FIRST], lock_shared;
static unsigned lock_first_used; /* atomic */

/*
 * newlib's locks are the program's own: a stream's may be held for long, and by a thread that waits in a
 * read. They do not keep signals away, as those of the inside do.
 */
static void lock_not_counted(struct thread *self)
{
    self->mutexes--;
}

/*
 * malloc() and free() come here each time: nobody has it and nobody waits, in one operation and without
 * the count, which would be taken back at once.
 */
static bool lock_word(struct __lock *lock, uint32_t from, uint32_t to, int order)
{
    return __atomic_compare_exchange_n(&lock->mutex.word, &from, to, false, order,
                                       __ATOMIC_RELAXED);
}

static bool lock_mine(const struct __lock *lock, const struct thread *self)
{
    return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == self;
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
    unsigned used = __atomic_load_n(&lock_first_used, __ATOMIC_RELAXED);

    if (used < LOCK_FIRST) {
        used = __atomic_fetch_add(&lock_first_used, 1, __ATOMIC_RELAXED);
        if (used < LOCK_FIRST) {
            *lock = &lock_first[used];
            return;
        }
    }
    *lock = calloc(1, sizeof(**lock));
    if (*lock == NULL)
        *lock = &lock_shared;
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
    if (lock != &lock_shared && !(lock >= lock_first && lock < lock_first + LOCK_FIRST))
        free(lock);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    struct thread *self = thread_self();

    if (!lock_mine(lock, self)) {
        if (!lock_word(lock, 0, 1, __ATOMIC_ACQUIRE)) {
            mutex_lock(&lock->mutex);
            lock_not_counted(self);
        }
        __atomic_store_n(&lock->owner, self, __ATOMIC_RELAXED);
    }
    lock->depth++;
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    struct thread *self = thread_self();

    if (!lock_mine(lock, self)) {
        if (!lock_word(lock, 0, 1, __ATOMIC_ACQUIRE))
            return 0;
        __atomic_store_n(&lock->owner, self, __ATOMIC_RELAXED);
    }
    lock->depth++;
    return 1;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (--lock->depth > 0)
        return;
    __atomic_store_n(&lock->owner, NULL, __ATOMIC_RELAXED);
    if (lock_word(lock, 1, 0, __ATOMIC_RELEASE))
        return;
    thread_self()->mutexes++; /* somebody waits */
    mutex_unlock(&lock->mutex);
}

void __retarget_lock_init(_LOCK_T *lock)
{
    __retarget_lock_init_recursive(lock);
}

void __retarget_lock_close(_LOCK_T lock)
{
    __retarget_lock_close_recursive(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
    __retarget_lock_acquire_recursive(lock);
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
    return __retarget_lock_try_acquire_recursive(lock);
}

void __retarget_lock_release(_LOCK_T lock)
{
    __retarget_lock_release_recursive(lock);
}
