/* sigsetjmp: the part in C: the mask, and jumping. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

_Static_assert(sizeof(jmp_buf) == 64 && sizeof(sigjmp_buf) >= 80, "sigsetjmp.S");

/* Called from assembly. */
void sigsetjmp_mask(long long *buffer);

void sigsetjmp_mask(long long *buffer)
{
    pthread_sigmask(SIG_SETMASK, NULL, (sigset_t *)(buffer + 9));
}

void siglongjmp(sigjmp_buf buffer, int value)
{
    if (buffer[8] != 0)
        pthread_sigmask(SIG_SETMASK, (sigset_t *)(buffer + 9), NULL);
    longjmp(buffer, value);
}

void _longjmp(jmp_buf buffer, int value)
{
    longjmp(buffer, value);
}
