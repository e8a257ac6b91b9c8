#include "ext_threads.h"

#include <ucontext.h>

#include <runtime/sync.h>

#define THREADS_STACK (512u << 10)

struct thread_played {
    ucontext_t context;
    void *stack;
    bool ended;
    /* What it waits for: until glue_woken is not `woken` any more, or this mutex is free. */
    bool sleeps;
    unsigned woken;
    struct mutex *mutex;
};

static struct {
    struct thread_played threads[THREADS_MAX];
    unsigned n, running, random;
    ucontext_t scheduler;
    void (*body)(unsigned i);
    struct image *image;
} played;

static unsigned threads_random(unsigned below)
{
    played.random = played.random * 1103515245u + 12345u;
    return (played.random >> 16) % below;
}

static void threads_switch(void)
{
    swapcontext(&played.threads[played.running].context, &played.scheduler);
}

static void threads_sleep(void)
{
    struct thread_played *thread = &played.threads[played.running];

    thread->sleeps = true;
    thread->woken = glue_woken;
    threads_switch();
    thread->sleeps = false;
}

static void threads_lock(struct mutex *mutex)
{
    struct thread_played *thread = &played.threads[played.running];

    if (mutex->word == 0 && threads_random(3) != 0)
        return;
    thread->mutex = mutex;
    threads_switch();
    thread->mutex = NULL;
}

static bool threads_can_run(const struct thread_played *thread)
{
    return !thread->ended && !(thread->sleeps && thread->woken == glue_woken) &&
           !(thread->mutex != NULL && thread->mutex->word != 0);
}

static void threads_entry(void)
{
    unsigned i = played.running;

    played.body(i);
    played.threads[i].ended = true;
}

static void threads_start(unsigned i)
{
    struct thread_played *thread = &played.threads[i];

    *thread = (struct thread_played){ .stack = malloc(THREADS_STACK) };
    CHECK(thread->stack != NULL);
    CHECK_EQ(getcontext(&thread->context), 0);
    thread->context.uc_stack.ss_sp = thread->stack;
    thread->context.uc_stack.ss_size = THREADS_STACK;
    thread->context.uc_link = &played.scheduler;
    makecontext(&thread->context, threads_entry, 0);
}

/* One step of somebody, or of the disk. False at the end. */
static bool threads_step(void)
{
    unsigned ready[THREADS_MAX], n = 0, left = 0;
    unsigned requests = 0;

    for (unsigned i = 0; i < played.n; i++) {
        left += !played.threads[i].ended;
        if (threads_can_run(&played.threads[i]))
            ready[n++] = i;
    }
    if (left == 0)
        return false;
    for (struct block_request *at = played.image->deferred; at != NULL; at = at->next)
        requests++;
    if (n == 0 || (requests > 0 && threads_random(4) == 0)) {
        CHECK(requests > 0); /* else all of them wait for ever */
        image_complete_one(played.image, threads_random(requests));
        return true;
    }
    played.running = ready[threads_random(n)];
    swapcontext(&played.scheduler, &played.threads[played.running].context);
    return true;
}

void threads_run(struct image *image, unsigned n, void (*body)(unsigned i), unsigned seed)
{
    CHECK(n <= THREADS_MAX);
    played.n = n;
    played.random = seed;
    played.body = body;
    played.image = image;
    for (unsigned i = 0; i < n; i++)
        threads_start(i);
    image->defer_all = true;
    glue_on_sleep = threads_sleep;
    glue_on_lock = threads_lock;
    while (threads_step())
        continue;
    glue_on_sleep = NULL;
    glue_on_lock = NULL;
    image->defer_all = false;
    CHECK(image->deferred == NULL);
    for (unsigned i = 0; i < n; i++)
        free(played.threads[i].stack);
}
