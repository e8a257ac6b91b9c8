/*
 * Signals that end a program, by its first argument: the guest's status is 128 and the number, or
 * it crashes by name. That is the verdict; what is printed last if it lives on says FAIL.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"

static void leave(int number)
{
    (void)number;
    _exit(7);
}

static void stay(int number)
{
    (void)number;
}

static void *kill_process(void *arg)
{
    usleep(5000);
    kill(getpid(), *(int *)arg);
    return NULL;
}

/* Another thread sends it, while this one computes. */
static void later(int number)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, kill_process, &number), 0);
    for (volatile int i = 0;; i++)
        continue;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";

    puts("PASS");
    fflush(stdout); /* such ends flush nothing */
    if (strcmp(way, "raise-term") == 0)
        raise(SIGTERM);
    if (strcmp(way, "kill-int") == 0)
        kill(getpid(), SIGINT);
    if (strcmp(way, "raise-abort") == 0)
        raise(SIGABRT);
    if (strcmp(way, "later-term") == 0)
        later(SIGTERM);
    if (strcmp(way, "later-quit") == 0)
        later(SIGQUIT);
    if (strcmp(way, "alarm") == 0) {
        alarm(1);
        pause();
    }
    if (strcmp(way, "abort-handler") == 0) {
        signal(SIGABRT, leave);
        abort();
    }
    if (strcmp(way, "abort-handler-returns") == 0) {
        signal(SIGABRT, stay);
        abort();
    }
    puts("FAIL it lives");
    return 1;
}
