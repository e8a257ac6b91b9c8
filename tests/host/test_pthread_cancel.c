/* pthread_cancel: requests and where they take effect, with every switch at a known place. */
#include "guest_pthreads.h"

#include <semaphore.h>

#include <platform/traps.h>

#include "threads/posix_thread.h"
#include "threads/resume.h"

static char order[64];

static void note(void *word)
{
    strcat(order, word);
}

static void *wait_for_semaphore(void *sem)
{
    CHECK_EQ(sem_wait(sem), 0);
    return NULL;
}

/* A thread is chosen by a post, and cancelled before it runs: the post is for somebody else. */
static void body_passed_on(void)
{
    pthread_t first, second;
    sem_t sem;

    CHECK_EQ(sem_init(&sem, 0, 0), 0);
    first = start(wait_for_semaphore, &sem);
    second = start(wait_for_semaphore, &sem);
    pass(MS);
    CHECK_EQ(sem_post(&sem), 0);
    CHECK_EQ(pthread_cancel(first), 0);
    pass(MS);
    if (ended(first) == PTHREAD_CANCELED) {
        CHECK_EQ(pthread_tryjoin_np(second, NULL), 0);
    } else {
        CHECK_EQ(sem_post(&sem), 0);
        ended(second);
    }
    CHECK_EQ(sem_destroy(&sem), 0);
}

TEST(a_wake_up_is_not_lost_with_a_cancelled_thread)
{
    run_threads(body_passed_on);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void unlock(void *arg)
{
    CHECK_EQ(pthread_mutex_unlock(arg), 0);
    note("u");
}

static void *wait_for_condition(void *arg)
{
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    pthread_cleanup_push(unlock, &mutex);
    CHECK_EQ(pthread_cond_wait(&cond, &mutex), 0);
    pthread_cleanup_pop(1);
    return arg;
}

static void body_condition(void)
{
    pthread_t first = start(wait_for_condition, NULL), second = start(wait_for_condition, NULL);

    pass(MS);
    CHECK_EQ(pthread_cancel(first), 0);
    CHECK(ended(first) == PTHREAD_CANCELED);
    CHECK_STR(order, "u");
    CHECK_EQ(pthread_cond_signal(&cond), 0); /* not spent on the one that is gone */
    CHECK(ended(second) == NULL);
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
}

TEST(a_cancelled_waiter_holds_the_mutex_in_its_handlers)
{
    run_threads(body_condition);
}

/* Signalled first and cancelled then: it has taken the signal, so it must not end with it. */
static void body_signalled(void)
{
    pthread_t thread = start(wait_for_condition, "r");

    pass(MS);
    CHECK_EQ(pthread_cond_signal(&cond), 0);
    CHECK_EQ(pthread_cancel(thread), 0);
    CHECK_STR(ended(thread), "r");
}

TEST(a_signalled_waiter_returns_before_it_is_cancelled)
{
    run_threads(body_signalled);
}

static void *wait_until_enabled(void *arg)
{
    (void)arg;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    CHECK_EQ(thread_sleep_until(fakexen_now() + 10 * MS), 0); /* and not -EINTR */
    pthread_testcancel();
    note("d");
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    note("e");
    pthread_testcancel();
    note("t");
    return NULL;
}

static void body_disabled(void)
{
    pthread_t thread = start(wait_until_enabled, NULL);

    pass(MS);
    CHECK_EQ(pthread_cancel(thread), 0);
    CHECK(ended(thread) == PTHREAD_CANCELED);
    CHECK_STR(order, "de");
    CHECK_EQ(pthread_cancel(thread), ESRCH);
}

TEST(a_request_waits_while_it_is_disabled)
{
    run_threads(body_disabled);
}

static void *join_it(void *thread)
{
    pthread_join((pthread_t)thread, NULL);
    return NULL;
}

static void body_joiner(void)
{
    pthread_t thread = start(wait_until_enabled, NULL), joiner = start(join_it, (void *)thread);

    pass(MS);
    CHECK_EQ(pthread_cancel(joiner), 0);
    CHECK(ended(joiner) == PTHREAD_CANCELED);
    CHECK(ended(thread) == NULL); /* joinable as before */
    CHECK_STR(order, "det");
}

TEST(a_thread_stays_joinable_when_its_joiner_is_cancelled)
{
    run_threads(body_joiner);
}

static void *test_in_handler(void *arg)
{
    pthread_cleanup_push(note, "o");
    pthread_cleanup_push((void (*)(void *))(uintptr_t)pthread_testcancel, NULL);
    pthread_cancel(pthread_self());
    pthread_testcancel();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return arg;
}

static void body_handler(void)
{
    CHECK(ended(start(test_in_handler, NULL)) == PTHREAD_CANCELED);
    CHECK_STR(order, "o");
}

TEST(a_thread_that_ends_is_not_cancelled_again)
{
    run_threads(body_handler);
}

/* The frame that an upcall goes back to is that of the right thread only, and when it is due. */
static struct trap_frame frame_of_self(void)
{
    return (struct trap_frame){ .rip = 1, .rsp = 0x1234567, .rflags = 0x602 };
}

static void *go_back(void *arg)
{
    struct trap_frame frame = frame_of_self();

    (void)arg;
    cancel_on_resume(&frame);
    CHECK_EQ(frame.rip, 1);
    posix_self()->cancel_requested = 1;
    cancel_on_resume(&frame);
    CHECK_EQ(frame.rip, 1); /* deferred */
    posix_self()->cancel_async = 1;
    posix_self()->cancel_disabled = 1;
    cancel_on_resume(&frame);
    CHECK_EQ(frame.rip, 1);
    posix_self()->cancel_disabled = 0;
    cancel_on_resume(&frame);
    CHECK(frame.rip != 1);
    CHECK_EQ(frame.rsp, 0x1234558); /* as a function finds it */
    CHECK_EQ(frame.rflags, 0x202);
    ((void (*)(void))frame.rip)();
    return NULL;
}

static void body_frame(void)
{
    CHECK(ended(start(go_back, NULL)) == PTHREAD_CANCELED);
}

TEST(an_upcall_goes_back_to_the_end_of_an_asynchronous_thread)
{
    run_threads(body_frame);
}

static bool initialised_slowly = true;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void)
{
    if (initialised_slowly) {
        initialised_slowly = false;
        pass(5 * MS);
        pthread_testcancel();
    }
    note("i");
}

static void *initialise_once(void *arg)
{
    pthread_once(&once, initialise);
    note(arg);
    return NULL;
}

static void body_once(void)
{
    pthread_t first = start(initialise_once, "a"), second = start(initialise_once, "b");

    pass(MS);
    CHECK_EQ(pthread_cancel(first), 0);
    CHECK(ended(first) == PTHREAD_CANCELED);
    CHECK(ended(second) == NULL);
    CHECK_STR(order, "ib");
}

TEST(the_next_one_runs_an_initialiser_that_was_cancelled)
{
    run_threads(body_once);
}
