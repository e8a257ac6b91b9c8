/*
 * The concurrent prime sieve: a thread that counts, and one thread for each prime found so far, which
 * passes on what its prime does not divide. Between two threads is a channel that holds nothing: the
 * sender waits until its number is taken.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define PRIMES 10

struct channel {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool full;
    int number;
};

struct filter {
    struct channel *in, *out;
    int prime;
};

static void *checked(void *memory)
{
    if (memory == NULL) {
        perror("sieve");
        exit(1);
    }
    return memory;
}

static struct channel *channel_create(void)
{
    struct channel *channel = checked(calloc(1, sizeof(*channel)));

    pthread_mutex_init(&channel->mutex, NULL);
    pthread_cond_init(&channel->changed, NULL);
    return channel;
}

static void channel_send(struct channel *channel, int number)
{
    pthread_mutex_lock(&channel->mutex);
    while (channel->full)
        pthread_cond_wait(&channel->changed, &channel->mutex);
    channel->number = number;
    channel->full = true;
    pthread_cond_broadcast(&channel->changed);
    while (channel->full)
        pthread_cond_wait(&channel->changed, &channel->mutex);
    pthread_mutex_unlock(&channel->mutex);
}

static int channel_receive(struct channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    while (!channel->full)
        pthread_cond_wait(&channel->changed, &channel->mutex);
    int number = channel->number;
    channel->full = false;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->mutex);
    return number;
}

static void *generate(void *arg)
{
    for (int number = 2;; number++)
        channel_send(arg, number);
    return NULL;
}

static void *filter(void *arg)
{
    struct filter *self = arg;

    for (;;) {
        int number = channel_receive(self->in);
        if (number % self->prime != 0)
            channel_send(self->out, number);
    }
    return NULL;
}

static void start(void *(*run)(void *), void *arg)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, arg) != 0) {
        fprintf(stderr, "sieve: no thread\n");
        exit(1);
    }
    pthread_detach(thread);
}

int main(void)
{
    struct channel *channel = channel_create();

    start(generate, channel);
    for (int i = 0; i < PRIMES; i++) {
        struct filter *next = checked(malloc(sizeof(*next)));

        *next = (struct filter){ channel, channel_create(), channel_receive(channel) };
        printf("%d\n", next->prime);
        start(filter, next);
        channel = next->out;
    }
    return 0;
}
