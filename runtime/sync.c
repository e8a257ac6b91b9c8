#include <runtime/sync.h>

#include <errno.h>

#include <platform/memory.h>
#include <runtime/thread.h>

#include "thread_priv.h"

#define FUTEX_BUCKETS 64u

/* Threads that wait on words, by the word's address. Protected by threads_lock. */
static struct list futex_bucket[FUTEX_BUCKETS];

void wait_queue_init(struct wait_queue *queue)
{
    list_init(&queue->threads);
}

int wait_queue_sleep(struct wait_queue *queue, struct spinlock *lock, bool was_masked,
                     uint64_t deadline_ns, bool interruptible, const char *reason)
{
    spin_lock(&threads_lock);
    /* Upcalls stay masked: whoever changes the condition now finds this thread in the queue. */
    __atomic_store_n(&lock->held, false, __ATOMIC_RELEASE);
    int result = thread_wait(&queue->threads, NULL, deadline_ns, interruptible, reason);
    spin_unlock(&threads_lock, was_masked);
    return result;
}

size_t wait_queue_wake(struct wait_queue *queue, size_t n)
{
    size_t woken = 0;
    bool was_masked = spin_lock(&threads_lock);

    while (woken < n && !list_empty(&queue->threads)) {
        thread_wake(list_entry(queue->threads.next, struct thread, wait_link), 0);
        woken++;
    }
    spin_unlock(&threads_lock, was_masked);
    return woken;
}

static struct list *futex_bucket_of(const uint32_t *word)
{
    uintptr_t key = (uintptr_t)word >> 2;
    struct list *bucket = &futex_bucket[(key ^ key >> 6 ^ key >> 12) % FUTEX_BUCKETS];

    if (bucket->next == NULL)
        list_init(bucket);
    return bucket;
}

/*
 * A word in memory that shows a file: its page may have gone since the caller looked at it, and cannot come
 * while a lock is held.
 */
static bool futex_is_here(const uint32_t *word)
{
    uintptr_t at = (uintptr_t)word & PAGE_MASK;
    unsigned prot = 0;

    if (at - memory_region_start(MEMORY_REGION_MMAP) >= memory_region_size(MEMORY_REGION_MMAP))
        return true;
    memory_lookup(at, &prot);
    return (prot & MEMORY_READ) != 0;
}

int futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline_ns, bool interruptible,
               const char *reason)
{
    int result = -EAGAIN;
    bool was_masked = spin_lock(&threads_lock);

    while (!futex_is_here(word)) {
        spin_unlock(&threads_lock, was_masked);
        __atomic_load_n(word, __ATOMIC_RELAXED);
        was_masked = spin_lock(&threads_lock);
    }
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected)
        result = thread_wait(futex_bucket_of(word), word, deadline_ns, interruptible, reason);
    spin_unlock(&threads_lock, was_masked);
    return result;
}

/* Wake up to `wake` waiters of word; move the rest over to `to` unless it is NULL. */
static size_t futex_serve(const uint32_t *word, size_t wake, const uint32_t *to)
{
    struct list *bucket;
    struct list *link, *next;
    size_t served = 0;
    bool was_masked = spin_lock(&threads_lock);

    bucket = futex_bucket_of(word);
    for (link = bucket->next; link != bucket && (served < wake || to != NULL); link = next) {
        struct thread *thread = list_entry(link, struct thread, wait_link);

        next = link->next;
        if (thread->wait_key != word)
            continue;
        if (served < wake) {
            thread_wake(thread, 0);
        } else {
            list_remove(link);
            thread->wait_key = to;
            list_append(futex_bucket_of(to), link);
        }
        served++;
    }
    spin_unlock(&threads_lock, was_masked);
    return served;
}

size_t futex_wake(const uint32_t *word, size_t n)
{
    return futex_serve(word, n, NULL);
}

size_t futex_requeue(const uint32_t *word, size_t wake, const uint32_t *to)
{
    return futex_serve(word, wake, to);
}

/* Counted, so that nothing cuts in on a thread that holds one. */
static void mutex_count(int change)
{
    struct thread *self = thread_self();

    if (self != NULL)
        self->mutexes += (unsigned)change;
}

void mutex_lock(struct mutex *mutex)
{
    uint32_t free = 0;

    mutex_count(1);
    if (__atomic_compare_exchange_n(&mutex->word, &free, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&mutex->word, 2, __ATOMIC_ACQUIRE) != 0)
        futex_wait(&mutex->word, 2, CLOCK_NEVER, false, "a lock of the runtime");
}

bool mutex_try_lock(struct mutex *mutex)
{
    uint32_t free = 0;

    mutex_count(1);
    if (__atomic_compare_exchange_n(&mutex->word, &free, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
        return true;
    mutex_count(-1);
    return false;
}

void mutex_unlock(struct mutex *mutex)
{
    if (__atomic_exchange_n(&mutex->word, 0, __ATOMIC_RELEASE) == 2)
        futex_wake(&mutex->word, 1);
    mutex_count(-1);
}
