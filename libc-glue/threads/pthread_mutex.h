/* pthread_mutex: what a mutex keeps of its attributes in its first word. */
#ifndef LIBC_GLUE_PTHREAD_MUTEX_H
#define LIBC_GLUE_PTHREAD_MUTEX_H

#define MUTEX_TYPE_MASK 15
#define MUTEX_PROTOCOL_SHIFT 4
#define MUTEX_PROTOCOL_MASK 3
#define MUTEX_ROBUST 64 /* PTHREAD_MUTEX_ROBUST */

#endif
