/*
 * The objects of POSIX threads: sizes and initialisers are ABI, contents belong to libc-glue's pthread
 * functions. Every object that is all zero is a valid, unlocked one with default attributes.
 */
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

#include <sys/sched.h>
#if __GNU_VISIBLE
#include <sys/cpuset.h>
#endif

typedef unsigned long pthread_t;
typedef unsigned int pthread_key_t;
typedef unsigned int pthread_spinlock_t;

/* The first word is the type, so that a static initialiser can ask for a recursive mutex. */
typedef struct {
    int __type;
    unsigned int __word[3];
    void *__pointer[2];
} pthread_mutex_t;

/* The first word is the clock that timed waits use; 0 means CLOCK_REALTIME. */
typedef struct {
    int __clock;
    unsigned int __word[3];
    void *__pointer[2];
} pthread_cond_t;

typedef struct {
    unsigned int __word[4];
    void *__pointer[4];
} pthread_rwlock_t;

typedef struct {
    unsigned int __word[4];
    void *__pointer[2];
} pthread_barrier_t;

typedef struct {
    unsigned int __word[2];
} pthread_once_t;

typedef struct {
    int __detachstate;
    int __inheritsched;
    int __schedpolicy;
    int __scope;
    struct sched_param __schedparam;
    int __flags;
    size_t __guardsize;
    size_t __stacksize;
    void *__stackaddr;
    void *__pointer[2];
} pthread_attr_t;

typedef struct {
    int __type;
    int __pshared;
    int __protocol;
    int __prioceiling;
    int __robust;
} pthread_mutexattr_t;

typedef struct {
    int __clock;
    int __pshared;
} pthread_condattr_t;

typedef struct {
    int __pshared;
    int __kind;
} pthread_rwlockattr_t;

typedef struct {
    int __pshared;
} pthread_barrierattr_t;

#define _PTHREAD_MUTEX_INITIALIZER  { 0, { 0 }, { 0 } }
#define _PTHREAD_COND_INITIALIZER   { 0, { 0 }, { 0 } }
#define _PTHREAD_RWLOCK_INITIALIZER { { 0 }, { 0 } }
#define _PTHREAD_ONCE_INIT          { { 0 } }

#define PTHREAD_MUTEX_NORMAL     0
#define PTHREAD_MUTEX_DEFAULT    0
#define PTHREAD_MUTEX_RECURSIVE  1
#define PTHREAD_MUTEX_ERRORCHECK 2

#define PTHREAD_MUTEX_STALLED 0
#define PTHREAD_MUTEX_ROBUST  1

#if __GNU_VISIBLE
#define PTHREAD_MUTEX_FAST_NP                   PTHREAD_MUTEX_NORMAL
#define PTHREAD_MUTEX_TIMED_NP                  PTHREAD_MUTEX_NORMAL
#define PTHREAD_MUTEX_ADAPTIVE_NP               PTHREAD_MUTEX_NORMAL
#define PTHREAD_MUTEX_RECURSIVE_NP              PTHREAD_MUTEX_RECURSIVE
#define PTHREAD_MUTEX_ERRORCHECK_NP             PTHREAD_MUTEX_ERRORCHECK
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP  { PTHREAD_MUTEX_RECURSIVE, { 0 }, { 0 } }
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP { PTHREAD_MUTEX_ERRORCHECK, { 0 }, { 0 } }
#define PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP   _PTHREAD_MUTEX_INITIALIZER
#endif

#define PTHREAD_PROCESS_PRIVATE 0
#define PTHREAD_PROCESS_SHARED  1

#define PTHREAD_PRIO_NONE    0
#define PTHREAD_PRIO_INHERIT 1
#define PTHREAD_PRIO_PROTECT 2

#define PTHREAD_SCOPE_SYSTEM  0
#define PTHREAD_SCOPE_PROCESS 1

#define PTHREAD_INHERIT_SCHED  0
#define PTHREAD_EXPLICIT_SCHED 1

#define PTHREAD_CREATE_JOINABLE 0
#define PTHREAD_CREATE_DETACHED 1

#endif
