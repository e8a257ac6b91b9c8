/*
 * The guest's <pthread.h> for libc-glue's sources on the host: the real objects of the sysroot, all
 * under names that the host's C library does not have. Host headers that know threads come first.
 */
#ifndef TESTS_HOST_GUEST_PTHREAD_H
#define TESTS_HOST_GUEST_PTHREAD_H

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#undef PTHREAD_STACK_MIN
#define PTHREAD_STACK_MIN 16384

#define pthread_t            guest_pthread_t
#define pthread_key_t        guest_pthread_key_t
#define pthread_spinlock_t   guest_pthread_spinlock_t
#define pthread_mutex_t      guest_pthread_mutex_t
#define pthread_cond_t       guest_pthread_cond_t
#define pthread_rwlock_t     guest_pthread_rwlock_t
#define pthread_barrier_t    guest_pthread_barrier_t
#define pthread_once_t       guest_pthread_once_t
#define pthread_attr_t       guest_pthread_attr_t
#define pthread_mutexattr_t  guest_pthread_mutexattr_t
#define pthread_condattr_t   guest_pthread_condattr_t
#define pthread_rwlockattr_t guest_pthread_rwlockattr_t
#define pthread_barrierattr_t guest_pthread_barrierattr_t

#include "../../../tools/deps/newlib/sysroot/sys/_pthreadtypes.h"

#define PTHREAD_MUTEX_INITIALIZER     _PTHREAD_MUTEX_INITIALIZER
#define PTHREAD_COND_INITIALIZER      _PTHREAD_COND_INITIALIZER
#define PTHREAD_RWLOCK_INITIALIZER    _PTHREAD_RWLOCK_INITIALIZER
#define PTHREAD_ONCE_INIT             _PTHREAD_ONCE_INIT
#define PTHREAD_CANCEL_ENABLE         0
#define PTHREAD_CANCEL_DISABLE        1
#define PTHREAD_CANCEL_DEFERRED       0
#define PTHREAD_CANCEL_ASYNCHRONOUS   1
#define PTHREAD_CANCELED              ((void *)-1)
#define PTHREAD_BARRIER_SERIAL_THREAD (-1)

struct _pthread_cleanup_context {
    void (*_routine)(void *);
    void *_arg;
    int _canceltype;
    struct _pthread_cleanup_context *_previous;
};
#define pthread_cleanup_push(routine, arg)               \
    do {                                                 \
        struct _pthread_cleanup_context cleanup_context; \
        _pthread_cleanup_push(&cleanup_context, (routine), (arg))
#define pthread_cleanup_pop(execute)                   \
        _pthread_cleanup_pop(&cleanup_context, (execute)); \
    }                                                  \
    while (0)

/* Names that only the guest's side uses. */
#define GUEST(name) guest_##name
#define pthread_create            GUEST(pthread_create)
#define pthread_join              GUEST(pthread_join)
#define pthread_tryjoin_np        GUEST(pthread_tryjoin_np)
#define pthread_timedjoin_np      GUEST(pthread_timedjoin_np)
#define pthread_clockjoin_np      GUEST(pthread_clockjoin_np)
#define pthread_detach            GUEST(pthread_detach)
#define pthread_exit              GUEST(pthread_exit)
#define pthread_self              GUEST(pthread_self)
#define pthread_equal             GUEST(pthread_equal)
#define pthread_cancel            GUEST(pthread_cancel)
#define pthread_setcancelstate    GUEST(pthread_setcancelstate)
#define pthread_setcanceltype     GUEST(pthread_setcanceltype)
#define pthread_testcancel        GUEST(pthread_testcancel)
#define _pthread_cleanup_push     GUEST(cleanup_push)
#define _pthread_cleanup_pop      GUEST(cleanup_pop)
#define _pthread_cleanup_push_defer  GUEST(cleanup_push_defer)
#define _pthread_cleanup_pop_restore GUEST(cleanup_pop_restore)
#define pthread_attr_init GUEST(pthread_attr_init)
#define pthread_attr_destroy GUEST(pthread_attr_destroy)
#define pthread_attr_setdetachstate GUEST(pthread_attr_setdetachstate)
#define pthread_attr_getdetachstate GUEST(pthread_attr_getdetachstate)
#define pthread_attr_setinheritsched GUEST(pthread_attr_setinheritsched)
#define pthread_attr_getinheritsched GUEST(pthread_attr_getinheritsched)
#define pthread_attr_setscope GUEST(pthread_attr_setscope)
#define pthread_attr_getscope GUEST(pthread_attr_getscope)
#define pthread_attr_setschedpolicy GUEST(pthread_attr_setschedpolicy)
#define pthread_attr_getschedpolicy GUEST(pthread_attr_getschedpolicy)
#define pthread_attr_setschedparam GUEST(pthread_attr_setschedparam)
#define pthread_attr_getschedparam GUEST(pthread_attr_getschedparam)
#define pthread_attr_setguardsize GUEST(pthread_attr_setguardsize)
#define pthread_attr_getguardsize GUEST(pthread_attr_getguardsize)
#define pthread_attr_setstacksize GUEST(pthread_attr_setstacksize)
#define pthread_attr_getstacksize GUEST(pthread_attr_getstacksize)
#define pthread_attr_setstack GUEST(pthread_attr_setstack)
#define pthread_attr_getstack GUEST(pthread_attr_getstack)
#define pthread_attr_setstackaddr GUEST(pthread_attr_setstackaddr)
#define pthread_attr_getstackaddr GUEST(pthread_attr_getstackaddr)
#define pthread_getattr_np GUEST(pthread_getattr_np)
#define pthread_mutex_init        GUEST(pthread_mutex_init)
#define pthread_mutex_destroy     GUEST(pthread_mutex_destroy)
#define pthread_mutex_lock        GUEST(pthread_mutex_lock)
#define pthread_mutex_trylock     GUEST(pthread_mutex_trylock)
#define pthread_mutex_timedlock   GUEST(pthread_mutex_timedlock)
#define pthread_mutex_clocklock   GUEST(pthread_mutex_clocklock)
#define pthread_mutex_unlock      GUEST(pthread_mutex_unlock)
#define pthread_mutex_consistent  GUEST(pthread_mutex_consistent)
#define pthread_mutex_getprioceiling GUEST(pthread_mutex_getprioceiling)
#define pthread_mutex_setprioceiling GUEST(pthread_mutex_setprioceiling)
#define pthread_cond_init         GUEST(pthread_cond_init)
#define pthread_cond_destroy      GUEST(pthread_cond_destroy)
#define pthread_cond_signal       GUEST(pthread_cond_signal)
#define pthread_cond_broadcast    GUEST(pthread_cond_broadcast)
#define pthread_cond_wait         GUEST(pthread_cond_wait)
#define pthread_cond_timedwait    GUEST(pthread_cond_timedwait)
#define pthread_cond_clockwait    GUEST(pthread_cond_clockwait)
#define pthread_condattr_init     GUEST(pthread_condattr_init)
#define pthread_condattr_destroy  GUEST(pthread_condattr_destroy)
#define pthread_condattr_setclock GUEST(pthread_condattr_setclock)
#define pthread_condattr_getclock GUEST(pthread_condattr_getclock)
#define pthread_condattr_setpshared GUEST(pthread_condattr_setpshared)
#define pthread_condattr_getpshared GUEST(pthread_condattr_getpshared)
#define pthread_rwlock_init       GUEST(pthread_rwlock_init)
#define pthread_rwlock_destroy    GUEST(pthread_rwlock_destroy)
#define pthread_rwlock_rdlock     GUEST(pthread_rwlock_rdlock)
#define pthread_rwlock_wrlock     GUEST(pthread_rwlock_wrlock)
#define pthread_rwlock_tryrdlock  GUEST(pthread_rwlock_tryrdlock)
#define pthread_rwlock_trywrlock  GUEST(pthread_rwlock_trywrlock)
#define pthread_rwlock_timedrdlock GUEST(pthread_rwlock_timedrdlock)
#define pthread_rwlock_timedwrlock GUEST(pthread_rwlock_timedwrlock)
#define pthread_rwlock_clockrdlock GUEST(pthread_rwlock_clockrdlock)
#define pthread_rwlock_clockwrlock GUEST(pthread_rwlock_clockwrlock)
#define pthread_rwlock_unlock     GUEST(pthread_rwlock_unlock)
#define pthread_rwlockattr_init   GUEST(pthread_rwlockattr_init)
#define pthread_rwlockattr_destroy GUEST(pthread_rwlockattr_destroy)
#define pthread_rwlockattr_setpshared GUEST(pthread_rwlockattr_setpshared)
#define pthread_rwlockattr_getpshared GUEST(pthread_rwlockattr_getpshared)
#define pthread_barrier_init      GUEST(pthread_barrier_init)
#define pthread_barrier_destroy   GUEST(pthread_barrier_destroy)
#define pthread_barrier_wait      GUEST(pthread_barrier_wait)
#define pthread_barrierattr_init  GUEST(pthread_barrierattr_init)
#define pthread_barrierattr_destroy GUEST(pthread_barrierattr_destroy)
#define pthread_barrierattr_setpshared GUEST(pthread_barrierattr_setpshared)
#define pthread_barrierattr_getpshared GUEST(pthread_barrierattr_getpshared)
#define pthread_once              GUEST(pthread_once)
#define pthread_key_create        GUEST(pthread_key_create)
#define pthread_key_delete        GUEST(pthread_key_delete)
#define pthread_setspecific       GUEST(pthread_setspecific)
#define pthread_getspecific       GUEST(pthread_getspecific)

int pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int pthread_join(pthread_t, void **);
int pthread_tryjoin_np(pthread_t, void **);
int pthread_timedjoin_np(pthread_t, void **, const struct timespec *);
int pthread_clockjoin_np(pthread_t, void **, clockid_t, const struct timespec *);
int pthread_detach(pthread_t);
void pthread_exit(void *) __attribute__((noreturn));
pthread_t pthread_self(void);
int pthread_equal(pthread_t, pthread_t);
int pthread_cancel(pthread_t);
int pthread_setcancelstate(int, int *);
int pthread_setcanceltype(int, int *);
void pthread_testcancel(void);
void _pthread_cleanup_push(struct _pthread_cleanup_context *, void (*)(void *), void *);
void _pthread_cleanup_pop(struct _pthread_cleanup_context *, int);
int pthread_attr_init(pthread_attr_t *);
int pthread_attr_destroy(pthread_attr_t *);
int pthread_attr_setdetachstate(pthread_attr_t *, int);
int pthread_attr_setscope(pthread_attr_t *, int);
int pthread_attr_setinheritsched(pthread_attr_t *, int);
int pthread_attr_getinheritsched(const pthread_attr_t *, int *);
int pthread_attr_setschedpolicy(pthread_attr_t *, int);
int pthread_attr_setschedparam(pthread_attr_t *, const struct sched_param *);
int pthread_attr_setstacksize(pthread_attr_t *, size_t);
int pthread_attr_setstack(pthread_attr_t *, void *, size_t);
int pthread_attr_getstack(const pthread_attr_t *, void **, size_t *);
int pthread_getattr_np(pthread_t, pthread_attr_t *);
int pthread_mutex_init(pthread_mutex_t *, const pthread_mutexattr_t *);
int pthread_mutex_destroy(pthread_mutex_t *);
int pthread_mutex_lock(pthread_mutex_t *);
int pthread_mutex_trylock(pthread_mutex_t *);
int pthread_mutex_timedlock(pthread_mutex_t *, const struct timespec *);
int pthread_mutex_clocklock(pthread_mutex_t *, clockid_t, const struct timespec *);
int pthread_mutex_unlock(pthread_mutex_t *);
int pthread_mutex_consistent(pthread_mutex_t *);
int pthread_cond_init(pthread_cond_t *, const pthread_condattr_t *);
int pthread_cond_destroy(pthread_cond_t *);
int pthread_cond_signal(pthread_cond_t *);
int pthread_cond_broadcast(pthread_cond_t *);
int pthread_cond_wait(pthread_cond_t *, pthread_mutex_t *);
int pthread_cond_timedwait(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
int pthread_cond_clockwait(pthread_cond_t *, pthread_mutex_t *, clockid_t,
                           const struct timespec *);
int pthread_rwlock_rdlock(pthread_rwlock_t *);
int pthread_rwlock_wrlock(pthread_rwlock_t *);
int pthread_rwlock_tryrdlock(pthread_rwlock_t *);
int pthread_rwlock_trywrlock(pthread_rwlock_t *);
int pthread_rwlock_clockwrlock(pthread_rwlock_t *, clockid_t, const struct timespec *);
int pthread_rwlock_clockrdlock(pthread_rwlock_t *, clockid_t, const struct timespec *);
int pthread_rwlock_unlock(pthread_rwlock_t *);
int pthread_barrier_init(pthread_barrier_t *, const pthread_barrierattr_t *, unsigned);
int pthread_barrier_destroy(pthread_barrier_t *);
int pthread_barrier_wait(pthread_barrier_t *);
int pthread_once(pthread_once_t *, void (*)(void));
int pthread_key_create(pthread_key_t *, void (*)(void *));
int pthread_key_delete(pthread_key_t);
int pthread_setspecific(pthread_key_t, const void *);
void *pthread_getspecific(pthread_key_t);

#endif
