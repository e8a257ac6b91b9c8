/*
 * barrier: ordering of memory shared with another domain.
 *
 * x86 keeps stores in order and loads in order; a later load may pass an earlier store. So only the
 * full barrier costs an instruction; the other two hold the compiler.
 */
#ifndef PLATFORM_BARRIER_H
#define PLATFORM_BARRIER_H

#define barrier_read()  __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define barrier_write() __atomic_thread_fence(__ATOMIC_RELEASE)
#define barrier_full()  __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Read shared memory exactly once. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#endif
