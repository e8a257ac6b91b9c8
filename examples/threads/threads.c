/*
 * Four threads take numbers from one counter until it is used up. They are preempted: none of them has to
 * give way by itself.
 */
#include <pthread.h>
#include <stdio.h>

#define THREADS 4
#define NUMBERS 200000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int next_number;

static void *take(void *arg)
{
    long *taken = arg;

    for (;;) {
        pthread_mutex_lock(&mutex);
        int number = next_number < NUMBERS ? next_number++ : -1;
        pthread_mutex_unlock(&mutex);
        if (number < 0)
            return NULL;
        ++*taken;
    }
}

int main(void)
{
    pthread_t thread[THREADS];
    long taken[THREADS] = { 0 }, sum = 0;

    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, take, &taken[i]) != 0) {
            fprintf(stderr, "threads: no thread\n");
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        printf("thread %d took %ld\n", i, taken[i]);
        sum += taken[i];
    }
    printf("together %ld\n", sum);
    return sum != NUMBERS;
}
