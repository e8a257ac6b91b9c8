/*
 * pthread_key: values that each thread has of its own.
 *
 * A key is a place in one table; its generation is odd while it is in use and tells a thread's old
 * value, of a key deleted since, from one of the key that has taken its place. A thread's values
 * are an array that grows with the highest key it sets.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <platform/spinlock.h>

#include "posix_thread.h"
#include "thread_end.h"

#define KEY_STEP 16u /* values by which a thread's array grows */

struct thread_key_value {
    void *value;
    uint32_t generation;
};

struct thread_key_values {
    unsigned n;
    struct thread_key_value value[];
};

/* Protected by key_lock; generations are also read without it. */
static struct {
    void (*destructor)(void *);
    uint32_t generation;
} key_table[PTHREAD_KEYS_MAX];
static struct spinlock key_lock = SPINLOCK_INIT("keys");

/* Odd, or 0: no such key. */
static uint32_t key_generation(pthread_key_t key)
{
    uint32_t generation = 0;

    if (key < PTHREAD_KEYS_MAX)
        generation = __atomic_load_n(&key_table[key].generation, __ATOMIC_RELAXED);
    return generation % 2 != 0 ? generation : 0;
}

int pthread_key_create(pthread_key_t *out, void (*destructor)(void *))
{
    bool was_masked = spin_lock(&key_lock);
    pthread_key_t key = 0;

    while (key < PTHREAD_KEYS_MAX && key_generation(key) != 0)
        key++;
    if (key < PTHREAD_KEYS_MAX) {
        key_table[key].destructor = destructor;
        key_table[key].generation++;
        *out = key;
    }
    spin_unlock(&key_lock, was_masked);
    return key < PTHREAD_KEYS_MAX ? 0 : EAGAIN;
}

int pthread_key_delete(pthread_key_t key)
{
    bool was_masked = spin_lock(&key_lock);
    bool known = key_generation(key) != 0;

    if (known)
        key_table[key].generation++;
    spin_unlock(&key_lock, was_masked);
    return known ? 0 : EINVAL;
}

static int key_grow(struct posix_thread *self, unsigned n)
{
    struct thread_key_values *values = self->key_values;
    unsigned old_n = values != NULL ? values->n : 0;

    n = (n + KEY_STEP - 1) / KEY_STEP * KEY_STEP;
    values = realloc(values, sizeof(*values) + n * sizeof(values->value[0]));
    if (values == NULL)
        return ENOMEM;
    memset(values->value + old_n, 0, (n - old_n) * sizeof(values->value[0]));
    values->n = n;
    self->key_values = values;
    return 0;
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
    struct posix_thread *self = posix_self();
    uint32_t generation = key_generation(key);

    if (generation == 0)
        return EINVAL;
    if (self->key_values == NULL || key >= self->key_values->n) {
        if (value == NULL)
            return 0;
        if (key_grow(self, key + 1) != 0)
            return ENOMEM;
    }
    self->key_values->value[key] =
        (struct thread_key_value){ (void *)(uintptr_t)value, generation };
    return 0;
}

void *pthread_getspecific(pthread_key_t key)
{
    const struct thread_key_values *values = posix_self()->key_values;

    if (values == NULL || key >= values->n || values->value[key].generation != key_generation(key))
        return NULL;
    return values->value[key].value;
}

/* The destructor that the value wants, or NULL. */
static void (*key_destructor(struct thread_key_value *at, pthread_key_t key))(void *)
{
    bool was_masked = spin_lock(&key_lock);
    void (*destructor)(void *) = NULL;

    if (at->value != NULL && at->generation == key_generation(key))
        destructor = key_table[key].destructor;
    spin_unlock(&key_lock, was_masked);
    return destructor;
}

/* Call the destructors of all values there are; they may set new ones. True when there were any. */
static bool key_destroy_values(struct posix_thread *self)
{
    bool any = false;

    for (pthread_key_t key = 0; key < self->key_values->n; key++) {
        struct thread_key_value *at = &self->key_values->value[key];
        void (*destructor)(void *) = key_destructor(at, key);
        void *value = at->value;

        at->value = NULL;
        if (destructor != NULL) {
            any = true;
            destructor(value);
        }
    }
    return any;
}

void thread_end_keys(struct posix_thread *self)
{
    if (self->key_values == NULL)
        return;
    for (int i = 0; i < PTHREAD_DESTRUCTOR_ITERATIONS && key_destroy_values(self); i++)
        ;
    free(self->key_values);
    self->key_values = NULL;
}
