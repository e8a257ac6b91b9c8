/* Semaphores of POSIX. Named ones live as long as the guest; their names have no file. */
#ifndef _SEMAPHORE_H_
#define _SEMAPHORE_H_

#include <fcntl.h>
#include <sys/_timespec.h>
#include <sys/cdefs.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    unsigned long __state __attribute__((__aligned__(8)));
    unsigned long __reserved;
} sem_t;

#define SEM_FAILED ((sem_t *)0)

int sem_init(sem_t *, int, unsigned int);
int sem_destroy(sem_t *);
sem_t *sem_open(const char *, int, ...);
int sem_close(sem_t *);
int sem_unlink(const char *);
int sem_wait(sem_t *);
int sem_trywait(sem_t *);
int sem_timedwait(sem_t *__restrict, const struct timespec *__restrict);
#if __GNU_VISIBLE
int sem_clockwait(sem_t *__restrict, clockid_t, const struct timespec *__restrict);
#endif
int sem_post(sem_t *);
int sem_getvalue(sem_t *__restrict, int *__restrict);

#ifdef __cplusplus
}
#endif

#endif
