/* pthread_attr: how thread attributes become the runtime's. */
#ifndef LIBC_GLUE_PTHREAD_ATTR_H
#define LIBC_GLUE_PTHREAD_ATTR_H

#include <pthread.h>

#include <runtime/thread.h>

/* Returns 0, EINVAL, or EPERM for a scheduling policy that there is not. */
int pthread_attr_apply(const pthread_attr_t *attr, struct thread_attr *how);

#endif
