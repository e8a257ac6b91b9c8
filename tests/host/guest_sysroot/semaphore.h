/* The guest's <semaphore.h>, under names that the host's C library does not have. */
#ifndef TESTS_HOST_GUEST_SEMAPHORE_H
#define TESTS_HOST_GUEST_SEMAPHORE_H

#include <pthread.h>

#define __GNU_VISIBLE 1
#define sem_t         guest_sem_t
#define sem_init      guest_sem_init
#define sem_destroy   guest_sem_destroy
#define sem_open      guest_sem_open
#define sem_close     guest_sem_close
#define sem_unlink    guest_sem_unlink
#define sem_wait      guest_sem_wait
#define sem_trywait   guest_sem_trywait
#define sem_timedwait guest_sem_timedwait
#define sem_clockwait guest_sem_clockwait
#define sem_post      guest_sem_post
#define sem_getvalue  guest_sem_getvalue

#include "../../../libc-glue/include/semaphore.h"

#endif
