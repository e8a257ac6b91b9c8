/*
 * thread_end: what a thread leaves to be done at its end, by whom it is left. Weak: a program that
 * never asked for such a thing does not carry what does it.
 */
#ifndef LIBC_GLUE_THREAD_END_H
#define LIBC_GLUE_THREAD_END_H

struct posix_thread;

/* The calling thread's thread_local objects of C++. */
void thread_end_objects(struct posix_thread *self) __attribute__((weak));

/* Its values of keys. */
void thread_end_keys(struct posix_thread *self) __attribute__((weak));

/* The blocks that it keeps for its next malloc. */
void thread_end_heap(void) __attribute__((weak));

/* The robust mutexes that it holds: whoever locks one next is told. */
void thread_end_mutexes(struct posix_thread *self) __attribute__((weak));

/* Its pending signals: nothing may be queued for it from now on. Upcalls are masked. */
void thread_end_signals(struct posix_thread *self) __attribute__((weak));

#endif
